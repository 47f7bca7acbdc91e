"""Find scenes by name, without importing them: manim takes a second or two, a table of scenes should not.

A scene comes from the entry-point group `fmcore.scenes`, whose value is a package (every class in it
with a `title` is a scene) or `package.module:Class`; or from a file, as `path/to/file.py:Class`.
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from fmcore.errors import InputError, one_of
from fmcore.lesson.plan import builtin_plan

OURS = ("fmcore", "scenes")  # packages
_GROUP = "fmcore.scenes"


@dataclass(frozen=True)
class SceneRef:
    """Where a scene's class is and what its source says about it.

    `module` is its import name, or None for a file that is no part of a package.
    """

    name: str
    path: Path
    module: str | None
    title: str
    summary: str


def find_scene(wanted: str) -> SceneRef:
    """The scene called `wanted`: a known name or `path/to/file.py:Class` (or the file alone, if it has one).

    Raises:
        InputError: there is none.
    """
    if ".py" in wanted:
        return _in_file(wanted)
    known = list_scenes()
    for ref in known:
        if ref.name == wanted:
            return ref
    raise InputError(one_of("scene", wanted, [ref.name for ref in known]))


def list_scenes() -> list[SceneRef]:
    """All scenes that are installed: first those of the built-in lesson in its order, then the others by name."""
    found: list[SceneRef] = []
    for entry in sorted(entry_points(group=_GROUP), key=lambda entry: (entry.name != "builtin", entry.name)):
        found.extend(_from_entry(entry.module, entry.attr))
    taught = [entry.scene for entry in builtin_plan().scenes]
    return sorted(found, key=lambda ref: taught.index(ref.name) if ref.name in taught else len(taught))


def _from_entry(module: str, class_name: str | None) -> Iterator[SceneRef]:
    origin = _file_of(module)
    if origin is None:
        return
    if class_name:
        yield from (ref for ref in _scenes_of(origin, module) if ref.name == class_name)
    else:
        for path in sorted(origin.parent.glob("*.py")):
            if path.name != "__init__.py":
                yield from _scenes_of(path, f"{module}.{path.stem}")


def _file_of(module: str) -> Path | None:
    """The source of `module`, found without importing the packages that it lies in."""
    head, *rest = module.split(".")
    root = package_folder(head)
    if root is None:
        return None
    base = root.joinpath(*rest)
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _in_file(wanted: str) -> SceneRef:
    text, _, name = wanted.partition(".py:")
    path = Path(text if name else wanted)
    path = path.with_name(path.name + ".py") if name else path
    if not path.is_file():
        raise InputError(f"There is no scene file '{path}'; name one as path/to/file.py:ClassName.")
    refs = list(_scenes_of(path.resolve(), None, only_titled=False))
    names = [ref.name for ref in refs]
    if not name and len(refs) == 1:
        return refs[0]
    if name not in names:
        listed = one_of("scene", name or path.name, names) if names else f"'{path}' defines no class."
        raise InputError(f"{listed} Name one as {path}:ClassName.")
    return refs[names.index(name)]


def _scenes_of(path: Path, module: str | None, only_titled: bool = True) -> Iterator[SceneRef]:
    """The classes of a file that say a title (or all that have a base), read from its source."""
    try:
        classes = _classes(path.read_text(encoding="utf-8"), path.name)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:  # the last two where it is nested too deep
        why = str(error) or "it is nested too deep"
        raise InputError(f"'{path}' is not valid Python: {why}; mend it first.") from None
    for name, title, summary in classes:
        if title is not None or not only_titled:
            yield SceneRef(name, path, module, title or name, summary)


@lru_cache(maxsize=256)
def _classes(code: str, file: str) -> tuple[tuple[str, str | None, str], ...]:
    """(name, title if it says one, summary) of every class with a base. Parsing takes 8 ms a file."""
    found = []
    for node in ast.parse(code, file).body:
        if isinstance(node, ast.ClassDef) and node.bases:
            titles = (_title(statement) for statement in node.body)
            title = next((title for title in titles if title is not None), None)
            found.append((node.name, title, (ast.get_docstring(node) or "").partition("\n")[0]))
    return tuple(found)


def _title(statement: ast.stmt) -> str | None:
    """`x` where the statement is `title = "x"`."""
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
        named = [target.id for target in statement.targets if isinstance(target, ast.Name)] == ["title"]
        if named and isinstance(statement.value.value, str):
            return statement.value.value
    return None


def package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
