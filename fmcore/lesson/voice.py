"""A voice for a lesson: recordings of its sentences, found by what is said in them.

So a recording serves every lesson with that sentence, and one that says a number which is no longer true is not heard.
The sheet `voice.toml` names the sentence of every recording in its folder.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fmcore.errors import PlanError
from fmcore.lesson.toml_file import read_toml, toml_row
from fmcore.lesson.words import taken_out

SHEET_NAME = "voice.toml"
USUAL_SUFFIXES = (".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aac")
SUFFIXES = (*USUAL_SUFFIXES, ".aif", ".aiff", ".amr", ".caf", ".mp4", ".webm", ".wma")
LEAD_S = 0.2  # of silence before a recording, so that a beat is seen before it is heard
SILENT = 0.003  # of full scale, -50 dB: below, nothing is heard
LONGEST_S = 110.0  # a beat has at most 120 s
STEP_S = 0.1  # in which loudness is told
_NUMBER = re.compile(r"[0-9]{1,6}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # leads into no other folder


class Heard(BaseModel):
    """What the record of a lesson keeps of a recording: a digest of its file, and what is heard of it.

    `loudness` is the root mean square of every `STEP_S` of the `seconds`, full scale being 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    seconds: float = Field(gt=0, le=LONGEST_S)
    loudness: tuple[Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)], ...]

    @model_validator(mode="after")
    def _is_told_throughout(self) -> Self:
        if abs(len(self.loudness) - self.seconds / STEP_S) > 1:
            raise ValueError(f"loudness of {len(self.loudness)} steps does not belong to {self.seconds} s")
        return self


class Recording(Heard):
    """A sound file in which one sentence is said, from second `from_s` on."""

    file: Path
    from_s: float = Field(ge=0)
    peak: float  # the largest magnitude


@dataclass(frozen=True)
class Voice:
    """The recordings that there are, by sentence."""

    recordings: Mapping[str, Recording]

    def of(self, sentence: str) -> Recording | None:
        """The recording of `sentence`, if there is one."""
        return self.recordings.get(plain(sentence))

    @property
    def lengths(self) -> dict[str, float]:
        """Seconds by sentence."""
        return {sentence: one.seconds for sentence, one in self.recordings.items()}


def loudness(power: NDArray[np.float64], each_s: float) -> NDArray[np.float64]:
    """The root mean square of every `STEP_S` of a sound of which `power` (n,) is the mean square of every `each_s`."""
    starts = np.arange(0, len(power), round(STEP_S / each_s))
    counts = np.diff(np.append(starts, len(power)))
    return np.sqrt(np.add.reduceat(power, starts) / counts) if len(power) else power


def plain(sentence: str) -> str:
    """`sentence` as it stands in a sheet: in one line."""
    return " ".join(sentence.split())


def read_sheet(folder: Path) -> dict[str, str]:
    """The sentences by the names of their recordings, without suffix; none where there is no sheet yet.

    Raises:
        PlanError: the sheet cannot be understood; the sentence says where.
    """
    path = folder / SHEET_NAME
    try:
        content = read_toml(path, "sheet of sentences")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PlanError(f"'{path}' cannot be read ({error.strerror}); begin one with `fmcore voice`.") from None
    sentences = content.get("sentences", {})
    if set(content) - {"sentences"} or not isinstance(sentences, dict):
        raise PlanError(f"'{path}' is to have one table, [sentences], and nothing else; take the rest out.")
    for name, sentence in sentences.items():
        if not _NAME.fullmatch(name):
            raise PlanError(
                f"'{path}' names a recording '{name}'; names have up to 64 letters from a to z, digits, - and _."
            )
        if not isinstance(sentence, str) or not sentence.strip():
            raise PlanError(f"'{path}' has no sentence for the recording '{name}'; write down what is said in it.")
    said = {name: plain(sentence) for name, sentence in sentences.items()}
    twice, times = next(iter(Counter(said.values()).most_common(1)), ("", 0))
    if times > 1:
        names = " and ".join(name for name, one in said.items() if one == twice)
        raise PlanError(f"'{path}' has the sentence “{twice}” twice, for {names}; leave one of them out.")
    return said


def sheet_with(
    known: Mapping[str, str], scenes: Sequence[tuple[str, Sequence[str]]], taken: Iterable[str] = ()
) -> tuple[str, dict[str, str]]:
    """The text of a sheet for `scenes`, pairs of a name and its sentences, and its sentences by name.

    Sentences that are `known` keep their names, and new ones are numbered on, also above names that are `taken` by
    files; what is not said any more comes last. Of a new sentence that is an old one with other numbers, this is told.
    """
    alike = {taken_out(sentence)[0]: name for name, sentence in known.items()}
    names = {sentence: name for name, sentence in known.items()}
    number = max((int(name) for name in (*known, *taken) if _NUMBER.fullmatch(name)), default=0)
    rows = [
        "# Say every sentence, as it stands here, into a sound file of its name beside this sheet, such as 001.wav.",
        "[sentences]",
    ]
    sheet: dict[str, str] = {}
    for scene, sentences in scenes:
        new = [one for one in dict.fromkeys(map(plain, sentences)) if names.get(one) not in sheet]
        rows += [f"# {scene}"] * bool(new)
        for sentence in new:
            again = ""
            if sentence not in names:
                number += 1
                names[sentence] = f"{number:03}"
                was = alike.get(taken_out(sentence)[0])
                again = f"  # {was} with other numbers" if was else ""
            sheet[names[sentence]] = sentence
            rows.append(toml_row(names[sentence], sentence) + again)
    rest = {name: sentence for name, sentence in known.items() if name not in sheet}
    rows += ["# not said in that lesson"] * bool(rest)
    rows += [toml_row(name, sentence) for name, sentence in rest.items()]
    return "\n".join(rows) + "\n", sheet | rest
