"""Sweeps on Ray, in real clusters on this machine: they leave what a plain run leaves, whatever dies meanwhile."""

import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("ray")
from ray.cluster_utils import Cluster

from common import lock
from common.sweep import stopped
from tests.faults.commands import Command
from tests.faults.endings import ending
from tests.sweep.conftest import STORE

GRID = ["sweep", "cheng", "--readings", "weights=best"]
LONGEST = 900  # seconds that anything may take, on a machine that is busy with other work
only_linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc about processes")


def sweeping(folder: Path, cluster: Cluster, words: list[str], first: Callable[[], None] | None = None) -> Command:
    return Command(folder, *GRID, *words, "--engine", "ray", "--address", cluster.address, first=first)


@pytest.mark.long
def test_two_jobs_leave_what_a_plain_run_does(few, never_disturbed, tmp_path, cluster):
    sweep = sweeping(tmp_path, cluster, few)
    assert sweep.end(LONGEST) == 0, sweep.said
    assert ending(tmp_path) == never_disturbed.ending
    learned = r"(; its segmentation did not learn: [^()\n]+)?"  # at smoke size it may not
    assert re.search(rf"cheng weights=best repeat 2: 8 epochs in \d+ (s|min){learned} \(2 of 2 done\)", sweep.said)
    assert "raylet" not in sweep.said
    assert len(set(processes(tmp_path))) == 1  # which has loaded Keras once
    assert [path.read_text() for path in tmp_path.glob("runs/cheng/*/*/printed.txt")] == ["", ""]


def test_once_all_is_done_no_cluster_is_needed(few, never_disturbed, tmp_path):
    shutil.copytree(never_disturbed.folder / "runs", tmp_path / "runs")
    sweep = Command(tmp_path, *GRID, *few, "--engine", "ray", "--address", "127.0.0.1:1")
    assert sweep.end(LONGEST) == 0, sweep.said
    assert ending(tmp_path) == never_disturbed.ending


@pytest.mark.long
@only_linux
def test_after_ctrl_c_nothing_is_at_work_and_the_same_command_goes_on(few, never_disturbed, tmp_path, cluster):
    sweep = sweeping(tmp_path, cluster, few)
    assert sweep.until_there(tmp_path, "runs/cheng/*/repeat-1/resume.npz"), sweep.said
    (first,) = tmp_path.glob("runs/cheng/*/repeat-0/fit.json")
    made = first.stat().st_mtime_ns
    worker = processes(tmp_path)[-1]
    asked = time.monotonic()
    sweep.send(signal.SIGINT)
    assert sweep.end(LONGEST) == 130, sweep.said
    until(lambda: not alive(worker), 5)
    assert time.monotonic() - asked < 5
    assert re.search(r"Interrupted\. To go on after the last whole epoch: .* --engine ray", sweep.said)
    again = sweeping(tmp_path, cluster, few)
    assert again.end(LONGEST) == 0, again.said
    assert "2 jobs, 1 of them done before" in again.said
    assert first.stat().st_mtime_ns == made
    assert ending(tmp_path) == never_disturbed.ending


@pytest.mark.long
@only_linux
def test_a_worker_and_then_a_node_die_and_every_job_is_done_once_with_the_bits_of_one_machine(few, tmp_path, cluster):
    four = [*few, "--repeats", "4"]
    local = Command(tmp_path / "local", *GRID, *four)
    assert local.end(LONGEST) == 0, local.said

    other = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    folder = tmp_path / "ray"
    sweep = sweeping(folder, cluster, four)
    killed = until(lambda: at_work(folder))[0]
    os.kill(killed.process, signal.SIGKILL)
    raylet = other.all_processes["raylet"][0].process.pid

    def at_work_there():
        others = [each for each in at_work(folder) if each.process != killed.process]  # which may not be dead yet
        return [each for each in others if parent(each.process) == raylet]

    lost = until(at_work_there)[0]
    cluster.remove_node(other, allow_graceful=False)
    assert sweep.end(LONGEST) == 0, sweep.said

    assert ending(folder) == ending(tmp_path / "local")
    for repeat in range(4):
        (log,) = folder.glob(f"runs/cheng/*/repeat-{repeat}/log.txt")
        begun = 1 + [killed.place, lost.place].count(log.parent)
        assert len(re.findall(" started: ", log.read_text())) == begun
        assert len(re.findall(" finished$", log.read_text(), re.MULTILINE)) == 1
        # No epoch was trained again whose end was kept.
        assert len(re.findall(r" epoch \d/8 ", log.read_text())) <= 8 + begun - 1
    assert sweep.said.count("its worker or node has died") == 2
    assert "raylet" not in sweep.said, "what Ray prints of its own is not shown"
    assert len(re.findall(r"repeat \d: 8 epochs in", sweep.said)) == 4


@pytest.mark.long
@only_linux
def test_a_worker_that_is_stopped_is_ended_and_its_job_is_done_once_with_the_same_bits(
    few, never_disturbed, tmp_path, cluster
):
    sweep = sweeping(tmp_path, cluster, few, first=impatient)
    held = until(lambda: at_work(tmp_path))[0]
    os.kill(held.process, signal.SIGSTOP)
    assert sweep.end(LONGEST) == 0, sweep.said
    assert not alive(held.process)
    assert ending(tmp_path) == never_disturbed.ending
    assert f"process {held.process} on {socket.gethostname()} gave no sign of life for 20 s and was ended" in sweep.said
    assert sweep.said.count("gave no sign of life") == 1
    assert "has died" not in sweep.said
    for log in tmp_path.glob("runs/cheng/*/*/log.txt"):
        assert len(re.findall(" started: ", log.read_text())) == 1 + (log.parent == held.place)
        assert len(re.findall(" finished$", log.read_text(), re.MULTILINE)) == 1
    assert "(2 of 2 done)" in sweep.said


def impatient() -> None:
    """Waits less for a sign of life, in the process of the sweep."""
    stopped.SILENCE = 20


def at_work(folder: Path) -> list[SimpleNamespace]:
    """The jobs whose first epoch is kept and that are not at their end: in which folder, by which process."""
    found = []
    for state in sorted(folder.glob("runs/cheng/*/*/resume.npz")):
        who = re.match(r"process (\d+) ", lock.holder(state.parent) or "")
        if who and not [*state.parent.glob("*.keras")]:
            found.append(SimpleNamespace(place=state.parent, process=int(who[1])))
    return found


def processes(folder: Path) -> list[int]:
    """That trained the jobs, in their order."""
    logs = sorted(folder.glob("runs/cheng/*/*/log.txt"))
    return [int(number) for log in logs for number in re.findall(r"started: .*, process (\d+) on", log.read_text())]


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def until(condition: Callable, seconds: float = LONGEST):
    limit = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < limit
        time.sleep(0.01)
    return found
