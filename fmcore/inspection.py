"""What a bundle holds, as tables for a terminal."""

from rich.table import Table

from fmcore.analysis.answers import one_answer, right_share
from fmcore.analysis.naming import called
from fmcore.analysis.saying import listed, percent
from fmcore.bundle import Bundle
from fmcore.choices import LONG, images, pixels_between, probe_number, several, size
from fmcore.findings import tell_attribution, tell_diagnostics, tell_hierarchy, tell_learning, tell_meaning
from fmcore.header import LayerInfo, Preprocessing, ProbeInfo
from fmcore.tables import MISSING, Name, console, facts, fill, section, table


def describe(
    bundle: Bundle,
    probe: int | str | None = None,
    wanted: str | None = None,
    modules: bool = False,
    arrays: bool = False,
    every: bool = False,
) -> None:
    """Print what `bundle` holds and what was measured; Grad-CAM is that of the class `wanted` for one probe.

    Of long tables some rows are left out, unless `every` one is wanted.

    Raises:
        InputError: there is no such probe or class.
    """
    answer = tell_attribution(bundle, probe_number(bundle, probe), wanted)  # its mistakes come before the first line
    out = console()
    out.print(_facts(bundle))
    section(out, "Layers", _layers(bundle, every), _hidden(bundle))
    if bundle.header.training.history:
        section(out, "Training", _history(bundle, every))
    section(out, "Probes", *_probes(bundle, every))
    for title, body in (
        ("Hierarchy", tell_hierarchy(bundle, every)),
        ("Diagnostics", tell_diagnostics(bundle, every)),
        ("Meaning", tell_meaning(bundle, every)),
        ("Learning", tell_learning(bundle, every)),
        answer,
    ):
        if body:
            section(out, title, *body)
    if modules:
        section(out, "Modules", _modules(bundle))
    if arrays:
        section(out, "Arrays", _arrays(bundle))


# -- what it is ----------------------------------------------------------------------------------


def _facts(bundle: Bundle) -> Table:
    header = bundle.header
    c, h, w = header.model.input_shape
    training, measures = header.training, header.measures
    trained = (
        f"{training.epochs} epoch{'' if training.epochs == 1 else 's'}, {training.optimizer},"
        f" {training.loss}, learning rate {training.learning_rate:g}, batches of {training.batch_size},"
        f" seed {training.seed}, on {training.device}"
    )
    statistics = "none"
    if measures is not None:
        known = "" if measures.labelled else ", whose classes are not known"
        statistics = f"over {images(measures.images)}{known}; an object was found in {measures.foreground_images:,}"
    few = len(header.classes) <= LONG
    return facts(
        {
            "bundle": f"{bundle.path} ({bundle.path.stat().st_size / 1e6:.1f} MB), sha256 {bundle.digest[:12]},"
            " all arrays intact",
            "model": f"{header.model.name}, {header.model.parameters:,} parameters, input {h} × {w} × {c}",
            "weights": header.model.weights,
            "preprocessing": _preprocessing(header.preprocessing),
            "data": f"{header.dataset.name}: {header.dataset.provenance}",
            "images": f"{header.dataset.train_count:,} for training, {header.dataset.test_count:,} for testing",
            "training": trained if training.epochs else "none here",
            "test accuracy": _accuracy(bundle),
            "statistics": statistics,
            "classes": ", ".join(header.classes) if few else f"{len(header.classes):,}: {several(header.classes)}",
            "versions": ", ".join(f"{name} {version}" for name, version in sorted(header.versions.items())),
        }.items()
    )


def _preprocessing(steps: Preprocessing) -> str:
    if all(mean == 0 for mean in steps.mean) and all(std == 1 for std in steps.std):
        scaled = "values 0 to 1"
    else:
        mean, std = (", ".join(f"{number:.4g}" for number in numbers) for numbers in (steps.mean, steps.std))
        scaled = f"normalised by mean {mean} and deviation {std}"
    colours = "grey" if steps.channels == 1 else "RGB"
    return (
        f"{colours}, shorter side scaled to {steps.resize} pixels ({steps.interpolation}), centre of"
        f" {size(steps.size)} cut out, {scaled}"
    )


def _accuracy(bundle: Bundle) -> str:
    accuracy = bundle.header.test_accuracy
    if accuracy is not None:
        return percent(accuracy, 2)
    if (share := right_share(bundle)) is not None:
        return f"{percent(share, 2)} of {images(len(bundle.array('test_label')))}"
    return "not measured"


