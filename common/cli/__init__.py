"""The `repro` command. Each command imports what it needs when it is called, so that those without a network to
train answer at once."""

import sys

from common.cli import bench, data, evidence, predict, report, train  # noqa: F401, each adds its commands
from common.cli.shared import app
from common.errors import BadInput


def main() -> None:
    """Runs the command. Bad input ends in one message and exit status 2, an interruption in 130; a traceback is
    shown with --debug only."""
    for stream in (sys.stdout, sys.stderr):  # which may know fewer characters than file names hold
        stream.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    try:
        app()
    except BadInput as error:
        if debug:
            raise
        sys.exit(_complain(str(error), 2))
    except SystemExit as stopped:
        if stopped.code == 130:  # what typer makes of Ctrl-C
            _complain("Interrupted. The same command with --resume goes on after the last whole epoch.", 130)
        raise
    except Exception as error:
        if debug:
            raise
        sys.exit(_complain(f"{type(error).__name__}: {error}\nThe run failed. --debug shows where.", 1))


def _complain(message: str, status: int) -> int:
    # What a file is called, or holds, must not reach the terminal as a command.
    print("".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message), file=sys.stderr)
    return status
