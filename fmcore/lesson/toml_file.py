"""TOML as people write it: files read with limits and sentences, and lines to be written."""

import json
import tomllib
from pathlib import Path
from typing import Any

from fmcore.errors import PlanError
from fmcore.files import read_limited


def read_toml(path: Path, what: str, most_bytes: int = 2_000_000) -> dict[str, Any]:
    """The content of a file that shall be `what`, such as "lesson plan".

    Raises:
        PlanError: it is too large, or no TOML in UTF-8; the sentence says where.
        OSError: it cannot be read, or is no ordinary file.
    """
    content = read_limited(path, most_bytes)
    if len(content) > most_bytes:
        raise PlanError(f"'{path}' is over {most_bytes // 10**6} MB, so it is no {what}; name a .toml file of less.")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # Windows' editor begins with a mark
    except UnicodeDecodeError:
        raise PlanError(f"'{path}' is no text in UTF-8; name a .toml file, and save it as UTF-8.") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, a number too long, or brackets too deep
        raise PlanError(f"'{path}' is not valid TOML: {error}. Mend that line.") from None


def toml_row(key: str, value: str) -> str:
    """A line of TOML, both of its sides in quotation marks."""
    return f"{toml_string(key)} = {toml_string(value)}"


def toml_string(text: str) -> str:
    """`text` in quotation marks."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # else JSON's strings are TOML's, too
