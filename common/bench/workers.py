"""Processes that each hold one thing to be timed, and wait until it is their turn.

A process of its own for each, because two frameworks in one would share threads and take the GPU's memory from each
other.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Works = dict[str, Callable[[], None]]
Given = TypeVar("Given")
PATIENCE = 600  # seconds that building and compiling a network may take


class Failed(Exception):
    """A worker could not do its work; the message is its last error."""


class Took(NamedTuple):
    """Seconds that a work took: by the clock, and of all cores together for the process that did it. Where a CPU does
    the work, the latter are what it cost, however many others want the CPU meanwhile."""

    wall: float
    cpu: float


class Worker:
    """maker: "module:function", which is called with `arguments` in the new process and returns the works to be timed,
    by name. Each is done once before the worker counts as ready, which compiles what is to be compiled."""

    def __init__(self, maker: str, *arguments: Any):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, maker, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Waits until it is. Raises Failed where it can't be."""
        if not self._pipe.poll(PATIENCE):
            raise Failed(f"not ready after {PATIENCE} s")
        self._answer()

    def start(self, work: str) -> None:
        self._pipe.send(work)

    def took(self) -> Took:
        """Of the work started before, which it waits for."""
        return Took(*self._answer())

    def measure(self, work: str = "epoch") -> Took:
        self.start(work)
        return self.took()

    def memory(self) -> int:
        """Bytes that belong to the process alone: without the pages of files that it has mapped, which the system
        takes back when it needs them. Linux only."""
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
    """All of these, ready, as `Worker` takes them. They are made ready one after the other. Raises Failed."""
    made: list[Worker] = []
    try:
        for order in orders:
            made.append(Worker(*order))
            made[-1].ready()
        yield made
    finally:
        for worker in made:
            worker.close()


def in_turns(rounds: int, turns: Sequence[Callable[[], Given]]) -> list[list[Given]]:
    """What each turn gives in each round, a list for each turn. Every second round goes backwards."""
    measured: list[list[Given]] = [[] for _ in turns]
    for number in range(rounds):
        order = range(len(turns))
        for turn in order if number % 2 == 0 else reversed(order):
            measured[turn].append(turns[turn]())
    return measured


def _serve(pipe: Connection, maker: str, arguments: tuple[Any, ...]) -> None:
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
        pass  # the parent has what it wants
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}".splitlines()[0]))
