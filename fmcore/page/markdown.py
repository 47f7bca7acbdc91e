"""What a page teaches as Markdown: its notes, and its questions with the answers at the end.

Names of classes, layers and files come from strangers, and every text may hold one: none of it becomes markup.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any
from urllib.parse import quote, urlencode

from fmcore.page.phrases import clean
from fmcore.page.view import Patch
from fmcore.page.words import Teaching

# Entities where some programs know no backslash; a colon before text may begin an address or an emoji's name.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"[\\`*_{}\[\]#~|$@^&<>]|:(?=\S)|!(?=\[)|(?<=www)\.", re.IGNORECASE)
_AT_START = re.compile(r"^(?:([+=:-])|(\d{1,9})([.)])(?=\s|$))")  # a list, a definition, a rule below a heading


def as_markdown(
    title: str, teaching: Teaching, links: str | None, say: Callable[[str], str] = lambda text: text
) -> str:
    """The document.

    Args:
        links: The page that states are linked to, such as `page.html`; None for no links.
        say: Says the document's own words in the language of `teaching`.
    """
    blocks = [f"# {escaped(title)}", *map(_block, teaching.notes)]
    if links is not None and teaching.tour:
        steps = [f"- {_link(step['title'], links, step['state'], teaching.start)}" for step in teaching.tour]
        blocks += [f"## {escaped(say('On the page'))}", "\n".join(steps)]
    if teaching.questions:
        blocks += [f"## {escaped(say('Questions'))}", _numbered(map(_question, teaching.questions))]
        see = say("See it on the page")
        answers = (_answer(question, links, teaching.start, see) for question in teaching.questions)
        blocks += [f"## {escaped(say('Answers'))}", _numbered(answers)]
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """`text` on one line, so that it reads in Markdown as it stands."""
    plain = _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), clean(text))
    return _AT_START.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", plain)


def _block(block: Mapping[str, Any]) -> str:
    if block["kind"] == "heading":
        return f"{'#' * block['level']} {escaped(block['text'])}"
    if block["kind"] == "list":
        return "\n".join(f"- {escaped(item)}" for item in block["items"])
    if block["kind"] == "formula":
        return "```text\n" + clean(block["text"]).replace("`", "'") + "\n```"
    return escaped(block["text"])


def _numbered(items: Any) -> str:
    return "\n".join(f"{number}. {item}" for number, item in enumerate(items, start=1))


def _question(question: Mapping[str, Any]) -> str:
    """The question, and below it its options, indented as far as a list of more than nine items needs."""
    options: Sequence[str] = question["options"]
    lettered = (f"    - {letter}: {escaped(option)}" for letter, option in zip(ascii_uppercase, options, strict=False))
    return "\n".join([escaped(question["text"]), *lettered])


def _answer(question: Mapping[str, Any], links: str | None, start: Patch, see: str) -> str:
    answer = question["answer"]
    told = f"{ascii_uppercase[answer]}: {escaped(question['options'][answer])}. {escaped(question['why'])}"
    if links is None or question["state"] is None:
        return told
    return f"{told} {_link(see, links, question['state'], start)}"


def _link(text: str, page: str, state: Patch, start: Patch) -> str:
    """A link to a state of the page; what is so without an address is left out of it."""
    said = {name: value for name, value in state.items() if value != start.get(name, "")}
    address = quote(page, safe="/:.~%?=&-_") + (f"#{urlencode(said, quote_via=quote, safe=',')}" if said else "")
    return f"[{escaped(text)}]({address})"
