"""Numbers in English texts that no measurement stands behind: what is left without names, sizes and counts of channels.

A text may say a number that some claim of its scene says, and it may count and name what stands in the picture. All
else that has digits speaks of the model, or of the world, and asks for a measurement.
"""

import re
from collections.abc import Iterable, Iterator

_ONE = r"[−-]?\d+(?:[.,]\d+)*"
_NUMBER = re.compile(rf"(?<![\w.,…]){_ONE}(?: ?%)?(?![\w…]|\.[^\W\d])")  # and no part of a name that was cut
_LIMITS = ("0", "1", "0%", "100%")  # of shares and correlations: nobody measures these
_THINGS = "channel|filter|map|slice|layer|stage|epoch|row|column|image|step|block|room|size"
_MORE = rf"{_ONE}(?:(?:, | and |, and | to |–| – ){_ONE})*"
_DRAWN = re.compile(
    "|".join(
        (
            r"“[^”]*”",  # names
            rf"\b(?:{_THINGS})s? {_MORE}(?: of {_ONE})?(?! ?%)",  # channel 7 of 16
            rf"\b{_ONE}(?: ?(?:×|x|by) ?{_ONE})+(?! ?%)",  # 28 × 28 × 8
            rf"\b{_ONE} of {_ONE}(?= (?:more )?(?:{_THINGS}|shown|weights?|values?)| of [A-Z]\b)",  # 4 of 16 channels
            rf"^{_ONE} of {_ONE}$",
            rf"\baxis starts at {_ONE} ?%?",
        )
    ),
    re.IGNORECASE,
)
_MARKS = re.compile(rf"{_ONE} ?%? or more\b")
_WORD, _LETTER = re.compile(r"[^\W\d_]{3}"), re.compile(r"[^\W\d_]")


def unclaimed(text: str, claimed: Iterable[str], names: Iterable[str] = ()) -> list[str]:
    """The numbers of a sentence `text` that none of `claimed`, the words of claims, holds; `names` may have digits."""
    for name in sorted(
        (name for name in names if _LETTER.search(name)), key=len, reverse=True
    ):  # "0" is said "layer 0"
        text = re.sub(rf"(?<![\w.,]){re.escape(name)}(?![\w%]|[.,]\d)", " ", text)
    known = {number for words in claimed for number in _numbers(words)}
    return [one for one in dict.fromkeys(_numbers(_DRAWN.sub(" ", text))) if one not in known and one not in _LIMITS]


def unclaimed_in_label(text: str, claimed: Iterable[str], names: Iterable[str] = ()) -> list[str]:
    """The same for a text of a picture, of which only shares and decimals between words are looked at.

    Axes, sizes and calculations are full of numbers, and rules have marks, such as “80% or more”. What is measured of
    a map that stands beside it, and what a map is multiplied with, is written by the parts that draw it.
    """
    if not _WORD.search(text):
        return []
    found = unclaimed(_MARKS.sub(" ", text), claimed, names)
    return [one for one in found if one.endswith("%") or re.search(r"\d\.\d", one)]


def _numbers(text: str) -> Iterator[str]:
    for found in _NUMBER.finditer(text):
        yield found[0].replace("−", "-").replace(" ", "").lstrip("-")
