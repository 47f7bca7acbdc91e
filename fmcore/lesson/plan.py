"""A lesson plan: which scenes, on which bundles, with which options. Written as TOML.

title = "Feature maps"

[bundles.tutorial]          # a name of your choice
model = "tutorial"          # data, epochs, seed ... have defaults

[[scenes]]
scene = "ActivationHeatmap"
bundle = "tutorial"         # may be left out where a plan has but one
options = { layer = "conv1" }
"""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from fmcore.errors import PlanError, meant, one_of
from fmcore.lesson.toml_file import read_toml

_MAX_PLAN_BYTES = 1_000_000
_SCENES_IN_PAIRS = "has [scenes] in single brackets, and scenes are a list; write [[scenes]] above each of them."
SEEDS = 2**32
_LONGEST_NETWORK = 40  # letters of its name, so that it fits a line of a film


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


OWN_MODELS = ("tutorial", "deep")  # made to be trained here; others are shown as they come unless `epochs` is given


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError(f"the name {name!a} has characters that cannot be shown.")
    return name


ClassName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]


def _short(name: str) -> str:
    if not 0 < len(name) <= _LONGEST_NETWORK:
        raise ValueError(f"the network's name has {len(name)} letters; give it one of 1 to {_LONGEST_NETWORK}.")
    return name


NetworkName = Annotated[
    str, StringConstraints(strip_whitespace=True), AfterValidator(_short), AfterValidator(_printable)
]


ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60), AfterValidator(_printable)]


class BundleRecipe(_Strict):
    """What a bundle is made from. `file` names one that exists already; nothing else is then said of it.

    Unless they are given, `data` is garments for a model of this package and none for others, and `epochs` is 5 for
    a model of this package without `weights` and 0 for others.
    """

    file: str | None = None
    model: str = "tutorial"
    name: NetworkName | None = None  # what people see it called
    weights: str | None = None  # a file, or a name of torchvision's such as DEFAULT
    data: str | None = None
    images: tuple[str, ...] = ()  # files that become the probes
    layers: tuple[str, ...] = ()  # to be recorded; all when left out
    classes: tuple[ClassName, ...] = Field(default=(), max_length=100_000)  # of the outputs, where nobody else says so
    image_size: int | None = Field(default=None, ge=8, le=1024)
    epochs: int = Field(default=5, ge=0, le=1000)
    batch_size: int = Field(default=128, ge=1, le=100_000)
    learning_rate: float = Field(default=4e-3, gt=0, le=1)
    seed: int = Field(default=0, ge=0, lt=SEEDS)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("file") is None:
            own = values.get("model", "tutorial") in OWN_MODELS
            values = {
                "data": "garments" if own else None,
                "epochs": 5 if own and values.get("weights") is None else 0,
                **values,
            }
        return values

    @model_validator(mode="after")
    def _a_file_is_as_it_is(self) -> Self:
        beside = [name for name in type(self).model_fields if name in self.model_fields_set and name != "file"]
        if self.file is not None and beside:
            raise ValueError(
                f"the bundle '{self.file}' is used as it is, and {' and '.join(beside)} would change nothing; leave"
                f" {'that' if len(beside) == 1 else 'them'} out, or leave out 'file' to have it recorded."
            )
        return self

    @model_validator(mode="after")
    def _training_names_the_classes(self) -> Self:
        fresh = self.model in OWN_MODELS and self.weights is None
        if self.classes and (self.epochs > 0 or fresh):
            raise ValueError(
                f"The network '{self.model}' is trained here and gets the names of its data's classes; leave out"
                f" 'classes'{'' if fresh else ', or the epochs to show it as it comes'}."
            )
        return self


class SceneEntry(_Strict):
    """One scene of the lesson; `options` are the scene's own."""

    scene: str = Field(min_length=1)
    bundle: str | None = None
    other: str | None = None  # the bundle that it is compared with
    options: dict[str, str | int | float | bool] = {}
    optional: bool = False  # left out of the film, and said so, where its network has nothing for it
    part: ShortText = ""  # of the lesson: shown above the scene, and said where another one stood before it
    chapter: ShortText = ""  # of the film that begins with it; called as the scene's heading without

    @field_validator("options", mode="before")
    @classmethod
    def _lists_are_names_with_commas(cls, options: Any) -> Any:
        if not isinstance(options, dict):
            return options
        names = {key for key, one in options.items() if isinstance(one, list) and one and set(map(type, one)) == {str}}
        return {key: ", ".join(one) if key in names else one for key, one in options.items()}


