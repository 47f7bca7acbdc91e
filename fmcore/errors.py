"""What can go wrong, as sentences: expected, found, what to do.

Every error that a person can cause or mend is one of these, so that the command line prints the
sentence and the exit status without a traceback.
"""

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


def one_of(kind: str, given: str, known: list[str]) -> str:
    """Say that `given` is no known `kind`, list those known, and name the nearest one."""
    from difflib import get_close_matches

    near = get_close_matches(given.lower(), [name.lower() for name in known], n=1, cutoff=0.5)
    nearest = next((name for name in known if near and name.lower() == near[0]), None)
    hint = f" Did you mean '{nearest}'?" if nearest else ""
    return f"There is no {kind} '{given}'; choose one of: {', '.join(known)}.{hint}"
