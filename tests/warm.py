"""Commands as processes of their own, forked from one that has imported what is heavy: each starts at once.

What a command prints, its status and what it leaves behind are those of `python -m fmcore.cli`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

# Forking needs a process of one thread. The command line itself is imported by every child.
SERVER = """
import atexit, gc, json, os, pkgutil, runpy, sys, threading, traceback
import fmcore
from fmcore.torch_pair import torchvision
torchvision()
for module in pkgutil.walk_packages(fmcore.__path__, "fmcore."):
    if ".cli" not in module.name and not module.name.endswith("__main__"):
        __import__(module.name)
assert len(os.listdir("/proc/self/task")) == 1
gc.collect()
gc.freeze()
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, path in enumerate((os.devnull, asked["out"], asked["err"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
        os.chdir(asked["folder"])
        sys.argv[1:] = asked["arguments"]
        sys.stdin = open(0)
        status = 0
        try:
            runpy.run_module("fmcore.cli", run_name="__main__", alter_sys=True)
        except SystemExit as leaving:
            status = leaving.code or 0
        except BaseException:
            traceback.print_exc()
            status = 1
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # taking down what was imported would take longer than importing it
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Warm:
    """A process that forks, and runs one command after the other."""

    def __init__(self, server: "subprocess.Popen[str]", folder: Path) -> None:
        self.server, self.folder = server, folder

    def run(self, folder: Path, *arguments: str, timeout_s: float = 240) -> "subprocess.CompletedProcess[str]":
        out, err = self.folder / "out", self.folder / "err"
        for path in (out, err):
            path.unlink(missing_ok=True)
        asked = {"folder": str(folder), "arguments": arguments, "out": str(out), "err": str(err)}
        assert self.server.stdin is not None and self.server.stdout is not None
        print(json.dumps(asked), file=self.server.stdin, flush=True)
        child = int(self.server.stdout.readline())
        timer = Timer(timeout_s, os.kill, (child, 9))
        timer.start()
        status = int(self.server.stdout.readline())
        timer.cancel()
        texts = [path.read_text(encoding="utf-8") for path in (out, err)]
        return subprocess.CompletedProcess(["fmcore", *arguments], status, *texts)


@contextmanager
def warm(environment: Mapping[str, str]) -> Iterator[Warm]:
    with TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=folder, env={**environment, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            yield Warm(server, Path(folder))
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(20)