# whether a lesson shows the network of a scene for the first time after another one, or comes back to it
Seen = Literal["", "new", "again"]


def networks_seen(entries: Sequence[SceneEntry]) -> list[Seen]:
    """Of every scene, whether its network is "new" in the lesson or seen "again"; "" where it is that of the last one.

    The first network needs no word. A comparison names both of its own and turns to none.
    """
    found: list[Seen] = []
    before: str | None = None  # bundle of the last scene that was about one
    known: set[str] = set()
    for entry in entries:
        alone = entry.bundle if entry.other is None else None
        turned = alone is not None and before is not None and alone != before
        found.append("" if not turned else "again" if alone in known else "new")
        before = alone or before
        known |= {alone} if alone else set()
    return found


def parts_begun(entries: Sequence[SceneEntry]) -> list[bool]:
    """Of every scene, whether a part of the lesson begins with it."""
    before = ["", *(entry.part for entry in entries)]
    return [bool(entry.part) and entry.part != last for entry, last in zip(entries, before, strict=False)]


class Turn(NamedTuple):
    """What a lesson turns to with a scene."""

    network: Seen
    several: bool  # whether others are shown in the lesson, and this scene alone shows this one
    part: str
    begins: bool  # whether the part does, with this scene


def turns(entries: Sequence[SceneEntry]) -> list[Turn]:
    """Of every scene, what the lesson turns to with it."""
    networks = {entry.bundle for entry in entries if entry.bundle is not None and entry.other is None}
    return [
        Turn(network, len(networks) > 1 and entry.bundle is not None and entry.other is None, entry.part, begins)
        for network, entry, begins in zip(networks_seen(entries), entries, parts_begun(entries), strict=True)
    ]


class LessonPlan(_Strict):
    """A whole lesson. The order of `scenes` is the order of the film."""

    title: str = Field(min_length=1, max_length=200)
    bundles: dict[str, BundleRecipe] = Field(min_length=1)
    scenes: tuple[SceneEntry, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _the_only_bundle_is_meant(cls, plan: Any) -> Any:
        """Scenes that name no bundle are about the plan's, if it has but one."""
        bundles, scenes = (plan.get(name) for name in ("bundles", "scenes")) if isinstance(plan, dict) else (None, None)
        if not isinstance(bundles, dict) or len(bundles) != 1 or not isinstance(scenes, list):
            return plan
        (only,) = bundles
        return plan | {"scenes": [{"bundle": only} | one if isinstance(one, dict) else one for one in scenes]}

    @model_validator(mode="after")
    def _bundles_are_known(self) -> Self:
        for entry in self.scenes:
            for name in (entry.bundle, entry.other):
                if name is not None and name not in self.bundles:
                    raise ValueError(one_of("bundle", name, list(self.bundles)))
        return self

    @model_validator(mode="after")
    def _no_code_is_named(self) -> Self:
        for name, recipe in self.bundles.items():
            if recipe.model not in OWN_MODELS and not recipe.model.startswith("torchvision:"):
                raise ValueError(
                    f"bundle '{name}' wants model '{recipe.model}', and a plan may name tutorial, deep and"
                    " torchvision:NAME; record a model of your own with `fmcore record --model`, and name its file."
                    f"{meant(recipe.model, OWN_MODELS)}"
                )
        return self


def read_plan(path: Path) -> LessonPlan:
    """Read and check a plan.

    Raises:
        PlanError: no such file, no TOML, or a word in it that nobody understands; the sentence says where.
    """
    try:
        content = read_toml(path, "lesson plan", _MAX_PLAN_BYTES)
    except PlanError as error:
        if "('scenes',) twice" in error.message:  # the words of Python's tomllib
            raise PlanError(f"The lesson plan '{path}' {_SCENES_IN_PAIRS}") from None
        raise
    except FileNotFoundError:
        raise PlanError(
            f"There is no lesson plan at '{path}'; leave the name out to get the built-in lesson, or write"
            f" {' or '.join(list(installed_plans())[1:])} for a shorter one."
        ) from None
    except IsADirectoryError:
        raise PlanError(
            f"'{path}' is a folder, and a lesson plan is a .toml file; images of your own are named by"
            f' --data "folder:{path}".'
        ) from None
    except OSError as error:
        raise PlanError(f"The lesson plan '{path}' cannot be read ({error}); name a readable .toml file.") from None
    try:
        return LessonPlan.model_validate(content)
    except ValidationError as error:
        errors = error.errors()  # a misspelt word is told before the right one that is therefore missing
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        raise PlanError(f"The lesson plan '{path}' {_sentence(first)}") from None


def _sentence(error: Any) -> str:
    """What pydantic found first, said for a person: where, what, and the nearest right word."""
    loc = error["loc"][:4] if error["loc"][2:3] == ("options",) else error["loc"]  # then follows a type it may have
    where = _place(loc)
    if loc == ("scenes",) and error["type"] == "tuple_type" and isinstance(error["input"], dict):
        return _SCENES_IN_PAIRS
    if error["type"] == "extra_forbidden":
        *parents, word = error["loc"]
        model: type[BaseModel] = LessonPlan
        if parents[:1] == ["bundles"]:
            model = BundleRecipe
        elif parents[:1] == ["scenes"]:
            model = SceneEntry
        place = f"in '{_place(parents)}'" if parents else "at the top"
        or_else = f", or write options = {{ {word} = ... }} if it is one of the scene's" if model is SceneEntry else ""
        return f"{place} is not understood: {one_of('setting', str(word), list(model.model_fields), or_else)}"
    if error["type"] == "missing":
        return f"lacks '{where}'; add it."
    if error["type"] == "value_error":
        place = f" in '{where}'" if where else ""
        return f"is not consistent{place}: {error['ctx']['error']}"
    expected = error["msg"].lower().replace("valid tuple", "list").replace("valid dictionary", "table")
    return f"has '{where}' = {error['input']!r}, which does not fit ({expected}); change it."


def _place(loc: Sequence[str | int]) -> str:
    """Where in a plan something stands; what has no name is counted from 1."""
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc)


