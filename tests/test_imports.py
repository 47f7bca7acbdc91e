"""Who may import whom, as a table: the design of the house, checked without running it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from fmcore.made_of import _COMPUTED_BY
from fmcore.render.sources import _PAINTERS

ROOT = Path(__file__).parents[1]
FILES = sorted(p.relative_to(ROOT).as_posix() for room in ("fmcore", "scenes") for p in (ROOT / room).rglob("*.py"))

NUMBERS = {"numpy", "scipy", "pydantic", "safetensors"}
PICTURES = {"PIL", "matplotlib"}
LEARNING = {"torch", "torchvision"}
DRAWING = {"manim", "manimpango"}
HEAVY = LEARNING | DRAWING | PICTURES | NUMBERS | {"av", "cairo", "rich", "typst"}

RECORDS = {"fmcore.header", "fmcore.bundle", "fmcore.errors"}
PURE = RECORDS | {"fmcore.analysis", "fmcore.lesson", "fmcore.colour"}
TORCH_ROOMS = {
    f"fmcore.{name}"
    for name in (
        "models", "model_input", "model_source", "factories", "weights", "training", "checkpoint", "parallel",
        "running", "tracing", "stages", "flow", "listening", "geometry", "fields", "field_rules", "recording",
        "measuring", "image_parts", "channel_sums", "probing", "patches", "gradcam", "torch_pair",
    )
}  # fmt: skip
BY_TORCH_ROOMS = (
    RECORDS
    | {"fmcore.cores", "fmcore.files", "fmcore.data", "fmcore.analysis", "fmcore.class_names", "fmcore.lesson.plan"}
    | TORCH_ROOMS
)
IN_WORDS = {
    f"fmcore.{name}"
    for name in ("tables", "findings", "layer_report", "place_report", "inspection", "comparison", "json_report")
}  # fmt: skip
IN_FIGURES = {"fmcore.figures", "fmcore.layer_figures", "fmcore.comparison_figures"}
TOLD = PURE | {"fmcore.choices", "fmcore.files"}
BY_FIGURES = TOLD | IN_FIGURES | {"fmcore.fonts"}
BY_SCENES = PURE | {"fmcore.fonts", "scenes.look", "scenes.parts"}


@dataclass(frozen=True)
class Room:
    """What the files of one pattern may import at their top, and what only inside functions."""

    files: str
    others: set[str]  # top-level names of other people's packages
    own: set[str]  # our modules and packages
    lazily: set[str] | None = None  # both kinds, added inside function bodies; None allows everything there


ANYTHING = None
NOTHING: set[str] = set()

ROOMS = [  # the first row that fits a file counts
    Room("fmcore/__init__.py", NOTHING, NOTHING, NOTHING),
    Room("fmcore/__main__.py", NOTHING, {"fmcore.cli"}, NOTHING),
    Room("fmcore/errors.py", {"click"}, NOTHING, NOTHING),
    Room("fmcore/files.py", NOTHING, {"fmcore.errors"}, NOTHING),
    Room("fmcore/lifeline.py", NOTHING, NOTHING, NOTHING),
    Room("fmcore/cores.py", NOTHING, NOTHING, NOTHING),
    Room("fmcore/header.py", {"pydantic"}, NOTHING, NOTHING),
    Room("fmcore/contents.py", NUMBERS, {"fmcore.header"}, NOTHING),
    Room("fmcore/bundle.py", NUMBERS, {"fmcore.header", "fmcore.contents", "fmcore.errors", "fmcore.files"}, NOTHING),
    Room("fmcore/fonts.py", NOTHING, NOTHING, {"matplotlib"}),
    Room("fmcore/colour.py", {"numpy"}, NOTHING, {"matplotlib"}),
    Room("fmcore/analysis/*.py", NUMBERS, {"fmcore.analysis"} | RECORDS, NOTHING),
    Room("fmcore/lesson/*.py", NUMBERS, {"fmcore.lesson", "fmcore.colour", "fmcore.files"} | RECORDS, NOTHING),
    Room(
        "fmcore/data/*.py",
        {"numpy", "PIL", "platformdirs"},
        {"fmcore.data", "fmcore.files"} | RECORDS,
        LEARNING | {"fmcore.torch_pair"},
    ),
    Room("fmcore/class_names.py", {"numpy"}, {"fmcore.data"} | PURE, NOTHING),
    *(Room(f"{room.replace('.', '/')}.py", LEARNING | NUMBERS, BY_TORCH_ROOMS, NOTHING) for room in TORCH_ROOMS),
    Room(
        "fmcore/check/*.py",
        {"numpy", "pydantic", "PIL", "av", "rich"},
        PURE | {"fmcore.files", "fmcore.fonts", "fmcore.check"},
        NOTHING,
    ),
    Room(
        "fmcore/page/*.py",
        {"numpy", "pydantic"},
        TOLD | {"fmcore", "fmcore.page", "fmcore.reporter"},
        NOTHING,
    ),
    Room("fmcore/choices.py", {"numpy"}, PURE, NOTHING),
    *(
        Room(f"{room.replace('.', '/')}.py", {"numpy", "matplotlib"}, TOLD | IN_FIGURES | {"fmcore.fonts"}, NOTHING)
        for room in IN_FIGURES
    ),
    *(Room(f"{room.replace('.', '/')}.py", {"numpy", "rich"}, TOLD | IN_WORDS, NOTHING) for room in IN_WORDS),
    Room("fmcore/terminal.py", {"rich"}, {"fmcore.reporter", "fmcore.tables"}, NOTHING),
    Room(
        "fmcore/watching.py",
        {"click", "watchdog"},
        {"fmcore.errors", "fmcore.lesson", "fmcore.render", "fmcore.reporter"},
        NOTHING,
    ),
    Room("fmcore/reporter.py", NOTHING, NOTHING, {"fmcore.terminal"}),
    Room("fmcore/made_of.py", NOTHING, PURE | {"fmcore.data.fingerprint", "fmcore.files"}, NOTHING),
    Room(
        "fmcore/prepare.py",
        NOTHING,
        PURE | {"fmcore.files", "fmcore.lifeline", "fmcore.made_of", "fmcore.reporter"},
        LEARNING | TORCH_ROOMS | {"fmcore.data"},
    ),
    Room(
        "fmcore/render/*.py",
        DRAWING
        | NUMBERS
        | {"av", "cairo", "filelock", "PIL", "rich", "svgelements", "tqdm"},  # what manim draws with, too
        PURE
        | {
            "fmcore",
            "fmcore.cores",
            "fmcore.files",
            "fmcore.fonts",
            "fmcore.lifeline",
            "fmcore.page.companions",
            "fmcore.prepare",
            "fmcore.render",
            "fmcore.reporter",
        },
        {"dask", "distributed", "matplotlib"},
    ),
    Room(
        "fmcore/checking.py",
        {"numpy", "PIL", "pydantic"},
        TOLD | {"fmcore.check", "fmcore.cores", "fmcore.render", "fmcore.reporter"},
        NOTHING,
    ),
    Room("fmcore/claims_report.py", {"rich"}, PURE | {"fmcore.tables"}, NOTHING),
    Room("fmcore/cli_*.py", {"click"}, {"fmcore.errors", "fmcore.files", "fmcore.options"}, ANYTHING),
    Room(
        "fmcore/options.py",
        {"click"},
        {"fmcore.errors", "fmcore.files"},
        {"fmcore.lesson.plan", "fmcore.lesson.words", "fmcore.render.catalogue"},
    ),
    Room(
        "fmcore/cli.py",
        {"click"},
        {"fmcore", "fmcore.errors", "fmcore.files", "fmcore.options"}
        | {f"fmcore.cli_{name}" for name in ("check", "inspect", "page", "render", "voice", "words")},
        ANYTHING,
    ),
    Room("fmcore/doctor.py", NOTHING, {"fmcore.errors"}, ANYTHING),
    Room("scenes/parts/outlines.py", DRAWING | {"numpy"}, {"fmcore.fonts"}, {"matplotlib"}),
    Room(
        "scenes/parts/text.py",
        DRAWING | {"numpy", "PIL"},
        {"fmcore.fonts", "fmcore.lesson.words", "scenes.look", "scenes.parts"},
        NOTHING,
    ),
    Room("scenes/parts/*.py", DRAWING | {"numpy", "PIL"}, BY_SCENES - {"fmcore.lesson"}, NOTHING),
    Room("scenes/look.py", DRAWING | {"numpy"}, {"fmcore.colour", "fmcore.fonts", "fmcore.lesson.theme"}, {"typst"}),
    Room("scenes/ledger.py", DRAWING | {"numpy"}, BY_SCENES, NOTHING),
    Room("scenes/unproved.py", {"numpy"}, {"fmcore.analysis", "fmcore.lesson"}, NOTHING),
    Room("scenes/options.py", {"pydantic"}, {"fmcore.errors"}, NOTHING),
    Room(
        "scenes/stage.py",
        DRAWING | {"numpy"},
        BY_SCENES | {"fmcore.choices", "scenes.ledger", "scenes.options", "scenes.unproved"},
        NOTHING,
    ),
    Room("scenes/lessons/*.py", NOTHING, NOTHING, NOTHING),
    Room("scenes/words/*.py", NOTHING, NOTHING, NOTHING),
    Room("scenes/*.py", DRAWING | {"numpy", "pydantic"}, BY_SCENES | {"scenes.stage"}, NOTHING),
]


@dataclass(frozen=True)
class Import:
    line: int
    module: str
    in_function: bool
    star: bool = False


def imports_of(path: Path) -> Iterator[Import]:
    def walk(node: ast.AST, in_function: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(child.lineno, alias.name, in_function) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                module = "." * child.level + (child.module or "")
                for alias in child.names:
                    inner = ROOT.joinpath(*module.split("."), alias.name)
                    is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                    name = f"{module}.{alias.name}" if is_module else module
                    yield Import(child.lineno, name, in_function, alias.name == "*")
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, in_function or inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), False)


def room_of(file: str) -> Room | None:
    return next((room for room in ROOMS if fnmatch(file, room.files)), None)


def allows(names: set[str], module: str) -> bool:
    if module.startswith(("fmcore", "scenes")):  # "fmcore" allows its version, not every room in it
        return any(module == name or (name != "fmcore" and module.startswith(f"{name}.")) for name in names)
    return module.partition(".")[0] in names


@pytest.mark.parametrize("file", FILES)
def test_every_file_keeps_to_its_room(file: str) -> None:
    room = room_of(file)
    assert room is not None, f"{file} is in no room: add a row to ROOMS that says what it may import"
    for found in imports_of(ROOT / file):
        where = f"{file}:{found.line} imports {found.module}"
        assert not found.star, f"{where} with a star: name what is used"
        if found.module.partition(".")[0] in sys.stdlib_module_names:
            continue
        if found.in_function and room.lazily is ANYTHING:
            assert not found.module.startswith("scenes"), f"{where}: scenes are found by name"
            continue
        allowed = room.others | room.own | ((room.lazily or NOTHING) if found.in_function else NOTHING)
        assert allows(allowed, found.module), f"{where}: {room.files} may import {', '.join(sorted(allowed))}"


def test_no_row_lets_torch_or_a_scene_in_where_the_design_forbids_it() -> None:
    for room in ROOMS:
        everything = room.others | room.own | (room.lazily or NOTHING)
        if room.files.startswith("fmcore/"):
            assert not any(name.startswith("scenes") for name in everything), room.files
        if room.files.startswith(("scenes/", "fmcore/analysis", "fmcore/lesson", "fmcore/bundle", "fmcore/render")):
            assert not everything & (LEARNING | TORCH_ROOMS), room.files
        if room.files.startswith(
            tuple(f"fmcore/{name}" for name in ("analysis", "lesson", "bundle", "header", "errors"))
        ):
            assert not everything & DRAWING, room.files


def test_whatever_decides_the_numbers_of_a_bundle_is_in_its_recipe() -> None:
    found, ahead = set(), ["fmcore.recording", "fmcore.training", "fmcore.data.folder", "fmcore.data.torchvision_sets"]
    while ahead:
        module = ahead.pop()
        found.add(module)
        file = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        for one in imports_of(file) if file.is_file() else ():
            ahead += [one.module] if one.module.startswith("fmcore") and one.module not in found else []
    written, chosen = (
        RECORDS | {"fmcore.contents", "fmcore.cores", "fmcore.files"},
        {"fmcore.lesson.plan", "fmcore.lesson.toml_file", "fmcore.torch_pair"},
    )
    kept = {f"fmcore.{name.replace('/', '.')}".removesuffix(".__init__") for name in _COMPUTED_BY}
    # drawn garments are digested as image contents
    assert {name for name in found - written - chosen if not name.startswith("fmcore.data.garment")} <= kept


def test_whatever_paints_is_in_the_key_of_the_pictures() -> None:
    found, ahead = set(), ["worker", "camera", "encoder"]
    while ahead:
        module = ahead.pop()
        found.add(module)
        for one in imports_of(ROOT / "fmcore" / "render" / f"{module}.py"):
            head, _, name = one.module.rpartition(".")
            ahead += [name] if head == "fmcore.render" and name not in found else []
    paints_nothing = {"patience", "run", "sound", "spec", "state", "cache", "catalogue", "cuts"}
    assert found - paints_nothing <= set(_PAINTERS)


def modules_of(*patterns: str) -> list[str]:
    found = [file for file in FILES if any(fnmatch(file, pattern) for pattern in patterns)]
    return [file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in found]


@pytest.mark.parametrize(
    ("modules", "kept_out"),
    [
        (["fmcore.cli"], HEAVY),
        (["fmcore.doctor"], HEAVY),
        (
            modules_of("fmcore/[beh]*.py", "fmcore/colour.py", "fmcore/analysis/*", "fmcore/lesson/*"),
            LEARNING | DRAWING,
        ),
        (modules_of("fmcore/data/*"), LEARNING | DRAWING),
        (modules_of("fmcore/prepare.py", "fmcore/reporter.py"), LEARNING | DRAWING | {"rich"}),
        (["fmcore.render.lesson"], LEARNING | DRAWING | {"scipy", "rich"}),
        (modules_of("scenes/*.py", "scenes/parts/*.py"), LEARNING),
    ],
    ids=["cli", "doctor", "pure rooms", "data", "prepare", "a lesson with nothing to do", "scenes"],
)
def test_what_importing_leaves_out(modules: list[str], kept_out: set[str]) -> None:
    code = f"import sys, {', '.join(modules)}\nprint(*sorted({kept_out!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert run.stdout.split() == []
