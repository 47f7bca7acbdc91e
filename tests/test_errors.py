"""Errors are sentences with an exit status."""

import click
import pytest

from fmcore.errors import BundleError, DataError, FmcoreError, InputError, PlanError, RenderError, one_of


@pytest.mark.parametrize(
    ("kind", "status"),
    [(FmcoreError, 1), (RenderError, 1), (InputError, 2), (DataError, 2), (BundleError, 2), (PlanError, 2)],
)
def test_work_that_failed_is_1_and_what_cannot_be_used_is_2(kind: type[FmcoreError], status: int) -> None:
    error = kind("Say it.")
    assert isinstance(error, click.ClickException)
    assert error.exit_code == status and str(error) == "Say it."


def test_one_of_lists_the_nearest_where_there_are_many() -> None:
    said = one_of("model", "resnet19", [f"vgg{n}" for n in range(60)] + ["resnet18", "resnet50"])
    assert said.startswith("There is no model 'resnet19'; choose one of: resnet18, resnet50 and 60 others. Did you")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("tutoral", " Did you mean 'tutorial'?"),
        ("DEEP", " Did you mean 'deep'?"),
        ("heatmap", " Did you mean 'ActivationHeatmap'?"),
        ("quite another", ""),
        ("", ""),
    ],
)
def test_one_of_names_the_nearest(given: str, hint: str) -> None:
    known = ["tutorial", "deep", "ActivationHeatmap"]
    said = one_of("thing", given, known)
    assert said == f"There is no thing '{given}'; choose one of: tutorial, deep, ActivationHeatmap.{hint}"
