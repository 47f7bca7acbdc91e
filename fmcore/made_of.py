"""What a bundle is made of: everything that decides its numbers, by name, as texts and digests.

In: a recipe. Out: what the header of its bundle keeps, by which it is seen whether the bundle is still the one wanted.
"""

import ast
import hashlib
from pathlib import Path

from fmcore.data.fingerprint import class_in_folder, fingerprint
from fmcore.files import from_home, opened, read_limited
from fmcore.header import SCHEMA_VERSION
from fmcore.lesson.plan import BundleRecipe

_COMPUTED_BY = [  # a change there makes other numbers
    "models", "model_input", "model_source", "factories", "weights", "training", "parallel", "running", "tracing",
    "stages", "flow", "listening", "geometry", "fields", "field_rules", "recording", "class_names", "measuring",
    "channel_sums", "image_parts", "probing", "patches", "gradcam", "analysis/alignment", "analysis/answers",
    "analysis/channels", "analysis/class_order", "analysis/classical", "analysis/foreground", "analysis/graph",
    "analysis/receptive_field", "analysis/saying", "data/__init__", "data/fingerprint", "data/folder",
    "data/image_files", "data/imageset", "data/pictures", "data/png_stream", "data/torchvision_sets",
]  # fmt: skip
_MOST_OF_CODE = 10_000_000  # bytes of a file of Python, of which more is nobody's


def made_of(recipe: BundleRecipe) -> dict[str, str]:
    """Everything that decides the numbers of the bundle, by name."""
    code, data = hashlib.sha256(), recipe.data or ""
    for name in _COMPUTED_BY:
        code.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return {
        "model": recipe.model,
        "name": recipe.name or "",
        "model's code": _digest_of_factory(recipe.model),
        "weights": _digest_of_weights(recipe.weights),
        "data": f"folder:{Path(data[7:]).name}" if data.startswith("folder:") else data,
        "image contents": fingerprint(data) if data else "",
        "images": ", ".join(_picture(image, class_folder(recipe)) for image in recipe.images),
        "layers": ", ".join(recipe.layers),
        "classes": "\n".join(recipe.classes),
        "image size": str(recipe.image_size),
        "epochs": str(recipe.epochs),
        "batch size": str(recipe.batch_size),
        "learning rate": repr(recipe.learning_rate),
        "seed": str(recipe.seed),
        "schema": str(SCHEMA_VERSION),
        "code": code.hexdigest(),
    }


def class_folder(recipe: BundleRecipe) -> Path | None:
    """The folder with one folder a class that its data lies in."""
    data = recipe.data or ""
    return Path(data.removeprefix("folder:")) if data.startswith("folder:") else None


def _picture(image: str, folder: Path | None) -> str:
    """The name and content of a file, and the class that it belongs to where it lies in `folder`."""
    truth = None if folder is None else class_in_folder(Path(image), folder)
    return " ".join(filter(None, (Path(image).name, _digest_of(from_home(Path(image))), truth)))


def _digest_of(path: Path) -> str:
    """The first digits of a file's sha256; empty where it cannot be read, which is told when it is opened."""
    try:
        with opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return ""


def _digest_of_weights(weights: str | None) -> str:
    if weights is None:
        return ""
    return f"{Path(weights).name} {_digest_of(Path(weights))}".strip()


def _digest_of_factory(model: str) -> str:
    """Of the file of a factory given as path/to/file.py:factory, and of its neighbours that it imports.

    A package is taken to change with its version.
    """
    where = model.rpartition(":")[0]
    if not where.endswith(".py"):
        return ""
    waiting, seen = [Path(where)], dict[Path, str]()
    while waiting:
        path = waiting.pop()
        seen[path] = _digest_of(path)
        neighbours = (path.parent / f"{name}.py" for name in _imported(path))
        waiting += [one for one in neighbours if one not in seen and one.is_file()]
    return hashlib.sha256("".join(seen[path] for path in sorted(seen)).encode()).hexdigest()[:16]


def _imported(path: Path) -> set[str]:
    """The first names of all modules that a file imports; none where it is no Python."""
    try:
        tree = ast.parse(read_limited(path, _MOST_OF_CODE))
    except (OSError, SyntaxError, ValueError, MemoryError, RecursionError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found
