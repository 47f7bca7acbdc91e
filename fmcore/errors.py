"""What can go wrong, as sentences: expected, found, what to do.

Every error that a person can cause or mend is one of these, so that the command line prints the
sentence and the exit status without a traceback.
"""

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import click


class FmcoreError(click.ClickException):
    """A sentence for the person at the keyboard; work that was asked for has failed."""

    exit_code = 1
    trace = ""  # Python's own, of an error in code that is not ours
    printed = ""  # by that code, before


class InputError(FmcoreError):
    """What was given cannot be used: a name, a file, an option, a folder."""

    exit_code = 2


class DataError(InputError):
    """Images or labels that cannot be read or make no data set."""


class BundleError(InputError):
    """A bundle that is missing, incomplete, foreign or changed since it was written."""


class PlanError(InputError):
    """A lesson plan that says something nobody understands."""


class RenderError(FmcoreError):
    """A scene or a lesson could not be rendered."""


_LISTED = 20  # names in one sentence; of more, the nearest are listed


def one_of(kind: str, given: str, known: list[str], or_else: str = "") -> str:
    """Say that `given` is no known `kind`, list those known and what `or_else` will do, and name the nearest one."""
    near = _nearest(given, known)
    listed = known if len(known) <= _LISTED else (near[:8] or known[:8])
    rest = f" and {len(known) - len(listed)} others" if len(listed) < len(known) else ""
    return f"There is no {kind} '{given}'; choose one of: {', '.join(listed)}{rest}{or_else}.{meant(given, known)}"


def meant(given: str, known: Sequence[str]) -> str:
    """` Did you mean 'conv1'?`, where one of `known` is near to what was `given`."""
    near = _nearest(given, known)
    return f" Did you mean '{near[0]}'?" if near else ""


def _nearest(given: str, known: Sequence[str]) -> list[str]:
    """Those of `known` that are like what was `given`, the most similar first."""
    from difflib import get_close_matches

    lower = {name.lower(): name for name in reversed(known)}
    return [lower[name] for name in get_close_matches(given.lower(), list(lower), n=_LISTED, cutoff=0.5)]


def failure_of(failed: Mapping[str, FmcoreError], then: str) -> FmcoreError:
    """One error for all scenes that `failed`, by name: how many, which, and what to do `then`.

    Why each failed was told when it did. It is the user's mistake if all of them are.
    """
    names = list(failed)[:_LISTED]
    if len(names) < len(failed):
        names.append(f"{len(failed) - len(names)} more")
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    told = f"{listed} failed" if len(failed) == 1 else f"{len(failed)} scenes failed, {listed}"
    mistakes = all(isinstance(error, InputError) for error in failed.values())
    found = (InputError if mistakes else RenderError)(f"{told}; {then}.")
    found.trace = "\n".join(filter(None, (error.trace for error in failed.values())))
    return found


def failed_with(error: BaseException, name: str, path: Path) -> RenderError:
    """What is said of scene `name` at `path` where its code raised `error`."""
    found = RenderError(f"{name} failed with {where(error, path)}.")
    found.trace = "".join(traceback.format_exception(error))
    return found


def where(error: BaseException, path: Path | None = None) -> str:
    """`ValueError: text (file.py, line 12)`, in one line, of an error in code that is not ours.

    The line is the innermost of the file at `path`, if it is there, and else of any file; none where only whoever
    caught the error stands in its trace. A file of the same folder that it called is named with it.
    """
    place, text, within = None, _text_of(error), ""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith("<"):
        place, text = (error.filename, error.lineno), error.msg
    elif frames:
        inner = [frame for frame in frames if frame.filename != frames[0].filename and not _imports(frame.filename)]
        own = [frame for frame in frames if path is not None and Path(frame.filename).resolve() == path.resolve()]
        place = next(((frame.filename, frame.lineno) for frame in reversed(own or inner)), None)
        beside = [frame for frame in frames if own and Path(frame.filename).parent == Path(own[-1].filename).parent]
        if own and beside[-1].filename != own[-1].filename:
            within = f"{Path(beside[-1].filename).name}, line {beside[-1].lineno}, called in "
    told = ": ".join(filter(None, (type(error).__name__, " ".join(text.split())[:300])))
    return told if place is None else f"{told} ({within}{Path(place[0]).name}, line {place[1]})"


def _text_of(error: BaseException) -> str:
    """What an error says; of pydantic's, which are tables with addresses, the first line that counts."""
    faults = getattr(error, "errors", None)
    if type(error).__name__ != "ValidationError" or not callable(faults):
        return str(error)
    first = faults()[0]
    place = ".".join(map(str, first["loc"]))
    return ": ".join(filter(None, (getattr(error, "title", ""), place and f"'{place}'", first["msg"])))


def _imports(file: str) -> bool:
    """Whether a line of a trace is of Python's own import, whose files nobody can mend."""
    return file.startswith("<frozen ") or Path(file).parent.name == "importlib"
