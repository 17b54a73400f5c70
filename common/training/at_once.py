"""Several trainings at once, each in a process of its own, that share the memory of one GPU.

Five small networks leave most of a GPU idle, one after the other as well as one alone. Processes need no other code
than one training does, and each gives the bits that it gives alone.

Imports neither Keras nor what imports it: a child sets what its backend reads first, then loads the rest.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from typing import Any

from rich.progress import Progress

from common.training import relay

# Of the GPU's memory, what all processes together may take. The rest is for the parent and the display.
SHARE = 0.9


def share_memory() -> None:
    """Has a backend that is not loaded yet take memory as it needs it: TensorFlow and JAX take nearly all of a GPU's
    at the start otherwise."""
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def call_at_once(
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
                    log, done = child.log, child.result()
                    del running[pipe]
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
        self.heard, self.answer = relay.Heard(progress), None
        # A new interpreter: one that is forked off a process which has used a GPU can't use it.
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_work, args=(share, not progress.disable, theirs), daemon=True)
        self.process.start()
        theirs.close()  # the child's end alone is left open, so that it is closed when the child ends, however it does

    def begin(self, log: Path, call: tuple) -> None:
        self.log, self.answer = log, None
        with suppress(OSError):  # of a child that is no more: `result` tells
            self.pipe.send(log)
            self.pipe.send(call)

    def listen(self) -> bool:
        """Takes one message; whether it was the last of the job."""
        try:
            kind, *content = self.pipe.recv()
        except (EOFError, OSError):  # the latter from one that was killed before it had read all that it was sent
            self.heard.end()
            self.process.join()
            return True
        if kind == "answer":
            self.heard.end()
            (self.answer,) = content
            return True
        self.heard.hear(kind, *content)
        return False

    def result(self) -> Any:
        if self.answer is None:
            return RuntimeError(
                f"A training was ended from outside (exit status {self.process.exitcode}), as it happens when memory "
                f"runs out: fewer at once need less. What it printed: {self.log}"
            )
        return relay.outcome(self.answer, self.log)

    def end(self) -> None:
        self.process.terminate()
        self.process.join()


def _work(share: float, shown: bool, pipe: connection.Connection) -> None:
    """What a child does: one job after the other, each sent after the file that takes what it prints."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends its children
    threading.Thread(target=_end_with_parent, daemon=True).start()
    share_memory()
    os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{share:.3f}"
    sending = threading.Lock()

    def tell(*message: Any) -> None:
        with sending:
            pipe.send(message)

    def call(progress: Progress) -> Any:
        work, job = pipe.recv()  # the first imports Keras, now that the environment is set
        bound_memory(share)
        return work(*job, progress)

    while True:
        tell("answer", relay.answer(call, pipe.recv(), tell, shown))


def _end_with_parent() -> None:
    """A parent that is killed can't end its children."""
    multiprocessing.parent_process().join()
    os._exit(1)


def bound_memory(share: float) -> None:
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
