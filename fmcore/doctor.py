"""Find out whether this machine can make a lesson, and how to mend what is missing.

`CHECKS` is a table: a name, a function that says what it found or raises, and the sentence that mends
it. Every check really does what a lesson will ask for, in miniature: it draws a text, compiles a
formula, opens the encoder. Heavy packages (torch among them) are imported inside the checks, so that
one broken import becomes one finding and hides none of the others.
"""

import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

OLDEST_PYTHON = (3, 11)
# [from, below): the two packages whose next version is known to break ours; pyproject.toml says the same.
VERSION_RANGES = {"manim": ((0, 22), (0, 23)), "pillow": ((11,), (13,))}
ROOM_GB = 1.0  # a lesson with its rendered segments takes a few hundred MB
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was looked at.
        ok: True when it works, False when a lesson cannot be made without it, None when it is optional
            and not there.
        found: What is there, or what went wrong.
        mend: What to do about it, as a sentence; empty when there is nothing to do.
    """

    name: str
    ok: bool | None
    found: str
    mend: str


class Trouble(Exception):
    """What a check found instead of what it looked for."""


@dataclass(frozen=True)
class Check:
    """One row of the table: `look` gets the renders folder and returns what it found, or raises."""

    name: str
    look: Callable[[Path], str]
    mend: str
    required: bool = True


def examine(renders: Path) -> list[Finding]:
    """Run every check, in the order of the table.

    Args:
        renders: The folder that lessons are written to. It need not exist, and is not made.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a package that warns about a program we do not use is no finding
        return [_run(check, renders) for check in CHECKS]


def healthy(findings: list[Finding]) -> bool:
    """Whether a lesson can be made: everything required works."""
    return all(finding.ok is not False for finding in findings)


def _run(check: Check, renders: Path) -> Finding:
    try:
        return Finding(check.name, True, check.look(renders), "")
    except Trouble as trouble:
        found = str(trouble)
    except Exception as error:  # a broken wheel can raise anything while it is imported
        first_line = (str(error).strip() or "no message").splitlines()[0]
        found = f"{type(error).__name__}: {first_line}"
    return Finding(check.name, False if check.required else None, found, check.mend)


# --- what a lesson needs -------------------------------------------------------------------------------


def _python(_: Path) -> str:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise Trouble(found)
    return found


def _version(distribution: str) -> str:
    """The installed version, where it lies in the range that is known to work."""
    lowest, below = VERSION_RANGES[distribution]
    found = metadata.version(distribution)
    release = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if not lowest <= release < below:
        wanted = f">={'.'.join(map(str, lowest))},<{'.'.join(map(str, below))}"
        raise Trouble(f"{found}, where {wanted} is needed")
    return found


def _manim(_: Path) -> str:
    found = _version("manim")
    import_module("manim")
    return found


def _pillow(_: Path) -> str:
    found = _version("pillow")
    import_module("PIL.Image")
    return found


def _torch(_: Path) -> str:
    import torch

    from fmcore import torch_pair

    vision = torch_pair.torchvision()
    pair = f"torch {torch.__version__}, torchvision {vision.__version__}"
    mended = " (its operators declared by fmcore)" if torch_pair._declared else ""
    device = "CUDA" if torch.cuda.is_available() else "CPU"
    return f"{pair}{mended}, on {device}"


def _text(_: Path) -> str:
    """Draw a word as manim's `Text` does, into a file that goes away again."""
    import cairo
    import manimpango

    with tempfile.TemporaryDirectory() as folder:
        svg_path = Path(folder) / "word.svg"
        word = manimpango.TextSetting(0, 4, "DejaVu Sans", "NORMAL", "NORMAL")
        manimpango.text2svg([word], 20, 1, False, str(svg_path), 0, 0, 200, 100, "maps")
        if "<path" not in svg_path.read_text(encoding="utf-8"):
            raise Trouble("Pango drew a word without a single glyph")
    return f"Pango {manimpango.pango_version()}, Cairo {cairo.cairo_version_string()}"


def _font(_: Path) -> str:
    import manimpango

    from fmcore.fonts import NAME, font_file

    path = font_file()
    if not path.is_file():
        raise Trouble(f"there is no {path}")
    if not manimpango.register_font(str(path)) or NAME not in manimpango.list_fonts():
        raise Trouble(f"Pango does not take {path}")
    return f"{NAME}, from matplotlib"


