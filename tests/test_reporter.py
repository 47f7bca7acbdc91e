"""What long work says of itself where there is no terminal."""

import pytest

from fmcore.reporter import Lines, Silent, reporter


def test_lines_say_what_starts_and_what_ends(capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.parametrize(("quiet", "kind"), [(True, Silent), (False, Lines)])
def test_who_reports_without_a_terminal(quiet: bool, kind: type, capsys: pytest.CaptureFixture[str]) -> None:
    with reporter(quiet) as chosen:
        assert type(chosen) is kind
        chosen.say("hello")
    assert capsys.readouterr().out == ("" if quiet else "hello\n")
