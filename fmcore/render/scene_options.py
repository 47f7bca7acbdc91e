"""The options of scenes, asked of the scenes themselves: what there is, and whether those of a plan fit.

Imports manim and the scenes, so that nobody asks who does not need to. A scene is asked for its class only; nothing is
played, and no bundle is read.
"""

import io
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from manim import Scene

from fmcore.errors import FmcoreError, RenderError, failed_with
from fmcore.render.catalogue import SceneRef
from fmcore.render.process import own_defaults
from fmcore.render.worker import load_scene, own_modules, require_options

_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class OptionInfo:
    """One option of a scene: its name, which values it takes, and what it decides."""

    name: str
    kind: str
    default: str
    meaning: str


def options_of(ref: SceneRef) -> list[OptionInfo]:
    """What a plan may say to a scene, its own options first; nothing where it is only manim's.

    Raises:
        RenderError: it cannot be imported.
    """
    found: Any = _imported(ref)
    if not hasattr(found, "Options"):
        return []
    schema = found.Options.model_json_schema(by_alias=False)["properties"]
    own = set(vars(found.Options).get("__annotations__", ()))
    return [_info(name, schema[name]) for name in sorted(schema, key=lambda name: name not in own)]


def check_options(ref: SceneRef, given: Mapping[str, object]) -> None:
    """See that a scene can be imported and understands the options that it is `given`.

    Raises:
        PlanError: it does not understand them.
        RenderError: it cannot be imported.
    """
    require_options(_imported(ref), given)


def reads_a_bundle(ref: SceneRef) -> bool:
    """Whether a scene is a LessonScene, not only manim's.

    Raises:
        RenderError: it cannot be imported.
    """
    return hasattr(_imported(ref), "read_options")


def _imported(ref: SceneRef) -> type[Scene]:
    try:
        with ExitStack() as stack, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            stack.enter_context(own_defaults())
            stack.enter_context(own_modules(ref.path, ref.module))
            return load_scene(ref.name, ref.path, ref.module)
    except FmcoreError:
        raise
    except SystemExit as error:
        raise RenderError(f"{ref.name} left by exit({error.code!r}) while it was imported.") from None
    except Exception as error:
        raise failed_with(error, ref.name, ref.path) from error


def _info(name: str, schema: Mapping[str, Any]) -> OptionInfo:
    kinds = [_KINDS.get(one.get("type"), "") for one in schema.get("anyOf", [schema])]
    default = schema.get("default")
    return OptionInfo(
        name,
        " or ".join(kind for kind in kinds if kind) or "value",
        "" if default in (None, "") else str(default),
        schema.get("description", ""),
    )
