"""What long work says of itself where there is no terminal."""

import re

import pytest
from rich.console import Console

from fmcore.reporter import Lines, Silent, reporter
from fmcore.terminal import Bars


def test_lines_say_what_starts_and_what_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines()
    lines.say("Bundle tutorial: not recorded yet.")
    for done in range(5):
        lines.progress("tutorial", done, 4, "images")
        lines.progress("deep", done, None, "images")
    lines.finish("tutorial", "recorded")
    lines.finish("deep", "no [memory]", ok=False)
    said = capsys.readouterr()
    assert said.out == "Bundle tutorial: not recorded yet.\ntutorial ...\ndeep ...\ntutorial: recorded\n"
    assert said.err == "deep: no [memory]\n"


def test_lines_say_how_far_long_work_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    for now, unit, done in [
        (0, "training", 0), (9, "training", 500), (11, "training", 600), (12, "measuring", 0), (13.5, "measuring", 40),
        (20, "measuring", 90), (24, "measuring", 95), (26, "writing", 0),
    ]:  # fmt: skip
        monkeypatch.setattr("time.monotonic", lambda now=now: now)
        lines.progress("deep", done, None if unit == "writing" else 1000, unit)
    told = [
        "deep ...",
        "deep: training, 600 of 1,000",
        "deep: measuring, 40 of 1,000",
        "deep: measuring, 95 of 1,000",
    ]
    assert capsys.readouterr().out.splitlines() == [*told, "deep: writing"]


@pytest.mark.parametrize("columns", [80, 120])
def test_bars_fit_the_terminal_and_leave_it_when_all_went_well(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with Bars() as bars:
        bars.progress("tutorial-garments", 9_999, 10_000, "test images")
        out = Console(width=columns)
        with out.capture() as captured:
            out.print(bars._bars.get_renderable())
        assert re.match(
            r"tutorial-garments .* 9,999 / 10,000 test images +0:00:00 -:--:--\n$",
            captured.get(),
        )
    assert bars._bars.tasks == []


@pytest.mark.parametrize(("quiet", "kind"), [(True, Silent), (False, Lines)])
def test_who_reports_without_a_terminal(quiet: bool, kind: type, capsys: pytest.CaptureFixture[str]) -> None:
    with reporter(quiet) as chosen:
        assert type(chosen) is kind
        chosen.say("hello")
    assert capsys.readouterr().out == ("" if quiet else "hello\n")
