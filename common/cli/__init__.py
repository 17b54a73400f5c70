"""The `repro` command. Each command imports what it needs when it is called, so that those without a network to
train answer at once."""

import logging
import os
import re
import sys

from common.cli import bench, data, evidence, predict, report, status, sweep, train  # noqa: F401, each adds its commands
from common.cli.interrupt import ends_soon
from common.cli.shared import app, command_line
from common.errors import NO_ROOM, NO_WRITING, BadInput, FailedRun, not_installed


class _Warnings(logging.Handler):
    """Warnings for the person: the bare sentence, on standard error."""

    def emit(self, record):
        print(self.format(record), file=sys.stderr)


def main() -> None:
    """Runs the command. Bad input ends in one message and exit status 2, a failed run in 1, Ctrl-C in 130, SIGTERM in
    143; a traceback is shown with --debug only."""
    for stream in (sys.stdout, sys.stderr):  # which may know fewer characters than file names hold
        stream.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    warnings = _Warnings(logging.WARNING)
    logging.getLogger("common").addHandler(warnings)
    try:
        with ends_soon(_printable(_interrupted())):
            app()
    except (BadInput, FailedRun) as error:
        if debug:
            raise
        sys.exit(_complain(str(error), 2 if isinstance(error, BadInput) else 1))
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError) and (message := not_installed(error)):  # that is imported late
            sys.exit(_complain(message, 2))
        sys.exit(_complain(f"{_explained(error)}\nThe run failed. --debug shows where.", 1))
    finally:
        logging.getLogger("common").removeHandler(warnings)


def _interrupted() -> str:
    if sys.argv[1:2] in (["run"], ["sweep"]):
        return f"Interrupted. To go on after the last whole epoch: {command_line()}"
    return "Interrupted."


def _explained(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    number = getattr(error, "errno", None)
    if named := re.search(r"filename = ('.*?')", str(error)):  # HDF5 tells a page; of it, what any other file tells
        said = f"{type(error).__name__}: [Errno {number}] {os.strerror(number or 0)}: {named[1]}"
    if number in NO_ROOM:
        said += f"\nMake room there. What was whole before still is. To go on: {command_line()}"
    elif number in NO_WRITING:
        said += "\nMake it writable, or choose another folder with --runs or --results."
    return said


def _complain(message: str, code: int) -> int:
    print(_printable(message), file=sys.stderr)
    return code


def _printable(message: str) -> str:
    """What a file is called, or holds, must not reach the terminal as a command."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
