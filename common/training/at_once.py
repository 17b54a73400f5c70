"""Several trainings at once, each in a process of its own, that share the memory of one GPU.

Five small networks leave most of a GPU idle, one after the other as well as one alone. Processes need no other code
than one training does, and each gives the bits that it gives alone.

Imports neither Keras nor what imports it: a child sets what its backend reads first, then loads the rest.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from typing import Any

from rich.progress import Progress

from common.errors import BadInput

# Of the GPU's memory, what all processes together may take. The rest is for the parent and the display.
SHARE = 0.9
_TELLS_EVERY = 0.5  # seconds between two messages about how far a child is


def share_memory() -> None:
    """Has a backend that is not loaded yet take memory as it needs it: TensorFlow and JAX take nearly all of a GPU's
    at the start otherwise."""
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def run(
    work: Callable[..., Any],
    jobs: Mapping[Path, tuple],
    at_once: int,
    progress: Progress,
    begun: Callable[[Path], None] = lambda log: None,
) -> Iterator[tuple[Path, Any]]:
    """Calls `work(*job, progress)` for each job, so many at once; gives the key of a job and what it returned, as they
    end, or a RuntimeError for one that fails or is killed.

    work: a function of a module; jobs: arguments that a pipe can carry, by the file that takes what the process prints;
    begun: is told the key of each job that begins.

    A process takes one job after the other, since it takes seconds to start one. What a job logs is logged here.

    Raises BadInput and OSError where a job does. Whatever ends this, also Ctrl-C, ends all the processes.
    """
    waiting = list(reversed(jobs))
    running: dict[connection.Connection, _Child] = {}

    def give(child: _Child) -> None:
        log = waiting.pop()
        child.begin(log, (work, jobs[log]))
        begun(log)
        running[child.pipe] = child

    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                give(_Child(SHARE / at_once, progress))
            for pipe in connection.wait(list(running)):
                child = running[pipe]
                if child.listen():
                    del running[pipe]
                    log, done = child.log, child.result()
                    if waiting and not isinstance(done, RuntimeError):
                        give(child)
                    else:
                        child.end()
                    yield log, done
    finally:
        for child in running.values():
            child.end()


class _Child:
    """One process, as its parent sees it."""

    def __init__(self, share: float, progress: Progress):
        self.progress, self.answer = progress, None
        self.tasks: list[Any] = []
        # A new interpreter: one that is forked off a process which has used a GPU can't use it.
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_work, args=(share, not progress.disable, theirs), daemon=True)
        self.process.start()
        theirs.close()  # the child's end alone is left open, so that it is closed when the child ends, however it does

    def begin(self, log: Path, call: tuple) -> None:
        self.log, self.answer = log, None
        log.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # of a child that is no more: `result` tells
            self.pipe.send(log)
            self.pipe.send(call)

    def listen(self) -> bool:
        """Takes one message; whether it was the last of the job."""
        try:
            kind, *content = self.pipe.recv()
        except (EOFError, OSError):  # the latter from one that was killed before it had read all that it was sent
            self._show([])
            self.process.join()
            return True
        if kind == "tasks":
            self._show(*content)
        elif kind == "log":
            name, level, text = content
            logging.getLogger(name).log(level, text)
        else:
            self._show([])
            self.answer = kind, *content
            return True
        return False

    def result(self) -> Any:
        if self.answer is None:
            return RuntimeError(
                f"A training was ended from outside (exit status {self.process.exitcode}), as it happens when memory "
                f"runs out: fewer at once need less. What it printed: {self.log}"
            )
        kind, content = self.answer
        if kind == "refused":
            raise BadInput(content)
        if kind == "system":
            number, reason, file = content
            raise OSError(number, f"{reason} (in {self.log})", file)
        if kind == "failed":
            return RuntimeError(f"{content} (in {self.log})")
        return content

    def end(self) -> None:
        self.process.terminate()
        self.process.join()

    def _show(self, tasks: list[tuple]) -> None:
        """Makes the child's bars those of the terminal."""
        while len(self.tasks) > len(tasks):
            self.progress.remove_task(self.tasks.pop())
        while len(self.tasks) < len(tasks):
            self.tasks.append(self.progress.add_task(""))
        for task, (description, completed, total) in zip(self.tasks, tasks, strict=True):
            self.progress.update(task, description=description, completed=completed, total=total)


def _work(share: float, shown: bool, pipe: connection.Connection) -> None:
    """What a child does: one job after the other, each sent after the file that takes what it prints."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends its children
    threading.Thread(target=_end_with_parent, daemon=True).start()
    share_memory()
    os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{share:.3f}"
    tell = _Teller(pipe)
    logging.getLogger().addHandler(_Logged(tell))
    logging.getLogger("common").setLevel(logging.INFO)
    logging.captureWarnings(True)
    while True:
        _print_to(pipe.recv())
        _do(share, shown, pipe, tell)


def _print_to(path: Path) -> None:
    """Whatever this process prints from now on, in any language."""
    sys.stdout.flush()
    sys.stderr.flush()
    with path.open("a", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)


def _do(share: float, shown: bool, pipe: connection.Connection, tell: "_Teller") -> None:
    progress, over = Progress(disable=True), threading.Event()
    teller = threading.Thread(target=_tell, args=(progress, over, tell), daemon=True)
    try:
        work, job = pipe.recv()  # the first imports Keras, now that the environment is set
        _bound_memory(share)
        if shown:
            teller.start()
        answer = "done", work(*job, progress)
    except BadInput as error:
        answer = "refused", str(error)
    except Exception as error:
        traceback.print_exc()
        answer = "failed", f"{type(error).__name__}: {error}"
        if isinstance(error, OSError) and error.errno:  # by which the command tells what to do, such as to make room
            answer = "system", (error.errno, error.strerror, error.filename)
    over.set()
    if shown and teller.is_alive():
        teller.join()
    sys.stdout.flush()
    tell(*answer)


class _Teller:
    """Sends the parent messages, from several threads."""

    def __init__(self, pipe: connection.Connection):
        self.pipe, self.lock = pipe, threading.Lock()

    def __call__(self, *message: Any) -> None:
        with self.lock:
            self.pipe.send(message)


class _Logged(logging.Handler):
    """What is logged in this process is logged by the parent, which has the log of the run and the terminal."""

    def __init__(self, tell: _Teller):
        super().__init__()
        self.tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # of a parent that is no more
            self.tell("log", record.name, record.levelno, self.format(record))


def _tell(progress: Progress, over: threading.Event, tell: _Teller) -> None:
    """Tells the parent, now and then, how far this process is."""
    with suppress(OSError):  # of a parent that is no more
        while not over.wait(_TELLS_EVERY):
            tell("tasks", [(task.description, task.completed, task.total) for task in progress.tasks])


def _end_with_parent() -> None:
    """A parent that is killed can't end its children."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _bound_memory(share: float) -> None:
    """Limits the memory of the GPU that this process may take, where it has loaded Keras. JAX has been told by its
    environment."""
    if "keras" not in sys.modules:
        return
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_per_process_memory_fraction(share)
    elif backend == "tensorflow":
        import tensorflow as tf

        from common.training.precision import gpu_memory

        if total := gpu_memory("total"):
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=share * total / 2**20)
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.set_logical_device_configuration(gpu, [limit])
