"""Runs several trainings at once, each in its own process. They share the memory of one GPU.

One small network leaves most of a GPU idle. Separate processes need no special code for training, and each training
gives the same bits as alone.

This module imports neither Keras nor a module that does, because a child process must set the environment of its
backend before it loads Keras.
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

from common.ending import end_process, ends_soon
from common.training import relay

# The share of the GPU's memory that all processes together may take. The rest is for the parent and the display.
SHARE = 0.9


def share_memory() -> None:
    """Makes a backend allocate memory as it needs it. Otherwise TensorFlow and JAX take nearly all memory of a GPU at
    the start. Call it before the backend is loaded."""
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def call_at_once(
    work: Callable[..., Any],
    jobs: Mapping[Path, tuple],
    at_once: int,
    progress: Progress,
    begun: Callable[[Path], None] = lambda log: None,
) -> Iterator[tuple[Path, Any]]:
    """Calls `work(*job, progress)` for each job, `at_once` jobs at a time. When a job ends, yields its key and its
    return value, or a RuntimeError if it failed or was killed.

    work: a function at the top level of a module. jobs: the arguments of each job, which must be picklable. The key of
    a job is the file for the output of its process. begun: called with the key of each job that begins.

    A process does several jobs one after the other, because starting a process takes seconds. Log messages of a job
    appear in the log of this process.

    Raises BadInput if a job does, and OSError if the disk is full or read-only. All processes end when this function
    ends, also on Ctrl-C.
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
            child.process.terminate()  # ends all of them before waiting for one, which may still write its state
        for child in running.values():
            child.end()


class _Child:
    """A child process, seen from its parent."""

    def __init__(self, share: float, progress: Progress):
        self.heard, self.answer = relay.Heard(progress), None
        # "spawn" starts a new interpreter. A fork of a process that has used a GPU can't use the GPU.
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_work, args=(share, not progress.disable, theirs), daemon=True)
        self.process.start()
        theirs.close()  # now only the child has this end open, so `recv` notices when the child ends

    def begin(self, log: Path, call: tuple) -> None:
        self.log, self.answer = log, None
        with suppress(OSError):  # the child may be dead, which `result` reports
            self.pipe.send(log)
            self.pipe.send(call)

    def listen(self) -> bool:
        """Receives one message. Returns whether the job has ended with it."""
        try:
            kind, *content = self.pipe.recv()
        except (EOFError, OSError):  # OSError if the child was killed before it had read everything
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
        """The return value of the last job, or a RuntimeError. Raises the errors of `relay.outcome`."""
        if self.answer is None:
            return RuntimeError(
                f"A training was killed (exit status {self.process.exitcode}), perhaps because memory ran out. Fewer "
                f"at once need less memory. Its output: {self.log}"
            )
        return relay.outcome(self.answer, self.log)

    def end(self) -> None:
        self.process.terminate()
        self.process.join()


def _work(share: float, shown: bool, pipe: connection.Connection) -> None:
    """The main loop of a child process. For each job it receives the file for the output, then the job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the parent ends its children
    threading.Thread(target=_end_with_parent, daemon=True).start()
    share_memory()
    os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{share:.3f}"
    sending = threading.Lock()

    def tell(*message: Any) -> None:
        with sending:
            pipe.send(message)

    def call(progress: Progress) -> Any:
        work, job = pipe.recv()  # unpickling the first job imports Keras, so the environment is set before
        bound_memory(share)
        return work(*job, progress)

    with ends_soon():
        while True:
            tell("answer", relay.answer(call, pipe.recv(), tell, shown))


def _end_with_parent() -> None:
    """Ends this process when its parent ends. A parent that is killed can't end its children."""
    multiprocessing.parent_process().join()
    end_process(1)


def bound_memory(share: float) -> None:
    """Limits the GPU memory of this process to a share of the whole, if it has loaded Keras. On JAX there is nothing to
    do, because JAX reads its limit from the environment."""
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

        if totals := gpu_memory("total"):
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=share * totals[0] / 2**20)
            for gpu in tf.config.list_physical_devices("GPU"):
                tf.config.set_logical_device_configuration(gpu, [limit])
