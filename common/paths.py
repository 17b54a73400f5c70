"""Checks whether a command can read or write a path, before it starts work that takes minutes."""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile

from common.errors import RUNS_AND_RESULTS, BadInput, unwritable


def data_root() -> Path:
    """The folder of the data sets: that of the variable REPRO_DATA, or data/ if it is not set."""
    return Path(os.environ.get("REPRO_DATA") or "data")


def as_path(named: str | Path) -> Path:
    """Makes a path of a caller's text. Raises BadInput for an empty text: pathlib would take it for the current folder,
    but somebody forgot a name."""
    if named == "":
        raise BadInput("An empty text is no path. The current folder is called '.'")
    return Path(named)


def kind_of_place(path: Path) -> str:
    """Names what is at a path, or behind the link there, if it is no file: "a folder", "a pipe", "a socket" or "a
    device". "" for a file, and if nothing is there."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    kinds = {"": stat.S_ISREG, "a folder": stat.S_ISDIR, "a pipe": stat.S_ISFIFO, "a socket": stat.S_ISSOCK}
    return next((kind for kind, is_one in kinds.items() if is_one(mode)), "a device")


def refuse_no_file(path: Path) -> None:
    """Raises BadInput if no file can be written and renamed to this path: if a folder, a pipe, a socket or a device is
    there, or a link to one, or if it is in /dev or in a folder of /proc. So /dev/stdout is refused too, wherever it
    leads."""
    if kind := kind_of_place(path) or ("a place of the system" if _is_of_system(path) else ""):
        raise BadInput(f"{path} is {kind}. Expected a file to write, which may be there or not.")


def refuse_unwritable_file(path: Path, ways: str) -> None:
    """Raises BadInput if `files.atomic` could not write this file. ways: as in `refuse_unwritable`."""
    refuse_no_file(path)
    refuse_unwritable(path.parent, ways)


def refuse_no_folder(path: Path) -> None:
    """Raises BadInput if there can be no folder at this path: if anything else is there or at the nearest path above it
    where anything is. A link is followed; a broken one counts as a file."""
    there = _nearest(path)
    if not there.is_dir():
        kind = kind_of_place(there) or "a file"
        below = "" if there == path else f" So {path} can't be made."
        raise BadInput(f"{there} is {kind}. Expected a folder for the results; a missing one is made.{below}")


def _nearest(path: Path) -> Path:
    """This path if anything is there; otherwise the nearest path above it where anything is."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))


def refuse_inside(output: Path, folders: Iterable[Path]) -> None:
    """Raises BadInput if the output of a command would lie in a folder that it reads, also by way of a link: the next
    command would read it as input."""
    whole = Path(os.path.realpath(output))
    for folder in folders:
        if whole.is_relative_to(os.path.realpath(folder)):
            raise BadInput(f"{output} is in {folder}, which is read. Expected a folder for the results outside of it.")


def refuse_unwritable(folder: Path, ways: str = RUNS_AND_RESULTS) -> None:
    """Raises BadInput if there can be no folder at this path, or if nothing can be written into it. For a missing
    folder, the nearest one above is tried. Leaves no trace. ways: the options that choose another folder."""
    refuse_no_folder(folder)
    try:
        with TemporaryFile(dir=_nearest(folder)):
            pass
    except OSError as error:
        raise unwritable(folder, error, ways) from error


def refuse_special(path: Path) -> None:
    """Raises OSError, naming the path, for a pipe, a socket or a device, because reading it may wait for ever; and for
    a folder. A missing file passes: opening it says so."""
    if kind := kind_of_place(path):
        raise OSError(errno.EINVAL, f"It is {kind}, not a file", str(path))


def _is_of_system(path: Path) -> bool:
    """Whether a path is directly in /dev or in a folder of /proc, or leads there by links. Folders in /dev, such as
    /dev/shm, hold ordinary files."""
    for _ in range(40):
        folder = os.path.realpath(path.parent)
        if folder in ("/dev", "/dev/fd") or folder.startswith("/proc/"):
            return True
        if not path.is_symlink():
            return False
        path = path.parent / os.readlink(path)
    return True
