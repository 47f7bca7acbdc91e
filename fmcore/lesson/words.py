"""The words of a lesson in another language: what is said and written, with its numbers and names taken out.

A text is looked up without its numbers, without what stands in quotation marks and without names of layers. So a
translation is right for every network, and the numbers in it are those that were measured. What stands in quotation
marks is looked up on its own, and so is every sentence of a text that is not known as a whole.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fmcore.errors import PlanError, one_of
from fmcore.lesson.toml_file import read_toml, toml_row, toml_string

_NUMBER = r"−?\d+(?:[.,]\d+)*(?: · 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
_QUOTED = r"(?<=“)[^“”]+(?=”)"
_SUM = re.compile(rf"{_NUMBER}(?: (?:×|\+|−|=|≈|·) {_NUMBER})*")
_END = re.compile(r"(?<=[.!?]) ")  # of a sentence, where what stands in quotation marks is taken out
_LONGEST = 4000  # characters: no text of ours, and what is longer is not searched for what to take out
_PLACE = re.compile(r"\{(\d+)\}")
_CALLED = re.compile(r"layer (?:[\d.]+|[^\W\d_]+)")  # a layer whose name is but a number or a word, in a sentence
_SWAPPED = str.maketrans(".,", ",.")


class Words(BaseModel):
    """A translation: `words` by the English text, both with {1}, {2} ... in the place of what is taken out.

    An empty translation is none. `language` is a code such as de or pt-BR; `decimal` is what separates decimals there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    decimal: Literal[".", ","] = "."
    words: dict[str, str] = {}

    @model_validator(mode="after")
    def _hold_the_same(self) -> Self:
        for text, said in self.words.items():
            there, wanted = (set(_PLACE.findall(one)) for one in (said, text))
            if said and there != wanted:
                listed = ", ".join(f"{{{number}}}" for number in sorted(wanted, key=int)) or "no numbers in braces"
                raise ValueError(f"the translation of '{text}' must hold {listed}, as that does")
        return self

    def of(self, text: str, names: Collection[str] = ()) -> str:
        """`text` in this language; as it is where nobody has translated it."""
        key, held = taken_out(text, names)
        said = self.row(key)
        return _filled(said, [self._written(one, names) for one in held]) if said else text

    def row(self, key: str) -> str:
        """The translation of a text whose numbers and names are taken out; empty where there is none.

        It is that of the whole text or, sentence by sentence, those that there are.
        """
        if said := self.words.get(key):
            return said
        rows, before = [], 0
        for sentence in sentences(key):
            rows.append(_counted(self.words.get(sentence) or sentence, before))
            before += len(_PLACE.findall(sentence))
        return row if (row := " ".join(rows)) != key or not has_words(key) else ""

    def _written(self, held: str, names: Collection[str]) -> str:
        """A number as it is written in this language, a list of such; what was quoted may have its own translation."""
        if re.fullmatch(_NUMBER, held):
            return held.translate(_SWAPPED) if self.decimal == "," else held
        if listed := _patterns(tuple(names)).several.fullmatch(held):
            *items, last = (self._written(one, names) for one in (*listed["items"].split(", "), listed["last"]))
            return _filled(self.words.get(ending := _ending(listed)) or ending, [", ".join(items), last])
        if held in names:
            name = held.partition(" ")[2]
            said = self.words.get("layer {1}") if _CALLED.fullmatch(held) else None
            return said.replace("{1}", name) if said else held  # 0.1 is no decimal there
        return self.of(held, names) if self.words.get(taken_out(held, names)[0]) else held

    def lacking(self, texts: Iterable[str]) -> int:
        """How many of what a translator is asked for, for these English `texts`, have no translation."""
        return sum(not self.words.get(row) for row in rows_of(texts, self.words))

    def named(self, name: str) -> str:
        """A name such as that of a class: its translation, and else the name itself with numbers as they are in it."""
        return self.of(name) if self.words.get(taken_out(name)[0]) else name


