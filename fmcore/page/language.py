"""A page in another language: its sentences are looked up one by one like those of a lesson, as its script's texts are.

The English ones are made first, for all that a page says follows from its bundles; then each is replaced.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from fmcore.analysis.classical import NAMES
from fmcore.analysis.meaning import MIXED
from fmcore.analysis.naming import PHI_NAMES, called
from fmcore.lesson.words import Translator, Words
from fmcore.page.evidence import KINDS
from fmcore.page.phrases import layer_words, shortened
from fmcore.page.source import Source

Fields = dict[str, Any]

# Languages and scripts that are written from the right.
_FROM_RIGHT = frozenset({
    "ar", "ara", "ckb", "dv", "div", "fa", "fas", "he", "heb", "nqo", "prs", "ps", "pus", "sd", "snd", "syr", "ug",
    "uig", "ur", "urd", "yi", "yid",
})  # fmt: skip
_SCRIPTS_FROM_RIGHT = frozenset(("arab", "hebr", "nkoo", "syrc", "thaa"))
_TEST_IMAGE = re.compile(r"test image \d+")


@cache
def script_texts() -> tuple[str, ...]:
    """What the page's script says by itself, and the words that it is given to say."""
    listed = files("fmcore.page").joinpath("texts.json").read_text(encoding="utf-8")
    return (*json.loads(listed), *NAMES, MIXED, *KINDS)


def translator(words: Words | None, sources: Sequence[Source]) -> Translator:
    """What says the page of `sources` in the language of `words`."""
    layers = dict.fromkeys(name for source in sources for name in source.bundle.layer_names)
    names = [*(say(layer) for layer in layers for say in (layer_words, called)), *PHI_NAMES]
    weights = [source.bundle.header.model.weights for source in sources]
    proper = [*networks(sources), *weights, sources[0].bundle.header.dataset.name]
    turned = words is not None and direction(words.language) == "rtl"
    return Translator(words, names, map(shortened, proper), turned)


def direction(language: str) -> Literal["ltr", "rtl"]:
    """In which direction a language is written, by its code: by the script that it names, if it names one."""
    first, *others = language.lower().split("-")
    scripts = [one for one in others if len(one) == 4 and one.isalpha()]
    return "rtl" if (scripts[0] in _SCRIPTS_FROM_RIGHT if scripts else first in _FROM_RIGHT) else "ltr"


def networks(sources: Sequence[Source]) -> list[str]:
    """What the networks of `sources` are called: common words, it may be, and names only where they are spoken of."""
    return [name for source in sources for name in (source.name, source.bundle.header.model.name)]


def translated(
    content: Mapping[str, Any], words: Words | None, own: Translator, networks: Sequence[str] = ()
) -> Fields:
    """`content` with every text that people read said by `own`, and what the script says from `words`."""
    script = {text: words.row(text) for text in script_texts()} if words is not None else {}
    return {
        **content,
        "language": words.language if words is not None else "en",
        "direction": direction(words.language) if words is not None else "ltr",
        "decimal": words.decimal if words is not None else ".",
        "words": {text: said for text, said in script.items() if said},
        "models": [_model(model, own, networks) for model in content["models"]],
        "comparison": _all(content["comparison"], own, *networks),
        "limits": _all(content["limits"], own),
        "tour": [{**step, "title": own.of(step["title"]), "text": own.of(step["text"])} for step in content["tour"]],
        "questions": [_question(question, own) for question in content["questions"]],
        "notes": [_block(block, own) for block in content["notes"]],
    }


def _all(sentences: Iterable[str], own: Translator, *names: str) -> list[str]:
    return [own.of(sentence, *names) for sentence in sentences]


def _model(model: Mapping[str, Any], own: Translator, networks: Sequence[str]) -> Fields:
    classes: Sequence[str] = model["classes"]
    seen = {number for probe in model["probes"] for number in (probe["label"], probe["predicted"])}
    return {
        **model,
        "about": _all(model["about"], own, *networks),
        # of a thousand classes few are seen: a translator is not asked for the rest
        "classes": [own.name(name, asked=number in seen) for number, name in enumerate(classes)],
        "probes": [_probe(probe, classes, own) for probe in model["probes"]],
        "layers": [_layer(layer, own) for layer in model["layers"]],
    }


def _probe(probe: Mapping[str, Any], classes: Sequence[str], own: Translator) -> Fields:
    """`name` is its class, where that is known, and "test image 3" or the name of a file, which has no translation."""
    truth = "" if probe["label"] is None else f"{classes[probe['label']]}, "
    origin = probe["name"].removeprefix(truth)
    said = own.of(origin) if _TEST_IMAGE.fullmatch(origin) else origin
    return {**probe, "name": f"{own.name(truth.removesuffix(', '))}, {said}" if truth else said}


def _layer(layer: Mapping[str, Any], own: Translator) -> Fields:
    badges = [{**badge, "evidence": own.of(badge["evidence"])} for badge in layer["badges"]]
    return {**layer, "badges": badges, "diagnosis": _all(layer["diagnosis"], own)}


def _question(question: Mapping[str, Any], own: Translator) -> Fields:
    options = [own.of(option) for option in question["options"]]
    return {**question, "text": own.of(question["text"]), "options": options, "why": own.of(question["why"])}


def _block(block: Mapping[str, Any], own: Translator) -> Fields:
    match block["kind"]:
        case "list":
            return {**block, "items": _all(block["items"], own)}
        case _:
            return {**block, "text": own.of(block["text"])}
