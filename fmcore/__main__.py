"""`python -m fmcore` is `fmcore`."""

from fmcore.cli import main

if __name__ == "__main__":
    main()
