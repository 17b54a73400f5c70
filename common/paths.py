"""Whether a path is a place that a command may read or write, told before work that takes minutes."""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile

from common.errors import RUNS_AND_RESULTS, BadInput, unwritable


def data_root() -> Path:
    """The folder of the data sets: REPRO_DATA, else data/."""
    return Path(os.environ.get("REPRO_DATA") or "data")


def as_path(named: str | Path) -> Path:
    """The path that a program names. Raises BadInput for an empty text, which pathlib takes for the current folder: it
    is a name that was forgotten."""
    if named == "":
        raise BadInput("An empty text is no path. The current folder is called '.'")
    return Path(named)


def kind_of_place(path: Path) -> str:
    """What is at this path and is no file, also behind links: "a folder", "a pipe", "a socket", "a device". "" for a
    file, and where there is nothing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    kinds = {"a folder": stat.S_ISDIR, "a pipe": stat.S_ISFIFO, "a socket": stat.S_ISSOCK, "a file": stat.S_ISREG}
    kind = next((kind for kind, is_one in kinds.items() if is_one(mode)), "a device")
    return "" if kind == "a file" else kind


def refuse_no_file(path: Path) -> None:
    """Raises BadInput where no file can be written whole and renamed: where a folder, a pipe, a socket or a device is,
    or a link to one, and in /dev and /proc. So /dev/stdout is refused too, wherever it leads."""
    if kind := kind_of_place(path) or ("a place of the system" if _is_of_system(path) else ""):
        raise BadInput(f"{path} is {kind}. Expected a file to write, which may be there or not.")


def refuse_unwritable_file(path: Path, ways: str) -> None:
    """Raises BadInput where `atomic` could not write a file, before work that takes minutes. ways: as in
    `refuse_unwritable`."""
    refuse_no_file(path)
    refuse_unwritable(path.parent, ways)


def refuse_no_folder(path: Path) -> None:
    """Raises BadInput where no folder can be for what a command writes: where a file, a pipe, a socket or a device is,
    or a link to one, there or above."""
    there = _nearest(path)
    if not there.is_dir():
        kind = kind_of_place(there) or "a file"
        below = "" if there == path else f" So {path} can't be made."
        raise BadInput(f"{there} is {kind}. Expected a folder for the results; a missing one is made.{below}")


def _nearest(path: Path) -> Path:
    """What is at this path, or at the lowest one above it where anything is."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))


def refuse_inside(output: Path, folders: Iterable[Path]) -> None:
    """Raises BadInput where what a command writes would lie in a folder that it reads, also by a link: the next command
    would read it as input."""
    whole = Path(os.path.realpath(output))
    for folder in folders:
        if whole.is_relative_to(os.path.realpath(folder)):
            raise BadInput(f"{output} is in {folder}, which is read. Expected a folder for the results outside of it.")


def refuse_unwritable(folder: Path, ways: str = RUNS_AND_RESULTS) -> None:
    """Raises BadInput where no folder can be, or nothing can be written into it or, where it is missing, into the
    nearest one above. It comes before work that takes minutes, and leaves no trace. ways: the options that choose
    another folder."""
    refuse_no_folder(folder)
    try:
        with TemporaryFile(dir=_nearest(folder)):
            pass
    except OSError as error:
        raise unwritable(folder, error, ways) from error


def refuse_special(path: Path) -> None:
    """Raises OSError, naming the file, for a pipe, a socket or a device: whoever reads one may wait for ever. What is
    missing is for the reader to name."""
    if kind := kind_of_place(path):
        raise OSError(errno.EINVAL, f"It is {kind}, not a file", str(path))


def _is_of_system(path: Path) -> bool:
    """Whether a path leads into /proc, or to an entry of /dev itself, by its folder or by a link. (Folders in /dev, as
    /dev/shm, hold files.)"""
    for _ in range(40):
        folder = os.path.realpath(path.parent)
        if folder in ("/dev", "/dev/fd") or folder.startswith("/proc/"):
            return True
        if not path.is_symlink():
            return False
        path = path.parent / os.readlink(path)
    return True
