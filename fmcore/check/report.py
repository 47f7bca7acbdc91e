"""What was found, told: a table for the terminal, JSON, JUnit XML for continuous integration, and pictures."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.table import Table
from rich.text import Text

from fmcore.analysis.saying import counted, listed
from fmcore.check.findings import OF_LESSON, RULES, Finding
from fmcore.check.maps import name_of
from fmcore.check.proof import RULE, Proof
from fmcore.files import published
from fmcore.fonts import font_file
from fmcore.lesson.storyboard import Box, Storyboard

Pixels = NDArray[np.uint8]

_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # not allowed in XML 1.0
_MARGIN = 0.04  # of the frame's height, around what is cropped
_GAP_PX, _LABEL_PX, _FONT_PX = 8, 24, 15
_PAPER, _INK = (32, 35, 42), (235, 238, 243)


class Scene(NamedTuple):
    """A scene in one shape of frame and one theme."""

    name: str
    aspect: str
    theme: str

    def __str__(self) -> str:
        return " ".join(part for part in self if part)


Proofs = Sequence[tuple[Scene, Sequence[Proof]]]  # of every scene; one may come twice with other options


def scene_of(finding: Finding) -> Scene:
    """Where `finding` was made; without a name it is the lesson as a whole."""
    return Scene(finding.scene, finding.aspect, finding.theme)


# -- in the terminal -------------------------------------------------------------------------------


def findings_table(findings: Sequence[Finding], most: int = 50) -> Table:
    """One row a fault, with all beats that show it; at most `most` rows."""
    made = Table("where", "what", box=None, header_style="bold", pad_edge=False, padding=(0, 2, 1, 0))
    made.columns[0].ratio, made.columns[1].ratio = 1, 2
    groups: dict[tuple[Scene, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((scene_of(finding), finding.rule, finding.message), []).append(finding)
    for (scene, rule, message), group in list(groups.items())[:most]:
        beats = list(dict.fromkeys(finding.beat for finding in group if finding.beat))
        where = [str(scene) if scene.name else f"the lesson {scene}"]
        where += [f"beat{'s' * (len(beats) > 1)} {', '.join(beats)}"] if beats else []
        what = Text.assemble((f"{rule}: ", "bold"), printable(message))
        if crop := next((finding.crop for finding in group if finding.crop), ""):
            what.append(f" See {printable(crop)}.")
        made.add_row(Text(printable("\n".join(where)), overflow="fold"), what)
    if len(groups) > most:
        made.caption = f"{len(groups) - most} more are not shown here."
        made.caption_justify = "left"
    return made


def proofs_told(proofs: Proofs) -> Iterator[str]:
    """How many pictures were read back from films, and which are too small for that, as sentences."""
    every = [(scene, proof) for scene, some in proofs for proof in some]
    if not every:
        return
    counts = Counter(proof.outcome for _, proof in every)
    told = [f"{counts[how]} {how}" for how in ("value by value", "area by area", "wrong") if counts[how]]
    told += [f"{counts['too small']} too small to prove"] if counts["too small"] else []
    were = "was" if len(every) == 1 else "were"
    yield f"{counted(len(every), 'picture')} {were} read back from the film: {', '.join(told)}."
    small: dict[str, list[tuple[Scene, Proof]]] = {}
    for scene, proof in every:
        if proof.outcome == "too small":
            small.setdefault(name_of(proof.figure), []).append((scene, proof))
    for name, some in small.items():
        pixels = min(proof.pixels for _, proof in some)
        places = dict.fromkeys(f"{scene}, beat {proof.figure.beat}" for scene, proof in some)
        yield f"Too small to prove: {name}, {pixels:.1f} pixels a value ({'; '.join(places)})."


def drawings_told(boards: Iterable[Storyboard]) -> Iterator[str]:
    """What stands in the frames of `boards` and shows no array as it is, so that no film proves it, as a sentence."""
    found = {item.what for board in boards for frame in board.frames for item in frame.items}
    if drawn := sorted(found - {"", "a scale"}):
        yield f"Drawn from arrays and not read back: {listed(drawn)}."


def printable(text: str) -> str:
    """`text` with every control character, and what else XML does not allow, replaced."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


# -- for programs ----------------------------------------------------------------------------------