def _formula(_: Path) -> str:
    import typst

    svg = typst.compile(b"$ phi(W_k * x + b_k) $", format="svg", ignore_system_fonts=True)
    if not svg or b"<path" not in (svg if isinstance(svg, bytes) else svg[0]):
        raise Trouble("Typst compiled a formula to an empty picture")
    return f"Typst {metadata.version('typst')}"


def _video(_: Path) -> str:
    import av

    lacking = []
    for codec in ("libx264", "mov_text"):
        try:
            av.Codec(codec, "w")
        except ValueError:
            lacking.append(codec)
    if lacking:
        raise Trouble(f"PyAV {av.__version__} has no encoder {' and no encoder '.join(lacking)}")
    return f"PyAV {av.__version__} with libx264 and mov_text"


def _bundle(_: Path) -> str:
    import_module("safetensors.numpy")
    import pydantic

    return f"safetensors {metadata.version('safetensors')}, pydantic {pydantic.VERSION}"


def _renders(renders: Path) -> str:
    folder = _nearest_folder(renders)
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"fmcore")
    except OSError as error:
        raise Trouble(f"cannot write to {folder}: {error.strerror}") from error
    return f"{renders} can be written"


# --- what makes more possible --------------------------------------------------------------------------


def _room(renders: Path) -> str:
    free_gb = shutil.disk_usage(_nearest_folder(renders)).free / 1e9
    if free_gb < ROOM_GB:
        raise Trouble(f"{free_gb:.1f} GB free")
    return f"{free_gb:.0f} GB free"


def _gpu(_: Path) -> str:
    import torch

    if not torch.cuda.is_available():
        raise Trouble("none; torch runs on the CPU")
    return str(torch.cuda.get_device_name())


def _browser(_: Path) -> str:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise Trouble("none on the PATH")
    return path


def _cluster(_: Path) -> str:
    try:
        return f"Dask distributed {metadata.version('distributed')}"
    except metadata.PackageNotFoundError:
        raise Trouble("Dask distributed is not installed") from None


def _data(_: Path) -> str:
    named = os.environ.get("FMCORE_DATA", "")
    if not named:
        raise Trouble("FMCORE_DATA is not set")
    if not Path(named).is_dir():
        raise Trouble(f"FMCORE_DATA names {named}, which is no folder")
    return named


def _nearest_folder(path: Path) -> Path:
    """`path`, or the nearest folder above it that is there."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


# --- the table -----------------------------------------------------------------------------------------


def _reinstall(*packages: str) -> str:
    return (
        "Run in the checkout: python -m pip install --force-reinstall --no-deps -c constraints.txt "
        f"{' '.join(packages)}"
    )


CHECKS = (
    Check(
        "Python",
        _python,
        "Install Python 3.11 or newer, then run: make clean && make PYTHON=/path/to/python3.11",
    ),
    Check("manim", _manim, _reinstall("manim")),
    Check("Pillow", _pillow, _reinstall("pillow")),
    Check("torch and torchvision", _torch, _reinstall("torch", "torchvision")),
    Check("fonts", _font, _reinstall("matplotlib")),
    Check(
        "text",
        _text,
        "Install the libraries (Debian, Ubuntu: sudo apt-get install gcc libc6-dev pkg-config libcairo2-dev "
        "libpango1.0-dev python3-dev; macOS: brew install cairo pango pkg-config). "
        + _reinstall("pycairo", "ManimPango"),
    ),
    Check("formulas", _formula, _reinstall("typst")),
    Check("video", _video, _reinstall("av")),
    Check("bundles", _bundle, _reinstall("safetensors", "pydantic", "pydantic_core")),
    Check("renders folder", _renders, "Make the folder writable for yourself, or name another one."),
    Check(
        "disk space",
        _room,
        f"A lesson wants {ROOM_GB:.0f} GB. Make room; the folder cache/ among the renders is safe to delete.",
        required=False,
    ),
    Check(
        "GPU",
        _gpu,
        "None is needed. With an NVIDIA GPU, install a CUDA build of the same torch version.",
        required=False,
    ),
    Check(
        "browser",
        _browser,
        "Only to try the page of a lesson: install Chromium or Chrome.",
        required=False,
    ),
    Check(
        "cluster",
        _cluster,
        "Only to render on several machines: python -m pip install -c constraints.txt distributed",
        required=False,
    ),
    Check(
        "data sets",
        _data,
        "Only for data sets of your own or without a network: set FMCORE_DATA to the folder that holds them.",
        required=False,
    ),
)