def _layers(bundle: Bundle, every: bool) -> Table:
    def cells(layer: LayerInfo) -> list[str | Name]:
        c, h, w = layer.output_shape
        kind: str = layer.type
        if layer.type != "block":
            kind += f" {size(layer.kernel)}{_step(' / ', layer.stride)}{_step(', dilation ', layer.dilation)}"
        after = [name for name in (layer.normalisation, layer.nonlinearity) if name != "none"]
        field = layer.field
        sees = size(field.size) + " + sum" * field.local if field.boxed else "all" if field.known else "unknown"
        return [Name(layer.name), kind, f"{h} × {w} × {c}", sees, ", ".join(after) or MISSING]

    made = table("layer", "what (kernel / stride)", "H × W × C", "sees (px)", "then")
    for column in made.columns[1:4]:
        column.no_wrap = True
    return fill(made, bundle.header.layers, cells, every)


def _step(name: str, step: tuple[int, int]) -> str:
    """A stride or a dilation, where it is not 1."""
    if max(step) == 1:
        return ""
    return f"{name}{step[0]}" if step[0] == step[1] else f"{name}{size(step)}"


def _hidden(bundle: Bundle) -> str:
    """How many modules cannot be shown, and of which layers only the first run is."""
    again = [called(name) for name in bundle.header.layers_run_again]
    run = f" Shown is the first run of {listed(again, most=5)}, which ran several times." if again else ""
    return _not_shown(bundle) + run


def _not_shown(bundle: Bundle) -> str:
    hidden = sum(not module.shown for module in bundle.header.modules)
    if not bundle.header.modules:
        return "The modules of the network were not recorded."
    if not hidden:
        return "Every module is shown."
    said = "module cannot be shown; `--modules` lists it and why" if hidden == 1 else None
    return f"{hidden:,} {said or 'modules cannot be shown; `--modules` lists them and why'}."


def _modules(bundle: Bundle) -> Table:
    made = table("module", "kind", "output", "shown")
    for module in bundle.header.modules:
        shape = MISSING if module.output_shape is None else " × ".join(map(str, module.output_shape))
        made.add_row(
            Name(module.name or "(the network)"),
            module.kind,
            shape,
            ", ".join(filter(None, ("yes" * module.shown, module.why))),
        )
    return made


def _history(bundle: Bundle, every: bool) -> Table:
    return fill(
        table("epoch", "train loss>", "train accuracy>", "test loss>", "test accuracy>"),
        bundle.header.training.history,
        lambda record: [
            str(record.epoch),
            f"{record.train_loss:.4f}",
            percent(record.train_accuracy, 1),
            f"{record.test_loss:.4f}",
            percent(record.test_accuracy, 1),
        ],
        every,
    )


def _probes(bundle: Bundle, every: bool) -> list[Table | str]:
    probes = bundle.header.probes
    known = any(bundle.truth(number) for number in range(len(probes)))
    files = any(probe.file_box is not None for probe in probes)

    def cells(number: int) -> list[str | Name]:
        probe = probes[number]
        mark = " (wrong)" if probe.label not in (None, probe.predicted) else ""
        truth = [bundle.truth(number) or "unknown"] if known else []
        said = bundle.class_name(probe.predicted) + mark
        origin = _origin(probe) if files else []
        return [str(number), *truth, said, percent(probe.probability, 1), Name(probe.source), *origin]

    columns = ("probe", *(("class",) if known else ()), "predicted", "sure>", "source")
    made = table(*columns, *(("original", "rows", "columns") if files else ()))
    for column in made.columns[len(columns) :]:
        column.no_wrap = True
    said = [
        "" if known else "The true classes are not known.",
        "Rows and columns: what was cut out of the original, counted from 1." if files else "",
        _doubt(bundle),
    ]
    return [fill(made, range(len(probes)), cells, every), *filter(None, said)]


def _doubt(bundle: Bundle) -> str:
    arrays = bundle.header.arrays
    if "test_predicted" not in arrays:
        return ""
    labels = bundle.array("test_label") if "test_label" in arrays else None
    trained_here = bool(bundle.header.training.history)
    return one_answer(bundle.array("test_predicted"), labels, bundle.header.classes, trained_here) or ""


def _origin(probe: ProbeInfo) -> list[str]:
    if probe.file_box is None or probe.file_size is None:
        return [MISSING] * 3
    top, left, bottom, right = probe.file_box
    between = (pixels_between(*edges) for edges in ((top, bottom), (left, right)))
    return [size(probe.file_size), *(f"{first} to {last}" for first, last in between)]


def _arrays(bundle: Bundle) -> Table:
    made = table("array", "shape", "type", "sha256")
    for name, info in sorted(bundle.header.arrays.items()):
        made.add_row(Name(name), " × ".join(map(str, info.shape)), info.dtype, info.sha256[:12])
    return made
