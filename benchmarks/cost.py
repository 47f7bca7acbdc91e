"""What a command takes, with all that it starts. Linux only.

    python benchmarks/cost.py REPORT.json COMMAND ...

Writes seconds of the clock and of processors, and the size of the largest process in MB. Workers of `fmcore` are
children of a process that nobody waits for: when the command has ended, it becomes a child of this one.
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # of prctl: what has lost its parent becomes a child of this process


def main() -> int:
    report, *command = sys.argv[1:]
    if sys.platform != "linux" or ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise SystemExit("What a command's workers take can be measured on Linux alone.")
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall, used = time.perf_counter() - start, [usage]
    with suppress(ChildProcessError):  # that there are no more
        while True:
            used.append(os.wait4(-1, 0)[2])
    cpu = sum(one.ru_utime + one.ru_stime for one in used)
    cost = {"wall": wall, "cpu": cpu, "peak_mb": max(one.ru_maxrss for one in used) / 1000}
    Path(report).write_text(json.dumps(cost))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
