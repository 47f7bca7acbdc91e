"""Errors are sentences with an exit status."""

from importlib import import_module
from pathlib import Path

import click
import pytest
from pydantic import ValidationError

from fmcore.errors import (
    BundleError,
    DataError,
    FmcoreError,
    InputError,
    PlanError,
    RenderError,
    failure_of,
    one_of,
    where,
)
from fmcore.lesson.script import Beat


@pytest.mark.parametrize(
    ("kind", "status"),
    [(FmcoreError, 1), (RenderError, 1), (InputError, 2), (DataError, 2), (BundleError, 2), (PlanError, 2)],
)
def test_work_that_failed_is_1_and_what_cannot_be_used_is_2(kind: type[FmcoreError], status: int) -> None:
    error = kind("Say it.")
    assert isinstance(error, click.ClickException)
    assert error.exit_code == status and str(error) == "Say it."


WHY, MISTAKE = RenderError("Why."), PlanError("Why.")


@pytest.mark.parametrize(
    ("failed", "sentence", "status"),
    [
        ({"A": WHY}, "A failed; mend that.", 1),
        ({"A": MISTAKE, "B": MISTAKE}, "2 scenes failed, A and B; mend that.", 2),
        ({"A": MISTAKE, "B": WHY, "C": WHY}, "3 scenes failed, A, B and C; mend that.", 1),
        (dict.fromkeys("abcdefghijklmnopqrstuvwxyz", WHY), "26 scenes failed, a, b, c, d, e, f, g", 1),
        (dict.fromkeys("abcdefghijklmnopqrstuvwxyz", WHY), ", s, t and 6 more; mend that.", 1),
    ],
)
def test_scenes_that_failed_are_counted_and_named(failed: dict[str, FmcoreError], sentence: str, status: int) -> None:
    error = failure_of(failed, "mend that")
    assert sentence in error.message and "Why" not in error.message and error.exit_code == status


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


def test_a_failure_names_the_file_that_was_asked_for_and_the_one_beside_it_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "helper_of_film.py").write_text("def width(sizes):\n    return sizes['width']\n")
    film = tmp_path / "film_with_helper.py"
    film.write_text("from helper_of_film import width\n\ndef make():\n    return width({})\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = import_module("film_with_helper")
    with pytest.raises(KeyError) as failed:
        module.make()
    told = where(failed.value, film)
    assert told == "KeyError: 'width' (helper_of_film.py, line 2, called in film_with_helper.py, line 4)"


def test_of_a_table_of_faults_the_first_is_told_without_its_address() -> None:
    with pytest.raises(ValidationError) as failed:
        Beat(cue="one")  # type: ignore[call-arg]
    assert where(failed.value).startswith("ValidationError: Beat: 'say': Field required")
