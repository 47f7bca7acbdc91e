"""How many cores this process may use. Imports nothing, so that everybody may ask."""

import os


def cores() -> int:
    """Of the cores of a machine that is shared out, such as one that runs containers, often only some are ours."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
