"""Who may work in a folder: one process alone, several side by side, or all that only read. The kernel holds the locks.
So a dead process blocks nobody, and no clock says who is alive."""

import errno
import fcntl
import logging
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from common.errors import BadInput, unwritable
from common.paths import refuse_special

NAME = ".lock"
_PATIENCE = 0.5  # seconds: `holder`, which only looks, holds the lock for a moment
_SILENCE = 5  # seconds of waiting before a message says for whom
_ABANDONED = 24 * 3600  # seconds

logger = logging.getLogger(__name__)


@contextmanager
def only_one(folder: Path, *, wait: bool = False, warn: bool = True) -> Iterator[None]:
    """Keeps other processes out of a folder, which is made if it is missing. If another process is in it, `wait` waits
    for that, and else BadInput says who it is. After some seconds of waiting a warning says for whom, unless the caller
    has said it (`warn`). Raises BadInput, naming the file, where no lock can be made; on a file
    system without locks, a warning says what to take care of."""
    with _locked(folder, fcntl.LOCK_EX, wait, warn) as lock:
        _note(lock, f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        yield
        _note(lock, "")


@contextmanager
def side_by_side(folder: Path) -> Iterator[None]:
    """Keeps processes out of a folder that want it alone (`only_one`). Others may come in: each locks a folder of its
    own in it. Raises BadInput, with who it is, where a process has the folder alone."""
    with _locked(folder, fcntl.LOCK_SH, wait=False):
        yield


@contextmanager
def unchanging(folder: Path) -> Iterator[None]:
    """Waits until no process changes a folder (`only_one`), and keeps such processes out while this one reads. A folder
    that is missing, or that this process may not write to, is read as it is."""
    with ExitStack() as opened:
        if folder.is_dir():
            with suppress(BadInput):
                opened.enter_context(_locked(folder, fcntl.LOCK_SH, wait=True))
        yield


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder that is removed at the end, unless it was renamed. `remove_abandoned` sees that it is in use."""
    with TemporaryDirectory(dir=parent, prefix=prefix) as name, _folder(Path(name)) as descriptor:
        with suppress(OSError):  # NFS can't lock a folder; `remove_abandoned` can't either, and removes none there
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield Path(name)


def remove_abandoned(folder: Path, *patterns: str) -> None:
    """Removes the temporary folders of these patterns (globs, relative to `folder`) that killed processes have left:
    those that no living process has locked, and in which nothing was written for a day."""
    for left in (found for pattern in patterns for found in folder.glob(pattern)):
        with suppress(OSError), _folder(left) as descriptor:  # an OSError if it is in use or was just removed
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Only locks tell who is alive. The age is for file systems whose locks hold on one machine only.
            if time.time() - max(path.stat().st_mtime for path in (left, *left.rglob("*"))) > _ABANDONED:
                shutil.rmtree(left)


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path, kind: int, wait: bool, warn: bool = True) -> Iterator[BinaryIO]:
    path, lock = folder / NAME, None
    with ExitStack() as opened:
        while not (lock and _lies_at(lock, path)):  # it was removed meanwhile: others would lock another file
            opened.close()
            try:
                folder.mkdir(parents=True, exist_ok=True)
                refuse_special(path)
                lock = opened.enter_context(path.open("a+b", buffering=0))
            except OSError as error:
                raise unwritable(path, error) from error
            try:
                _lock(lock, folder, kind, wait, warn)
            except BlockingIOError:
                raise BadInput(f"{folder} is in use by {_say_who(folder)}. Wait until it is done, or end it.") from None
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                    raise unwritable(path, error) from error
                logger.warning(
                    f"{path} can't be locked ({error.strerror}). Start nothing else there until this has ended, or use "
                    "a folder on a disk of this machine (--runs, --results)."
                )
        yield lock


def _lock(file: BinaryIO, folder: Path, kind: int, wait: bool, warn: bool) -> None:
    """Raises BlockingIOError where others hold the lock and `wait` is false."""
    limit = time.monotonic() + (_SILENCE if wait else _PATIENCE)
    while True:
        try:
            return fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > limit:
                if not wait:
                    raise
                break
            time.sleep(0.05)
    if warn:
        logger.warning(f"{folder} is in use by {_say_who(folder)}. Waiting until it is done.")
    fcntl.flock(file, kind)


def _lies_at(lock: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _note(lock: BinaryIO, who: str) -> None:
    with suppress(OSError):  # the lock holds on a full disk too
        lock.truncate(0)
        lock.write(who.encode())


def holder(folder: Path) -> str | None:
    """Who has the folder alone now: process, host and time; None for nobody."""
    path = folder / NAME
    with suppress(OSError):
        refuse_special(path)
        with path.open(encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read() or "another process"
    return None


def holders(folder: Path) -> list[str]:
    """All who have the folder, or one in it, alone now."""
    return list(filter(None, (holder(path.parent) for path in sorted(folder.rglob(NAME)))))


def _say_who(folder: Path) -> str:
    return " and ".join(holders(folder)) or "another process"