class Translator:
    """Translates the texts of one scene or page, and keeps in mind what it was asked for.

    `names` are those of layers, as texts call them: they are in no language. `proper` names stand in quotation marks,
    and nobody is asked to translate them. `from_right` keeps the parts of sums in order, for readers that turn lines.
    """

    def __init__(
        self, words: Words | None, names: Iterable[str] = (), proper: Iterable[str] = (), from_right: bool = False
    ) -> None:
        self._words, self._names, self._proper = words, tuple(names), frozenset(proper)
        self._from_right = from_right
        self._said: dict[tuple[str, tuple[str, ...]], tuple[str, list[str]]] = {}  # with what was asked for
        self._asked: dict[str, None] = {}

    def anew(self) -> "Translator":
        """The same, asked for nothing yet: what has been looked up once is known to both."""
        other = copy(self)
        other._asked = {}
        return other

    def of(self, text: str, *more: str) -> str:
        """`text` in the language of the words; as it is where there is nothing for it. `more` are names in it, too."""
        if len(text) > _LONGEST:
            return text
        if (text, more) not in self._said:
            names = (*self._names, *more)
            key, held = taken_out(text, names)
            inside, asked = set(quoted(text)) - self._proper, [key]
            for one in held:
                if listed := _patterns(names).several.fullmatch(one):
                    asked.append(_ending(listed))
                if one in names and _CALLED.fullmatch(one):
                    asked.append("layer {1}")
                elif one in inside:
                    asked.append(taken_out(one, names)[0])
            said = text if self._words is None else self._words.of(text, names)
            self._said[text, more] = self._isolated(said), asked
        said, asked = self._said[text, more]
        self._asked.update(dict.fromkeys(asked))
        return said

    def name(self, name: str, asked: bool = True) -> str:
        """A class by its name; `asked` says whether a translator is asked for it."""
        if asked:
            self._asked[taken_out(name)[0]] = None
        return name if self._words is None else self._words.named(name)

    def _isolated(self, text: str) -> str:
        """In a language that is written from the right, with its numbers and signs in their own order."""
        return _SUM.sub(lambda found: f"\u2066{found[0]}\u2069", text) if self._from_right else text

    @property
    def texts(self) -> tuple[str, ...]:
        """All English texts that were asked for and have words, with numbers and names taken out, in order."""
        return tuple(filter(has_words, self._asked))


