"""Worker processes do not outlive the process that started them, however that ended."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """End this worker process at once when its parent has gone: one that is killed tells nobody to stop."""

    def watch() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
