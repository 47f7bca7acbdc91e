"""`python -m fmcore`, and the command `fmcore`. Imports nothing before Ctrl-C can end it without a traceback."""

import signal


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else somebody wants it to be ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from fmcore.cli import main as run

    run()


if __name__ == "__main__":
    main()
