"""Who may work in a folder: one process alone, or several side by side. The kernel holds the locks, so that a dead
process blocks nobody."""

import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from common.errors import BadInput

NAME = ".lock"
_PATIENCE = 0.5  # seconds: `holder`, which only looks, holds the lock for a moment

logger = logging.getLogger(__name__)


@contextmanager
def only_one(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Keeps other processes out of a folder, which is made if it is missing. If another process is in it, `wait` waits
    for that, and else BadInput says who it is."""
    with _locked(folder, fcntl.LOCK_EX, wait) as file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        yield
        file.truncate(0)


@contextmanager
def side_by_side(folder: Path) -> Iterator[None]:
    """Keeps processes out of a folder that want it alone (`only_one`). Others may come in: each locks a folder of its
    own in it. Raises BadInput, with who it is, where a process has the folder alone."""
    with _locked(folder, fcntl.LOCK_SH, wait=False):
        yield


@contextmanager
def _locked(folder: Path, kind: int, wait: bool) -> Iterator[TextIO]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+", encoding="utf-8") as file:
        try:
            _lock(file, kind, wait)
        except BlockingIOError:
            who = " and ".join(holders(folder)) or "another process"
            raise BadInput(f"{folder} is in use by {who}. Wait until it is done, or end it.") from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            logger.warning(f"{folder} can't be locked there: take care to start no second run.")
        yield file


def _lock(file: TextIO, kind: int, wait: bool) -> None:
    """Raises BlockingIOError where others hold the lock and `wait` is false."""
    if wait:
        fcntl.flock(file, kind)
        return
    limit = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)


def holder(folder: Path) -> str | None:
    """Who has the folder alone now: process, host and time; None for nobody."""
    try:
        with (folder / NAME).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read() or "another process"
    except OSError:
        pass
    return None


def holders(folder: Path) -> list[str]:
    """All who have the folder, or one in it, alone now."""
    return list(filter(None, (holder(path.parent) for path in sorted(folder.rglob(NAME)))))
