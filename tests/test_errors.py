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
