"""Errors meant for the person at the keyboard: what is wrong, what was expected, what to do."""

import errno
import re
import sys
from importlib.util import find_spec
from pathlib import Path

# What the machine, not the program, is to blame for, and what a person can mend.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_WRITING = (errno.EROFS, errno.EACCES, errno.EPERM)
# Words of Python and its libraries, and of options that only they have: nothing that a person could act on.
_OF_PYTHON = re.compile(
    r"force=|NoneType|\bobject\b|attribute|operand|subscript|Dataset|ndarray|dtype|argument|[Aa]ssert|unpack|iterable"
    r"|\bindex\b|literal|\bint\(|\bbuffer|\bshape|OpenCV|Traceback|module|__|'[a-z_]+'",
)


class BadInput(Exception):
    """An input that the suite can't use: the command prints the message, exits with status 2, writes nothing."""

    @classmethod
    def listing(cls, headline: str, offenders: list[str], remedy: str) -> "BadInput":
        """One error that names every offender, so that a person mends them in one go and not one a try."""
        return cls("\n".join([headline, *(f"  - {offender}" for offender in offenders), remedy]))


class Damaged(BadInput):
    """A file of the suite's own that is not as it was written: truncated, or changed since."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path} is damaged ({reason}).")


class FailedRun(Exception):
    """A run that came to no result for a reason that is known: the command prints the message, exits with status 1."""


def in_words(error: Exception) -> str:
    """What a decoder says of a file, on one line, where a person can make something of it; what that amounts to where
    it is Python talking of itself."""
    text = " ".join(str(error).split())
    return "its parts don't fit together" if not text or _OF_PYTHON.search(text) else text


def not_installed(missing: ModuleNotFoundError) -> str | None:
    """What to tell the person about a package that can't be imported; None where it is one of the suite's own, which
    is an error of the suite."""
    package = (missing.name or "common").partition(".")[0]
    if package in ("common", "reproductions"):
        return None
    # A host that has a backend for its GPU is spared another.
    what = "." if any(map(find_spec, ("tensorflow", "jax", "torch"))) else ".[cpu]"
    return (
        f"The Python package '{package}' is not installed here. `make install` puts all that is needed into\n"
        f".venv; for this Python instead: {sys.executable} -m pip install -c constraints.txt -e '{what}'"
    )
