"""Find scenes by name, without importing them: manim takes a second or two, a table of scenes should not.

A scene comes from the entry-point group `fmcore.scenes`, whose value is a package (every class in it
with a `title` is a scene) or `package.module:Class`; or from a file, as `path/to/file.py:Class`.
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from fmcore.errors import InputError, one_of
from fmcore.lesson.plan import builtin_plan

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
    root = _package_folder(head)
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
    try:
        refs = list(_scenes_of(path.resolve(), None, only_titled=False))
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"'{path}' is not valid Python ({error}); mend it first.") from None
    names = [ref.name for ref in refs]
    if not name and len(refs) == 1:
        return refs[0]
    if name not in names:
        listed = one_of("scene", name or path.name, names) if names else f"'{path}' defines no class."
        raise InputError(f"{listed} Name one as {path}:ClassName.")
    return refs[names.index(name)]


def _scenes_of(path: Path, module: str | None, only_titled: bool = True) -> Iterator[SceneRef]:
    """The classes of a file that say a title (or all that have a base), read from its source."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef) or not node.bases:
            continue
        title = next(
            (
                statement.value.value
                for statement in node.body
                if isinstance(statement, ast.Assign)
                and [target.id for target in statement.targets if isinstance(target, ast.Name)] == ["title"]
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ),
            None,
        )
        if title is None and only_titled:
            continue
        summary = (ast.get_docstring(node) or "").partition("\n")[0]
        yield SceneRef(node.name, path, module, title or node.name, summary)


def source_files(ref: SceneRef) -> list[Path]:
    """The scene's file and every file of its own package, of `scenes` and of `fmcore` that it imports, sorted.

    Found by following import statements, so nothing is executed. For a lone file, its neighbours count
    as its package.
    """
    folder = ref.path.parent
    top = (ref.module or "").partition(".")[0]
    roots = {name: root for name in ("fmcore", "scenes", top) if name and (root := _package_folder(name))}
    waiting, seen = [ref.path], {ref.path}
    while waiting:
        path = waiting.pop()
        for name in _imports(path, roots, folder):
            head, _, rest = name.partition(".")
            base = roots.get(head, folder / head).joinpath(*(rest.split(".") if rest else ()))
            for candidate in (base.with_suffix(".py"), base / "__init__.py"):
                if candidate.is_file() and candidate not in seen:
                    seen.add(candidate)
                    waiting.append(candidate)
    return sorted(seen)


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _imports(path: Path, roots: dict[str, Path], folder: Path) -> Iterator[str]:
    """Dotted names that a file imports, each also with the name behind it, which may be a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = _dotted(path, roots, folder).split(".")[: -node.level]
                base = ".".join([*package, base]).strip(".")
            if base:
                yield base
            yield from (f"{base}.{alias.name}".strip(".") for alias in node.names)


def _dotted(path: Path, roots: dict[str, Path], folder: Path) -> str:
    for name, root in roots.items():
        if path.is_relative_to(root):
            return ".".join((name, *path.relative_to(root).with_suffix("").parts))
    return ".".join(path.relative_to(folder).with_suffix("").parts) if path.is_relative_to(folder) else path.stem
