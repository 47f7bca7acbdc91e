"""Two networks compared on the same images, as tables for a terminal."""

from collections.abc import Callable, Sequence
from statistics import median

from rich.table import Table

from fmcore.analysis.compare import MATCHED, Agreement, Comparison, Counterpart, Disagreement
from fmcore.analysis.saying import percent
from fmcore.bundle import Bundle
from fmcore.choices import images, numbered, size
from fmcore.tables import MISSING, Name, console, facts, figure, fill, section, table

_DISAGREEMENTS = 10
_ALONE = 4  # channels without a partner that are named


def describe_comparison(one: Bundle, other: Bundle, found: Comparison, every: bool = False) -> None:
    """Print which layers, channels and answers of `one` (A) and `other` (B) are alike.

    Long lists are cut short, unless `every` row and channel is wanted.
    """
    out = console()
    same = [("attention", "A and B are the same bundle; likeness then says nothing")] * (one.digest == other.digest)
    sizes = [size((bundle.header.model.input_shape[1], bundle.header.model.input_shape[2])) for bundle in (one, other)]
    prepared = [
        ("prepared", f"to {sizes[0]} pixels for A and to {sizes[1]} for B; maps are laid over each other whole")
    ]
    told = [("images", _images(one, found)), *prepared * (sizes[0] != sizes[1]), *same]
    out.print(facts([("A", _network(one)), ("B", _network(other)), *told]))
    section(out, "Layers of A and their counterparts in B", *_layers(found, every))
    section(out, "Channels without a partner", *_unmatched(found, every))
    if found.agreement is None:
        section(out, "Answers", f"Not compared: {found.why_not}")
    else:
        section(out, "Answers", *_answers(one, other, found.agreement, every))


def _network(bundle: Bundle) -> str:
    header = bundle.header
    count, seed = header.training.epochs, header.training.seed
    trained = f" for {count} epoch{'' if count == 1 else 's'}, seed {seed}" if count else ""
    return f"{bundle.path}: {header.model.name}, weights {header.model.weights}{trained}"


def _images(one: Bundle, found: Comparison) -> str:
    return f"{images(found.images)}: the first that both hold of the test images of {one.header.dataset.name}"


def _layers(found: Comparison, every: bool) -> list[Table | str]:
    named = _names(found)

    def cells(pair: Counterpart) -> list[str | Name]:
        matched = [p.correlation for p in pair.matching.pairs]
        channels = [len(matched) + len(alone) for alone in (pair.matching.unmatched_one, pair.matching.unmatched_other)]
        return [
            *named(pair),
            f"{pair.cka:.3f}",
            f"{len(matched)} of {channels[0]} and {channels[1]}",
            figure(max(matched, default=None)),
            figure(median(matched) if matched else None),
        ]

    made = table(*_heads(found), "CKA>", "matched channels", "best>", "median>")
    made.columns[-3].no_wrap = True
    return [
        fill(made, found.counterparts, cells, every),
        "CKA is 1 where layers represent alike and about 0 where they have nothing to do with each other. Channels are"
        f" matched one to one, if they correlate at {MATCHED} or more.",
    ]


def _same_names(found: Comparison) -> bool:
    return all(pair.by_name and pair.layer == pair.other for pair in found.counterparts)


def _heads(found: Comparison) -> tuple[str, ...]:
    return ("layer",) if _same_names(found) else ("A", "B")


def _names(found: Comparison) -> Callable[[Counterpart], list[Name]]:
    """What stands under `_heads`: the name of both layers once, where all counterparts are namesakes."""
    if _same_names(found):
        return lambda pair: [Name(pair.layer)]
    return lambda pair: [Name(pair.layer), Name(pair.other if pair.by_name else f"{pair.other} (likest)")]


def _unmatched(found: Comparison, every: bool) -> list[Table | str]:
    named = _names(found)

    def listed(channels: Sequence[int]) -> str:
        return numbered(channels, most=len(channels) if every else _ALONE)

    def cells(pair: Counterpart) -> list[str | Name]:
        return [*named(pair), listed(pair.matching.unmatched_one), listed(pair.matching.unmatched_other)]

    return [fill(table(*_heads(found), "channels of A", "channels of B"), found.counterparts, cells, every)]


def _answers(one: Bundle, other: Bundle, agreement: Agreement, every: bool) -> list[Table | str]:
    accuracy = [MISSING if share is None else percent(share, 2) for share in agreement.accuracy]
    said = f"A and B answer alike on {percent(agreement.share, 1)} of {images(agreement.images)}"
    known = f"; A is right on {accuracy[0]}, B on {accuracy[1]}" if agreement.accuracy != (None, None) else ""
    if not agreement.disagreements:
        return [f"{said}{known}."]
    sure = one.array("test_probability"), other.array("test_probability")  # (M,)

    def cells(differing: Disagreement) -> list[str]:
        row = differing.row
        return [
            str(row),
            f"{differing.one} {percent(sure[0][row])}",
            f"{differing.other} {percent(sure[1][row])}",
            differing.truth or "unknown",
        ]

    many = len(agreement.disagreements)
    shown = agreement.disagreements if every else agreement.disagreements[:_DISAGREEMENTS]
    caption = (
        f"Their most confident disagreements, {len(shown)} of {many:,}; `--all` lists them:"
        if many > len(shown)
        else "They differ on:"
    )
    made = fill(table("test image", "A says", "B says", "truth"), shown, cells, every)
    return [f"{said}{known}.", caption, made]
