"""Reach a Dask scheduler, or say in a sentence why that cannot be done."""

import asyncio
import json
import logging
import re
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from fmcore.errors import InputError
from fmcore.render.remote import described

CONNECT_S = 5.0
_WRITING_S = 1.0


def address(scheduler: str) -> str:
    """The address that `scheduler` is, or that is in the file of this name."""
    if "://" in scheduler:
        return scheduler
    if re.fullmatch(r"[^/\\]+:\d+", scheduler):
        return f"tcp://{scheduler}"
    try:
        address = _written(Path(scheduler))["address"]
        if not isinstance(address, str) or "://" not in address:
            raise ValueError
    except OSError:
        raise InputError(
            f"'{scheduler}' is neither the address of a Dask scheduler nor a file that can be read;"
            " name one as tcp://host:8786, or the file of `dask scheduler --scheduler-file`."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"'{scheduler}' is no scheduler file of Dask: it holds no address;"
            " name the file that `dask scheduler --scheduler-file` has written."
        ) from None
    return address


def _written(file: Path) -> Any:
    """What is in a scheduler's file; Dask writes it in place, so one that ends early is read again for a while."""
    until = time.monotonic() + _WRITING_S
    while True:
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@contextmanager
def hushed() -> Iterator[None]:
    """What is wrong is said in sentences, not by Dask through the progress bars."""
    log = logging.getLogger("distributed.client")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def connected(address: str) -> Any:
    """A client of the scheduler at `address`."""
    try:
        distributed: Any = import_module("distributed")
    except ModuleNotFoundError:
        raise InputError(
            "Rendering past one machine needs Dask, which is not installed; run `pip install 'fmcore[cluster]'`."
        ) from None
    try:
        _knock(address, CONNECT_S)  # a client that finds nobody, or no Dask, hangs or leaves its threads behind
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
            client: Any = distributed.Client(address, timeout=CONNECT_S, set_as_default=False, name="fmcore")
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200] or "it says nothing"
        raise InputError(
            f"No Dask scheduler answers at {address} ({reason}); start one with `dask scheduler`, or name another."
        ) from None
    try:
        client.run_on_scheduler(described, [])
    except (ImportError, AttributeError, TypeError) as error:
        client.close()
        raise InputError(
            f"The Dask scheduler at {address} has no such fmcore ({error}); install the same where it runs."
        ) from None
    except BaseException:
        client.close()
        raise
    return client


def reachable(worker: str) -> bool:
    """Whether results can be fetched from a worker itself, past the scheduler."""
    try:
        _knock(worker, 2.0)
    except OSError:
        return False
    return True


def _knock(address: str, seconds: float) -> None:
    """Connect to a scheduler or a worker as Dask does, and hang up."""
    comms: Any = import_module("distributed.comm")
    settings = import_module("distributed.security").Security().get_connection_args("client")

    async def knocked() -> None:
        # The limit within is for the connection; a server of another kind may hold its tongue for good after that.
        comm = await asyncio.wait_for(comms.connect(address, timeout=seconds, **settings), seconds + 1)
        await comm.close()

    with ThreadPoolExecutor(1) as thread:  # in a notebook, this one has a loop already
        thread.submit(asyncio.run, knocked()).result()
