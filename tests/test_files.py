"""Where files can be written, names that strangers' words become, and which files are never written over."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from fmcore.check.report import as_json, as_junit
from fmcore.cli import cli
from fmcore.errors import InputError
from fmcore.files import (
    BUNDLE,
    CHECKPOINT,
    FINDINGS,
    JUNIT,
    PAGE,
    TRANSLATION,
    Kind,
    distinct_names,
    published,
    read_limited,
    require_replaceable,
    require_writable,
    sweep,
)
from fmcore.lesson.record import read_record
from fmcore.lesson.words import words_file
from fmcore.page.document import assets

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


def tensors(key: str) -> Callable[[Path], object]:
    return lambda path: save_file({"w": np.zeros(3, np.float32)}, str(path), {key: "{}"} if key else None)


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content, encoding="utf-8")


WRITTEN: dict[str, tuple[Kind | None, Callable[[Path], object]]] = {  # files, and of which of our kinds they are
    "a bundle": (BUNDLE, tensors("fmcore")),
    "a checkpoint": (CHECKPOINT, tensors("fmcore-checkpoint")),
    "weights of one's own": (None, tensors("")),
    "a page": (PAGE, text(assets().template.replace("{{csp}}", "default-src 'none'; script-src 'sha256-a'"))),
    "a page of one's own": (None, text("<!doctype html>\n<html><body>My school</body></html>")),
    "findings": (FINDINGS, text(as_json([], [], {}))),
    "other JSON": (None, text('{"name": "of a package"}')),
    "JUnit": (JUNIT, text(as_junit([], [], {}, whole_lesson=True))),
    "JUnit of pytest": (JUNIT, text('<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"/>')),
    "other XML": (None, text('<?xml version="1.0"?><project/>')),
    "a translation": (TRANSLATION, text(words_file("de", ",", [("Quick", ["Say this."])], {}))),
    "a plan": (None, text('title = "T"\n[bundles.a]\n')),
    "a program": (None, text("import sys\n")),
    "notes": (None, text("# Notes\n")),
}


@pytest.mark.parametrize("kind", [BUNDLE, CHECKPOINT, PAGE, FINDINGS, JUNIT, TRANSLATION], ids=lambda kind: kind.name)
@pytest.mark.parametrize("there", WRITTEN)
def test_a_file_is_replaced_by_its_own_kind_alone(there: str, kind: Kind, tmp_path: Path) -> None:
    own, write = WRITTEN[there]
    write(tmp_path / "there")
    if own is kind:
        require_replaceable(tmp_path / "there", kind, "--output")
    else:
        with pytest.raises(InputError, match=f"there' is there already and is no {kind.name}; name another .* --outp"):
            require_replaceable(tmp_path / "there", kind, "--output")


def test_what_is_not_there_or_empty_can_be_written_and_a_folder_cannot(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("new", "empty"):
        require_replaceable(tmp_path / name, PAGE, "--output")
    with pytest.raises(InputError, match=" is a folder, where a page of fmcore was to be written; name a file for --"):
        require_replaceable(tmp_path, PAGE, "--output")


def test_what_a_process_of_ours_left_is_removed_although_it_may_not_have_died_yet(tmp_path: Path) -> None:
    alive = [f".{name}.{pid}.part" for name in ("net", "other.net") for pid in (os.getpid(), os.getppid())]
    for name in alive:
        (tmp_path / name).touch()
    sweep(tmp_path, "net")
    assert {path.name for path in tmp_path.iterdir()} == set(alive)
    sweep(tmp_path, "net", [os.getpid()])
    assert {path.name for path in tmp_path.iterdir()} == set(alive[1:])


def test_what_a_killed_process_left_of_a_file_goes_when_it_is_written_again(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    spared = [f".net.{os.getppid()}.part", f".other.net.{ended.pid}.part", f".net.{ended.pid}.d"]
    for name in (f".net.{ended.pid}.part", *spared):
        (tmp_path / name).touch()
    os.utime(tmp_path / f".net.{ended.pid}.part", (0, 0))
    late = subprocess.Popen([sys.executable, "-c", ""])
    late.wait()
    (tmp_path / f".net.{late.pid}.part").touch()  # in a folder that machines share, it may be another's that lives
    with published(tmp_path / "net") as temporary:
        temporary.write_text("all")
    assert {path.name for path in tmp_path.iterdir()} == {"net", f".net.{late.pid}.part", *spared}


def test_what_cannot_be_removed_hinders_nobody(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".net.{ended.pid}.part").mkdir()  # as a file of somebody else's, in a folder that is shared
    with published(tmp_path / "net") as temporary:
        temporary.write_text("all")
    assert (tmp_path / "net").read_text() == "all"
    sweep(tmp_path / "not there")


def test_a_full_disk_is_told_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "fr.toml"
    with pytest.raises(OSError) as told, published(path):
        raise OSError(errno.ENOSPC, "No space left on device")  # as a write says it
    assert told.value.filename == str(path) and list(tmp_path.iterdir()) == []


ENDLESS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a device that is empty": lambda path: path.symlink_to("/dev/null"),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_may_have_no_end_is_not_read(kind: str, tmp_path: Path) -> None:
    ENDLESS[kind](tmp_path / "a")
    with pytest.raises(OSError, match="it is no ordinary file") as told:
        read_limited(tmp_path / "a", 9)
    assert told.value.filename == str(tmp_path / "a")


def test_a_record_that_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "lesson.json").symlink_to("/dev/null")
    told = r"^'.*lesson\.json' cannot be read \(it is no ordinary file\); make the lesson again\.$"
    with pytest.raises(InputError, match=told):
        read_record(tmp_path)


def test_of_a_long_file_one_byte_more_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "link"):
        assert [len(read_limited(tmp_path / name, most)) for most in (4, 10, 11)] == [5, 10, 10]
    with pytest.raises(IsADirectoryError):
        read_limited(tmp_path, 9)


@pytest.mark.parametrize(
    "command",
    ["record --output", "train --output", "page gone --output", "check gone --json", "check --junit", "smoke --junit",
     "words"],
)  # fmt: skip
def test_no_verb_writes_over_what_it_did_not_make(command: str, tmp_path: Path) -> None:
    source = tmp_path / "film.py"
    source.write_text("import manim\n")
    found = CliRunner().invoke(cli, [*command.split(), str(source)])
    assert found.exit_code == 2
    assert f"'{source}' is there already and is no " in found.output and "or move it away." in found.output
    assert source.read_text() == "import manim\n"
