"""A lesson plan as options on the command line change it: other data, epochs or seed, or one bundle for all of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fmcore.errors import PlanError
from fmcore.lesson.plan import SEEDS, BundleRecipe, LessonPlan


def with_overrides(
    plan: LessonPlan,
    *,
    data: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    bundle: Path | None = None,
) -> LessonPlan:
    """`plan` with other data, epochs or seed for all its bundles, or all its scenes on one `bundle` file.

    Raises:
        PlanError: a bundle cannot be made so: it is a file already, or its recipe says something that forbids it.
    """
    if bundle is not None:
        if data is not None or epochs is not None or seed is not None:
            raise PlanError(
                "A bundle is trained already: leave out --data, --epochs and --seed, or leave out --bundle."
            )
        given = {"bundle": "given", "other": None}
        scenes = tuple(
            entry.model_copy(update=given | ({"options": {}} if entry.optional else {}))  # of another network
            for entry in plan.scenes
        )
        return LessonPlan(title=plan.title, bundles={"given": BundleRecipe(file=str(bundle))}, scenes=scenes)
    asked = {"data": data, "epochs": epochs, "seed": seed}
    changes = {name: value for name, value in asked.items() if value is not None}
    if not changes:
        return plan
    lowest = min(recipe.seed for recipe in plan.bundles.values())
    recipes = {}
    for name, recipe in plan.bundles.items():
        if seed is not None:  # networks of different seeds keep their distance, or they would start alike
            changes["seed"] = (seed + recipe.seed - lowest) % SEEDS
        recipes[name] = _changed(recipe, name, changes)
    return plan.model_copy(update={"bundles": recipes})


def _changed(recipe: BundleRecipe, name: str, changes: Mapping[str, Any]) -> BundleRecipe:
    """`recipe` of bundle `name` as the options on the command line change it, and held to what a plan may say."""
    options = " and ".join(f"--{change}" for change in changes)
    if recipe.file is not None:  # told also where other bundles could be changed: half a change compares what differs
        raise PlanError(
            f"The plan's bundle '{name}' is the file '{recipe.file}', used as it is, and {options} would change nothing"
            f" in it; leave {'that' if len(changes) == 1 else 'them'} out, or write into the plan what other bundles"
            " are made from."
        )
    said = {field: getattr(recipe, field) for field in recipe.model_fields_set}
    try:
        return BundleRecipe.model_validate({**said, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        why = first["ctx"]["error"] if first["type"] == "value_error" else f"{first['msg']}."
        raise PlanError(f"With {options}, the plan's bundle '{name}' is not consistent: {why}") from None
