"""The `repro` command, and what it does on errors, Ctrl-C and SIGTERM. Each command imports its modules when it is
called, so that commands that need no network answer at once."""

import io
import logging
import os
import re
import select
import signal
import sys

import rich
import typer
from pydantic import ValidationError

from common.cli import bench, data, evidence, predict, status, sweep, train  # noqa: F401, each adds its commands
from common.cli.shared import app, command_line
from common.complaints import complaints
from common.ending import ends_soon
from common.errors import NO_ROOM, NO_WRITING, BadInput, FailedRun, not_installed
from common.text import LogFormatter, for_log, print_line


class _Warnings(logging.Handler):
    """Prints warnings on standard error, without time and module."""

    def emit(self, record):
        for line in self.format(record).split("\n"):
            print_line(line, sys.stderr)


def main() -> None:
    """Runs the command. An error ends in one message; only --debug shows a traceback. The exit status is 2 for bad
    input, 1 for a failed run, 130 after Ctrl-C, 143 after SIGTERM, and 141 if nobody reads the output any more."""
    closed = _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):  # file names may have characters that the stream can't encode
        stream.reconfigure(errors="backslashreplace")
    rich.reconfigure(stderr=True)  # bars go there, so that the output can go into a file
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    warnings = _Warnings(logging.WARNING)
    warnings.setFormatter(LogFormatter())
    logging.getLogger("common").addHandler(warnings)
    try:
        _refuse_empty_words(sys.argv[1:])
        with ends_soon(_how_to_go_on()):
            # Not standalone: else Typer prints a frame of six lines for a mistyped option.
            sys.exit(app(standalone_mode=False, prog_name="repro"))  # as docs and messages call it, however it is begun
    except SystemExit as end:
        if end.code in (None, 0) and closed and closed.was_written:
            sys.exit(_end_unheard())
        broken = end.__context__
        if not isinstance(broken, BrokenPipeError):
            raise
        # If a pipe breaks, Typer and rich exit with status 1 and no message. It may be the pipe of the output, as in
        # `repro papers | head -1`, or the pipe of a process of ours.
        sys.exit(_end_unheard() if not _has_reader() else _complain(FailedRun(*_explained(broken)), 1))
    except (BadInput, FailedRun) as error:
        if debug:
            raise
        sys.exit(_complain(error, 2 if isinstance(error, BadInput) else 1))
    except Exception as error:
        if debug:
            raise
        if hasattr(error, "format_message"):  # Typer's, of options and arguments, whose class has no public name
            sys.exit(_complain(BadInput(*_describe_misuse(error)), 2))
        if isinstance(error, ModuleNotFoundError) and (message := not_installed(error)):
            sys.exit(_complain(message, 2))
        sys.exit(_complain(FailedRun(*_explained(error), "The run failed. --debug shows where."), 1))
    finally:
        logging.getLogger("common").removeHandler(warnings)


def _refuse_empty_words(words: list[str]) -> None:
    """Raises BadInput for an empty word, and for an option with "=" and nothing behind it. No command needs one. As a
    path it would be the current folder, because pathlib knows no empty path."""
    for word, before in zip(words, ["repro", *words], strict=False):
        if not word or re.fullmatch("--[^=]+=", word):
            where = word or f"behind {before}"
            raise BadInput(f"An empty word, {where}. Is a variable of the shell not set? '.' is the current folder.")


class _Unheard(io.TextIOWrapper):
    """Takes the place of a standard output that the caller has closed. was_written: whether anything was printed."""

    was_written = False

    def __init__(self):
        super().__init__(open(os.devnull, "wb"))  # noqa: SIM115, open to the end

    def write(self, text: str) -> int:
        self.was_written = self.was_written or bool(text)
        return super().write(text)


def _open_closed_streams() -> _Unheard | None:
    """Opens the null device in place of each standard stream that the caller has closed (`>&-`). Otherwise the next
    file that is opened would be the standard output, and get its lines. Returns what takes the place of the standard
    output; None if it was not closed."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(opened)
    closed = None if sys.stdout else _Unheard()
    sys.stdout = sys.stdout or closed
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, open to the end
    return closed


def _has_reader() -> bool:
    """Whether anybody reads the standard output. (If nobody does, rich puts the null device in its place.)"""
    output = select.poll()
    output.register(1, 0)
    return not output.poll(0) and not os.path.samestat(os.fstat(1), os.stat(os.devnull))


def _end_unheard() -> int:
    """Returns the status that a shell gives a program that writes to a pipe without a reader: 141."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python writes what is left at its end, and would complain
    return 128 + signal.SIGPIPE


def _how_to_go_on() -> str:
    if sys.argv[1:2] in (["run"], ["sweep"]):
        return f"Interrupted. To go on after the last whole epoch: {command_line()}"
    return "Interrupted."


def _explained(error: Exception) -> list[str]:
    """The lines about an error that no code expected, with the remedy for a disk that is full or not writable."""
    text = f"{type(error).__name__}: {error}"
    number = getattr(error, "errno", None)
    if named := re.search(r"filename = ('.*?')", str(error)):  # HDF5's text is a page long
        text = f"{type(error).__name__}: [Errno {number}] {os.strerror(number or 0)}: {named[1]}"
    if number in NO_ROOM:
        again = f" To go on: {command_line()}" if sys.argv[1:2] in (["run"], ["sweep"]) else ""
        return [text, f"Make room there. Complete files are unharmed.{again}"]
    if number in NO_WRITING:
        ways = _ways_to_choose_a_folder()
        return [text, f"Make it writable{', or choose another folder with ' * bool(ways)}{ways}."]
    return for_log(text).split("\n")


def _ways_to_choose_a_folder() -> str:
    """The options with which the typed command chooses where it writes: "-o", "--runs or --results"; "" for none."""
    command = typer.main.get_command(app)
    for word in sys.argv[1:3]:
        command = getattr(command, "commands", {}).get(word, command)
    ways = {"output": "-o", "runs": "--runs", "results": "--results"}
    has = {option.name for option in command.params}
    return " or ".join(way for name, way in ways.items() if name in has)


def _describe_misuse(error: Exception) -> list[str]:
    """The message about a mistyped option or argument. [] if Typer has shown the help instead, as for `repro` alone."""
    if isinstance(error.__cause__, ValidationError):
        error.message = "; ".join(complaints(error.__cause__))
    if not (message := error.format_message().strip()):
        return []
    option = getattr(error, "param", None)
    is_option = getattr(option, "param_type_name", "") == "option"
    if is_option and type(error).__name__ == "MissingParameter":  # Typer has no public name for this class
        typed = f"`{error.ctx.command_path} ... {option.opts[0]} {option.metavar}`"
        message = f"{message.removesuffix('.')}, as in {typed}. {option.help}"
    asked = f" `{error.ctx.command_path} --help` lists the options." if getattr(error, "ctx", None) else ""
    return [message.removesuffix(".") + "." + asked]


def _complain(error: BadInput | FailedRun, code: int) -> int:
    for line in error.lines:
        print_line(line, sys.stderr)
    return code
