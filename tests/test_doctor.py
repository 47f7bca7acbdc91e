"""The doctor finds this machine healthy, and names the mend when something is really broken."""

import sys
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from fmcore import doctor, fonts
from fmcore.doctor import Check, Finding, Trouble, examine, healthy

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """The findings of this very machine."""
    return examine(tmp_path_factory.mktemp("renders"))


def find(name: str, renders: Path) -> Finding:
    """Run the one check of that name."""
    (check,) = (check for check in doctor.CHECKS if check.name == name)
    return doctor._run(check, renders)


def test_this_machine_is_healthy(here: list[Finding]) -> None:
    assert healthy(here), [finding for finding in here if finding.ok is False]
    assert [finding.name for finding in here] == [check.name for check in doctor.CHECKS]


def test_a_mend_is_given_exactly_when_something_is_to_be_done(here: list[Finding]) -> None:
    for finding in here:
        assert bool(finding.mend) == (finding.ok is not True), finding
        assert finding.found


def test_names_the_torch_pair_and_its_device(here: list[Finding]) -> None:
    (pair,) = (finding.found for finding in here if finding.name == "torch and torchvision")
    assert f"torch {metadata.version('torch')}" in pair
    assert pair.endswith(("CPU", "CUDA"))


def test_leaves_the_renders_folder_as_it_was(tmp_path: Path) -> None:
    renders = tmp_path / "not" / "yet"
    assert find("renders folder", renders).ok
    assert find("disk space", renders).ok
    assert list(tmp_path.iterdir()) == []


def test_version_ranges_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, (lowest, below) in doctor.VERSION_RANGES.items():
        wanted = f">={'.'.join(map(str, lowest))},<{'.'.join(map(str, below))}"
        assert any(line.startswith(name) and line.endswith(wanted) for line in project["dependencies"])
    assert project["requires-python"] == f">={'.'.join(map(str, doctor.OLDEST_PYTHON))}"


