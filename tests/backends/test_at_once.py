"""Trainings at once: what comes back, what happens when one fails, and that none is left over."""

import errno
import logging
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from common import papers
from common.data import fetch
from common.data.busi import index
from common.errors import BadInput
from common.training import at_once, needs, profile
from common.training import run as room
from common.training.request import Request
from tests.backends import work

ROOT = Path(__file__).parents[2]


def done(function, jobs, number):
    with Progress(disable=True) as progress:
        return dict(at_once.call_at_once(function, jobs, number, progress))


def test_each_job_gives_its_result_and_what_it_printed(tmp_path):
    jobs = {tmp_path / str(number) / "printed.txt": (number,) for number in range(3)}
    assert done(work.double, jobs, 2) == {log: 2 * number for log, (number,) in jobs.items()}
    assert [log.read_text() for log in jobs] == [f"doubling {number}\n" for number in range(3)]


def test_what_was_printed_before_stays(tmp_path):
    (tmp_path / "printed.txt").write_text("of the run before\n")
    done(work.double, {tmp_path / "printed.txt": (3,)}, 1)
    assert (tmp_path / "printed.txt").read_text() == "of the run before\ndoubling 3\n"


def test_what_they_log_and_warn_of_is_logged_here(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    done(work.talk, {tmp_path / "printed.txt": ()}, 1)
    logged = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert logged[:2] == [
        ("common.any", "INFO", "epoch 1"),
        ("common.any", "WARNING", "a state is damaged"),
    ]
    name, level, text = logged[2]
    assert (name, level) == ("py.warnings", "WARNING")
    assert "UserWarning: a deprecation" in text


def test_a_full_disk_is_told_as_one(tmp_path):
    with pytest.raises(OSError, match=r"No space left on device \(in .*printed\.txt\): 'best\.keras'") as full:
        done(work.stumble, {tmp_path / "printed.txt": ("full",)}, 1)
    assert full.value.errno == errno.ENOSPC


def test_they_are_at_work_at_the_same_time(tmp_path):
    jobs = {tmp_path / "0": (tmp_path, 0, 1), tmp_path / "1": (tmp_path, 1, 0)}
    assert set(done(work.meet, jobs, 2).values()) == {True}


def test_a_file_that_can_not_be_used_ends_them_all(tmp_path):
    with pytest.raises(BadInput, match="a file that can't be used"):
        done(work.stumble, {tmp_path / "printed.txt": ("refused",)}, 2)


def test_one_that_fails_or_is_killed_says_why_and_the_others_go_on(tmp_path):
    jobs = {tmp_path / f"{number}.txt": (how,) for number, how in enumerate(["failed", "killed", "failed"])}
    failed, killed, again = done(work.stumble, jobs, 1).values()
    assert re.fullmatch(r"ValueError: diverged \(in .*0\.txt\)", str(failed))
    assert re.search(r"was killed \(exit status -9\).*Fewer at once need less.*1\.txt", str(killed))
    assert "2.txt" in str(again)


def test_a_process_takes_one_job_after_the_other(tmp_path):
    processes = done(work.process, {tmp_path / f"{number}.txt": () for number in range(6)}, 2).values()
    assert len(set(processes)) == 2


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc which processes there are")
@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
def test_when_the_parent_ends_so_do_all(tmp_path, ends):
    """A parent in a process of its own, with two children that would go on for minutes."""
    code = (
        "from pathlib import Path; from rich.progress import Progress\n"
        "from common.training import at_once; from tests.backends import work\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "jobs = {folder / f'{n}.txt': (folder / 'at-work',) for n in range(3)}\n"
        "if __name__ == '__main__':\n"
        "    (folder / 'at-work').mkdir()\n"
        "    list(at_once.call_at_once(work.linger, jobs, 2, Progress(disable=True)))\n"
    )
    (tmp_path / "parent.py").write_text(code)
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], env=here, stderr=subprocess.DEVNULL)
    children = tmp_path / "at-work"
    until(lambda: children.is_dir() and len(list(children.iterdir())) == 2)
    parent.send_signal(ends)
    try:
        parent.wait(60)
    finally:
        parent.kill()
    assert parent.returncode != 0
    until(lambda: not any(alive(int(child.name)) for child in children.iterdir()))


def until(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("not within a minute")


def test_on_a_terminal_each_has_its_bar(tmp_path):
    with Progress(disable=True) as progress:
        progress.disable = False
        child = at_once._Child(0.5, progress)
        child.begin(tmp_path / "printed.txt", (work.linger, (tmp_path,)))
        try:
            until(lambda: child.pipe.poll(0.1) and not child.listen() and progress.tasks)
            (task,) = progress.tasks
            assert (task.description, task.completed, task.total) == ("lingering", 3, 10)
        finally:
            child.end()


@pytest.mark.long
def test_repeats_at_once_give_the_bits_that_they_give_in_turn(phantom_folder, tmp_path):
    """Histories, the counts of every image and the weights, of a run of three repeats, two at a time."""
    cheng = papers.load("cheng")
    tiny = {**cheng.profiles["smoke"], "epochs": 2, "filters": [2, 2, 2, 2], "bottleneck": 2}
    cheng = cheng.model_copy(update={"profiles": {**cheng.profiles, "smoke": tiny}})
    found = fetch.Found("phantom", phantom_folder, index(phantom_folder), [])
    records, lines = [], []
    for number in (1, 2):
        places = tmp_path / f"runs-{number}", tmp_path / f"results-{number}"
        request = Request(cheng, "smoke", found, 3, 0, {}, "float32", *places, False)
        records.append(room.run_experiment(replace(request, at_once=number), lines.append))
    in_turn, together = records
    assert [run.history for run in together.runs] == [run.history for run in in_turn.runs]
    assert [run.metrics for run in together.runs] == [run.metrics for run in in_turn.runs]
    assert together.environment == in_turn.environment
    for one in sorted((tmp_path / "runs-1").rglob("*.npz")):
        with np.load(one) as first, np.load(str(one).replace("runs-1", "runs-2")) as second:
            for name in set(first.files) - {"facts"}:
                assert first[name].tobytes() == second[name].tobytes(), (one, name)
    assert sorted(line.partition(":")[0] for line in lines[3:]) == [f"repeat {n} of 3" for n in (1, 2, 3)]


# How many


@pytest.fixture
def most(monkeypatch, tmp_path):
    """`auto` on a machine that is made up: free GPU memory in GiB, cores, and what a training needs."""

    def of(free, memory, cores=16, asked="auto"):
        monkeypatch.setattr(needs, "gpu_in_use", lambda: free is not None)
        monkeypatch.setattr(needs, "gpu_memory", lambda kind: [free * 2**30])
        monkeypatch.setattr(needs, "known_memory", lambda request: memory * 2**30)
        monkeypatch.setattr(needs, "cores", lambda: cores)
        return needs.at_once(None, asked)

    return of


def test_auto_is_one_on_a_cpu_and_what_was_asked_for_is_taken(most):
    assert most(None, 1) == 1
    assert most(None, 1, asked="3") == 3


def test_auto_fills_the_memory_of_the_gpu_and_no_more(most):
    assert most(free=139, memory=20) == 4  # 31 GiB each, of 125
    assert most(free=139, memory=1) == 8, "two cores each"
    assert most(free=8, memory=20) == 1, "one has to be tried"


@pytest.mark.parametrize("asked", ["0", "-1", "all", "1.5", ""])
def test_what_is_no_number_is_refused(asked):
    with pytest.raises(BadInput, match="repeats at once: expected auto, or a number from 1 to 64"):
        profile.check("auto", 1, 0, asked)
