"""`make gpu-check`: real processes that end, fail, or are cut off and go on."""

import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.bench import gpu_check
from common.bench.gpu_archive import write_archive
from common.bench.gpu_check import Part
from common.cli import app

# Counts to twenty, ten numbers a second, and takes up where it was left.
COUNTS = """
import sys, time, pathlib
path = pathlib.Path(sys.argv[1])
while (number := len(path.read_text()) if path.exists() else 0) < 20:
    path.write_text("x" * (number + 1))
    time.sleep(0.1)
"""

# A check of one part, in a process of its own.
CHECKS = f"""
import os, sys
from common.bench import gpu_check
part = gpu_check.Part("count", [sys.executable, "-c", {COUNTS!r}, os.environ["COUNT"]])
gpu_check.plan_parts = lambda *places: [part]
gpu_check.typer.run(gpu_check.main)
"""


@pytest.fixture
def check(monkeypatch, tmp_path):
    """Runs parts in an empty folder. A call may be as short as a second."""
    monkeypatch.setattr(gpu_check, "_LEAST", 0.1)
    monkeypatch.setattr(gpu_check, "_GRACE", 0.2)
    folder = tmp_path / "runs" / "gpu-check"
    return lambda parts, seconds=60: gpu_check.run_parts(
        parts, folder, tmp_path / "runs", tmp_path / "results", seconds
    )


def python(name: str, code: str, *words: str) -> Part:
    return Part(name, [sys.executable, "-c", code, *words])


def test_what_is_not_done_in_its_time_goes_on_with_the_next_call_and_what_is_done_is_not_done_again(
    tmp_path, check, capsys
):
    parts = [
        python("long one", COUNTS, str(tmp_path / "count")),
        python("quick one", f"open({str(tmp_path / 'quick')!r}, 'a').write('once')"),
    ]
    assert not check(parts, seconds=2)
    said = capsys.readouterr().out
    assert "[1 of 2] long one: not done in its time, the next call goes on with it (1 s)" in said
    assert "[2 of 2] quick one: done. (" in said
    assert check(parts)
    assert "[1 of 2] long one: done." in capsys.readouterr().out
    assert (tmp_path / "count").read_text() == "x" * 20
    assert (tmp_path / "quick").read_text() == "once"


def test_one_that_fails_keeps_no_other_from_running(tmp_path, check, capsys):
    parts = [python("bad", "raise SystemExit('no GPU')"), python("good", "")]
    assert not check(parts)
    said = capsys.readouterr().out
    log = tmp_path / "runs" / "gpu-check" / "bad.log"
    assert f"bad: failed with status 1, see {log}. Its last line: no GPU (" in said
    assert "good: done." in said
    assert log.read_text() == "no GPU\n"


def test_the_call_ends_in_its_time(check):
    started = time.monotonic()
    assert not check([python(f"sleep {n}", "import time; time.sleep(30)") for n in range(5)], seconds=2)
    assert time.monotonic() - started < 6


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_check_that_is_ended_or_killed_leaves_no_process_and_the_next_call_goes_on(tmp_path, signum):
    if signum == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux ends the children of a killed process")
    count, places = tmp_path / "count", [f"--{name}={tmp_path / name}" for name in ("runs", "results", "folder")]
    command, settings = [sys.executable, "-c", CHECKS, *places], os.environ | {"COUNT": str(count)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings)
    wait_until(lambda: count.exists() and count.stat().st_size > 2)
    process.send_signal(signum)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGKILL: -9}[signum]
    assert ("0 of 1 parts are done. The same command goes on." in said) == (signum == signal.SIGTERM)
    time.sleep(0.3)
    before = count.read_text()
    time.sleep(0.3)
    assert count.read_text() == before != "x" * 20, "the part ended with it"
    again = subprocess.run(command, capture_output=True, text=True, env=settings, check=True)
    assert "[1 of 1] count: done." in again.stdout
    assert f"To carry home: {tmp_path / 'folder.tar.gz'}, 0.0 MiB." in again.stdout
    assert count.read_text() == "x" * 20


def wait_until(happened) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_parts_come_in_the_order_of_their_worth():
    names = [part.name for part in gpu_check.plan_parts(Path("check"), Path("runs"), Path("results"))]
    assert names[:7] == [
        "smoke training",
        "cheng 5 repeats",
        "paudel 1 cross-validation",
        "rahman 1 repeat",
        "gill 1 repeat",
        "tang 1 repeat",
        "paudel 2 cross-validations",
    ]
    assert (
        names.index("tang 3 repeats") < names.index("tang 3 repeats and baselines") < names.index("bench cheng pytorch")
    )
    assert len(set(names)) == len(names)


def test_every_part_is_a_command_with_options_that_there_are(tmp_path):
    """Each with a name that no paper has, so that it is refused for that alone."""
    for part in gpu_check.plan_parts(tmp_path, Path("runs"), Path("results")):
        words = part.command[len(gpu_check.REPRO) :]
        refused = CliRunner().invoke(app, [words[0], "nobody", *words[2:]])
        assert "There is no paper 'nobody'" in str(refused.exception), refused.output


def test_the_archive_has_what_the_suite_reads_again_and_no_network(tmp_path):
    run = "cheng/busi-0a-paper-seed0-jax-mixed-1-p5"
    small = [
        f"runs/{run}/run.json",
        f"runs/{run}/repeat-0/fit.json",
        f"runs/{run}/repeat-0/rows-test.npz",
        "runs/gpu-check/cheng-5-repeats.log",
        "results/cheng.json",
        "results/cheng/paper-busi/rows-0-test.npz",
    ]
    left_here = [
        f"runs/{run}/repeat-0/best.keras",
        f"runs/{run}/repeat-1/rows-test.npz",  # of a training that has not ended
        "runs/cheng/busi-0a-small-seed0-jax-float32-1-p5/repeat-0/fit.json",
        "results/gill.json",
        "results/README.md",
    ]
    for name in [*small, *left_here]:
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    runs = tmp_path / "here" / "runs"
    write_archive(tmp_path / "home.tar.gz", runs / "gpu-check", runs, tmp_path / "here" / "results")
    with tarfile.open(tmp_path / "home.tar.gz") as archive:
        assert sorted(archive.getnames()) == sorted(small)
        assert archive.extractfile("results/cheng.json").read() == b"results/cheng.json"
