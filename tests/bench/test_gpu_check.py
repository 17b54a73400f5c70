"""`make gpu-check`: real processes that end, fail, or are interrupted and go on."""

import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.bench import gpu_check
from common.cli import app

# Writes a line an instant; ends after the twentieth, and takes up where it was left.
COUNTS = """
import sys, time, pathlib
path = pathlib.Path(sys.argv[1])
while (number := len(path.read_text()) if path.exists() else 0) < 20:
    path.write_text("x" * (number + 1))
    time.sleep(0.1)
"""


@pytest.fixture
def short(monkeypatch):
    """A call may be as short as a second."""
    monkeypatch.setattr(gpu_check, "_LEAST", 0.1)
    monkeypatch.setattr(gpu_check, "_GRACE", 0.2)


def test_what_is_interrupted_goes_on_with_the_next_call_and_what_is_done_is_not_done_again(tmp_path, short, capsys):
    quick = [sys.executable, "-c", f"open({str(tmp_path / 'quick')!r}, 'a').write('once')"]
    known = {"long one": [sys.executable, "-c", COUNTS, str(tmp_path / "count")], "quick one": quick}
    folder = tmp_path / "check"
    assert not gpu_check.run_parts(known, folder, seconds=60, each=1)
    assert "long one: interrupted, goes on with the next call" in capsys.readouterr().out
    for _ in range(5):
        if gpu_check.run_parts(known, folder, seconds=60, each=1):
            break
    assert "2 of 2 parts are done." in capsys.readouterr().out
    assert (tmp_path / "count").read_text() == "x" * 20
    assert (tmp_path / "quick").read_text() == "once"


def test_one_that_fails_keeps_no_other_from_running(tmp_path, short, capsys):
    known = {"bad": [sys.executable, "-c", "raise SystemExit('no GPU')"], "good": [sys.executable, "-c", ""]}
    assert not gpu_check.run_parts(known, tmp_path, seconds=60, each=30)
    said = capsys.readouterr().out
    assert "bad: failed, status 1" in said
    assert "good: done" in said
    assert "1 of 2 parts are done. To go on: the same command." in said
    assert (tmp_path / "bad.log").read_text() == "no GPU\n"


def test_the_call_ends_in_its_time(tmp_path, short):
    known = {f"sleep {n}": [sys.executable, "-c", "import time; time.sleep(30)"] for n in range(5)}
    started = time.monotonic()
    assert not gpu_check.run_parts(known, tmp_path, seconds=2, each=30)
    assert time.monotonic() - started < 6


def test_every_part_is_a_command_with_options_that_there_are(tmp_path):
    """Each with a name that no paper has, so that it is refused for that alone."""
    known = gpu_check.part_commands(tmp_path, Path("runs"), Path("results"))
    assert list(known)[:2] == ["mixed precision", "cheng at the paper's size"]
    for command in known.values():
        words = command[len(gpu_check.REPRO) :]
        refused = CliRunner().invoke(app, [words[0], "nobody", *words[2:]])
        assert "There is no paper 'nobody'" in str(refused.exception), refused.output
