"""What a folder of images holds, by name."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from common.data.formats import kind
from common.errors import BadInput

_SHOWN = 8  # lines of one message
# What systems put into every folder, and nobody has lost.
_OF_SYSTEMS = (".ds_store", "thumbs.db", "desktop.ini", "__macosx")


def visible(folder: Path) -> list[Path]:
    """What is in a folder, by name, but for hidden files and what systems leave: those of macOS (`._a.png`,
    `.DS_Store`, `__MACOSX`) end as images do and are none.

    Raises BadInput for all names that hold what can't be printed or written in UTF-8: they would end up in tables, file
    names and terminals.
    """
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not of_system(path))
    if strange := [shown(path) for path in paths if not plain_name(path.name).isprintable()]:
        raise BadInput.listing("These names hold characters that can't be printed:", strange, "Rename the files.")
    return paths


def hidden(folder: Path) -> list[Path]:
    """The hidden files in a folder, but for what systems leave."""
    return sorted(path for path in folder.iterdir() if path.name[0] == "." and not of_system(path) and path.is_file())


def of_system(path: Path) -> bool:
    """Whether a file or folder is one that a system puts beside a person's own."""
    return path.name.lower() in _OF_SYSTEMS or path.name.startswith("._")


def shown(path: Path) -> str:
    """A path as text that a terminal can't take for a command, with what is not printable as its escape: a\\nb.png."""
    text = str(path)
    return text if text.isprintable() else text.encode("unicode_escape", "backslashreplace").decode("ascii")


def some(lines: Iterable[str]) -> list[str]:
    """The first few, and how many more there are."""
    lines = list(lines)
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])


def counted(kinds: Iterable[str]) -> str:
    """How many there are of each kind, the most frequent first: "3 .txt, 1 without an ending"."""
    return ", ".join(f"{number} {each}" for each, number in Counter(kinds).most_common())


def left_out(paths: Iterable[Path]) -> str:
    """What is passed over in a folder, counted by kind, folders by name; "" where there is nothing to say."""
    paths = list(paths)
    folders = [f"the folder {shown(path)}" for path in paths if path.is_dir()]
    kinds = counted("hidden" if path.name[0] == "." else kind(path) for path in paths if not path.is_dir())
    return ", ".join(filter(None, [kinds, *some(folders)]))


def same_doubts(doubts: Iterable[tuple[str, str]]) -> list[str]:
    """Doubts about cases, each told once: the ids of all that it holds of, the first few by name, before its text."""
    by_text: dict[str, list[str]] = {}
    for case, doubt in doubts:
        by_text.setdefault(doubt, []).append(case)
    return [f"{', '.join(some(cases))}: {doubt}" for doubt, cases in by_text.items()]


def plain_name(name: str) -> str:
    """A name in the one form that tells equal names apart from others: macOS writes é as e and an accent, others as
    one character, and both look the same. A system that knows only ASCII hands on its bytes, which are UTF-8."""
    with suppress(UnicodeError):
        name = os.fsencode(name).decode("utf-8")
    return unicodedata.normalize("NFC", name)


def on_disk(path: Path) -> Path:
    """The path as the disk has it, where a name in it is written in the other form of Unicode; else as it was."""
    try:
        if str(path).isascii() or path.exists():
            return path
        above = on_disk(path.parent)
        wanted = plain_name(path.name)
        return next((found for found in above.iterdir() if plain_name(found.name) == wanted), above / path.name)
    except (OSError, ValueError):
        return path
