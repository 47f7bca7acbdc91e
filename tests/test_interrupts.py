"""Ctrl-C at the worst moments: while modules are imported, and while workers start."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fmcore.cli import main
from fmcore.lifeline import ctrl_c_is_ours

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")


def interrupted(command: list[str], when: Callable[[int], bool], cwd: Path, **more: str) -> tuple[int, str]:
    """The exit status and all that `command` wrote, if Ctrl-C comes as soon as `when` says so of its process."""
    process = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, **more},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not when(process.pid) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert process.poll() is None and time.monotonic() < deadline
        os.killpg(process.pid, signal.SIGINT)
        written, _ = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, written


def test_while_modules_are_imported(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(30)\n")
    status, written = interrupted(
        [sys.executable, "-m", "fmcore", "--help"], lambda _: (tmp_path / "begun").exists(), tmp_path
    )
    assert (status, written) == (-signal.SIGINT, "")


def has_workers(group: int) -> bool:
    """Whether a worker has begun to start in the process group."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"spawn_main" in (folder / "cmdline").read_bytes() and os.getpgid(int(folder.name)) == group:
                return True
        except OSError:
            continue
    return False


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for workers in /proc")
def test_while_workers_start(tmp_path: Path) -> None:
    status, written = interrupted(
        [sys.executable, "-m", "fmcore", "lesson", "short", "--quiet", "--quality=smoke"], has_workers, tmp_path
    )
    assert status == 1
    assert written.strip() == "Interrupted. What is finished is kept; run the same command again to go on."


def test_a_process_that_starts_in_the_block_never_hears_of_it() -> None:
    context = multiprocessing.get_context("spawn")
    with ctrl_c_is_ours():
        process = context.Process(target=print)
        process.start()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)
    process.join(60)
    assert process.exitcode == 0
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_it_comes_once_the_block_is_over_whichever_thread_is_told() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), ctrl_c_is_ours():
        teller = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
        teller.start()
        teller.join()
        time.sleep(0.05)
        done.append("all of it")
    assert done == ["all of it"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_that_ctrl_c_caused_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**more: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("half a module was imported") from None

    monkeypatch.setattr("fmcore.cli.cli.main", broken)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # of this process, which goes on
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code, capsys.readouterr().err) == (1, "\nInterrupted.\n")
