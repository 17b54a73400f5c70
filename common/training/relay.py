"""Does a training in a child process, and sends its progress, log messages and outcome to the parent process.

`common.training.at_once` starts such processes on this machine, `common.sweep.on_ray` on others. This module imports
neither Keras nor a module that does.
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

from common.errors import NO_ROOM, NO_WRITING, BadInput, on_one_line
from common.paths import refuse_special

# The file for the output of a job, in the folder of its trial.
PRINTED = "printed.txt"
_TELLS_EVERY = 0.5  # seconds between two messages about the progress of a training

# A function that sends a message to the parent: its kind, then its content. Several threads call it. It raises OSError
# if sending fails.
Tell = Callable[..., None]


def answer(work: Callable[[Progress], Any], log: Path, tell: Tell, shown: bool) -> tuple:
    """Does the work in this process, which is the child. Returns an answer that the parent gives to `outcome`.

    During the work, `tell` sends the messages that the parent gives to `Heard.hear`: log messages and, if `shown`, the
    progress. The output of the work goes to the file `log`.
    """
    progress, over, everything = Progress(disable=True), threading.Event(), logging.getLogger()
    teller = threading.Thread(target=_tell, args=(progress, over, tell), daemon=True)
    # Replaces handlers that would print, such as that of Ray's workers.
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
                return "refused", error.lines
            except Exception:
                with suppress(OSError):  # the disk may be full, which the raised error says too
                    traceback.print_exc()
                raise
    except Exception as error:
        if full_or_closed(error):
            return "system", (error.errno, error.strerror, error.filename)
        return "failed", f"{type(error).__name__}: {on_one_line(error)}"
    finally:
        over.set()
        if shown:
            teller.join()
        everything.handlers = before


def full_or_closed(error: Exception) -> bool:
    """Whether the error says that a disk is full or read-only. The next training would then fail too, and the command
    tells the user what to do."""
    return isinstance(error, OSError) and error.errno in (*NO_ROOM, *NO_WRITING)


def outcome(answered: tuple, log: Path) -> Any:
    """The return value of the work, or a RuntimeError if the work failed. Raises BadInput if the work did, and OSError
    for a full or read-only disk. answered: from `answer`."""
    kind, content = answered
    if kind == "refused":
        raise BadInput(*content)
    if kind == "system":
        number, reason, file = content
        raise OSError(number, f"{reason} (in {log})", file)
    if kind == "failed":
        return RuntimeError(f"{content} (in {log})")
    return content


class Heard:
    """Receives the messages of one training in the parent. Shows its progress as bars, and logs its log messages."""

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
        """Removes the bars."""
        self._show([])

    def _show(self, tasks: list[tuple]) -> None:
        while len(self.tasks) > len(tasks):
            self.progress.remove_task(self.tasks.pop())
        while len(self.tasks) < len(tasks):
            self.tasks.append(self.progress.add_task(""))
        for task, (description, completed, total) in zip(self.tasks, tasks, strict=True):
            self.progress.update(task, description=description, completed=completed, total=total)


class _Logged(logging.Handler):
    """Sends log messages to the parent, which has the log of the run and the terminal."""

    def __init__(self, tell: Tell):
        super().__init__()
        self.tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # the parent may be dead
            self.tell("log", record.name, record.levelno, self.format(record))


def _tell(progress: Progress, over: threading.Event, tell: Tell) -> None:
    """Sends the progress of this process to the parent at regular intervals."""
    with suppress(OSError):  # the parent may be dead
        while not over.wait(_TELLS_EVERY):
            tell("tasks", [(task.description, task.completed, task.total) for task in progress.tasks])


@contextmanager
def _printed_to(log: Path) -> Iterator[None]:
    """Within this context, everything that the process writes to standard output and standard error is appended to a
    file, also the output of libraries that are not written in Python."""
    log.parent.mkdir(parents=True, exist_ok=True)
    refuse_special(log)
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
    """Points standard output and standard error of the process to these file descriptors."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the disk may be full
            stream.flush()
    os.dup2(out, 1)
    os.dup2(err, 2)