def test_pinned_versions_lie_in_their_ranges() -> None:
    pins = dict(
        line.split()[0].split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    for name, (lowest, below) in doctor.VERSION_RANGES.items():
        assert lowest <= tuple(map(int, pins[name].split("."))) < below


# --- what breaks, and what is said then ----------------------------------------------------------------

Break = Callable[[pytest.MonkeyPatch, Path], None]


def _old_python(patch: pytest.MonkeyPatch, _: Path) -> None:
    patch.setattr(doctor.sys, "version_info", (3, 10, 12, "final", 0))


def _installed(name: str, version: str) -> Break:
    """Put the metadata of another version of `name` before the installed one, as a stray install does."""

    def do(patch: pytest.MonkeyPatch, folder: Path) -> None:
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        patch.syspath_prepend(str(folder))

    return do


def _broken_import(name: str, error: str = "raise ImportError('libmissing.so.2: cannot open it')") -> Break:
    """Put a module `name` that cannot be imported before the installed one."""

    def do(patch: pytest.MonkeyPatch, folder: Path) -> None:
        (folder / f"{name}.py").write_text(error + "\n")
        for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            patch.delitem(sys.modules, loaded)
        patch.syspath_prepend(str(folder))

    return do


def _no_font(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setattr(fonts, "font_file", lambda: folder / "DejaVuSans.ttf")


def _no_font_but_a_file(patch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "DejaVuSans.ttf").write_text("this is no font")
    _no_font(patch, folder)
    import manimpango

    patch.setattr(manimpango, "list_fonts", lambda: ["Some Other Font"])


def _no_encoder(patch: pytest.MonkeyPatch, _: Path) -> None:
    import av

    real = av.Codec
    patch.setattr(av, "Codec", lambda name, mode: real("h264_of_nobody" if name == "libx264" else name, mode))


@pytest.mark.parametrize(
    ("name", "breaks", "found", "mend"),
    [
        ("Python", _old_python, "3.10.12", "Install Python 3.11 or newer"),
        (
            "manim",
            _installed("manim", "0.23.0"),
            "0.23.0, where >=0.22,<0.23 is needed",
            "constraints.txt manim",
        ),
        (
            "manim",
            _installed("manim", "0.9.1"),
            "0.9.1, where >=0.22,<0.23 is needed",
            "constraints.txt manim",
        ),
        ("manim", _broken_import("manim"), "ImportError: libmissing.so.2", "constraints.txt manim"),
        (
            "Pillow",
            _installed("pillow", "13.0.0"),
            "13.0.0, where >=11,<13 is needed",
            "constraints.txt pillow",
        ),
        ("text", _broken_import("cairo"), "ImportError: libmissing.so.2", "libcairo2-dev"),
        ("text", _broken_import("manimpango"), "ImportError: libmissing.so.2", "brew install cairo pango"),
        ("fonts", _no_font, "there is no ", "constraints.txt matplotlib"),
        ("fonts", _no_font_but_a_file, "Pango does not take ", "constraints.txt matplotlib"),
        ("formulas", _broken_import("typst"), "ImportError: libmissing.so.2", "constraints.txt typst"),
        ("video", _no_encoder, "has no encoder libx264", "constraints.txt av"),
        ("video", _broken_import("av", "raise OSError"), "OSError: no message", "constraints.txt av"),
        ("bundles", _broken_import("safetensors"), "ImportError", "safetensors pydantic"),
        (
            "torch and torchvision",
            _broken_import("torch"),
            "ImportError",
            "constraints.txt torch torchvision",
        ),
    ],
)
def test_what_is_broken_is_found_with_its_mend(
    name: str, breaks: Break, found: str, mend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    breaks(monkeypatch, tmp_path)
    finding = find(name, tmp_path)
    assert finding.ok is False
    assert found in finding.found
    assert mend in finding.mend
    assert not healthy([finding])


def test_renders_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "renders").write_text("a file in the way")
    finding = find("renders folder", tmp_path / "renders")
    assert finding.ok is False
    assert "cannot write to" in finding.found
    assert "writable" in finding.mend


def _full_disk(patch: pytest.MonkeyPatch, _: Path) -> None:
    patch.setattr(doctor, "ROOM_GB", 1e9)


def _no_program(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("PATH", str(folder))


def _no_distribution(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setattr(sys, "path", [str(folder)])


def _no_gpu(patch: pytest.MonkeyPatch, _: Path) -> None:
    import torch

    patch.setattr(torch.cuda, "is_available", lambda: False)


def _data_unset(patch: pytest.MonkeyPatch, _: Path) -> None:
    patch.delenv("FMCORE_DATA", raising=False)


def _data_nowhere(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("FMCORE_DATA", str(folder / "nowhere"))


@pytest.mark.parametrize(
    ("name", "breaks", "found", "mend"),
    [
        ("disk space", _full_disk, "GB free", "Make room"),
        ("browser", _no_program, "none on the PATH", "Chromium"),
        ("cluster", _no_distribution, "distributed is not installed", "constraints.txt distributed"),
        ("GPU", _no_gpu, "torch runs on the CPU", "None is needed"),
        ("data sets", _data_unset, "FMCORE_DATA is not set", "set FMCORE_DATA"),
        ("data sets", _data_nowhere, "which is no folder", "set FMCORE_DATA"),
    ],
)
def test_what_is_optional_is_told_but_harms_no_one(
    name: str, breaks: Break, found: str, mend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    breaks(monkeypatch, tmp_path)
    finding = find(name, tmp_path)
    assert finding.ok is None
    assert found in finding.found
    assert mend in finding.mend
    assert healthy([finding])


def test_what_is_optional_and_there_is_ok(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    browser.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FMCORE_DATA", str(tmp_path))
    assert find("browser", tmp_path) == Finding("browser", True, str(browser), "")
    assert find("data sets", tmp_path).ok is True


def test_one_failure_hides_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def explode(_: Path) -> str:
        raise RuntimeError("first line\nsecond line")

    def missing(_: Path) -> str:
        raise Trouble("nothing there")

    table = (
        Check("bad", explode, "Mend it."),
        Check("absent", missing, "Get it.", required=False),
        Check("good", lambda _: "all of it", "Never said."),
    )
    monkeypatch.setattr(doctor, "CHECKS", table)
    assert examine(tmp_path) == [
        Finding("bad", False, "RuntimeError: first line", "Mend it."),
        Finding("absent", None, "nothing there", "Get it."),
        Finding("good", True, "all of it", ""),
    ]


def test_importing_the_doctor_imports_nothing_heavy() -> None:
    import subprocess

    heavy = "{'torch', 'manim', 'matplotlib', 'av', 'typst', 'cairo'}"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, fmcore.doctor; print(sorted({heavy} & sys.modules.keys()))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "[]"


def test_what_is_pinned_installs_on_the_oldest_python_in_use() -> None:
    """Debian 12 has 3.11.2, and some packages ask for a later 3.11."""
    pins = [line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    refused = []
    for name in pins:
        try:
            needs = metadata.metadata(name).get("Requires-Python")
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        if needs is not None and not SpecifierSet(needs).contains("3.11.2"):
            refused.append(f"{name} needs {needs}")
    assert refused == []
