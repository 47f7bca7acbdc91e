"""Two networks compared on the same images, as tables for a terminal."""

from statistics import median

from rich.table import Table

from fmcore.analysis.compare import MATCHED, Agreement, Comparison, Counterpart, Disagreement
from fmcore.bundle import Bundle
from fmcore.choices import images, numbered
from fmcore.tables import MISSING, console, facts, figure, fill, section, table

_DISAGREEMENTS = 10


def describe_comparison(one: Bundle, other: Bundle, found: Comparison) -> None:
    """Print which layers, channels and answers of `one` (A) and `other` (B) are alike."""
    out = console()
    out.print(facts([("A", _network(one)), ("B", _network(other)), ("images", _images(one, found))]))
    section(out, "Layers of A and their counterparts in B", *_layers(found))
    section(out, "Channels without a partner", *_unmatched(found))
    if found.agreement is None:
        section(out, "Answers", f"Not compared: {found.why_not}")
    else:
        section(out, "Answers", *_answers(one, other, found.agreement))


def _network(bundle: Bundle) -> str:
    header = bundle.header
    count, seed = header.training.epochs, header.training.seed
    trained = f" for {count} epoch{'' if count == 1 else 's'}, seed {seed}" if count else ""
    return f"{bundle.path}: {header.model.name}, weights {header.model.weights}{trained}"


def _images(one: Bundle, found: Comparison) -> str:
    return f"the first {images(found.images)} that both hold of the test images of {one.header.dataset.name}"


def _layers(found: Comparison) -> list[Table | str]:
    def cells(pair: Counterpart) -> list[str]:
        matched = [p.correlation for p in pair.matching.pairs]
        channels = [len(matched) + len(alone) for alone in (pair.matching.unmatched_one, pair.matching.unmatched_other)]
        return [
            pair.layer,
            pair.other if pair.by_name else f"{pair.other} (likest)",
            f"{pair.cka:.3f}",
            f"{len(matched)} of {channels[0]} and {channels[1]}",
            figure(max(matched, default=None)),
            figure(median(matched) if matched else None),
        ]

    columns = ("A", "B", "CKA>", "matched channels", "best>", "median>")
    return [
        fill(table(*columns), found.counterparts, cells),
        "CKA is 1 where layers represent alike and about 0 where they have nothing to do with each other. Channels are"
        f" matched one to one, if they correlate at {MATCHED} or more.",
    ]


def _unmatched(found: Comparison) -> list[Table | str]:
    def cells(pair: Counterpart) -> list[str]:
        return [
            pair.layer,
            numbered(pair.matching.unmatched_one, most=8),
            pair.other,
            numbered(pair.matching.unmatched_other, most=8),
        ]

    return [fill(table("A", "channels of A", "B", "channels of B"), found.counterparts, cells)]


def _answers(one: Bundle, other: Bundle, agreement: Agreement) -> list[Table | str]:
    accuracy = [MISSING if share is None else f"{share:.2%}" for share in agreement.accuracy]
    said = f"A and B answer alike on {agreement.share:.1%} of {images(agreement.images)}"
    known = f"; A is right on {accuracy[0]}, B on {accuracy[1]}" if agreement.accuracy != (None, None) else ""
    if not agreement.disagreements:
        return [f"{said}{known}."]
    sure = one.array("test_probability"), other.array("test_probability")  # (M,)

    def cells(differing: Disagreement) -> list[str]:
        row = differing.row
        return [
            str(row),
            f"{differing.one} {sure[0][row]:.0%}",
            f"{differing.other} {sure[1][row]:.0%}",
            differing.truth or "unknown",
        ]

    shown = agreement.disagreements[:_DISAGREEMENTS]
    many = len(agreement.disagreements)
    caption = (
        f"Their most confident disagreements, {len(shown)} of {many:,}:" if many > len(shown) else "They differ on:"
    )
    made = fill(table("test image", "A says", "B says", "truth"), shown, cells)
    return [f"{said}{known}.", caption, made]
