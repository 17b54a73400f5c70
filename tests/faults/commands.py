"""The `repro` command in real processes that the tests kill, starve and interrupt, without seconds of imports for each:
one server process has imported all that the command needs, and every command is a fork of it."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

_IMPORTED = [
    *("keras", "common.cli", "common.training.profile", "common.evidence.assess", "common.evidence.pages"),
    "tests.faults.preloaded",
]
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(_IMPORTED)


class Command:
    """A command that has begun. `said` is all that it has written so far, `complained` what of it went to the standard
    error if that has a file of its own."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        places: list[str] | None = None,
        output: str = "said.txt",
        errors: str | None = None,
        first: Callable[[], None] | None = None,
    ):
        """folder: with the runs and the results, unless `places` says otherwise. errors: a file for the standard error,
        which goes to `output` too without one. first: is called in the process."""
        folder.mkdir(parents=True, exist_ok=True)
        self.output, self.errors = folder / output, folder / errors if errors else None
        self.output.unlink(missing_ok=True)
        if places is None:
            places = ["--runs", str(folder / "runs"), "--results", str(folder / "results")]
        self.process = _server.Process(target=_main, args=(["repro", *words, *places], self.output, self.errors, first))
        self.process.start()

    @property
    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    @property
    def complained(self) -> str:
        return self.errors.read_text()

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    def send(self, signum: int) -> None:
        os.kill(self.process.pid, signum)

    def end(self, timeout: float = 300) -> int:
        """Waits until it ends. Its exit status; that of a process killed by a signal is negative."""
        self.process.join(timeout)
        assert not self.alive, f"still at work after {timeout} s: {self.said}"
        return self.process.exitcode

    def until_there(self, folder: Path, pattern: str, timeout: float = 300) -> bool:
        """Looks hundreds of times a second whether something has appeared. False where the command ended before."""
        limit = time.monotonic() + timeout
        while not any(folder.glob(pattern)):
            if not self.alive:
                return False
            assert time.monotonic() < limit, self.said
            time.sleep(0.002)
        return True


def _main(words: list[str], output: Path, errors: Path | None, first: Callable[[], None] | None) -> None:
    with output.open("w", buffering=1) as said, errors.open("w", buffering=1) if errors else nullcontext(said) as told:
        os.dup2(said.fileno(), 1)
        os.dup2(told.fileno(), 2)
        sys.stdout, sys.stderr = said, told
        sys.argv = words
        if first:
            first()
        from common.cli import main

        main()
