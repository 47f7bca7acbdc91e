"""From a recipe to a bundle on disk: use the one that is there, or train and record it.

A bundle carries its recipe, so whether it is still the one wanted is seen by reading its header.
"""

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmcore.bundle import Bundle
from fmcore.data.fingerprint import fingerprint
from fmcore.errors import BundleError, FmcoreError, RenderError
from fmcore.header import SCHEMA_VERSION
from fmcore.lesson.plan import BundleRecipe, data_name, slug
from fmcore.reporter import Reporter

_COMPUTED_BY = ("models", "training", "recording", "gradcam")  # a change there makes other numbers
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
    """Where the bundle of `recipe` is kept: `<model>-<data>.safetensors`."""
    return folder / f"{slug(recipe.model)}-{data_name(recipe.data)}.safetensors"


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
                return Wanted(recipe, path, made_from, None, f"other {' and '.join(changed)}")
            bundle.verify()
            return Wanted(recipe, path, made_from, bundle.digest, "nothing changed")
    except BundleError:
        return Wanted(recipe, path, made_from, None, "its file is damaged")


def made_of(recipe: BundleRecipe) -> dict[str, str]:
    """Everything that decides the numbers of the bundle, by name."""
    code = hashlib.sha256()
    for name in _COMPUTED_BY:
        code.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return {
        "model": recipe.model,
        "data": recipe.data if not recipe.data.startswith("folder:") else f"folder:{Path(recipe.data[7:]).name}",
        "image contents": fingerprint(recipe.data),
        "image size": str(recipe.image_size),
        "epochs": str(recipe.epochs),
        "batch size": str(recipe.batch_size),
        "learning rate": repr(recipe.learning_rate),
        "seed": str(recipe.seed),
        "schema": str(SCHEMA_VERSION),
        "code": code.hexdigest(),
    }


def make(recipe: BundleRecipe, path: Path, data_dir: Path | None, checkpoint: Path | None, report: Reporter) -> str:
    """Train `recipe` (or read `checkpoint`) and record the bundle at `path`. Returns its digest."""
    import torch

    from fmcore.checkpoint import load_checkpoint
    from fmcore.models import require_model
    from fmcore.recording import record
    from fmcore.training import train, train_spec

    torch.set_num_threads(1)  # so that sums of floats are the same on any number of cores
    task = path.stem
    require_model(recipe.model)
    data = _load(recipe, data_dir, task, report)
    if checkpoint is not None:
        trained = load_checkpoint(checkpoint, data)
    else:
        trained = train(data, train_spec(recipe), progress_to(report, task, recipe.epochs))
    digest = record(trained, data, path, made_of(recipe) if checkpoint is None else None)
    accuracy = trained.history[-1].test_accuracy
    report.finish(task, f"{accuracy:.1%} of {len(data.test_labels):,} test images right, recorded in {path}")
    return digest


def progress_to(report: Reporter, task: str, epochs: int) -> Any:
    """A training progress that fills one bar: images seen, of all epochs."""
    from fmcore.training import Progress

    def on_batch(epoch: int, seen: int, total: int) -> None:
        if seen == total or (seen // 640) != ((seen - 64) // 640):  # ten batches a message
            report.progress(task, (epoch - 1) * total + seen, epochs * total, "images")

    return Progress(on_batch=on_batch)


def make_all(wanted: list[Wanted], data_dir: Path | None, report: Reporter, workers: int) -> dict[Path, str]:
    """Make every bundle of `wanted`, side by side in processes. Returns digests by path.

    Raises:
        FmcoreError: one could not be made; what was finished is kept.
    """
    by_path = {one.path: one for one in wanted}
    if not by_path:
        return {}
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    processes = min(workers, len(by_path))
    pool = ProcessPoolExecutor(processes, context, _start, (messages, max(1, workers // processes)))
    try:
        futures = {path: pool.submit(_make_in_worker, one.recipe, path, data_dir) for path, one in by_path.items()}
        while not all(future.done() for future in futures.values()):
            _pass_on(messages, report, 0.1)
        _pass_on(messages, report, 0.0)
        return {path: future.result() for path, future in futures.items()}
    except BrokenProcessPool:
        raise RenderError("The process that trains was killed; is there enough memory? Run again to go on.") from None
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.kill()
        for path in by_path:
            for leftover in path.parent.glob(f".{path.name}.*.part"):
                leftover.unlink(missing_ok=True)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pass_on(messages: Any, report: Reporter, timeout: float) -> None:
    from queue import Empty

    try:
        while True:
            name, arguments = messages.get(timeout=timeout)
            getattr(report, name)(*arguments)
    except Empty:
        return


class _ToParent:
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
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))


def _make_in_worker(recipe: BundleRecipe, path: Path, data_dir: Path | None) -> str:
    try:
        return make(recipe, path, data_dir, None, _ToParent())
    except FmcoreError:
        raise
    except MemoryError:
        raise RenderError(f"There is not enough memory to train {path.stem}; name fewer or smaller images.") from None


def make_checkpoint(recipe: BundleRecipe, path: Path, data_dir: Path | None, report: Reporter) -> None:
    """Train `recipe` and write its checkpoint to `path`."""
    from fmcore.checkpoint import save_checkpoint
    from fmcore.models import require_model
    from fmcore.training import train, train_spec

    require_model(recipe.model)
    data = _load(recipe, data_dir, path.stem, report)
    trained = train(data, train_spec(recipe), progress_to(report, path.stem, recipe.epochs))
    save_checkpoint(path, trained, data)
    report.finish(path.stem, f"{trained.history[-1].test_accuracy:.1%} of test images right, weights in {path}")


def _load(recipe: BundleRecipe, data_dir: Path | None, task: str, report: Reporter) -> Any:
    from fmcore.data import load_data

    report.progress(task, 0, None, "reading images")
    data = load_data(recipe.data, data_dir, seed=recipe.seed, image_size=recipe.image_size, on_message=report.say)
    for notice in data.notices:
        report.say(notice)
    return data