def as_json(findings: Sequence[Finding], proofs: Proofs, failed: Mapping[str, str]) -> str:
    """Findings, proofs and the scenes that `failed` to play, with their messages; and how many there are of each."""
    every = [(scene, proof) for scene, some in proofs for proof in some]
    content = {
        "summary": {
            "findings": len(findings),
            "by_rule": dict(Counter(finding.rule for finding in findings)),
            "proofs": dict(Counter(proof.outcome for _, proof in every)),
            "failed": len(failed),
        },
        "failed": dict(failed),
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "proofs": [
            {"scene": scene.name, "aspect": scene.aspect, "theme": scene.theme, **proof.model_dump(mode="json")}
            for scene, proof in every
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_junit(findings: Sequence[Finding], proofs: Proofs, failed: Mapping[str, str], whole_lesson: bool) -> str:
    """JUnit XML with a test case for every scene of `proofs` and rule, and for every scene that `failed` to play.

    The pixel proof of a scene without proofs counts as skipped. Rules about the lesson as a whole have their own test
    cases where `whole_lesson` is true.
    """
    by_case: dict[tuple[Scene, str], list[Finding]] = {}
    for finding in findings:
        by_case.setdefault((scene_of(finding), finding.rule), []).append(finding)
    filmed = {scene for scene, some in proofs if some}
    scenes = list(dict.fromkeys([*(scene for scene, _ in proofs), *(scene for scene, _ in by_case if scene.name)]))
    looks = dict.fromkeys(Scene("", scene.aspect, scene.theme) for scene in (*scenes, *(scene for scene, _ in by_case)))
    looks = looks if whole_lesson else {}
    cases = [(scene, rule) for scene in scenes for rule in RULES if rule not in OF_LESSON]
    cases += [(look, rule) for look in looks for rule in RULES if rule in OF_LESSON]
    suite = ElementTree.Element("testsuite", name="fmcore check")
    for scene, rule in cases:
        case = _case(suite, scene, rule)
        if broken := by_case.get((scene, rule)):
            told = [f"{finding.beat}: {finding.message}" if finding.beat else finding.message for finding in broken]
            more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
            _problem(case, "failure", rule, told[0] + more, "\n".join(told))
        elif rule == RULE and scene not in filmed:
            ElementTree.SubElement(case, "skipped", message="there is no film of it, or no picture of an array in it")
    for name, message in failed.items():
        _problem(_case(suite, Scene(name, "", ""), "plays"), "error", "failed", message, message)
    count = {tag: str(sum(1 for _ in suite.iter(tag))) for tag in ("testcase", "failure", "error", "skipped")}
    totals = {"tests": count["testcase"], "failures": count["failure"], "errors": count["error"], "time": "0"}
    for key, value in totals.items():
        suite.set(key, value)
    suite.set("skipped", count["skipped"])
    root = ElementTree.Element("testsuites", {"name": "fmcore check", **totals})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, scene: Scene, rule: str) -> ElementTree.Element:
    where = printable(str(scene) if scene.name else f"lesson {scene}")
    return ElementTree.SubElement(suite, "testcase", classname=where.replace(".", "_"), name=rule, time="0")


def _problem(case: ElementTree.Element, tag: str, kind: str, message: str, text: str) -> None:
    ElementTree.SubElement(case, tag, type=kind, message=printable(message)).text = printable(text)


# -- in pictures -----------------------------------------------------------------------------------


def cropped(still: Pixels, box: Box) -> Pixels:
    """The part of `still` (H, W, 3 or 4) around `box`; all of it where the box lies outside."""
    height, width = still.shape[:2]
    margin = _MARGIN * height
    left, right = (round(float(np.clip(x, 0, width))) for x in (box[0] * width - margin, box[2] * width + margin))
    top, bottom = (round(float(np.clip(y, 0, height))) for y in (box[1] * height - margin, box[3] * height + margin))
    part = still[top:bottom, left:right]
    return np.ascontiguousarray(part if part.size else still)


def write_crops(findings: Sequence[Finding], crops: Sequence[Pixels | None], folder: Path) -> list[Finding]:
    """Write every crop as a PNG file into `folder`, with none of before; the findings come back with their names."""
    for older in folder.glob("*.png"):
        if re.match(r"\d{3,}-", older.name):
            older.unlink(missing_ok=True)
    told = []
    for number, (finding, pixels) in enumerate(zip(findings, crops, strict=True), start=1):
        if pixels is not None:
            words = (finding.rule, finding.scene, finding.aspect.replace(":", "x"), finding.theme, finding.beat)
            name = "-".join(re.sub(r"[^\w]+", "-", word).strip("-")[:40] for word in words if word)
            finding = finding.model_copy(update={"crop": f"{number:03}-{name}.png"})
            _save(Image.fromarray(pixels), folder / finding.crop)
        told.append(finding)
    return told


def contact_sheet(rows: Sequence[tuple[str, Sequence[Pixels]]], path: Path) -> None:
    """Write a PNG file with one row a scene: its label, and below it its pictures (H, W, 3 or 4) from left to right."""
    font = ImageFont.truetype(str(font_file()), _FONT_PX)
    heights = [_LABEL_PX + max((len(picture) for picture in pictures), default=0) + _GAP_PX for _, pictures in rows]
    widths = [
        max(int(font.getlength(label)) + _GAP_PX, sum(picture.shape[1] + _GAP_PX for picture in pictures))
        for label, pictures in rows
    ]
    sheet = Image.new("RGB", (max(widths, default=0) + _GAP_PX, sum(heights) + _GAP_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    top = _GAP_PX
    for (label, pictures), height in zip(rows, heights, strict=True):
        draw.text((_GAP_PX, top), label, _INK, font)
        left = _GAP_PX
        for picture in pictures:
            sheet.paste(Image.fromarray(picture), (left, top + _LABEL_PX))
            left += picture.shape[1] + _GAP_PX
        top += height
    _save(sheet, path)


def _save(image: Image.Image, path: Path) -> None:
    with published(path) as temporary:
        image.save(temporary, "PNG")
