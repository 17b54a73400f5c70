"""Locks on folders: for one process alone, for several side by side, or for readers. The kernel holds the locks and
frees those of a process that dies. So no dead process blocks others, and no timeout has to guess who is alive."""

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
_PATIENCE = 0.5  # seconds of trying again: `holder` takes the lock for a moment, only to look
_SILENCE = 5  # seconds of waiting before a warning says for whom
_ABANDONED = 24 * 3600  # seconds in which nothing was written

logger = logging.getLogger(__name__)


@contextmanager
def only_one(folder: Path, *, wait: bool = False, warn: bool = True) -> Iterator[None]:
    """Keeps all other processes out of a folder. A missing folder is made.

    wait: if another process is in the folder, wait until it has left. warn: after some seconds of waiting, log for
    whom; False if the caller has said it.

    Raises BadInput, which says who it is, if another process is in the folder and `wait` is False; and BadInput, naming
    the file, if the lock can't be made. On a file system without locks, a warning says what to take care of."""
    with _locked(folder, fcntl.LOCK_EX, wait, warn) as lock:
        _note(lock, f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        yield
        _note(lock, "")


@contextmanager
def side_by_side(folder: Path) -> Iterator[None]:
    """Keeps processes that want a folder alone (`only_one`) out of it. Others that call this may come in. Each of them
    then locks a folder of its own in it. Raises BadInput, which says who it is, if a process has the folder alone."""
    with _locked(folder, fcntl.LOCK_SH, wait=False):
        yield


@contextmanager
def unchanging(folder: Path) -> Iterator[None]:
    """Waits until no process has a folder alone (`only_one`) to change it, and keeps such processes out while this one
    reads. If the folder is missing or can't be locked, for example because it is read-only, there is no lock."""
    with ExitStack() as opened:
        if folder.is_dir():
            with suppress(BadInput):
                opened.enter_context(_locked(folder, fcntl.LOCK_SH, wait=True))
        yield


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder that is removed at the end, unless it was renamed. It is locked, so that `remove_abandoned` of
    another process leaves it alone."""
    with TemporaryDirectory(dir=parent, prefix=prefix) as name, _open_folder(Path(name)) as descriptor:
        with suppress(OSError):  # NFS can't lock a folder. `remove_abandoned` can't either, and removes none there
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield Path(name)


def remove_abandoned(folder: Path, *patterns: str) -> None:
    """Removes temporary folders that killed processes have left: those that no living process has locked, and in which
    nothing was written for a day. patterns: globs of such folders, relative to `folder`."""
    for left in (found for pattern in patterns for found in folder.glob(pattern)):
        with suppress(OSError), _open_folder(left) as descriptor:  # an OSError if it is in use or was just removed
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The age is for file systems on which one machine does not see the locks of another.
            if time.time() - max(path.stat().st_mtime for path in (left, *left.rglob("*"))) > _ABANDONED:
                shutil.rmtree(left)


@contextmanager
def _open_folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path, kind: int, wait: bool, warn: bool = True) -> Iterator[BinaryIO]:
    path, lock = folder / NAME, None
    with ExitStack() as opened:
        while not (lock and _lies_at(lock, path)):  # if it was removed meanwhile, others would lock another file
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
    """Locks a file. Raises BlockingIOError if others hold the lock and `wait` is False."""
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
    """Who has the folder alone now: "process 12 on HOST since 2026-11-29 03:00:00"; None for nobody."""
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
    """All who have the folder, or a folder below it, alone now (`holder`)."""
    return list(filter(None, (holder(path.parent) for path in sorted(folder.rglob(NAME)))))


def _say_who(folder: Path) -> str:
    return " and ".join(holders(folder)) or "another process"
