"""What a page teaches, all of it about what the page holds: a tour, questions whose answers were computed, notes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fmcore.bundle import Bundle
from fmcore.page.comparing import compared_on
from fmcore.page.notes import notes
from fmcore.page.questions import questions
from fmcore.page.subject import subject_of
from fmcore.page.tour import tour
from fmcore.page.view import Content, Patch, opening


@dataclass(frozen=True)
class Teaching:
    """Records as the page's contract, `web/src/contract.ts`, has them."""

    tour: list[dict[str, Any]]
    questions: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    start: Patch = field(default_factory=dict)  # the state of the page without an address


def teach(bundle: Bundle, other: Bundle | None, content: Content, probes: Sequence[Sequence[int]]) -> Teaching:
    """The words for a page whose content is complete but for them; every state points to what the page holds.

    Args:
        other: The bundle of the second model, where the page has one.
        probes: Of every model, the numbers in its bundle of the page's images.

    Raises:
        BundleError: the arrays of a bundle contradict each other.
        InputError: two bundles were not measured on the same images.
    """
    subject = subject_of(bundle, content, 0, probes[0])
    second = subject_of(other, content, 1, probes[1]) if other is not None else None
    compared = compared_on(subject, second)
    return Teaching(tour(subject, compared), questions(subject), notes(subject, compared), opening(content))
