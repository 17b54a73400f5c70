"""One process compiles for all."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.progress import Progress

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


def test_without_a_cache_nobody_waits(monkeypatch):
    monkeypatch.setattr(programs, "folder_of_programs", lambda: None)
    with Progress(disable=True) as progress, programs.compile_once("gill", "", progress) as stored:
        stored()
        assert not progress.tasks
