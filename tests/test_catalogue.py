"""Scenes are found by reading their sources: nothing is imported, nothing is executed."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmcore.errors import InputError
from fmcore.render.catalogue import SceneRef, find_scene, list_scenes
from fmcore.render.sources import Sources, _parsed

ROOT = Path(__file__).parent.parent


def write(path: Path, code: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")
    return path


def test_the_built_in_scenes_are_listed() -> None:
    refs = {ref.name: ref for ref in list_scenes()}
    assert {"FeatureMapDemo", "MultipleFeatureMaps", "ActivationHeatmap", "FeatureMapProgression"} <= set(refs)
    for ref in refs.values():
        assert ref.title and ref.summary.endswith(".") and ref.path.is_file()
        assert find_scene(ref.name) == ref
    assert refs["ActivationHeatmap"].module == "scenes.activation_heatmap"


TWO = '''
import manim
class First(manim.Scene):
    """What it shows.

    More about it.
    """
    title = "One"
class Second(manim.Scene):
    pass
class Helper:
    pass
'''


def test_a_scene_is_found_in_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "my.scenes" / "two.py", TWO)
    first, second = find_scene(f"{path}:First"), find_scene(f"{path}:Second")
    assert (first.name, first.path, first.module, first.title, first.summary) == (
        "First", path, None, "One", "What it shows.",
    )  # fmt: skip
    assert (second.title, second.summary) == ("Second", "")


def test_a_file_with_one_scene_needs_no_class_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "one.py", "import manim\nclass Only(manim.Scene):\n    pass\n")
    monkeypatch.chdir(tmp_path)
    assert find_scene("one.py") == find_scene("one.py:Only") == find_scene(str(path))
    assert find_scene("one.py").path.is_absolute()


FAULTS: dict[str, tuple[str | None, str, str]] = {
    "no file": (None, "gone.py:A", "There is no scene file 'gone.py'; name one as path/to/file.py:ClassName"),
    "no file and no class": (None, "gone.py", "There is no scene file 'gone.py'"),
    "unknown class": (
        TWO,
        "film.py:Frist",
        "There is no scene 'Frist'; choose one of: First, Second. Did you mean 'Fi",
    ),
    "which class": (TWO, "film.py", "There is no scene 'film.py'; choose one of: First, Second. Name one as film.py:C"),
    "which class, with a colon": (
        TWO,
        "film.py:",
        "There is no scene file 'film.py:'; name one as path/to/file.py:ClassName",
    ),
    "no class": ("x = 1\n", "film.py:A", "'film.py' defines no class. Name one as film.py:ClassName"),
    "no Python": ("\nclass A(:\n", "film.py:A", r"film.py' is not valid Python: .*\(film.py, line 2\); mend it first"),
    "a null byte": ("x = '\0'\n", "film.py:A", "film.py' is not valid Python: .*; mend it first"),
    "unknown name": (None, "ActivationHeatMap", "There is no scene 'ActivationHeatMap'; .*mean 'ActivationHeatmap'"),
    "empty": (None, "", "There is no scene ''; choose one of"),
    "a module": (None, "scenes.activation_heatmap:ActivationHeatmap", "There is no scene 'scenes.act"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_cannot_be_found_is_a_sentence(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, wanted, sentence = FAULTS[case]
    monkeypatch.chdir(tmp_path)
    if code is not None:
        write(tmp_path / "film.py", code)
    with pytest.raises(InputError, match=sentence):
        find_scene(wanted)


def test_a_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "film.py").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="is not valid Python"):
        find_scene(f"{tmp_path}/film.py:A")


def test_nothing_is_executed(tmp_path: Path) -> None:
    bad = f"open({str(tmp_path / 'executed')!r}, 'w')\n"
    write(tmp_path / "neighbour.py", bad)
    path = write(tmp_path / "film.py", f"import neighbour\n{bad}class A(neighbour.B):\n    title = 'A'\n")
    ref = find_scene(f"{path}:A")
    assert source_files(ref) == [path, tmp_path / "neighbour.py"]
    assert not (tmp_path / "executed").exists()
    assert "neighbour" not in sys.modules


def source_files(ref: SceneRef) -> list[Path]:
    return Sources(Path("no memo")).files(ref)


def test_of_every_source_only_the_version_that_stands_there_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, parsed = tmp_path / "cache", []
    monkeypatch.setattr("fmcore.render.sources._parsed", lambda content: parsed.append(content) or _parsed(content))

    def remembered(path: Path) -> set[str]:
        """Which of all versions are, after a run over the scene in `path`."""
        sources = Sources(cache)
        sources.digests(find_scene(f"{path}:A"))
        sources.keep()
        memo = (cache / "sources.json").read_text(encoding="utf-8")
        return {code for code in versions if hashlib.sha256(code.encode()).hexdigest() in memo}

    versions = {f"class A(B):\n    side = {number}\n" for number in range(5)}
    first, second, third, *others = sorted(versions)
    one, other = write(tmp_path / "one.py", first), write(tmp_path / "other.py", others[0])
    assert remembered(other) | remembered(one) == {first, others[0]}  # a plan leaves those of another one
    for code in (second, third, second):
        assert remembered(write(one, code)) == {code, others[0]}
    parsed.clear()
    assert remembered(one) == remembered(other) == {second, others[0]} and not parsed
    other.unlink()
    assert remembered(write(one, first)) == {first}


def names(files: list[Path]) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in files}


def test_the_sources_of_a_scene_are_what_it_draws_with() -> None:
    found = names(source_files(find_scene("ActivationHeatmap")))
    assert {
        "scenes/activation_heatmap.py",
        "scenes/stage.py",
        "scenes/look.py",
        "scenes/parts/feature_map.py",
        "scenes/parts/picture.py",
        "scenes/parts/text.py",
        "fmcore/analysis/channels.py",
        "fmcore/header.py",
        "fmcore/bundle.py",
        "fmcore/colour.py",
        "fmcore/lesson/script.py",
    } <= found
    assert not {"scenes/feature_map_demo.py", "scenes/parts/channel_stack.py", "fmcore/cli.py"} & found
    assert not any("training" in name or "models" in name for name in found)


def test_imports_of_every_kind_are_followed(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "unused"):
        write(tmp_path / "kit" / f"{name}.py", "x = 1\n")
    write(tmp_path / "kit" / "__init__.py", "from . import d\n")
    write(tmp_path / "near.py", "import near\nfrom kit import b\n")  # a circle does no harm
    code = "import os, kit.a\nimport near\nclass A(B):\n    def construct(self):\n        from kit.c import x\n"
    path = write(tmp_path / "film.py", code)
    found = source_files(find_scene(f"{path}:A"))
    assert {path.relative_to(tmp_path).as_posix() for path in found} == {
        "film.py", "near.py", "kit/__init__.py", "kit/a.py", "kit/b.py", "kit/c.py", "kit/d.py",
    }  # fmt: skip


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package `other_scenes` that offers scenes."""
    package = tmp_path / "site" / "other_scenes"
    write(package / "__init__.py", "from pathlib import Path\n(Path(__file__).parent / 'executed').touch()\n")
    write(package / "helper.py", "x = 1\n")
    code = "from other_scenes.helper import x\nfrom .more import y\nfrom scenes.stage import LessonScene\n"
    write(package / "film.py", code + 'class Own(LessonScene):\n    """Own."""\n    title = "Own"\n')
    write(package / "more.py", 'class Alone(Own):\n    title = "Alone"\n')
    info = tmp_path / "site" / "other_scenes-1.0.dist-info"
    write(info / "METADATA", "Metadata-Version: 2.1\nName: other-scenes\nVersion: 1.0\n")
    write(info / "entry_points.txt", "[fmcore.scenes]\nother = other_scenes\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield package
    for name in [name for name in sys.modules if name.startswith("other_scenes")]:
        del sys.modules[name]


def test_another_package_adds_its_scenes(plugin: Path) -> None:
    refs = list_scenes()
    assert [ref.name for ref in refs][-2:] == ["Own", "Alone"]
    own = find_scene("Own")
    assert (own.path, own.module, own.title) == (plugin / "film.py", "other_scenes.film", "Own")
    found = source_files(own)
    assert {plugin / "film.py", plugin / "helper.py", plugin / "more.py", ROOT / "scenes/stage.py"} <= set(found)


@pytest.mark.parametrize("value", ["other_scenes", "other_scenes.film", "other_scenes.film:Own"])
def test_another_package_is_not_executed(value: str, plugin: Path) -> None:
    entry = plugin.parent / "other_scenes-1.0.dist-info" / "entry_points.txt"
    entry.write_text(f"[fmcore.scenes]\nother = {value}\n")
    source_files(find_scene("Own"))
    assert not (plugin / "executed").exists()


@pytest.mark.parametrize("gone", ["no_such_package", "no_such_package.film:Own", "other_scenes.gone:Own"])
def test_another_package_may_name_one_class_and_one_that_is_gone_does_no_harm(gone: str, plugin: Path) -> None:
    entry = plugin.parent / "other_scenes-1.0.dist-info" / "entry_points.txt"
    entry.write_text(f"[fmcore.scenes]\nother = other_scenes.film:Own\nzz = {gone}\n")
    assert [ref.name for ref in list_scenes() if "other" in (ref.module or "")] == ["Own"]
