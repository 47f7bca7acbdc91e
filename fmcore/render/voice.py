"""The recordings of a voice that lie in a folder: found by their sheet, listened to, and none of them too long."""

from functools import lru_cache
from pathlib import Path

from fmcore.errors import InputError, PlanError
from fmcore.lesson.voice import LONGEST_S, SHEET_NAME, SUFFIXES, Recording, Voice, read_sheet
from fmcore.render.cache import file_digest
from fmcore.render.sound import length_of

_MOST_BYTES = 200_000_000


def find_voice(folder: Path) -> Voice:
    """The recordings in `folder`, each with the sentence that its sheet gives for it.

    Raises:
        InputError: there is no sheet, two files have one name, or one cannot be heard in a film.
    """
    sheet = read_sheet(folder)
    if not sheet:
        raise InputError(
            f"No '{SHEET_NAME}' in '{folder}' says what is recorded; write it with `fmcore voice {folder}`."
        )
    found, files = {}, recordings_in(folder)
    for name, sentence in sheet.items():
        there = files.get(name, [])
        if len(there) > 1:
            raise InputError(f"'{there[0]}' and '{there[1].name}' are of the same sentence; remove one of them.")
        if there:
            found[sentence] = _recording(there[0])
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
    """All that the voice in `folder` may be made of: what is not recorded yet, as any file that it may become."""
    there = recordings_in(folder)
    try:
        missing = [name for name in read_sheet(folder) if name not in there]
    except PlanError:  # half written; making the lesson tells why
        missing = []
    awaited = [folder / f"{name}{suffix}" for name in missing for suffix in SUFFIXES]
    return [folder / SHEET_NAME, *awaited, *(file for files in there.values() for file in files)]


def _recording(file: Path) -> Recording:
    try:
        stat = file.stat()
        return _listened(file, stat.st_mtime_ns, stat.st_size)
    except (ValueError, OSError) as error:
        raise InputError(f"The recording '{file}' cannot be used: {error}; record that sentence again.") from None


@lru_cache(maxsize=4096)  # a lesson that is made again at every save listens to new ones only
def _listened(file: Path, written: int, size: int) -> Recording:
    """The recording in a file of that size that was written then."""
    if size > _MOST_BYTES:
        raise ValueError(f"it has over {_MOST_BYTES // 10**6} MB")
    digest = file_digest(file)
    seconds = length_of(file, LONGEST_S)
    if seconds > LONGEST_S:
        raise ValueError(f"it takes over {LONGEST_S:.0f} s")
    return Recording(file=file, sha256=digest, seconds=seconds)
