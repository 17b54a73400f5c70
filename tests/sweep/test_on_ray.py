"""Sweeps on Ray, in real clusters on this machine: they leave what a plain run leaves, whatever dies meanwhile."""

import io
import os
import re
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest

pytest.importorskip("ray")
from ray.cluster_utils import Cluster
from rich.console import Console
from rich.progress import Progress

from common import lock
from common.errors import BadInput
from common.evidence.results import Failure
from common.sweep import job as jobs
from common.sweep import on_ray
from common.sweep.job import Broken
from common.sweep.needs import Needs
from common.sweep.table import JobTable
from common.training.record import Trial
from common.training.request import plan
from tests.faults.commands import Command
from tests.faults.endings import ending
from tests.sweep import work
from tests.sweep.test_jobs import one, trained  # noqa: F401, fixtures

GRID = ["sweep", "cheng", "--readings", "weights=best"]
STORE = 100 * 2**20  # bytes of a node's object store
LONGEST = 900  # seconds that anything may take, on a machine that is busy with other work
only_linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="asks /proc about processes")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Of one node with one processor; a test may add others. A node's death is known within seconds."""
    head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=head)
    yield started
    started.shutdown()


def sweeping(folder: Path, cluster: Cluster, words: list[str]) -> Command:
    return Command(folder, *GRID, *words, "--engine", "ray", "--address", cluster.address)


def test_two_jobs_leave_what_a_plain_run_does(few, plain, tmp_path, cluster):
    sweep = sweeping(tmp_path, cluster, few)
    assert sweep.end(LONGEST) == 0, sweep.said
    assert ending(tmp_path) == plain.ending
    learned = r"(; its segmentation did not learn: [^()\n]+)?"  # at smoke size it may not
    assert re.search(rf"cheng weights=best repeat 2: 8 epochs in \d+ s{learned} \(2 of 2 done\)", sweep.said)
    assert "raylet" not in sweep.said
    assert len(set(processes(tmp_path))) == 1  # which has loaded Keras once
    assert [path.read_text() for path in tmp_path.glob("runs/cheng/*/*/printed.txt")] == ["", ""]


def test_one_that_is_refused_fails_or_kills_its_worker_ends_as_that_and_the_others_go_on(
    one,  # noqa: F811
    cluster,
    monkeypatch,
    caplog,
):
    monkeypatch.setattr(on_ray, "RETRIES", 1)
    six = [jobs.job(one.request, Trial(repeat), one.folder) for repeat in range(6)]
    elsewhere = jobs.job(one.request, Trial(6), one.folder.with_name("of-another-protocol-p0"))
    table = JobTable([*six, elsewhere], Console(file=io.StringIO()))
    came = {}
    for each, outcome in on_ray.run([*six, elsewhere], cluster.address, table, work.by_repeat):
        table.end(each, outcome)
        came[each] = outcome
    first, refused, diverged, killed, failed, last = map(came.get, six)
    assert refused == Broken("a file that can't be used")
    assert isinstance(diverged, Failure)
    assert re.search(r"worker or node has died, the last of 2 times: .*repeat-3/printed\.txt", killed.why, re.DOTALL)
    assert re.fullmatch(r"ValueError: something else \(in .*repeat-4/printed\.txt\)", failed.why)
    assert "Traceback" in (six[4].place / "printed.txt").read_text()
    assert came[elsewhere].why.endswith("The sweep was started with that of another one.")
    assert table.counts() == {"queued": 0, "running": 0, "done": 2, "failed": 5}

    images = plan(one.request, print).training.prepared.images
    for well in (first, last):  # which had the images by themselves, and the settings of this process
        described, marked, settings, _ = well.notes
        assert described == f"ndarray {images.shape} False"
        assert int(marked) > 0
        assert settings == f"{keras.backend.backend()} 3 true"
    assert (six[0].place / "printed.txt").read_text() == "at repeat 1\n"
    began = [(each.place / "began.txt").read_text().split() for each in six]
    assert [len(times) for times in began] == [1, 1, 1, 2, 1, 1]
    assert [record.message for record in caplog.records if "has died" in record.message] == [
        f"{six[3]}: its worker or node has died. On {socket.gethostname()} it goes on from its last whole epoch."
    ]


