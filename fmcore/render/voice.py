"""The recordings of a voice that lie in a folder: found by their sheet, listened to, and none of them too long."""

import shlex
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from fmcore.errors import InputError, PlanError
from fmcore.lesson.voice import (
    LONGEST_S,
    SHEET_NAME,
    SUFFIXES,
    USUAL_SUFFIXES,
    Recording,
    Voice,
    loudness,
    read_sheet,
)
from fmcore.render.cache import file_digest
from fmcore.render.pauses import STEP, ends_of, loud_steps
from fmcore.render.sound import RATE, power_of, samples_of

_MOST_BYTES = 200_000_000
_FAINT = 0.01  # of the largest magnitude, -40 dB: what is below at the ends is no speech
_BEFORE, _AFTER = 10, 20  # steps that are left of it
_CLIPPED = 0.999
_LISTED = 8  # faults told at once
_UNLIKE = 2.0  # times as loud as the usual recording, 6 dB


def find_voice(folder: Path) -> Voice:
    """The recordings in `folder`, each with the sentence that its sheet gives for it.

    Raises:
        InputError: there is no sheet, two files have one name, or one cannot be heard in a film.
    """
    sheet = read_sheet(folder)
    if not sheet:
        raise InputError(
            f"No '{SHEET_NAME}' in '{folder}' says what is recorded; make the lesson without a voice, and write it with"
            f" `fmcore voice {shlex.quote(str(folder))} LESSON`."
        )
    found, files = {}, recordings_in(folder)
    wrong: list[str] = []
    for name, sentence in sheet.items():
        there = files.get(name, [])
        if len(there) > 1:
            wrong.append(f"'{there[0]}' and '{there[1].name}' are of the same sentence; remove one of them.")
        elif there:
            try:
                found[sentence] = _recording(there[0])
            except InputError as error:
                wrong.append(error.message)
    if wrong:
        more = f" And {len(wrong) - _LISTED} more." * (len(wrong) > _LISTED)
        raise InputError(" ".join(wrong[:_LISTED]) + more)
    return Voice(found)


def recordings_in(folder: Path) -> dict[str, list[Path]]:
    """The sound files in `folder` by their names without suffix; one each, unless somebody saved it in two forms."""
    try:
        listed = sorted(folder.iterdir())
    except OSError:
        return {}
    found: dict[str, list[Path]] = {}
    for file in listed:
        if file.suffix.lower() in SUFFIXES and file.is_file():
            found.setdefault(file.stem, []).append(file.absolute())
    return found


def files_of_voice(folder: Path) -> list[Path]:
    """All that the voice in `folder` is made of, and what files those that are not recorded yet may become."""
    there = recordings_in(folder)
    try:
        missing = [name for name in read_sheet(folder) if name not in there]
    except PlanError:  # half written; making the lesson tells why
        missing = []
    awaited = [folder / f"{name}{suffix}" for name in missing for suffix in USUAL_SUFFIXES]
    return [folder / SHEET_NAME, *awaited, *(file for files in there.values() for file in files)]


def unlike(voice: Voice) -> Iterator[tuple[str, str]]:
    """The recordings that would surprise a listener, by the names of their files, and why."""
    levels = {one: float(np.sqrt(np.mean(np.square(one.loudness)))) for one in voice.recordings.values()}
    usual = float(np.median(list(levels.values()))) if levels else 0.0
    if not usual:
        return
    for one, level in levels.items():
        if one.peak >= _CLIPPED:
            yield one.file.name, "so loud that it is cut off"
        elif level > _UNLIKE * usual:
            yield one.file.name, f"{level / usual:.1f} times as loud as others"
        elif level * _UNLIKE < usual:
            yield one.file.name, f"only {level / usual:.0%} as loud as others"


def _recording(file: Path) -> Recording:
    try:
        stat = file.stat()
        return _listened(file, stat.st_mtime_ns, stat.st_size)
    except (ValueError, OSError) as error:
        raise InputError(f"The recording '{file}' cannot be used: {error}; replace or remove it.") from None


@lru_cache(maxsize=4096)  # a lesson that is made again at every save listens to new ones only
def _listened(file: Path, written: int, size: int) -> Recording:
    """The recording in a file of that size that was written then, without the silence at both of its ends."""
    if size > _MOST_BYTES:
        raise ValueError(f"it has over {_MOST_BYTES // 10**6} MB")
    digest = file_digest(file)
    samples = np.clip(samples_of(file, LONGEST_S), -1, 1)
    if samples.shape[1] > LONGEST_S * RATE:
        raise ValueError(f"it takes over {LONGEST_S:.0f} s")
    first, end = ends_of(loud_steps(samples, _FAINT))
    if first == end:
        raise ValueError("nothing is to be heard in it")
    start = max(0, (first - _BEFORE) * STEP)
    said = samples[:, start : (end + _AFTER) * STEP]
    return Recording(
        file=file,
        sha256=digest,
        from_s=start / RATE,
        seconds=said.shape[1] / RATE,
        loudness=tuple(round(float(one), 4) for one in loudness(power_of(said, STEP), STEP / RATE)),
        peak=float(np.abs(said).max()),
    )