def taken_out(text: str, names: Iterable[str] = ()) -> tuple[str, list[str]]:
    """`text` with {1}, {2} ... for its numbers, its quoted words and those of `names` in it; and what they stand for.

    `The 3 maps of “Bag”` becomes `The {1} maps of “{2}”`. A list of three or more, such as `3, 5 and 8 more`, is one
    of them: it may be longer or shorter another time.
    """
    held: list[str] = []

    def place(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"{{{len(held)}}}"

    return _patterns(tuple(names)).all.sub(place, " ".join(text.split())), held


def sentences(key: str) -> list[str]:
    """The sentences of a text whose numbers and names are taken out, each with its own {1}, {2} ..."""
    parts = _END.split(key)
    before = accumulate((len(_PLACE.findall(part)) for part in parts), initial=0)
    return [_counted(part, -first) for part, first in zip(parts, before, strict=False)]


def _counted(key: str, more: int) -> str:
    """`key` with its places {1}, {2} ... counted from `more` on."""
    return _PLACE.sub(lambda place: f"{{{int(place[1]) + more}}}", key) if more else key


def rows_of(texts: Iterable[str], known: Mapping[str, str]) -> list[str]:
    """What a translator is asked for, each once: a text that is `known` as a whole, and the sentences of all others."""
    rows = (row for text in texts for row in ([text] if known.get(text) else filter(has_words, sentences(text))))
    return list(dict.fromkeys(rows))


class _Patterns(NamedTuple):
    all: re.Pattern[str]
    several: re.Pattern[str]  # of them in a list


@lru_cache(maxsize=256)
def _patterns(names: tuple[str, ...]) -> _Patterns:
    """What is taken out of a text with these names in it."""
    ordered = sorted(set(filter(None, names)), key=len, reverse=True)
    known = [rf"(?<!\w){re.escape(name)}(?!\w)" for name in ordered]
    one = "|".join([*known, _NUMBER])
    plain = [part for part, name in zip(known, ordered, strict=True) if not re.search(",| and ", name)]
    item = "|".join([*plain, _NUMBER])  # a name that looks like a list could be read in many ways
    several = rf"(?<!\w)(?P<items>(?:{item})(?:, (?:{item}))+) and (?P<last>{item})(?P<more> more\b)?"
    return _Patterns(re.compile("|".join([_QUOTED, several, one])), re.compile(several))


def _ending(listed: re.Match[str]) -> str:
    """How a list ends, with {1} for all that comes before."""
    return "{1} and {2} more" if listed["more"] else "{1} and {2}"


def _filled(text: str, held: Sequence[str]) -> str:
    return _PLACE.sub(lambda place: held[int(place[1]) - 1], text)


def has_words(text: str) -> bool:
    """Whether there is anything to translate in a text whose numbers and names are taken out: a word of two letters."""
    return re.search(r"[^\W\d_]{2}", _PLACE.sub("", text)) is not None


def figures(text: str) -> set[str]:
    """The numbers in a text, without what separates decimals and thousands: the same in every language."""
    return {re.sub("[.,]", "", number) for number in re.findall(_NUMBER, text)}


def quoted(text: str) -> list[str]:
    """What stands in quotation marks in `text`: names of classes, or words that are translated on their own."""
    return re.findall(_QUOTED, " ".join(text.split()))


def read_words(path: Path) -> Words:
    """Read and check a translation.

    Raises:
        PlanError: no such file, or none that can be understood; the sentence says where.
    """
    try:
        return Words.model_validate(read_toml(path, "translation"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        why = first["ctx"]["error"] if first["type"] == "value_error" else _why(where, first)
        raise PlanError(f"The words in '{path}' cannot be used: {why}; mend that line.") from None
    except OSError as error:
        raise PlanError(
            f"The words in '{path}' cannot be read ({error.strerror}); begin such a file with `fmcore words`."
        ) from None


def _why(where: str, fault: Mapping[str, Any]) -> str:
    """What is wrong at a place of a file of words."""
    if fault["type"] == "extra_forbidden":
        return f"there is no setting '{where}', but {', '.join(Words.model_fields)}"
    if where == "language":
        return "'language' has to be the code of a language, such as de or pt-BR"
    return f"'{where}': {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def find_words(wanted: str) -> Words:
    """The translation in the file `wanted`, or the installed one for a language of that code.

    Raises:
        PlanError: there is neither, or it cannot be used.
    """
    if Path(wanted).suffix or Path(wanted).exists():
        return read_words(Path(wanted))
    known = installed_words()
    if wanted not in known:
        raise PlanError(f"{one_of('translation', wanted, list(known))} Or name a file, begun with `fmcore words`.")
    with as_file(known[wanted]) as path:
        return read_words(path)


def installed_words() -> dict[str, Traversable]:
    """The translations of the entry-point group `fmcore.words`, `<code>.toml` each, by their codes."""
    packages = (files(entry.module) for entry in entry_points(group="fmcore.words"))
    found = [file for package in packages for file in package.iterdir() if file.name.endswith(".toml")]
    return {file.name.removesuffix(".toml"): file for file in sorted(found, key=lambda file: file.name)}


def words_file(
    language: str, decimal: str, scenes: Sequence[tuple[str, Sequence[str]]], known: Mapping[str, str]
) -> str:
    """The text of a file with every text of `scenes`, pairs of a name and its texts, and what is `known` of them.

    What is known and no longer said comes last: another network may say it.
    """
    rows = [
        "# Put the translation after each '='. {1}, {2} ... stand for numbers and names and must be kept, in any",
        "# order; what stays empty is shown in English. A row of several sentences goes before rows of its sentences.",
        f"language = {toml_string(language)}",
        f"decimal = {toml_string(decimal)}  # how decimals are written",
        "",
        "[words]",
    ]
    written: set[str] = set()
    for name, texts in scenes:
        new = [text for text in rows_of(texts, known) if text not in written]
        written.update(new)
        rows += [f"# {name}"] * bool(new) + [toml_row(text, known.get(text, "")) for text in new]
    rest = [text for text in known if text not in written and known[text]]
    rows += ["# said on other occasions"] * bool(rest) + [toml_row(text, known[text]) for text in rest]
    return "\n".join(rows) + "\n"
