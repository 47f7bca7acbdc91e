"""The finished file: everything in one HTML document that loads nothing and runs nothing but its own script.

Names in it come from strangers. They travel as JSON whose special characters are escaped, so that nothing in it can end
the element that holds it, and the security policy names the page's script and style by their digests.
"""

import hashlib
import html
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fmcore.errors import FmcoreError, InputError
from fmcore.files import published

WITHOUT_SCRIPT = (
    "This page draws what was recorded with JavaScript, which is switched off. The script is part of this file."
)
_UNSAFE = {ord(one): f"\\u{ord(one):04x}" for one in "<>&"}  # json itself escapes all that is not ASCII
_STYLES = ("ground", "bench", "place", "below", "media")  # the last word is that of screens, systems and paper
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Assets:
    """What every page is made of; lines end as browsers read them, so that digests agree."""

    template: str
    style: str
    script: str


def assets() -> Assets:
    """The template, the style and the built script.

    Raises:
        FmcoreError: one is missing.
    """
    style = "\n".join(_read(f"style/{name}.css") for name in _STYLES)
    return Assets(_read("web/page.html"), style, _read("page.js"))


def _read(name: str) -> str:
    try:
        return files("fmcore.page").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")
    except OSError:
        raise FmcoreError(
            f"fmcore's own file 'page/{name}' is missing, so there is no page to fill; install fmcore again, or in a"
            " checkout run `make page`."
        ) from None


def document(content: Mapping[str, Any], data: str, parts: Assets, without_script: str = WITHOUT_SCRIPT) -> bytes:
    """The page as UTF-8: `content` as JSON and `data`, the text of its arrays, in the template.

    Args:
        without_script: What is said where JavaScript is switched off, in the page's language.
    """
    filled = {
        "csp": policy(parts),
        "language": content["language"],
        "direction": content["direction"],
        "title": html.escape(_printable(str(content["title"]))),
        "style": parts.style,
        "script": parts.script,
        "content": as_json(content),
        "data": data,
        "noscript": _without_script(content, without_script),
    }
    # one pass, so that nothing that is filled in is taken for a place to fill
    text = _PLACE.sub(lambda place: filled[place[1]], parts.template)
    return text.encode("utf-8", "replace")  # a file name may hold what is no character


def policy(parts: Assets) -> str:
    """The content security policy: nothing but this script and style, and a film and its poster beside the page."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_digest(parts.script)}'",
            f"style-src '{_digest(parts.style)}'",
            "img-src 'self' file: data: blob:",
            "media-src 'self' file: data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def as_json(content: Mapping[str, Any]) -> str:
    """JSON that may stand in an HTML element: it holds no <, > or & and only ASCII.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps(content, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _without_script(content: Mapping[str, Any], needs: str) -> str:
    """For who has no JavaScript: what the page is of, in words."""
    said = [content["title"], needs, *(sentence for model in content["models"] for sentence in model["about"])]
    return "".join(f"<p>{html.escape(_printable(sentence))}</p>" for sentence in said)


def _printable(text: str) -> str:
    """`text` without control characters, which HTML does not allow."""
    return "".join(one if one >= " " and not "\x7f" <= one <= "\x9f" else "\N{REPLACEMENT CHARACTER}" for one in text)


def write(page: bytes, target: Path) -> None:
    """Publish the page at `target`, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        with published(target) as temporary:
            temporary.write_bytes(page)
    except OSError as error:
        raise InputError(
            f"The page cannot be written to '{target}' ({error.strerror}); free some space or name another --output."
        ) from None
