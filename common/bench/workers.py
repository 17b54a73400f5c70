"""Processes that each hold one thing to be timed, and wait for their turn. If two frameworks were in one process, they
would share threads, and take the GPU's memory from each other."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Works = dict[str, Callable[[], None]]
Measured = TypeVar("Measured")
PATIENCE = 600  # seconds that a worker may take to build and compile its network


class Failed(Exception):
    """A worker could not do its work. The message is its last error."""


class Took(NamedTuple):
    """The seconds that a work took. wall: by the clock. cpu: the CPU time of the process on all cores, which does not
    grow if other processes use the CPU too."""

    wall: float
    cpu: float


class Worker:
    """A process for works that are timed. maker: "module:function". The process calls this function with `arguments`,
    and gets the works by name. It does each work once before it is ready, so that everything is compiled."""

    def __init__(self, maker: str, *arguments: Any):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, maker, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Waits until the worker is ready. Raises Failed if it fails or takes longer than PATIENCE."""
        if not self._pipe.poll(PATIENCE):
            raise Failed(f"not ready after {PATIENCE} s")
        self._answer()

    def start(self, work: str) -> None:
        self._pipe.send(work)

    def took(self) -> Took:
        """Waits for the work that was started, and returns its time. Raises Failed."""
        return Took(*self._answer())

    def measure(self, work: str = "epoch") -> Took:
        self.start(work)
        return self.took()

    def memory(self) -> int:
        """The memory of the process in bytes, without the pages of mapped files, which the system can take back. Linux
        only."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))) * 1024

    def close(self) -> None:
        self._pipe.close()
        self._process.terminate()
        self._process.join()

    def _answer(self) -> Any:
        try:
            kind, answer = self._pipe.recv()
        except EOFError:
            raise Failed("its process ended, perhaps for lack of memory") from None
        if kind == "failed":
            raise Failed(answer)
        return answer


@contextmanager
def workers(*orders: tuple[Any, ...]) -> Iterator[list[Worker]]:
    """Yields a worker for each order, and closes the workers at the end. An order is the arguments of `Worker`. The
    workers are made ready one after the other. Raises Failed."""
    made: list[Worker] = []
    try:
        for order in orders:
            made.append(Worker(*order))
            made[-1].ready()
        yield made
    finally:
        for worker in made:
            worker.close()


def in_turns(rounds: int, turns: Sequence[Callable[[], Measured]]) -> list[list[Measured]]:
    """Calls each function in `turns` once in each round; every second round is in reverse order. Returns the
    measurements of each function as a list."""
    measured: list[list[Measured]] = [[] for _ in turns]
    for number in range(rounds):
        order = range(len(turns))
        for turn in order if number % 2 == 0 else reversed(order):
            measured[turn].append(turns[turn]())
    return measured


def _serve(pipe: Connection, maker: str, arguments: tuple[Any, ...]) -> None:
    """The main loop of the process of a worker: does each work that the parent names, and sends its times."""
    try:
        module, _, function = maker.partition(":")
        works: Works = getattr(import_module(module), function)(*arguments)
        for work in works.values():
            work()
        pipe.send(("ready", None))
        while True:
            work = works[pipe.recv()]
            started = time.perf_counter(), time.process_time()
            work()
            ended = time.perf_counter(), time.process_time()
            pipe.send(("done", tuple(after - before for before, after in zip(started, ended, strict=True))))
    except (EOFError, KeyboardInterrupt):
        pass  # the parent needs no more
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}".splitlines()[0]))
