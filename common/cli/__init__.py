"""The `repro` command, with its handling of errors, Ctrl-C and SIGTERM. Each command imports its modules when it is
called, so that commands without a network answer at once."""

import logging
import os
import re
import sys

from common.cli import bench, data, evidence, explain, papers, predict, status, sweep, train  # noqa: F401, each adds its commands
from common.cli.shared import app, command_line
from common.ending import ends_soon
from common.errors import NO_ROOM, NO_WRITING, BadInput, FailedRun, not_installed


class _Warnings(logging.Handler):
    """Prints warnings on standard error, without time and module."""

    def emit(self, record):
        print(self.format(record), file=sys.stderr)


def main() -> None:
    """Runs the command. Bad input ends in one message and exit status 2, a failed run in 1, Ctrl-C in 130, SIGTERM in
    143. Only --debug shows a traceback."""
    for stream in (sys.stdout, sys.stderr):  # file names may have characters that the stream can't encode
        stream.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    warnings = _Warnings(logging.WARNING)
    logging.getLogger("common").addHandler(warnings)
    try:
        with ends_soon(_printable(_how_to_go_on())):
            app()
    except (BadInput, FailedRun) as error:
        if debug:
            raise
        sys.exit(_complain(str(error), 2 if isinstance(error, BadInput) else 1))
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError) and (message := not_installed(error)):
            sys.exit(_complain(message, 2))
        sys.exit(_complain(f"{_explained(error)}\nThe run failed. --debug shows where.", 1))
    finally:
        logging.getLogger("common").removeHandler(warnings)


def _how_to_go_on() -> str:
    if sys.argv[1:2] in (["run"], ["sweep"]):
        return f"Interrupted. To go on after the last whole epoch: {command_line()}"
    return "Interrupted."


def _explained(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    number = getattr(error, "errno", None)
    if named := re.search(r"filename = ('.*?')", str(error)):  # HDF5's text is a page long
        text = f"{type(error).__name__}: [Errno {number}] {os.strerror(number or 0)}: {named[1]}"
    if number in NO_ROOM:
        text += f"\nMake room there. Complete files are unharmed. To go on: {command_line()}"
    elif number in NO_WRITING:
        text += "\nMake it writable, or choose another folder with --runs or --results."
    return text


def _complain(message: str, code: int) -> int:
    print(_printable(message), file=sys.stderr)
    return code


def _printable(message: str) -> str:
    """Escapes control characters: names and contents of files must not send them to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
