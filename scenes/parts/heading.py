"""The top of a scene: its heading, which part of the lesson it belongs to and which network it shows."""

from collections.abc import Sequence

from manim import DOWN, LEFT, RIGHT, Group, ManimColor, VGroup

from scenes import look
from scenes.parts.text import is_cut, paragraph


def top_of(heading: str, part: str, begins: bool, network: str) -> tuple[VGroup, VGroup]:
    """The heading, and what stands beside it or below it: the part, bright where it begins, and the network's name.

    Both may be "". Of what has no room, the network's name is left out first. In a wide frame the part may take two
    lines.
    """
    region, most = look.title_region(), look.LINES[look.shape()][0]
    title = paragraph(heading, look.TITLE, width=region.width, most=most, bold=True, whole=True)
    title.move_to(region.centre).align_to([region.left, 0, 0], LEFT)
    texts = [(part, look.ACCENT if begins else look.MUTED), (network and f"network “{network}”", look.MUTED)]
    for wanted in (texts, texts[:1], texts[1:]):
        shown = [one for one in wanted if one[0]]
        notes = _beside(title, shown, region) if look.shape() == "wide" else _below(title, shown, region)
        if notes is not None:
            return title, notes
    return title, VGroup()


def _beside(title: VGroup, shown: Sequence[tuple[str, ManimColor]], region: look.Region) -> VGroup | None:
    """The notes on the right of the region, one below the other; None where they do not fit."""
    width, rows = region.right - title.get_right()[0] - look.GAP, 3 - len(shown)
    height = (region.height - (len(shown) - 1) * look.LEADING) / max(1, len(shown))
    notes = [paragraph(text, look.SMALL, color, width=width, most=rows, height=height) for text, color in shown]
    if any(map(is_cut, notes)):
        return None
    for note in notes:
        note.arrange(DOWN, buff=look.LEADING, aligned_edge=RIGHT)
    found = VGroup(*notes).arrange(DOWN, buff=look.LEADING, aligned_edge=RIGHT)
    found.move_to([region.right - found.width / 2, region.centre[1], 0])
    return found if found.height <= region.height else None


def _below(title: VGroup, shown: Sequence[tuple[str, ManimColor]], region: look.Region) -> VGroup | None:
    """The notes in one line below the title, which makes room for them; None where they do not fit."""
    notes = VGroup(*(paragraph(text, look.SMALL, color, width=region.width) for text, color in shown))
    notes.arrange(RIGHT, buff=2 * look.GAP)
    if any(map(is_cut, notes)) or notes.width > region.width or title.height + look.NEAR + notes.height > region.height:
        return None
    if shown:
        both = Group(title, notes).arrange(DOWN, buff=look.NEAR, aligned_edge=LEFT)
        both.move_to(region.centre).align_to([region.left, 0, 0], LEFT)
    return notes
