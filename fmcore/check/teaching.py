"""A lesson teaches what it should: rules over a storyboard and the bundle that it shows."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isclose

from fmcore.analysis.channels import is_flat
from fmcore.analysis.measures import digest_of, measure
from fmcore.bundle import Bundle
from fmcore.check.findings import Finding, found
from fmcore.check.maps import Scenery, Shown, name_of, sceneries
from fmcore.check.strength import why_not_strength
from fmcore.errors import BundleError
from fmcore.lesson.claims import SpokenClaim
from fmcore.lesson.storyboard import Box, Storyboard
from fmcore.lesson.words import figures

MOST_CHANNELS = 16
LEAST_LAYERS = 3
_SAME = 1e-5  # relative, of a measurement taken again
_TOUCHING = 1e-3  # of the frame

_NAMED = re.compile(
    r"\b(?:channel|filter|map|Kan[aä]l|Karte)(?:s|e|n|en)?"  # labels are drawn in German, too
    r" (\d+(?:(?: and | und |, | to | bis | – |–)\d+)*)(?!\d|\.\d| ×)",
    re.IGNORECASE,
)
_OF = re.compile(
    r"(\b(?:channel|filter|map|Kanal|Karte) )?\b(\d+) (?:of|von) (\d+)\b(?!\.\d)"
    r"( (?:channel|filter|map|image|slice|shown|Kan[aä]l|Karte|Bild|Scheibe)| (?!and\b|in\b|of\b)[^\W\d_])?",
    re.IGNORECASE,
)
_FLAT = re.compile(r"\b(?:flat|flach)\b", re.IGNORECASE)


def teaching_findings(board: Storyboard, bundle: Bundle, other: Bundle | None = None) -> Iterator[Finding]:
    """What the scene of `board` fails to teach of `bundle`, or of `other` where it compares two."""
    for scenery in sceneries(board, bundle, other):
        yield from _sizes(board, scenery)
        yield from _channels(board, scenery)
        yield from _flat(board, scenery)
        yield from _colours(board, scenery)
        yield from _scales(board, scenery)
    yield from _claims(board, bundle, other)


# -- maps ------------------------------------------------------------------------------------------


def _sizes(board: Storyboard, scenery: Scenery) -> Iterator[Finding]:
    for text in scenery.texts:
        if re.fullmatch(r"[\d ×]*…[\d ×]*", text) and "×" in text:
            message = (
                f"“{text}” is a size that was cut for want of room; give it more, or shrink what stands beside it."
            )
            yield found(board, "map without its size", message, scenery.beat, (text,))
    asked = set()
    for shown in scenery.figures:
        array, other = shown.figure.array, shown.figure.other
        if not shown.layer or (array, other) in asked or len(shown.shape) < 2:
            continue
        asked.add((array, other))
        size = f"{shown.shape[-2]} × {shown.shape[-1]}"
        if not any(re.search(rf"(?<!\d){size}(?!\d)", text) for text in scenery.sayings):
            message = f"Maps of {array} are shown and no text says “{size}”; write height × width × channels there."
            yield found(board, "map without its size", message, scenery.beat, (array,), shown.figure.box)


def _channels(board: Storyboard, scenery: Scenery) -> Iterator[Finding]:
    groups: dict[tuple[bool, str, tuple[int, ...]], list[Shown]] = {}
    for shown in scenery.figures:
        if shown.channels:
            figure = shown.figure
            groups.setdefault((figure.other, figure.array, figure.index[:-1]), []).append(shown)
    for (_, array, _), group in groups.items():
        channels, count = {shown.figure.index[-1] for shown in group}, group[0].channels
        box = _around(group)
        if len(channels) > MOST_CHANNELS:
            message = (
                f"{len(channels)} channels of {array} are shown at once and at most {MOST_CHANNELS} are asked for;"
                " show representatives and say how many there are."
            )
            yield found(board, "too many channels", message, scenery.beat, (array,), box)
        elif len(channels) < count and not _is_counted(channels, count, scenery):
            which = f"channel {min(channels) + 1}" if len(channels) == 1 else f"{len(channels)} of {count} channels"
            message = (
                f"Of the {count} channels of {array} {len(channels)} {'is' if len(channels) == 1 else 'are'} shown"
                f" and no text says so; write “{which}” beside them."
            )
            yield found(board, "channels not counted", message, scenery.beat, (array,), box)


def _is_counted(channels: set[int], count: int, scenery: Scenery) -> bool:
    """Whether the texts name all of `channels`, counted from 0, or say how many of `count` those not named are.

    A text such as "A, 6 of 8" may be either, "channel 6 of 8" and "6 of 8 channels" only one.
    """
    named, counted = set(), set()
    for text in scenery.sayings:
        for numbers in _NAMED.findall(text):
            named |= {int(number) - 1 for number in re.findall(r"\d+", numbers)}
        for before, few, of_all, after in _OF.findall(text):
            if int(of_all) == count:
                thing = len(after.strip()) != 1  # a single letter begins a word for something else: 2 of 8 people
                named |= {int(few) - 1} if before or not after else set()
                counted |= {int(few)} if not before and thing else set()
    return channels <= named or any(len(channels - named) <= few <= len(channels) for few in counted)


def _flat(board: Storyboard, scenery: Scenery) -> Iterator[Finding]:
    if any(_FLAT.search(text) for text in scenery.sayings):
        return
    for shown in scenery.figures:
        values = shown.values
        if (shown.layer or shown.is_image) and values.size > 1 and is_flat(values):
            place = name_of(shown.figure)
            message = f"Every value of {place} is {values.flat[0]:.3g} and no text calls it flat; say so there."
            yield found(
                board, "flat map not called flat", message, scenery.beat, (shown.figure.array,), shown.figure.box
            )


def _colours(board: Storyboard, scenery: Scenery) -> Iterator[Finding]:
    for shown in scenery.figures:
        if why := why_not_strength(shown):
            message = f"The picture of {shown.figure.array} {why}; let `ColourScale.of` choose the scale."
            yield found(board, "colour is not strength", message, scenery.beat, (shown.figure.array,), shown.figure.box)


def _scales(board: Storyboard, scenery: Scenery) -> Iterator[Finding]:
    groups: dict[tuple[bool, str, str, bool], list[Shown]] = {}
    for shown in scenery.figures:
        if shown.figure.scale in ("per_layer", "shared"):
            figure = shown.figure
            # one scale for all is one for the maps of all layers; weights have another
            what = figure.array if figure.scale == "per_layer" or shown.is_image else figure.array.rpartition("/")[2]
            groups.setdefault((figure.other, what, figure.scale, figure.times is None), []).append(shown)
    for group in groups.values():
        first = group[0].figure
        array = first.array
        for shown in group[1:]:
            figure = shown.figure
            ends = ((figure.low, first.low), (figure.high, first.high))
            spare = 1e-6 * max(abs(first.high - first.low), 1e-30)
            if figure.colours != first.colours or any(abs(one - another) > spare for one, another in ends):
                message = (
                    f"Pictures of {_both(array, figure.array)} are said to share a scale and span"
                    f" {first.low:.3g} to {first.high:.3g} in"
                    f" '{first.colours}' and {figure.low:.3g} to {figure.high:.3g} in '{figure.colours}';"
                    " give all of them one scale."
                )
                yield found(board, "scales differ", message, scenery.beat, (array,), _around([group[0], shown]))
                break


def _both(one: str, other: str) -> str:
    return one if one == other else f"{one} and {other}"


def _around(group: Sequence[Shown]) -> Box:
    left, top, right, bottom = zip(*(shown.figure.box for shown in group), strict=True)
    return min(left), min(top), max(right), max(bottom)


# -- what is said ----------------------------------------------------------------------------------


def _claims(board: Storyboard, bundle: Bundle, other: Bundle | None) -> Iterator[Finding]:
    for beat, name in board.performance.unproved:
        said, or_ = (f"{{{name}}}", "") if name.isidentifier() else (name, ", or a name in quotation marks")
        message = f"The number {said} is said without a measurement; make it a claim in the scene's facts{or_}."
        yield found(board, "number not proved", message, beat, (name,))
    says = {beat.cue: beat.say for beat in board.performance.beats}
    for spoken in board.performance.claims:
        sources = (other, bundle) if spoken.claim.other and other is not None else (bundle, other)
        why = _why_unproved(spoken, sources[0], sources[1] or sources[0])
        said = says.get(spoken.beat, "")
        translated = board.performance.language is not None
        if not why and spoken.beat and spoken.claim.words not in (spoken.sentence if translated else said):
            why = "its words are not in the narration of its beat"
        elif not why and spoken.beat and translated and figures(spoken.sentence) != figures(said):
            why = "what is said in its beat has other numbers"
        if why:
            message = f"The claim “{spoken.claim.words}” ({spoken.name}) does not hold: {why}; measure it again."
            yield found(board, "claim not proved", message, spoken.beat, (spoken.name, spoken.claim.array))


def _why_unproved(spoken: SpokenClaim, bundle: Bundle, other: Bundle) -> str:
    claim = spoken.claim
    try:
        digest = digest_of(bundle, claim.array)
        value = measure(claim.measure, bundle, claim.array, claim.index, other)
    except BundleError as error:
        return error.message.rstrip(".")
    if digest != claim.digest:
        return f"{claim.array} of '{bundle.path.name}' is another by now"
    if not isclose(value, claim.value, rel_tol=_SAME, abs_tol=1e-9):
        return f"its {claim.measure} is {value:.6g} and {claim.value:.6g} is claimed"
    holds = True
    if claim.threshold is not None:
        holds = {
            "is": isclose(claim.value, claim.threshold, rel_tol=_SAME, abs_tol=1e-9),
            "at least": claim.value >= claim.threshold,
            "at most": claim.value <= claim.threshold,
        }[claim.relation]
    if holds != claim.holds:
        told = f"it is {claim.relation} {claim.threshold:.6g}" if claim.threshold is not None else "it is measured"
        return f"it says that {told} {'does not hold' if holds else 'holds'}, and its value is {claim.value:.6g}"
    return ""


# -- the lesson as a whole -------------------------------------------------------------------------


def lesson_findings(lesson: Sequence[tuple[Storyboard, Bundle]]) -> Iterator[Finding]:
    """What the scenes of a lesson fail to teach together, each with the bundle that it reads.

    Every shape of frame and theme among them counts as a lesson of its own.
    """
    for aspect, theme in dict.fromkeys((board.aspect, board.theme) for board, _ in lesson):
        alike = [(board, bundle) for board, bundle in lesson if (board.aspect, board.theme) == (aspect, theme)]
        if not any(_progresses(board, bundle) for board, bundle in alike):
            message = (
                f"No beat shows maps of {LEAST_LAYERS} layers, or of all convolutions where there are fewer, in the"
                " order in which they ran; add a scene such as FeatureMapProgression."
            )
            yield Finding(rule="no progression", scene="", aspect=aspect, theme=theme, message=message)


def _progresses(board: Storyboard, bundle: Bundle) -> bool:
    """Whether a beat of `board` shows maps of enough layers from left to right, or from top to bottom."""
    convolutions = {layer.name for layer in bundle.convolutions}
    for scenery in sceneries(board, bundle):
        boxes: dict[str, list[Shown]] = {name: [] for name in bundle.layer_names}
        for shown in scenery.figures:
            if shown.layer in boxes and not shown.figure.other:
                boxes[shown.layer].append(shown)
        layers = {name: _around(group) for name, group in boxes.items() if group}
        enough = len(layers) >= LEAST_LAYERS or (len(convolutions) < LEAST_LAYERS and convolutions <= set(layers))
        if layers and enough and all(_follows(one, two) for one, two in pairwise(layers.values())):
            return True
    return False


def _follows(one: Box, two: Box) -> bool:
    """Whether box `two` is read after `one`: it lies below it, or to the right in the same row."""
    same_row = min(one[3], two[3]) - max(one[1], two[1]) > _TOUCHING
    return two[1] >= one[3] - _TOUCHING or (same_row and one[0] + one[2] < two[0] + two[2])
