"""What a folder of images holds, by name."""

from collections.abc import Iterable
from pathlib import Path

from common.errors import BadInput

_SHOWN = 8  # lines of one message


def visible(folder: Path) -> list[Path]:
    """What is in a folder, by name, but for hidden files: those of macOS (`._a.png`, `.DS_Store`) end as images do and
    are none.

    Raises BadInput for all names that hold what can't be printed or written in UTF-8: they would end up in tables, file
    names and terminals.
    """
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if strange := [shown(path) for path in paths if not path.name.isprintable()]:
        raise BadInput.listing("These names hold characters that can't be printed:", strange, "Rename the files.")
    return paths


def shown(path: Path) -> str:
    """A path as text that a terminal can't take for a command, with what is not printable as its escape: a\\nb.png."""
    text = str(path)
    return text if text.isprintable() else text.encode("unicode_escape", "backslashreplace").decode("ascii")


def some(lines: Iterable[str]) -> list[str]:
    """The first few, and how many more there are."""
    lines = list(lines)
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])
