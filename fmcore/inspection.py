"""What a bundle holds, as tables for a terminal."""

from rich.console import Console
from rich.table import Table

from fmcore.bundle import Bundle


def describe(bundle: Bundle) -> None:
    """Print model, training, layers, probes, arrays and provenance of `bundle`."""
    console = Console(highlight=False, markup=False, emoji=False)
    header = bundle.header
    console.print(_facts(bundle))
    layers = _table("layer", "type", "kernel", "stride", "padding", "nonlinearity", "H × W × C")
    for layer in header.layers:
        c, h, w = layer.output_shape
        sizes = (f"{a} × {b}" for a, b in (layer.kernel, layer.stride, layer.padding))
        layers.add_row(layer.name, layer.type, *sizes, layer.nonlinearity, f"{h} × {w} × {c}")
    epochs = _table("epoch", "train loss", "train accuracy", "test loss", "test accuracy")
    for record in header.training.history:
        epochs.add_row(
            str(record.epoch),
            f"{record.train_loss:.4f}",
            f"{record.train_accuracy:.1%}",
            f"{record.test_loss:.4f}",
            f"{record.test_accuracy:.1%}",
        )
    probes = _table("probe", "class", "predicted", "probability", "source")
    for number, probe in enumerate(header.probes):
        said = bundle.class_name(probe.predicted)
        truth = bundle.truth(number) or "unknown"
        mark = " (wrong)" if probe.label not in (None, probe.predicted) else ""
        probes.add_row(str(number), truth, said + mark, f"{probe.probability:.1%}", probe.source)
    arrays = _table("array", "shape", "type", "sha256")
    for name, info in sorted(header.arrays.items()):
        arrays.add_row(name, " × ".join(map(str, info.shape)), info.dtype, info.sha256[:12])
    for table in (layers, epochs, probes, arrays):
        console.print()
        console.print(table)


def _facts(bundle: Bundle) -> Table:
    header = bundle.header
    c, h, w = header.model.input_shape
    training = header.training
    rows = {
        "bundle": f"{bundle.path} ({bundle.path.stat().st_size / 1e6:.1f} MB), sha256 {bundle.digest[:12]},"
        " all arrays intact",
        "model": f"{header.model.name}, {header.model.parameters:,} parameters, input {h} × {w} × {c}",
        "data": f"{header.dataset.name}: {header.dataset.provenance}",
        "images": f"{header.dataset.train_count:,} for training, {header.dataset.test_count:,} for testing",
        "training": f"{training.epochs} epoch{'' if training.epochs == 1 else 's'}, {training.optimizer},"
        f" {training.loss}, learning rate {training.learning_rate:g}, batches of {training.batch_size},"
        f" seed {training.seed}, on {training.device}",
        "test accuracy": f"{header.test_accuracy:.2%}",
        "classes": ", ".join(header.classes),
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(header.versions.items())),
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
