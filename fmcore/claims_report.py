"""The claims of a lesson in words: what is said, and what was measured for it."""

from rich.console import Console
from rich.table import Table

from fmcore.analysis.measures import MEASURES
from fmcore.lesson.claims import Claim
from fmcore.lesson.record import LessonRecord


def describe_claims(record: LessonRecord) -> None:
    """Print a table of claims for every scene of `record`."""
    console = Console()
    for scene in record.scenes:
        table = Table("beat", "says", "measure", "of", "value", "images", box=None, header_style="bold", pad_edge=False)
        for spoken in scene.claims:
            claim = spoken.claim
            place = claim.array + "".join(f"[{number}]" for number in claim.index)
            table.add_row(
                spoken.beat or "on screen",
                claim.words or "(nothing)",
                claim.measure,
                f"{place} of the other bundle" if claim.other else place,
                _value(claim),
                f"{claim.sample_size:,}",
            )
        console.print(f"\n[bold]{scene.scene}[/bold] {scene.title}", highlight=False)
        console.print(table, highlight=False)
    count = sum(len(scene.claims) for scene in record.scenes)
    console.print(f"\n{count} claims. Measures are explained by name:", highlight=False)
    used = dict.fromkeys(spoken.claim.measure for scene in record.scenes for spoken in scene.claims)
    for name in used:
        explained = MEASURES[name].explained if name in MEASURES else "not known to this fmcore"
        console.print(f"  {name}: {explained}", highlight=False)


def _value(claim: Claim) -> str:
    """The value, and the threshold that it was held against."""
    if claim.threshold is None:
        return f"{claim.value:.4g}"
    verdict = "holds" if claim.holds else "does not hold"
    return f"{claim.value:.4g}, {claim.relation} {claim.threshold:.4g} {verdict}"
