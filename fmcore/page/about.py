"""What the page says of a network as a whole and of its images, in sentences."""

from fmcore.analysis.answers import right_share
from fmcore.analysis.history import weights_are
from fmcore.analysis.saying import counted, percent
from fmcore.bundle import Bundle
from fmcore.page.phrases import quoted
from fmcore.page.source import Source


def about(bundle: Bundle) -> list[str]:
    """Data, training, accuracy and number of parameters."""
    header = bundle.header
    said = [
        _network(bundle),
        f"Data set {quoted(header.dataset.name)}: {header.dataset.provenance}",
        _trained(bundle),
        _accuracy(bundle),
    ]
    if header.measures is not None:
        said.append(f"What is said of its channels was measured over {counted(header.measures.images, 'image')}.")
    return said


def probe_name(source: Source, p: int) -> str:
    """Of image `p` of the page: its class, where that is known, and where it comes from."""
    bundle, probe = source.bundle, source.probes[p]
    truth, origin = bundle.truth(probe), bundle.header.probes[probe].source
    return origin if truth is None else f"{truth}, {origin}"


def _network(bundle: Bundle) -> str:
    header = bundle.header
    c, h, w = header.model.input_shape
    number = len(header.classes)
    count = f"{number:,} class{'' if number == 1 else 'es'}"
    reads = f"{header.model.name} has {header.model.parameters:,} parameters, takes images of {h} × {w} × {c} and"
    if weights_are(header) == "random":
        return f"{reads} has {count} to tell apart, but nobody has trained it: its weights are random."
    return f"{reads} tells {count} apart."


def _trained(bundle: Bundle) -> str:
    training, data, weights = bundle.header.training, bundle.header.dataset, bundle.header.model.weights
    if not training.epochs:
        if weights == "trained here":
            return "It was not trained."
        return f"It was not trained here; its weights: {weights if weights == 'random' else quoted(weights)}."
    return (
        f"It was trained for {counted(training.epochs, 'epoch')} on {counted(data.train_count, 'image')} with"
        f" {training.optimizer}, learning rate {training.learning_rate:g}, in batches of {training.batch_size:,}, seed"
        f" {training.seed}."
    )


def _accuracy(bundle: Bundle) -> str:
    share, count = bundle.header.test_accuracy, bundle.header.dataset.test_count
    if share is None and (share := right_share(bundle)) is not None:
        count = len(bundle.array("test_label"))
    if share is None:
        return "Nobody measured how often it is right."
    return f"It is right on {percent(share, 1)} of {counted(count or 0, 'test image')}."
