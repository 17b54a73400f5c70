"""Errors for the person at the keyboard: what is wrong, what was expected, what to do."""

import errno
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from common.text import for_terminal

# A person can mend these; the program is not to blame.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_WRITING = (errno.EROFS, errno.EACCES, errno.EPERM)
# The options that choose where trainings and their numbers go.
RUNS_AND_RESULTS = "--runs or --results (RUNS= or RESULTS= of make)"
# Words of Python and its libraries, which tell a person nothing to act on.
_OF_PYTHON = re.compile(
    r"force=|NoneType|\bobject\b|attribute|operand|subscript|Dataset|ndarray|dtype|argument|[Aa]ssert|unpack|iterable"
    r"|\bindex\b|literal|\bint\(|\bbuffer|\bshape|OpenCV|Traceback|module|__|'[a-z_]+'",
)


class _Told(Exception):
    """lines: of the message. A line break in one of them, as in the name of a file, is escaped when it is shown."""

    def __init__(self, *lines: str):
        super().__init__(*lines)

    @property
    def lines(self) -> list[str]:
        return list(map(for_terminal, self.args))

    def __str__(self) -> str:
        return "\n".join(self.lines)


class BadInput(_Told):
    """An input that the suite can't use. The command prints the message and exits with status 2."""

    @classmethod
    def listing(cls, headline: str, offenders: list[str], *remedy: str) -> "BadInput":
        """One error with every offender, so that a person can mend all of them at once."""
        return cls(headline, *(f"  - {offender}" for offender in offenders), *remedy)


class Damaged(BadInput):
    """A file that the suite wrote and that was truncated or changed since."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path} is damaged ({' '.join(reason.split())}).")


class FailedRun(_Told):
    """A run without a result, for a known reason. The command prints the message and exits with status 1."""


def on_one_line(error: Exception) -> str:
    """The message of an error for a place within a line."""
    return " ".join(str(error).split())


def unwritable(path: Path, error: OSError, ways: str = RUNS_AND_RESULTS) -> BadInput:
    """The error for a file or folder that can't be written to, or locked. ways: the options that choose another."""
    return BadInput(
        f"{path} can't be written to: {error.strerror or error}. Mend that, or choose another folder with {ways}."
    )


def in_words(error: Exception) -> str:
    """A decoder's error on one line. Where it speaks of Python and not of the file, a general phrase instead."""
    text = on_one_line(error)
    return "its parts don't fit together" if not text or _OF_PYTHON.search(text) else text


def not_installed(missing: ModuleNotFoundError) -> BadInput | None:
    """The message about a package that can't be imported. None for a module of the suite, which is an error of ours."""
    package = (missing.name or "common").partition(".")[0]
    if package in ("common", "reproductions"):
        return None
    # If a backend is there, no other is installed beside it.
    what = "." if any(map(find_spec, ("tensorflow", "jax", "torch"))) else ".[cpu]"
    return BadInput(
        f"The Python package '{package}' is not installed here. `make install` puts all that is needed into",
        f".venv; for this Python instead: {sys.executable} -m pip install -c constraints.txt -e '{what}'",
    )
