"""The claims of a lesson in words: what is said, and what was measured for it."""

from rich.table import Table
from rich.text import Text

from fmcore.analysis.measures import MEASURES
from fmcore.analysis.saying import counted
from fmcore.lesson.claims import Claim
from fmcore.lesson.record import LessonRecord
from fmcore.tables import console


def describe_claims(record: LessonRecord) -> None:
    """Print a table of claims for every scene of `record`."""
    out = console()
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
        out.print(Text.assemble("\n", (scene.scene, "bold"), " ", scene.title))
        out.print(table)
    count = sum(len(scene.claims) for scene in record.scenes)
    out.print(f"\n{counted(count, 'claim')}. Measures are explained by name:")
    used = dict.fromkeys(spoken.claim.measure for scene in record.scenes for spoken in scene.claims)
    for name in used:
        explained = MEASURES[name].explained if name in MEASURES else "not known to this fmcore"
        out.print(f"  {name}: {explained}")


def _value(claim: Claim) -> str:
    """The value, and the threshold that it was held against."""
    if claim.threshold is None:
        return f"{claim.value:.4g}"
    verdict = "holds" if claim.holds else "does not hold"
    return f"{claim.value:.4g}, {claim.relation} {claim.threshold:.4g} {verdict}"
