"""What a scene is told: its options, and a bundle where nobody names one."""

from collections.abc import Mapping
from os import environ
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StrictInt, ValidationError

from fmcore.errors import PlanError, RenderError, one_of

_BUNDLE_FOLDER = Path("renders/bundles")


class SceneOptions(BaseModel):
    """What a plan may say to a scene. Scenes add their own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)  # a layer may be called 0

    probe: StrictInt | str | None = Field(
        None,
        validation_alias=AliasChoices("probe", "image"),
        description="The image: a class, its file, or a number from 0; by default of the last class answered rightly.",
    )
    seconds: float | None = Field(
        None, gt=0, le=3600, description="Length of the whole scene; by default what it takes to read it."
    )


def understood(options: type[SceneOptions], given: Mapping[str, object], scene: str) -> SceneOptions:
    """What is `given` as the `options` of the scene of that name.

    Raises:
        PlanError: options that it does not have, or values that do not fit; all of them are named.
    """
    try:
        return options.model_validate(given)
    except ValidationError as error:
        wrong = {str(one["loc"][0]): one for one in error.errors()}  # of several types, the last that did not fit
    sentences = []
    for name, one in wrong.items():
        if one["type"] == "extra_forbidden":
            sentences.append(f"Options of {scene}: {one_of('option', name, list(options.model_fields))}")
        else:
            sentences.append(
                f"Option '{name}' of {scene} is {one['input']!r}, which does not fit ({one['msg'].lower()}); change it."
            )
    raise PlanError(" ".join(sentences))


def default_bundle(name: str) -> Path:
    """What `FMCORE_BUNDLE` says, else the bundle that the default lesson leaves behind."""
    if named := environ.get("FMCORE_BUNDLE"):
        return Path(named)
    path = _BUNDLE_FOLDER / f"{name}.safetensors"
    if not path.is_file():
        model, _, data = name.partition("-")
        raise RenderError(
            f"There is no bundle at '{path}'; run `fmcore record --model {model} --data {data}` first"
            " (or `fmcore lesson`), or name one in the environment variable FMCORE_BUNDLE."
        )
    return path
