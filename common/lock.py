"""One process at a time in a folder. The kernel holds the lock, so that of a dead process blocks nobody."""

import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import BadInput

NAME = ".lock"


@contextmanager
def only_one(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Keeps other processes out of a folder, which is made as needed. Raises BadInput, saying who is in it, unless
    told to wait until they are done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            who = file.read() or "another process"
            raise BadInput(f"{folder} is in use by {who}. Wait until it is done, or end it.") from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            logging.getLogger(__name__).warning(f"{folder} can't be locked there: take care to start no second run.")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        yield
        file.truncate(0)


def holder(folder: Path) -> str | None:
    """Who is in the folder now: process, host and since when; None for nobody."""
    try:
        with (folder / NAME).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read() or "another process"
    except OSError:
        pass
    return None
