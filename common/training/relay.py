"""A training in another process: how it is called there, and how what it shows, logs and comes to is known here.

For whatever starts such processes: `common.training.at_once` on this machine, `common.sweep.on_ray` on others. Imports
neither Keras nor what imports it.
"""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.progress import Progress

from common.errors import NO_ROOM, NO_WRITING, BadInput

# What a job prints, in the folder of its trial.
PRINTED = "printed.txt"
_TELLS_EVERY = 0.5  # seconds between two messages about how far a training is

Tell = Callable[..., None]  # of a kind and its content, from several threads; what can't be told raises OSError


def answer(work: Callable[[Progress], Any], log: Path, tell: Tell, shown: bool) -> tuple:
    """Does the work in this process and gives its answer, for `outcome`. Meanwhile it tells what `Heard` hears: what is
    logged and, where that is `shown`, how far its bars are. What it prints goes to the file `log`."""
    progress, over, everything = Progress(disable=True), threading.Event(), logging.getLogger()
    teller = threading.Thread(target=_tell, args=(progress, over, tell), daemon=True)
    # In the place of those that would print it: Ray's workers have one.
    everything.handlers, before = [_Logged(tell)], everything.handlers
    logging.getLogger("common").setLevel(logging.INFO)
    logging.captureWarnings(True)
    if shown:
        teller.start()
    try:
        with _printed_to(log):
            try:
                return "done", work(progress)
            except BadInput as error:
                return "refused", str(error)
            except Exception:
                with suppress(OSError):  # of a full disk, which is then what is to be told
                    traceback.print_exc()
                raise
    except Exception as error:
        if full_or_closed(error):
            return "system", (error.errno, error.strerror, error.filename)
        return "failed", f"{type(error).__name__}: {error}"
    finally:
        over.set()
        if shown:
            teller.join()
        everything.handlers = before


def full_or_closed(error: Exception) -> bool:
    """Whether it is of a disk that has no room or may not be written to, which the next training would find as well,
    and of which the command tells what to do."""
    return isinstance(error, OSError) and error.errno in (*NO_ROOM, *NO_WRITING)


def outcome(answered: tuple, log: Path) -> Any:
    """What the work returned, or a RuntimeError where it failed. Raises BadInput where it did, and OSError of a disk
    (`full_or_closed`)."""
    kind, content = answered
    if kind == "refused":
        raise BadInput(content)
    if kind == "system":
        number, reason, file = content
        raise OSError(number, f"{reason} (in {log})", file)
    if kind == "failed":
        return RuntimeError(f"{content} (in {log})")
    return content


class Heard:
    """What one training tells, as bars of this process's progress and in its log."""

    def __init__(self, progress: Progress):
        self.progress = progress
        self.tasks: list[Any] = []

    def hear(self, kind: str, *content: Any) -> None:
        if kind == "tasks":
            self._show(*content)
        elif kind == "log":
            name, level, text = content
            logging.getLogger(name).log(level, text)

    def end(self) -> None:
        """Removes its bars."""
        self._show([])

    def _show(self, tasks: list[tuple]) -> None:
        while len(self.tasks) > len(tasks):
            self.progress.remove_task(self.tasks.pop())
        while len(self.tasks) < len(tasks):
            self.tasks.append(self.progress.add_task(""))
        for task, (description, completed, total) in zip(self.tasks, tasks, strict=True):
            self.progress.update(task, description=description, completed=completed, total=total)


class _Logged(logging.Handler):
    """What is logged in this process is logged by the parent, which has the log of the run and the terminal."""

    def __init__(self, tell: Tell):
        super().__init__()
        self.tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # of a parent that is no more
            self.tell("log", record.name, record.levelno, self.format(record))


def _tell(progress: Progress, over: threading.Event, tell: Tell) -> None:
    """Tells the parent, now and then, how far this process is."""
    with suppress(OSError):  # of a parent that is no more
        while not over.wait(_TELLS_EVERY):
            tell("tasks", [(task.description, task.completed, task.total) for task in progress.tasks])


@contextmanager
def _printed_to(log: Path) -> Iterator[None]:
    """Has all that the process writes to its standard output and error, past Python too, written to the end of a
    file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    before = [os.dup(stream) for stream in (1, 2)]
    try:
        with log.open("ab") as file:
            _point(file.fileno(), file.fileno())
        yield
    finally:
        _point(*before)
        for kept in before:
            os.close(kept)


def _point(out: int, err: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # of what was printed to a disk that is full
            stream.flush()
    os.dup2(out, 1)
    os.dup2(err, 2)
