"""The engine of a Ray cluster, with stand-ins for the training: what fails, what is killed, what waits, and which part
of a GPU a job gets."""

import io
import logging
import os
import re
import socket
import threading
import time
from types import SimpleNamespace

import keras
import pytest

pytest.importorskip("ray")
from rich.console import Console
from rich.progress import Progress

from common import lock
from common.errors import BadInput
from common.evidence.schema import Failure
from common.sweep import on_ray
from common.sweep.job import Broken, Job, train_job
from common.sweep.ray_worker import Largest, Needs
from common.sweep.stopped import Worker
from common.sweep.table import JobTable
from common.training.record import Trial
from common.training.request import plan
from tests.sweep import work
from tests.sweep.conftest import STORE
from tests.sweep.test_jobs import one, trained  # noqa: F401, fixtures


@pytest.fixture
def add_node(cluster):
    """Adds a node to the cluster for the time of the test."""
    added = []

    def add(**resources):
        added.append(cluster.add_node(object_store_memory=STORE, **resources))

    yield add
    for node in added:
        cluster.remove_node(node)
    cluster.wait_for_nodes()


def test_one_that_is_refused_fails_or_kills_its_worker_ends_as_that_and_the_others_go_on(
    one,  # noqa: F811
    cluster,
    monkeypatch,
    caplog,
):
    monkeypatch.setattr(on_ray, "RETRIES", 1)
    six = [Job(one.request, Trial(repeat), one.folder) for repeat in range(6)]
    elsewhere = Job(one.request, Trial(6), one.folder.with_name("of-another-protocol-p0"))
    table = JobTable([*six, elsewhere], Console(file=io.StringIO()))
    came = {}
    for each, outcome in on_ray.train_on_ray([*six, elsewhere], cluster.address, table, work.by_repeat):
        table.end(each, outcome)
        came[each] = outcome
    first, refused, diverged, killed, failed, last = map(came.get, six)
    assert refused == Broken("a file that can't be used")
    assert isinstance(diverged, Failure)
    assert re.search(r"worker or node has died, after 2 attempts: .*repeat-3/printed\.txt", killed.why, re.DOTALL)
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
    again = threading.Thread(target=train_job, args=(one, Progress(disable=True)), kwargs={"wait": True})
    with lock.side_by_side(one.folder), lock.only_one(one.place):
        again.start()
        time.sleep(1)
        assert trained.trained == []
    again.join()
    assert trained.trained == [1]


@pytest.fixture
def heard(one, monkeypatch):  # noqa: F811
    """Has a sweep of one job hear messages, with a stand-in for Ray."""
    monkeypatch.setattr(on_ray, "_largest", lambda: Largest(1, 2**30))
    monkeypatch.setattr(on_ray.ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "0" * 56))
    sent = []
    queue = SimpleNamespace(qsize=lambda: len(sent), get_nowait_batch=lambda number: [sent.pop(0) for _ in sent[:]])
    monkeypatch.setattr(on_ray, "Queue", lambda actor_options: queue)
    sweep = on_ray._RaySweep(JobTable([one], Console(file=io.StringIO())), work.at_once)
    sweep.waiting["a reference"] = one

    def hear(*messages):
        sent.extend((one.identity, *message) for message in messages)
        sweep.listen()
        return sweep

    return hear


def test_a_message_that_overtakes_that_of_the_beginning_is_no_death(heard, caplog):
    """Ray does not keep the order of what a worker sends."""
    sweep = heard(("log", "common", logging.WARNING, "epoch 1"), ("begun", "here", "a node", 7))
    assert [record.message for record in caplog.records] == ["epoch 1"]
    assert sweep.table.counts()["running"] == 1


def test_a_job_whose_worker_was_stopped_is_queued_again_and_a_line_says_why(one, heard, caplog, monkeypatch):  # noqa: F811
    sweep = heard(("begun", "here", "a node", 7))
    monkeypatch.setattr(sweep.watch, "ended", lambda: [(one.identity, Worker("here", "a node", 7))])
    assert heard().table.counts()["queued"] == 1
    monkeypatch.setattr(sweep.watch, "ended", list)
    assert heard(("begun", "there", "another node", 8)).table.counts()["running"] == 1
    assert [record.message for record in caplog.records] == [
        f"{one}: process 7 on here gave no sign of life for 2 min and was ended. The job is done again elsewhere.",
        f"{one}: on there it goes on from its last whole epoch.",
    ]


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
        next(on_ray.train_on_ray([], address, None))


@pytest.mark.long
def test_that_no_machine_is_large_enough_is_said_once_and_one_that_joins_is_taken(one, cluster, add_node, monkeypatch):  # noqa: F811
    said = []

    def joins(message):
        said.append(message)
        add_node(num_cpus=3)

    monkeypatch.setattr(on_ray, "_LOOKS_AT_MACHINES_EVERY", 0.2)
    monkeypatch.setattr(on_ray, "needs_of", lambda request, largest: Needs(cpus=3, memory=2**30))
    monkeypatch.setattr(on_ray.logger, "warning", joins)
    table = JobTable([one], Console(file=io.StringIO()))
    ((_, outcome),) = on_ray.train_on_ray([one], cluster.address, table, work.at_once)
    assert outcome.epochs == 8
    assert said == ["No machine of the cluster has 3 processors, 1.0 GiB of memory: the jobs wait until one joins."]


@pytest.mark.long
def test_jobs_share_a_gpu_each_with_its_part_of_the_memory(one, tmp_path, cluster, add_node, monkeypatch):  # noqa: F811
    """A node that says it has a GPU, whose driver tells of 8 GiB."""
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\necho 8192\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(driver.parent), prepend=os.pathsep)
    add_node(num_cpus=4, num_gpus=1)
    two = [Job(one.request, Trial(repeat), one.folder) for repeat in range(2)]
    table = JobTable(two, Console(file=io.StringIO()))
    outcomes = [outcome for _, outcome in on_ray.train_on_ray(two, cluster.address, table, work.beside_another)]
    assert [outcome.epochs for outcome in outcomes] == [8, 8]
    told = [(each.place / "began.txt").read_text().split() for each in two]
    assert [gpu for gpu, _ in told] == ["0", "0"]
    assert all(0.1 < float(share) < 0.5 for _, share in told), "of which two are at most nine tenths"
