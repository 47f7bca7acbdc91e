"""What can go wrong, as sentences: expected, found, what to do.

Every error that a person can cause or mend is one of these, so that the command line prints the
sentence and the exit status without a traceback.
"""

import traceback
from collections.abc import Mapping
from pathlib import Path

import click


class FmcoreError(click.ClickException):
    """A sentence for the person at the keyboard; work that was asked for has failed."""

    exit_code = 1


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
    from difflib import get_close_matches

    lower = {name.lower(): name for name in reversed(known)}
    near = [lower[name] for name in get_close_matches(given.lower(), list(lower), n=_LISTED, cutoff=0.5)]
    hint = f" Did you mean '{near[0]}'?" if near else ""
    listed = known if len(known) <= _LISTED else (near[:8] or known[:8])
    rest = f" and {len(known) - len(listed)} others" if len(listed) < len(known) else ""
    return f"There is no {kind} '{given}'; choose one of: {', '.join(listed)}{rest}{or_else}.{hint}"


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
    return (InputError if mistakes else RenderError)(f"{told}; {then}.")


def where(error: BaseException, path: Path | None = None) -> str:
    """`ValueError: text (file.py, line 12)`, in one line, of an error in code that is not ours.

    The line is the innermost of the file at `path`, if it is there, and else of any file; none where only whoever
    caught the error stands in its trace.
    """
    place, text = None, str(error)
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith("<"):
        place, text = (error.filename, error.lineno), error.msg
    elif frames:
        inner = [frame for frame in frames if frame.filename != frames[0].filename and not _imports(frame.filename)]
        own = [frame for frame in frames if path is not None and Path(frame.filename).resolve() == path.resolve()]
        place = next(((frame.filename, frame.lineno) for frame in reversed(own or inner)), None)
    told = ": ".join(filter(None, (type(error).__name__, " ".join(text.split())[:300])))
    return told if place is None else f"{told} ({Path(place[0]).name}, line {place[1]})"


def _imports(file: str) -> bool:
    """Whether a line of a trace is of Python's own import, whose files nobody can mend."""
    return file.startswith("<frozen ") or Path(file).parent.name == "importlib"
