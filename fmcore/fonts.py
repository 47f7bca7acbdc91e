"""The font that everything is written in, and which letters neither it nor another font of this machine has."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

NAME = "DejaVu Sans"  # comes with matplotlib: the same on every machine
_UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")  # controls, marks of format, separators


@cache
def font_file(bold: bool = False) -> Path:
    """The file of `NAME`."""
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{'-Bold' if bold else ''}.ttf")


@cache
def letters_of(file: Path) -> frozenset[str]:
    """The letters that the font in `file` has; none where it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(str(file)).get_charmap()))
    except (OSError, RuntimeError):  # of a bitmap font, or a damaged one
        return frozenset()


def letters_without_a_font(texts: Iterable[str]) -> str:
    """The letters of `texts` that no font of this machine has, in order; they are drawn as boxes.

    Costs nothing where ours has all of them, else up to a second once, in which fonts are read until all are found.
    """
    return "".join(sorted(letter for letter in _not_ours(texts) if not _somewhere(letter)))


def families_for(texts: Iterable[str]) -> list[str]:
    """The other families that `texts` need besides ours, made known to matplotlib; of letters nobody has, none."""
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    found, letters = list[str](), _not_ours(texts)
    for file in _files() if letters else ():
        if letters & letters_of(file):
            letters -= letters_of(file)
            fontManager.addfont(str(file))
            found.append(FT2Font(str(file)).family_name)
    return found


def sentence_about(letters: str) -> str:
    """What to do about `letters` that no font has, of which the first are named."""
    some = ", ".join((f"{letters[0]} (U+{ord(letters[0]):04X})", *letters[1:5]))
    more = f" and {len(letters) - 5} more" if len(letters) > 5 else ""
    return (
        f"no font of this machine has {some}{more}, so boxes are drawn instead; install a font for that script,"
        " such as one of Noto's, empty the cache by `fmcore cache prune --to 0`, and run again."
    )


def _not_ours(texts: Iterable[str]) -> set[str]:
    letters = {letter for text in texts for letter in text if unicodedata.category(letter) not in _UNSEEN}
    return letters - letters_of(font_file())


@cache
def _somewhere(letter: str) -> bool:
    return any(letter in letters_of(file) for file in _files())


@cache
def _files() -> tuple[Path, ...]:
    from matplotlib.font_manager import findSystemFonts

    return tuple(sorted(Path(file) for file in findSystemFonts()))
