"""One process compiles for all."""

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.progress import Progress

from common import lock
from common.training import programs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kept(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "folder_of_programs", lambda: tmp_path)
    return tmp_path


def test_the_second_waits_until_the_first_has_compiled_and_the_third_does_not(kept):
    progress, events = Progress(disable=True), []
    lines = lambda: [task.description for task in progress.tasks]  # noqa: E731

    def second():
        with programs.compile_once("gill", "repeat 2", progress):
            events.append("second")

    with programs.compile_once("gill", "repeat 1", progress) as stored:
        assert lines() == ["repeat 1: compiling for this GPU, once, about a minute"]
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        assert lines()[1].startswith("repeat 2: waiting for process ")
        events.append("first")
        stored()
        thread.join(10)
        assert events == ["first", "second"]
        with programs.compile_once("gill", "repeat 3", progress):
            assert lines() == []


def test_another_program_is_compiled_at_the_same_time(kept):
    with (
        Progress(disable=True) as progress,
        programs.compile_once("gill", "gill", progress),
        programs.compile_once("cheng", "cheng", progress),
    ):
        assert len(progress.tasks) == 2


def test_what_an_error_or_a_kill_ended_is_compiled_by_the_next(kept):
    """The first is killed within the context."""
    code = (
        "import os, signal, sys; from pathlib import Path; from rich.progress import Progress\n"
        "from common.training import programs\n"
        f"programs.folder_of_programs = lambda: Path({str(kept)!r})\n"
        "with programs.compile_once('gill', '', Progress(disable=True)): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    with Progress(disable=True) as progress:
        with pytest.raises(ZeroDivisionError), programs.compile_once("gill", "", progress):
            1 / len(progress.tasks[1:])
        with programs.compile_once("gill", "", progress):
            assert len(progress.tasks) == 1
        with programs.compile_once("gill", "", progress):
            assert not progress.tasks


@pytest.mark.parametrize("fails", ["mkdir", "touch"])
def test_a_cache_that_cannot_be_written_to_ends_no_training(kept, monkeypatch, caplog, fails):
    """As on a disk that is full or read-only. The warning comes once for each step, not after every epoch."""
    calls = []

    def refuse(self, *_, **__):
        calls.append(self)
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, fails, refuse)
    with Progress(disable=True) as progress, programs.compile_once("gill", "", progress) as stored:
        stored()
        called = len(calls)
        stored()
        assert not progress.tasks
    assert len(calls) == called
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == called
    assert all("Read-only file system" in line for line in warnings)


def test_who_waits_is_said_once(kept, monkeypatch, caplog):
    monkeypatch.setattr(lock, "_SILENCE", 0.1)
    with Progress(disable=True) as progress, programs.compile_once("gill", "first", progress) as stored:
        threading.Timer(0.5, stored).start()
        with caplog.at_level("INFO"), programs.compile_once("gill", "second", progress):
            pass
    (line,) = (record.message for record in caplog.records if "ait" in record.message)
    assert line.startswith("second: waiting for process ")


def test_without_a_cache_nobody_waits(monkeypatch):
    monkeypatch.setattr(programs, "folder_of_programs", lambda: None)
    with Progress(disable=True) as progress, programs.compile_once("gill", "", progress) as stored:
        stored()
        assert not progress.tasks
