"""What long work says of itself: in a terminal, without one, and to programs."""

import json
import os
import re
import sys
import threading
from typing import Any

import pytest
from rich.console import Console

from fmcore.errors import RenderError
from fmcore.reporter import Errors, JsonLines, Lines, Tally, reporter
from fmcore.terminal import Bars


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


# -- lines ---------------------------------------------------------------------------------------


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


def test_lines_say_how_far_long_work_is(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    lines = Lines()
    for now, unit, done in [
        (0, "training", 0), (9, "training", 500), (11, "training", 600), (12, "measuring", 0), (13.5, "measuring", 40),
        (20, "measuring", 90), (24, "measuring", 95), (26, "writing", 0),
    ]:  # fmt: skip
        clock.now = now
        lines.progress("deep", done, None if unit == "writing" else 1000, unit)
    clock.now = 50
    lines.finish("deep", "written")
    lines.progress("deep", 1000, 1000, "writing")  # from another process, and late
    told = [
        "deep ...",
        "deep: training, 600 of 1,000",
        "deep: measuring, 40 of 1,000",
        "deep: measuring, 95 of 1,000",
    ]
    assert capsys.readouterr().out.splitlines() == [*told, "deep: writing", "deep: written"]


# -- how far, how fast ---------------------------------------------------------------------------


def test_a_rate_is_that_of_this_stage_and_of_the_last_half_minute(clock: Clock) -> None:
    tally = Tally()
    for now, done, rate, left_s in [
        (0, 5, None, None), (0.5, 25, None, None), (1, 45, 40, 23.875), (10, 45, 4, 238.75),
        (45, 445, 400 / 35, 48.5625),
    ]:  # fmt: skip
        clock.now = now
        count = tally.progress("GradCam", done, 1000, "frames")
        assert count is not None and (count.rate, count.left_s) == (rate, left_s)
    clock.now = 46
    assert tally.running["GradCam"].rate is not None
    count = tally.progress("GradCam", 446, 1000, "measuring")
    assert count is not None and count.rate is None
    assert tally.finish("GradCam", True) is count
    clock.now += 0.5
    assert tally.progress("GradCam", 1000, 1000, "measuring") is None and not tally.running  # late
    clock.now += 1
    assert tally.progress("GradCam", 0, 1000, "frames") is not None  # again


def test_all_tasks_together_count_what_was_expected(clock: Clock) -> None:
    tally = Tally()

    def together() -> tuple[int, int | None, float | None] | None:
        return (tally.together.done, tally.together.total, tally.together.rate) if tally.together else None

    assert together() is None
    tally.expect(3, 600, "frames")
    clock.now += 2
    tally.progress("one", 40, 100, "frames")
    tally.progress("two", 60, 200, "frames")
    tally.progress("bundle", 7, 9, "images")  # no part of it
    assert together() == (100, 600, 50)
    tally.finish("one", True)  # its last frames were not told of
    assert together() == (160, 600, 80)
    tally.finish("two", False)  # what it lacks will not come
    assert together() == (160, 460, 80)
    tally.expect(2, None, "")
    tally.progress("one", 40, 100, "frames")
    assert together() == (0, 2, None)
    tally.finish("one", True)
    assert together() == (1, 2, None)
    tally.finish("two", True)
    assert together() is None
    tally.expect(1, 100, "frames")
    assert together() is None  # its own bar says all


# -- bars ----------------------------------------------------------------------------------------


def drawn(bars: Bars, columns: int) -> list[str]:
    out = Console(width=columns, force_terminal=False)
    with out.capture() as captured:
        out.print(bars._live.get_renderable())
    return captured.get().splitlines()


ROWS = [  # (name, numbers), in 80 columns and in 60
    ("FeatureMapProgression 1/12", "138/588 frames 69/s 0:07 left", "FeatureMapPr… 1/12", "138/588 frames 69/s 0:07"),
    ("ConvolutionStep", "1/20 frames", "ConvolutionStep", "1/20 frames"),
    ("tutorial-garments", "reading images", "tutorial-garments", "reading images"),
    ("0 of 12 done", "139/9,000 frames 70/s 2:07 left", "0 of 12 done", "139/9,000 frames 70/s 2:07"),
]


@pytest.mark.parametrize(
    ("columns", "rows"), [(80, [row[:2] for row in ROWS]), (60, [row[2:] for row in ROWS])], ids=["80", "60"]
)
def test_bars_tell_how_far_how_fast_and_how_long_and_fit_the_terminal(
    columns: int, rows: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    with Bars() as bars:
        bars.expect(12, 9000, "frames")
        bars.progress("FeatureMapProgression 1/12", 0, 588, "frames")
        clock.now += 2
        bars.progress("FeatureMapProgression 1/12", 138, 588, "frames")
        bars.progress("ConvolutionStep", 1, 20, "frames")
        bars.progress("tutorial-garments", 0, None, "reading images")
        lines = drawn(bars, columns)
        assert [" ".join(re.sub("[━╸╺]", "", line).split()) for line in lines] == [" ".join(row) for row in rows]
        assert all(len(line.rstrip()) <= columns - 2 for line in lines)
        assert lines[2].count("━") >= 8  # of a task whose end nobody knows, the whole bar moves
        bars.finish("ConvolutionStep", "20 frames")
        assert len(drawn(bars, columns)) == 3 and "1 of 12 done" in drawn(bars, columns)[-1]


def test_more_bars_than_lines_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "12")
    with Bars() as bars:
        bars.expect(64, 6400, "frames")
        for number in range(20):
            bars.progress(f"Scene{number}", 1, 100, "frames")
        lines = drawn(bars, 80)
    assert len(lines) == 7 and lines[0].startswith("Scene0 ") and lines[-1].startswith("0 of 64 done, 14 more run")


# -- JSON ----------------------------------------------------------------------------------------

FIELDS = ["event", "task", "done", "total", "unit", "rate", "left_s", "ok", "text", "time"]


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_lines_have_one_shape(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with reporter(log_json=True) as report:
        report.say("Größe “a\nb”\u2028\udcff")
        report.expect(2, 300, "frames")
        for step in range(25):  # 2.5 s
            report.progress("One", step * 4, 100, "frames")
            clock.now += 0.1
        report.finish("One", "100 frames")
        report.progress("One", 100, 100, "frames")  # late
        report.finish("Two", "Two failed.", ok=False)
    told = lines_of(capsys)
    assert all(list(line) == FIELDS for line in told)
    assert all(line["time"].endswith("Z") and line["time"][10] == "T" for line in told)
    assert [(line["event"], line["task"], line["done"], line["ok"]) for line in told] == [
        ("say", None, None, None),
        ("start", "One", 0, None),
        ("progress", None, 0, None),
        ("progress", "One", 40, None),
        ("progress", None, 40, None),
        ("progress", "One", 80, None),
        ("progress", None, 80, None),
        ("finish", "One", 96, True),
        ("finish", "Two", None, False),
        ("end", None, None, False),
    ]
    assert told[0]["text"] == "Größe “a\nb”\u2028\udcff"
    assert (told[3]["total"], told[3]["unit"], told[3]["rate"], told[3]["left_s"]) == (100, "frames", 40, 1.5)
    assert (told[4]["total"], told[4]["rate"], told[4]["left_s"]) == (300, 40, 6.5)


@pytest.mark.parametrize(
    ("error", "text"), [(RenderError("No memory."), "No memory."), (KeyboardInterrupt(), "interrupted")]
)
def test_json_ends_with_why_it_ended(error: BaseException, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(error)), reporter(log_json=True):
        raise error
    (end,) = lines_of(capsys)
    assert (end["event"], end["ok"], end["text"]) == ("end", False, text)


def test_json_lines_of_several_threads_do_not_mix(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with JsonLines() as lines:
        threads = [threading.Thread(target=lambda: [lines.say("ö" * 5000) for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = capsysbinary.readouterr().out.decode("utf-8").splitlines()
    assert len(told) == 201 and all(json.loads(line)["time"] for line in told)


# -- who reports ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quiet", "log_json", "kind"),
    [(True, False, Errors), (True, True, Errors), (False, True, JsonLines), (False, False, Lines)],
)
def test_who_reports_without_a_terminal(
    quiet: bool, log_json: bool, kind: type, capsys: pytest.CaptureFixture[str]
) -> None:
    with reporter(quiet, log_json) as chosen:
        assert type(chosen) is kind
        chosen.say("hello")
        chosen.finish("One", "Why.", ok=False)
    said, errors = capsys.readouterr()
    assert errors == ("" if log_json and not quiet else "One: Why.\n")  # whoever wants quiet is told what fails
    assert said == "hello\n" if kind is Lines else "hello" in said if kind is JsonLines else said == ""


@pytest.mark.parametrize("log_json", [False, True])
def test_a_reader_who_leaves_ends_the_main_thread_alone(log_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    uncaught: list[object] = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", closefd=False) as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        with pytest.raises(BrokenPipeError), reporter(log_json=log_json) as report:
            thread = threading.Thread(target=report.progress, args=("One", 1, 2, "frames"))
            thread.start()
            thread.join()
            assert uncaught == []
            report.say("still here")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    os.close(writing)