def slug(text: str) -> str:
    """A folder name made of `text`: letters and digits of any language, joined by hyphens."""
    plain = unicodedata.normalize("NFKC", text).lower()
    words = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain).split()
    return "-".join(words)[:60].strip("-") or "lesson"


def data_name(data: str) -> str:
    """A short name for files made from `data`: of a folder, its own name without the way to it."""
    return slug(Path(data.removeprefix("folder:")).resolve().name if data.startswith("folder:") else data)


@lru_cache(maxsize=1)
def installed_plans() -> Mapping[str, LessonPlan]:
    """The lessons of the entry-point group `fmcore.lessons` by name, such as `short`; that of fmcore comes first."""
    from importlib.metadata import entry_points
    from importlib.resources import as_file, files

    found: dict[str, LessonPlan] = {}
    for entry in sorted(entry_points(group="fmcore.lessons"), key=lambda entry: entry.name != "builtin"):
        for resource in sorted(files(entry.module).iterdir(), key=lambda resource: resource.name):
            if resource.name.endswith(".toml"):
                with as_file(resource) as path:
                    found.setdefault(slug(path.stem), read_plan(path))
    return found


def builtin_plan() -> LessonPlan:
    """The lesson that comes with fmcore."""
    plans = installed_plans()
    if not plans:
        raise PlanError("No lesson plan is installed; install fmcore again, or name a PLAN.toml.")
    return next(iter(plans.values()))


def find_plan(wanted: Path | None) -> tuple[str, LessonPlan]:
    """The plan in a file, or the installed one of that name, and what its lesson is called; the built-in one for None.

    Raises:
        PlanError: there is none.
    """
    if wanted is not None and (wanted.exists() or str(wanted) not in installed_plans()):
        return slug(wanted.stem), read_plan(wanted)
    plan = builtin_plan() if wanted is None else installed_plans()[str(wanted)]
    return slug(plan.title), plan


def single_scenes(
    names: Sequence[str],
    options: Mapping[str, Any],
    default: LessonPlan,
    bundle: Path | None = None,
    other: Path | None = None,
) -> LessonPlan:
    """A plan that shows `names` alone: with their bundles and options of `default`, or on `bundle`, beside `other`."""
    known = {entry.scene: entry for entry in default.scenes}
    recipes = dict(default.bundles) if bundle is None else {"given": BundleRecipe(file=str(bundle))}
    first = next(iter(recipes))
    if other is not None:
        recipes["other"] = BundleRecipe(file=str(other))
    entries = []
    for name in names:
        entry = known.get(name, SceneEntry(scene=name, bundle=first))
        beside = "other" if other is not None else entry.other if bundle is None else None
        entries.append(
            SceneEntry(
                scene=name,
                bundle=entry.bundle if bundle is None else "given",
                other=beside,
                options={**(entry.options if bundle is None else {}), **options},  # these are about that bundle
            )
        )
    return LessonPlan(title="Scenes", bundles=recipes, scenes=tuple(entries))
