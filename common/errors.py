"""Errors for the person at the keyboard: what is wrong, what was expected, what to do."""

import errno
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from common.text import for_terminal

# Numbers of errors that a person can mend: the disk has no room, or may not be written to.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_WRITING = (errno.EROFS, errno.EACCES, errno.EPERM)
# The options that choose where trainings and their numbers go.
RUNS_AND_RESULTS = "--runs or --results (RUNS= or RESULTS= of make)"
# A message with one of these words is about Python or a library. It tells a person nothing to act on.
_OF_PYTHON = re.compile(
    r"force=|NoneType|\bobject\b|attribute|operand|subscript|Dataset|ndarray|dtype|argument|[Aa]ssert|unpack|iterable"
    r"|\bindex\b|literal|\bint\(|\bbuffer|\bshape|OpenCV|Traceback|module|__|'[a-z_]+'",
)


class _Told(Exception):
    """An error whose message is a list of lines. A line break within a line, such as one in the name of a file, is
    escaped."""

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
        """One error about all offenders, so that a person can mend all of them at once. remedy: lines below them."""
        return cls(headline, *(f"  - {offender}" for offender in offenders), *remedy)


class Damaged(BadInput):
    """A file of the suite that was truncated or changed after it was written."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path} is damaged ({' '.join(reason.split())}).")


class FailedRun(_Told):
    """A run without a result, for a known reason. The command prints the message and exits with status 1."""


def on_one_line(error: Exception) -> str:
    """The message of an error, without line breaks."""
    return " ".join(str(error).split())


def unwritable(path: Path, error: OSError, ways: str = RUNS_AND_RESULTS) -> BadInput:
    """The error about a file or folder that can't be written to, or locked. ways: the options that choose another."""
    return BadInput(
        f"{path} can't be written to: {error.strerror or error}. Mend that, or choose another folder with {ways}."
    )


def in_words(error: Exception) -> str:
    """The message of a decoder's error on one line. If it speaks of Python and not of the file, a general phrase."""
    text = on_one_line(error)
    return "its parts don't fit together" if not text or _OF_PYTHON.search(text) else text


def not_installed(missing: ModuleNotFoundError) -> BadInput | None:
    """The error about a package that can't be imported. None if a module of the suite is missing: that is our error."""
    package = (missing.name or "common").partition(".")[0]
    if package in ("common", "reproductions"):
        return None
    # The extra `cpu` has a backend. If there is one already, none is installed beside it.
    what = "." if any(map(find_spec, ("tensorflow", "jax", "torch"))) else ".[cpu]"
    return BadInput(
        f"The Python package '{package}' is not installed here. `make install` puts all that is needed into",
        f".venv; for this Python instead: {sys.executable} -m pip install -c constraints.txt -e '{what}'",
    )
