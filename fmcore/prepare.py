"""From a recipe to a bundle on disk: use the one that is there, or train and record it.

A bundle carries its recipe, so whether it is still the one wanted is seen by reading its header.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from fmcore.bundle import Bundle
from fmcore.errors import BundleError, InputError, RenderError
from fmcore.files import require_writable, sweep
from fmcore.lesson.plan import OWN_MODELS, BundleRecipe, data_name, slug
from fmcore.lifeline import ctrl_c_is_ours, end_with_parent
from fmcore.made_of import class_folder, made_of
from fmcore.reporter import Reporter, Silent

_STEPS = 200  # of training: with fewer hardly anything is learned
_TOLD_EVERY = 640  # images of a training between two messages
_queue: Any = None  # in a worker: messages to the parent


@dataclass(frozen=True)
class Wanted:
    """One bundle that a lesson needs: where it belongs and why it is (or is not) usable as it is."""

    recipe: BundleRecipe
    path: Path
    made_from: Mapping[str, str]
    digest: str | None  # of the usable bundle that is there
    reason: str


def bundle_path(recipe: BundleRecipe, folder: Path) -> Path:
    """Where the bundle of `recipe` is kept: `<model>-<data>.safetensors`, or `<model>-<image>.safetensors`.

    A network with a name of its own goes by that.
    What differs from the defaults follows, as in `deep-garments-epochs3-seed1`: no network takes another's place.
    """
    if recipe.data is None and not recipe.images:
        raise InputError(f"There is nothing to show to {recipe.model}; name images with --image or data with --data.")
    shown = data_name(recipe.data) if recipe.data is not None else slug(Path(recipe.images[0]).stem)
    usual = BundleRecipe(model=recipe.model, weights=recipe.weights)
    named = ("epochs", "seed", "image_size", "batch_size", "learning_rate")
    given = [(name, getattr(recipe, name)) for name in named if getattr(recipe, name) != getattr(usual, name)]
    more = "".join(f"-{name.replace('_', '')}{value:g}" for name, value in given)
    network = slug(recipe.name or recipe.model.removeprefix("torchvision:"))
    return folder / f"{network}-{shown}{more}.safetensors"


def look(recipe: BundleRecipe, folder: Path) -> Wanted:
    """See whether the bundle of `recipe` is there and is still what the recipe makes.

    Raises:
        BundleError: the recipe names a file that is no usable bundle.
        DataError: its image folder cannot be read.
    """
    if recipe.file is not None:
        path = Path(recipe.file)
        with Bundle.open(path) as bundle:
            bundle.verify()
            return Wanted(recipe, path, bundle.header.recipe, bundle.digest, "named in the plan")
    path, made_from = bundle_path(recipe, folder), made_of(recipe)
    if not path.exists():
        return Wanted(recipe, path, made_from, None, "not recorded yet")
    try:
        with Bundle.open(path) as bundle:
            changed = [name for name in made_from if bundle.header.recipe.get(name) != made_from[name]]
            if changed:
                reason = f"other {' and '.join(changed)}" if bundle.header.recipe else "made in another way"
                return Wanted(recipe, path, made_from, None, reason)
            bundle.verify()
            return Wanted(recipe, path, made_from, bundle.digest, "nothing changed")
    except BundleError:
        return Wanted(recipe, path, made_from, None, "its file is damaged")


def make(recipe: BundleRecipe, path: Path, data_dir: Path | None, checkpoint: Path | None, report: Reporter) -> str:
    """Train `recipe` (or read `checkpoint`) and record the bundle at `path`. Returns its digest."""
    require_writable(path, "The bundle")
    try:
        return _make(recipe, path, data_dir, checkpoint, report)
    except MemoryError:
        raise RenderError(f"There is not enough memory to make {path.stem}; name fewer or smaller images.") from None


def _make(recipe: BundleRecipe, path: Path, data_dir: Path | None, checkpoint: Path | None, report: Reporter) -> str:
    import torch

    from fmcore.data.pictures import notices_of, open_pictures
    from fmcore.recording import Watching, record, require_layers

    torch.set_num_threads(1)  # so that sums of floats are the same on any number of cores
    task = path.stem
    model, data = _opened(recipe, data_dir, task, report, test_only=not _is_trained(recipe) and checkpoint is None)
    # What is wrong with images and layers is told before the training, which may take hours.
    pictures = open_pictures(list(map(Path, recipe.images)), model.preprocessing, report.say, class_folder(recipe))
    if _is_trained(recipe) and checkpoint is None and data is not None:
        require_layers(model, data, recipe.layers)
    trained = _trained(recipe, model, data, checkpoint, task, report)
    for notice in notices_of(pictures):
        report.say(notice)
    watching = Watching(lambda what, done, total: report.progress(task, done, total, what), report.say)
    made_from = made_of(recipe) if checkpoint is None else None
    digest = record(
        trained, data, path, made_from, name=recipe.name, pictures=pictures, layers=recipe.layers, watching=watching
    )
    if trained.history and data is not None:
        accuracy = trained.history[-1].test_accuracy
        said = f"{accuracy:.1%} of {len(data.test_labels):,} test images right"
    else:
        made_by = trained.weights.removeprefix("from ")
        said = f"weights as {made_by} made them" if made_by != trained.weights else f"{trained.weights} weights"
    report.finish(task, f"{said}, recorded in {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return digest


def _opened(
    recipe: BundleRecipe, data_dir: Path | None, task: str, report: Reporter, test_only: bool = False
) -> tuple[Any, Any]:
    """The model of `recipe` before any training, and its data as the model takes it (None where it has none)."""
    from fmcore.data import look_into
    from fmcore.model_input import plain_preprocessing
    from fmcore.model_source import Wanted as Shape
    from fmcore.model_source import is_own, open_model, require_model_name
    from fmcore.training import wanted_by

    require_model_name(recipe.model)
    own = is_own(recipe.model)

    def load(wanted: Any) -> Any:
        return _load(recipe, wanted, data_dir, task, report, test_only)

    data = None
    if recipe.data is None:
        shape = Shape(image_size=recipe.image_size)
    elif own:
        data = load(recipe.image_size)
        shape = wanted_by(data)
    else:  # what another model takes is known when it is there; until then the channels and classes count
        channels, names = look_into(recipe.data, data_dir)
        shape = Shape(channels, recipe.image_size, len(names))
    if recipe.classes:
        shape = replace(shape, classes=len(recipe.classes))
    model = open_model(recipe.model, shape, recipe.weights, recipe.seed)
    if recipe.classes:
        model = replace(model, classes=recipe.classes)
    if recipe.data is not None:
        taken = model.preprocessing
        files = recipe.data.startswith("folder:") and not own  # as those of --image, to the pixel
        if files or taken != plain_preprocessing(taken.channels, taken.size[0]):
            data = load(taken)
        elif data is None or data.image_shape[1:] != taken.size:
            data = load(taken.size[0])
        for notice in data.notices:
            report.say(notice)
    return model, data


def _is_trained(recipe: BundleRecipe) -> bool:
    """Whether the recipe says that its network is trained, where no checkpoint is read."""
    return recipe.epochs > 0 or (recipe.model in OWN_MODELS and recipe.weights is None)


def _trained(recipe: BundleRecipe, model: Any, data: Any, checkpoint: Path | None, task: str, report: Reporter) -> Any:
    """What `_opened` opened, trained where the recipe says so."""
    from fmcore.checkpoint import load_checkpoint
    from fmcore.training import train, train_spec, untrained

    if checkpoint is not None and data is not None:
        return load_checkpoint(checkpoint, data, model)
    if _is_trained(recipe):
        if data is None:
            raise InputError("There is nothing to train on; name data with --data, or leave out --epochs.")
        if hint := _too_few_steps(len(data.train_labels), recipe):
            report.say(hint)
        return train(data, train_spec(recipe), progress_to(report, task, recipe.epochs), model)
    return untrained(model, recipe.seed)


def _too_few_steps(images: int, recipe: BundleRecipe) -> str:
    """What to do where so few images make so few steps that hardly anything is learned; empty where there are enough.

    What is proposed is a rule of thumb: ten or twenty batches an epoch, and epochs for `_STEPS` of them.
    """
    steps = ceil(images / recipe.batch_size) * recipe.epochs
    batch = 2 ** max(2, (images // 10).bit_length() - 1)
    if not 0 < steps < _STEPS or batch >= recipe.batch_size:
        return ""
    epochs = max(recipe.epochs, ceil(_STEPS / ceil(images / batch)))
    return (
        f"Attention: {images} images in batches of {recipe.batch_size} are {steps} step{'s' * (steps > 1)} of training,"
        f" and hundreds are needed; try --batch-size {batch} --epochs {epochs}."
    )


def progress_to(report: Reporter, task: str, epochs: int) -> Any:
    """A training progress that fills one bar: images seen, of all epochs."""
    from fmcore.training import Progress

    last = [0]

    def on_batch(epoch: int, seen: int, total: int) -> None:
        if seen == total or seen // _TOLD_EVERY != last[0]:
            last[0] = seen // _TOLD_EVERY
            report.progress(task, (epoch - 1) * total + seen, epochs * total, "training")

    return Progress(on_batch=on_batch)


def make_all(
    wanted: list[Wanted],
    data_dir: Path | None,
    report: Reporter,
    workers: int,
    check: Callable[[], object] | None = None,
) -> dict[Path, str]:
    """Make every bundle of `wanted`, side by side in processes. Returns digests by path.

    `check` is called meanwhile in a process of its own, so it is to be picklable; if it raises, that ends it all.

    Raises:
        FmcoreError: one could not be made, and what was finished is kept; or what `check` raises.
    """
    by_path = {one.path: one for one in wanted}
    if not by_path:
        return {}
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    processes = min(workers, len(by_path))
    start = (messages, max(1, workers // processes))
    pool = ProcessPoolExecutor(processes + (check is not None), context, _start, start)
    try:
        with ctrl_c_is_ours():
            checked: list[Future[Any]] = [pool.submit(check)] if check is not None else []
            futures = {path: pool.submit(_make_in_worker, one.recipe, path, data_dir) for path, one in by_path.items()}
        while not all(future.done() for future in (*checked, *futures.values())):
            _pass_on(messages, report, 0.1)
            for one in checked:
                if one.done():
                    one.result()
        for one in checked:
            one.result()
        _pass_on(messages, report, 0.0)
        return {path: future.result() for path, future in futures.items()}
    except BrokenProcessPool:
        pool.shutdown(wait=True, cancel_futures=True)  # the others have ended, too, then
        for path in by_path:
            sweep(path.parent, path.name)
        raise RenderError("The process that trains was killed; is there enough memory? Run again to go on.") from None
    except BaseException:
        killed = list((pool._processes or {}).values())
        for process in killed:
            process.kill()
        for path in by_path:
            sweep(path.parent, path.name, [process.pid for process in killed if process.pid is not None])
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pass_on(messages: Any, report: Reporter, timeout: float) -> None:
    from queue import Empty

    until = time.monotonic() + timeout
    try:
        while True:
            name, arguments = messages.get(timeout=max(0.0, until - time.monotonic()))
            getattr(report, name)(*arguments)
    except Empty:
        return


class _ToParent(Silent):
    """A reporter that sends everything to the parent."""

    def say(self, text: str) -> None:
        _queue.put(("say", (text,)))

    def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
        _queue.put(("progress", (task, done, total, unit)))

    def finish(self, task: str, text: str, ok: bool = True) -> None:
        _queue.put(("finish", (task, text, ok)))


def _start(messages: Any, cores: int) -> None:
    global _queue
    _queue = messages
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    end_with_parent()
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))


def _make_in_worker(recipe: BundleRecipe, path: Path, data_dir: Path | None) -> str:
    return make(recipe, path, data_dir, None, _ToParent())


def make_checkpoint(recipe: BundleRecipe, path: Path, data_dir: Path | None, report: Reporter) -> None:
    """Train `recipe` and write its checkpoint to `path`."""
    from fmcore.checkpoint import save_checkpoint

    require_writable(path, "The checkpoint")
    if recipe.epochs == 0 and recipe.model not in OWN_MODELS:
        raise InputError(f"Say how long '{recipe.model}' is to be trained with --epochs.")
    if not _is_trained(recipe):
        raise InputError(
            f"A checkpoint is of a training, and the weights '{recipe.weights}' are taken as they are; say how long"
            " they are trained further with --epochs, or leave out --weights to train from the start."
        )
    model, data = _opened(recipe, data_dir, path.stem, report)
    trained = _trained(recipe, model, data, None, path.stem, report)
    save_checkpoint(path, trained, data, _found_at(recipe.data))
    report.finish(path.stem, f"{trained.history[-1].test_accuracy:.1%} of test images right, weights in {path}")


def _found_at(data: str | None) -> str | None:
    """The data's name from any folder: that of an image folder with its whole path."""
    if data is None or not data.startswith("folder:"):
        return data
    return f"folder:{Path(data.removeprefix('folder:')).expanduser().resolve()}"


def _load(
    recipe: BundleRecipe, wanted: Any, data_dir: Path | None, task: str, report: Reporter, test_only: bool
) -> Any:
    """The data of `recipe` as squares of so many pixels, in its own size (None), or as a `Preprocessing` says."""
    from fmcore.data import load_data

    assert recipe.data is not None
    report.progress(task, 0, None, "reading images")
    # always the same images, whatever the seed of the training: two networks can then be compared on them
    how = {"image_size": wanted} if wanted is None or isinstance(wanted, int) else {"preprocessing": wanted}
    return load_data(recipe.data, data_dir, **how, on_message=report.say, test_only=test_only)
