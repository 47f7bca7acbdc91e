"""Where files can be written, and names of files that strangers' words become."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fmcore.errors import InputError
from fmcore.files import distinct_names, require_writable

NAMES: dict[str, tuple[list[str], list[str]]] = {
    "as they are": (["conv1_maps.png", "層_maps.png"], ["conv1_maps.png", "層_maps.png"]),
    "paths": (["/etc/x_a.png", "..\\x_a.png"], ["_etc_x_a.png", "_x_a.png"]),
    "control characters": (["a\n\x1b[2J_b.png"], ["a___2J_b.png"]),
    "hidden": ([".a_b.png", "..."], ["a_b.png", "_"]),
    "equal in the end": (["a/b_c.png", "a:b_c.png", "A b_c.png", "A?b_c.png"],
                         ["a_b_c.png", "a_b_c-2.png", "A b_c.png", "A_b_c-3.png"]),
    "long": (["ü" * 300 + "_c.png"], ["ü" * 87 + "_c.png"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_names_of_files_lead_nowhere_else_and_differ(kind: str) -> None:
    wanted, names = NAMES[kind]
    assert distinct_names(wanted) == names


PLACES: dict[str, tuple[str, Callable[[Path], object], str | None]] = {
    "new": ("a.json", lambda path: None, None),
    "in new folders": ("new/folder/a.json", lambda path: None, None),
    "there": ("a.json", Path.touch, None),
    "a link": ("a.json", lambda path: path.symlink_to("b.json"), None),
    "below a file": ("in/the/way/a.json", lambda path: Path("in").touch(), "Not a directory"),
    "a folder": ("a.json", Path.mkdir, "it is a folder"),
    "a link to a folder": ("a.json", lambda path: path.symlink_to("."), "it is a folder"),
    "a pipe": ("a.json", os.mkfifo, "it is no ordinary file"),
    "a name that is too long": ("a" * 300, lambda path: None, "File name too long"),
}


@pytest.mark.parametrize("place", PLACES)
def test_where_nothing_can_be_written_is_known_before_it_is_tried(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, make, why = PLACES[place]
    make(Path(name))
    before = sorted(tmp_path.rglob("*"))
    if why is None:
        require_writable(Path(name), "The report", "--json")
    else:
        told = rf"^The report '{name}' cannot be written \({why}\); name another one with --json\.$"
        with pytest.raises(InputError, match=told):
            require_writable(Path(name), "The report", "--json")
    assert sorted(tmp_path.rglob("*")) == before
