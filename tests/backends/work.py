"""What test_at_once.py has done in processes of their own: light, and without a network."""

import errno
import logging
import os
import signal
import time
import warnings
from pathlib import Path

from rich.progress import Progress

from common.errors import BadInput


def double(number: int, progress: Progress) -> int:
    print(f"doubling {number}")
    return 2 * number


def process(progress: Progress) -> int:
    time.sleep(0.5)  # until the other one has begun as well
    return os.getpid()


def stumble(how: str, progress: Progress) -> None:
    if how == "refused":
        raise BadInput("a file that can't be used")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "best.keras")
    raise ValueError("diverged")


def talk(progress: Progress) -> None:
    logging.getLogger("common.any").info("epoch 1")
    logging.getLogger("common.any").warning("a state is damaged")
    warnings.warn("a deprecation", stacklevel=1)


def linger(folder: Path, progress: Progress) -> None:
    task = progress.add_task("lingering", total=10)
    progress.update(task, completed=3)
    (folder / str(os.getpid())).touch()
    time.sleep(600)


def meet(folder: Path, own: int, other: int, progress: Progress) -> bool:
    """Whether the other one is at work at the same time."""
    (folder / f"met-{own}").touch()
    for _ in range(600):
        if (folder / f"met-{other}").exists():
            return True
        time.sleep(0.1)
    return False