def test_a_job_waits_for_a_worker_that_is_thought_dead(one, trained):  # noqa: F811
    again = threading.Thread(target=jobs.train, args=(one, Progress(disable=True)), kwargs={"wait": True})
    with lock.side_by_side(one.folder), lock.only_one(one.place):
        again.start()
        time.sleep(1)
        assert trained.trained == []
    again.join()
    assert trained.trained == [1]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:1", r"There is no Ray cluster at 127\.0\.0\.1:1: .*refused.*`ray start --head` starts one"),
        ("ray://head:10001", "ray://head:10001 is no address of a Ray cluster: start the sweep on a machine of the"),
        ("head", "head is no address of a Ray cluster"),
    ],
)
def test_a_cluster_that_is_not_there_is_told_within_seconds(address, told):
    with pytest.raises(BadInput, match=told):
        next(on_ray.run([], address, None))


def test_once_all_is_done_no_cluster_is_needed(few, plain, tmp_path):
    shutil.copytree(plain.folder / "runs", tmp_path / "runs")
    sweep = Command(tmp_path, *GRID, *few, "--engine", "ray", "--address", "127.0.0.1:1")
    assert sweep.end(LONGEST) == 0, sweep.said
    assert ending(tmp_path) == plain.ending


def test_that_no_machine_is_large_enough_is_said_once_and_one_that_joins_is_taken(one, cluster, monkeypatch):  # noqa: F811
    said = []

    def joins(message):
        said.append(message)
        cluster.add_node(num_cpus=3, object_store_memory=STORE)

    monkeypatch.setattr(on_ray, "_LOOKS_AT_MACHINES_EVERY", 0.2)
    monkeypatch.setattr(on_ray, "needs", lambda request, largest: Needs(cpus=3, memory=2**30))
    monkeypatch.setattr(on_ray.logger, "warning", joins)
    table = JobTable([one], Console(file=io.StringIO()))
    ((_, outcome),) = on_ray.run([one], cluster.address, table, work.at_once)
    assert outcome.epochs == 8
    assert said == ["No machine of the cluster has 3 processors, 1.0 GiB of memory: the jobs wait until one joins."]


@pytest.mark.long
@only_linux
def test_after_ctrl_c_nothing_is_at_work_and_the_same_command_goes_on(few, plain, tmp_path, cluster):
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
    assert ending(tmp_path) == plain.ending


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
    lost = until(lambda: [each for each in at_work(folder) if parent(each.process) == raylet])[0]
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
    assert len(re.findall(r"repeat \d: 8 epochs in", sweep.said)) == 4


def test_jobs_share_a_gpu_each_with_its_part_of_the_memory(one, tmp_path, cluster, monkeypatch):  # noqa: F811
    """A node that says it has a GPU, whose driver tells of 8 GiB."""
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\necho 8192\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(driver.parent), prepend=os.pathsep)
    cluster.add_node(num_cpus=4, num_gpus=1, object_store_memory=STORE)
    two = [jobs.job(one.request, Trial(repeat), one.folder) for repeat in range(2)]
    table = JobTable(two, Console(file=io.StringIO()))
    outcomes = [outcome for _, outcome in on_ray.run(two, cluster.address, table, work.beside_another)]
    assert [outcome.epochs for outcome in outcomes] == [8, 8]
    told = [(each.place / "began.txt").read_text().split() for each in two]
    assert [gpu for gpu, _ in told] == ["0", "0"]
    assert all(0.1 < float(share) < 0.5 for _, share in told), "of which two are at most nine tenths"


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
