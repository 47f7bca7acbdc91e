"""What a scene's pictures depend on in source: its file and all that it imports from us, less what is only said.

Narration, comments and docstrings are taken out before the digest, so that a changed sentence leaves the pictures as
they are; a scene that shows its docstring is found by its states. Files are read by their syntax; nothing is executed.
"""

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fmcore.files import write_text
from fmcore.render.catalogue import SceneRef, package_folder

SOURCES_NAME = "sources.json"  # in the cache
_PAINTERS = (  # of this folder
    "camera", "encoder", "frames", "holds", "quicker", "process", "renderer", "stepping", "worker",
)  # fmt: skip


class _Source(BaseModel):
    """One file: digests of its code and of its narration, and the dotted names that it imports."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    narration: str
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]  # (level, module, names)


_RULES = hashlib.sha256(Path(__file__).read_bytes())  # what is written down was read by these, or is read again


class Sources:
    """Reads source files, and remembers in the folder `cache` what is in them: syntax trees take 5 ms a file.

    Of every file that still is there, of other plans, too, only what stood in it when it was read last.
    """

    def __init__(self, cache: Path) -> None:
        self._memo = cache / SOURCES_NAME
        self._digests, self._known = _read_memo(self._memo)  # by path, and by digest
        self._by_path: dict[Path, _Source] = {}
        self._edges: dict[tuple[Path, str, Path], set[Path]] = {}
        self._new = False

    def digests(self, ref: SceneRef) -> tuple[str, str]:
        """Digests of the code that paints `ref`, and of the narration in it."""
        code, narration = hashlib.sha256(), hashlib.sha256()
        painters = (Path(__file__).with_name(f"{name}.py") for name in _PAINTERS)
        for path in [*self.files(ref), *(path for path in painters if path.is_file())]:
            source = self._source(path)
            code.update(f"{path.name}\0{source.code}\0".encode())
            narration.update(source.narration.encode())
        return code.hexdigest(), narration.hexdigest()

    def files(self, ref: SceneRef) -> list[Path]:
        """The scene's file and every file of its own package, of `scenes` and of `fmcore` that it imports, sorted.

        For a lone file, its neighbours count as its package.
        """
        folder = ref.path.parent
        top = (ref.module or "").partition(".")[0]
        roots = {name: root for name in ("fmcore", "scenes", top) if name and (root := package_folder(name))}
        waiting, seen = [ref.path], {ref.path}
        while waiting:
            path = waiting.pop()
            new = (self._imported_files(path, top, roots, folder) | _packages_of(path, roots, folder)) - seen
            seen |= new
            waiting.extend(new)
        return sorted(seen)

    def _imported_files(self, path: Path, top: str, roots: Mapping[str, Path], folder: Path) -> set[Path]:
        key = (path, top, folder)
        if key not in self._edges:
            found: set[Path] = set()
            for name in _imported(self._source(path), path, roots, folder):
                head, *rest = name.split(".")
                base = roots.get(head, folder / head).joinpath(*rest)
                found.update(one for one in (base.with_suffix(".py"), base / "__init__.py") if one.is_file())
            self._edges[key] = found
        return self._edges[key]

    def reads_bundles(self, ref: SceneRef) -> bool:
        """Whether a scene may be a LessonScene: only these know of bundles. One of a package that lists it is."""
        if ref.module is not None:
            return True
        stage = package_folder("scenes")
        return stage is not None and stage / "stage.py" in self.files(ref)

    def keep(self) -> None:
        """Write down what was learned."""
        if self._new:
            there = {name: digest for name, digest in self._digests.items() if _is_file(Path(name))}
            sources = {digest: self._known[digest].model_dump() for digest in there.values()}
            content = json.dumps({"files": there, "sources": sources})
            with suppress(OSError):  # a full disk is told by what needs it more
                write_text(self._memo, f"{_checksum(content)}\n{content}")
            self._new = False

    def _source(self, path: Path) -> _Source:
        if path not in self._by_path:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if digest not in self._known:
                self._known[digest] = _parsed(content)
            if self._digests.get(str(path.absolute())) != digest:
                self._digests[str(path.absolute())] = digest
                self._new = True
            self._by_path[path] = self._known[digest]
        return self._by_path[path]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that may not be looked into
        return False


def _checksum(content: str) -> str:
    rules = _RULES.copy()
    rules.update(content.encode())
    return rules.hexdigest()


def _read_memo(path: Path) -> tuple[dict[str, str], dict[str, _Source]]:
    """What was written down, or nothing where that is damaged or was read by other rules."""
    try:
        checksum, _, content = path.read_text(encoding="utf-8").partition("\n")
        if _checksum(content) != checksum:
            return {}, {}
        found = json.loads(content)
        return found["files"], {digest: _Source.model_validate(one) for digest, one in found["sources"].items()}
    except (OSError, ValueError, ValidationError):
        return {}, {}


@lru_cache(maxsize=1024)  # our own files are looked at for every scene
def _parsed(content: bytes) -> _Source:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the worker will say so, with the line
        return _Source(code=hashlib.sha256(content).hexdigest(), narration="", imports=())
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.extend((0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
    said = _Unsaid()
    code = ast.dump(said.visit(tree))
    return _Source(
        code=hashlib.sha256(code.encode()).hexdigest(),
        narration=hashlib.sha256(json.dumps(said.sentences).encode()).hexdigest() if said.sentences else "",
        imports=tuple(imports),
    )


class _Unsaid(ast.NodeTransformer):
    """Takes out docstrings and the sentences of beats, and keeps both."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "Beat":
            for keyword in node.keywords:
                if keyword.arg == "say":
                    keyword.value = self._taken(keyword.value)
        return self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without_docstring(node)

    def _taken(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            self.sentences.append(value.value)
            return ast.Constant("")
        return value

    def _without_docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> ast.AST:
        if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
            self.sentences.append(str(node.body[0].value.value))
            node.body = node.body[1:]
        return self.generic_visit(node)


def _imported(source: _Source, path: Path, roots: Mapping[str, Path], folder: Path) -> Iterator[str]:
    """Dotted names that a file imports, each also with the name behind it, which may be a module."""
    for level, module, names in source.imports:
        base = module
        if level:
            package = _dotted(path, roots, folder).split(".")[:-level]
            base = ".".join([*package, base]).strip(".")
        if base:
            yield base
        yield from (f"{base}.{name}".strip(".") for name in names)


def _packages_of(path: Path, roots: Mapping[str, Path], folder: Path) -> set[Path]:
    """The `__init__.py` of every package that a file lies in: they run before it. A lone file's folder is none."""
    inside = [parent for parent in path.parents if any(parent.is_relative_to(root) for root in roots.values())]
    if not inside:
        inside = [parent for parent in path.parents if folder in parent.parents]
    return {init for parent in inside if (init := parent / "__init__.py").is_file()}


def _dotted(path: Path, roots: Mapping[str, Path], folder: Path) -> str:
    for name, root in roots.items():
        if path.is_relative_to(root):
            return ".".join((name, *path.relative_to(root).with_suffix("").parts))
    return ".".join(path.relative_to(folder).with_suffix("").parts) if path.is_relative_to(folder) else path.stem
