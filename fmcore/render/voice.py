"""The recordings of a voice that lie in a folder: found by their sheet, measured, and none of them too long."""

from pathlib import Path

from fmcore.errors import InputError
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
            f"There is no '{SHEET_NAME}' in '{folder}' to say what is recorded; write it with `fmcore voice {folder}`."
        )
    found = {}
    for name, sentence in sheet.items():
        files = [file for file in candidates(folder, name) if file.is_file()]
        if len(files) > 1:
            raise InputError(f"'{files[0]}' and '{files[1].name}' are of the same sentence; remove one of them.")
        if files:
            found[sentence] = _recording(files[0])
    return Voice(found)


def candidates(folder: Path, name: str) -> list[Path]:
    """The files that the recording `name` may be."""
    return [folder / f"{name}{suffix}" for suffix in SUFFIXES]


def files_of_voice(folder: Path) -> list[Path]:
    """All that the voice in `folder` may be made of, whether it is there yet or not."""
    return [folder / SHEET_NAME, *(file for name in read_sheet(folder) for file in candidates(folder, name))]


def _recording(file: Path) -> Recording:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"'{file.name}' is over {_MOST_BYTES // 10**6} MB")
        seconds = length_of(file)
        if seconds > LONGEST_S:
            raise ValueError(f"'{file.name}' takes {seconds:.0f} s and a sentence at most {LONGEST_S:.0f} s")
        return Recording(file=file.absolute(), sha256=file_digest(file), seconds=seconds)
    except (ValueError, OSError) as error:
        raise InputError(f"The recording '{file}' cannot be used: {error}; record that sentence again.") from None
