"""Who may train what at the same time, and how the engine of one machine deals with what goes wrong."""

import errno
import io
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from common import lock
from common.cli.status import run_state
from common.errors import BadInput
from common.evidence.schema import Failure
from common.lock import only_one, side_by_side
from common.sweep import grid, local, spec
from common.sweep.job import Broken, Job, describe_outcome, train_job
from common.sweep.table import JobTable
from common.training import relay
from common.training import run as plain
from common.training.record import Fit, Trial
from common.training.request import plan
from tests.training.conftest import run as trained  # noqa: F401, a fixture: runs with a stand-in for the training

DONE = Fit(0, 0, None, 8, 8, 70.0, {}, {}, [])
FAILED = Failure(seed=0, repeat=0, loss="nan", epoch=2, batch=3, learning_rate=0.001)


# Locks


def test_jobs_of_one_run_may_be_at_work_side_by_side(tmp_path):
    with (
        side_by_side(tmp_path),
        only_one(tmp_path / "repeat-0"),
        side_by_side(tmp_path),
        only_one(tmp_path / "repeat-1"),
    ):
        assert len(lock.holders(tmp_path)) == 2
    assert lock.holders(tmp_path) == []


def test_whoever_wants_a_folder_alone_is_told_who_is_at_work_in_it(tmp_path):
    refused = pytest.raises(BadInput, match=rf"is in use by process {os.getpid()} on .*Wait until it is done")
    with side_by_side(tmp_path), only_one(tmp_path / "repeat-0"), refused, only_one(tmp_path):
        pytest.fail("it was let in")


def test_who_only_looks_keeps_nobody_out(tmp_path):
    """`repro status` holds a lock for the moment in which it looks: who wants the folder then tries again."""
    import fcntl
    import threading

    (tmp_path / lock.NAME).touch()
    with (tmp_path / lock.NAME).open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.1, lambda: fcntl.flock(looking, fcntl.LOCK_UN)).start()
        with only_one(tmp_path):
            assert f"process {os.getpid()} on" in lock.holder(tmp_path)


@pytest.fixture
def one(trained) -> Job:  # noqa: F811
    """The second of three repeats."""
    planned = plan(trained.asks(3), print)
    return Job(trained.asks(3), planned.trials[1], planned.folder)


def test_a_job_leaves_what_a_plain_run_finds_finished(one, trained):  # noqa: F811
    done = train_job(one, Progress(disable=True))
    assert trained.trained == [1]
    assert (done.repeat, one.ended) == (1, True)
    assert "started: " in (one.place / "log.txt").read_text()
    record = trained(3)
    assert trained.trained == [0, 2]
    assert [each.repeat for each in record.runs] == [0, 1, 2]


def test_a_job_that_has_ended_is_not_trained_again(one, trained):  # noqa: F811
    first = train_job(one, Progress(disable=True))
    trained.trained.clear()
    assert train_job(one, Progress(disable=True)) == first
    assert trained.trained == []


def test_a_job_keeps_out_a_plain_run_of_the_same_and_the_same_job(one, trained):  # noqa: F811
    with side_by_side(one.folder), only_one(one.place):
        with pytest.raises(BadInput, match="is in use by process"):
            plain.run_experiment(one.request, print)
        with pytest.raises(BadInput, match=r"repeat-1 is in use by process"):
            train_job(one, Progress(disable=True))
    with only_one(one.folder), pytest.raises(BadInput, match="is in use by process"):
        train_job(one, Progress(disable=True))
    assert trained.trained == []


def test_status_tells_of_runs_that_jobs_make(one, trained):  # noqa: F811
    train_job(one, Progress(disable=True))
    (of_run,) = trained.runs.iterdir()
    state = run_state(of_run)
    assert (state.state, state.progress.partition(";")[0]) == ("partial", "1 of 3 trained")
    assert "last in its log: " in state.progress
    assert "finished" in state.progress
    with side_by_side(one.folder), only_one(one.folder / "repeat-2"):
        state = run_state(of_run)
        assert state.state == "running"
        assert f"process {os.getpid()} on" in state.progress
    trained(3)
    assert run_state(of_run).state == "done"


# The engine of one machine


@pytest.fixture
def engine(one, monkeypatch):
    """Runs three jobs, one after the other, with a stand-in for `train`; gives the table and what came of each."""
    three = [Job(one.request, Trial(repeat), one.folder) for repeat in range(3)]

    def call(train):
        monkeypatch.setattr(local, "train_job", lambda job, progress: train(job))
        table, ended = JobTable(three, Console(file=io.StringIO())), []
        for job, outcome in local.train_here(three, 1, table):
            table.end(job, outcome)
            ended.append((job.trial.repeat, outcome))
        return table, ended

    return call


def test_one_that_fails_keeps_no_other_from_going_on(engine):
    def train(job):
        if job.trial.repeat == 0:
            raise BadInput("in use by process 7")
        if job.trial.repeat == 1:
            raise ValueError("a layer without a name")
        return DONE

    table, ended = engine(train)
    assert ended[0] == (0, Broken("in use by process 7"))
    assert ended[1][1].why.startswith("ValueError: a layer without a name (in ")
    assert ended[2] == (2, DONE)
    assert table.counts() == {"queued": 0, "running": 0, "done": 1, "failed": 2}


def test_a_full_disk_ends_the_sweep(engine):
    def train(job):
        raise OSError(errno.ENOSPC, "No space left on device", "best.keras")

    with pytest.raises(OSError, match="No space left"):
        engine(train)


def test_what_is_wrong_with_one_folder_does_not_end_it(engine):
    def train(job):
        if job.trial.repeat == 0:
            raise OSError(errno.ESTALE, "Stale file handle", "best.keras")
        return DONE

    table, ended = engine(train)
    assert "Stale file handle" in ended[0][1].why
    assert table.counts()["done"] == 2


def test_of_a_training_that_is_broken_off_no_bar_is_left(one, monkeypatch):
    def breaks(job, progress):
        progress.add_task("epoch 1")
        raise ValueError("a layer without a name")

    monkeypatch.setattr(local, "train_job", breaks)
    table = JobTable([one], Console(file=io.StringIO()))
    ((_, outcome),) = local.train_here([one], 1, table)
    assert outcome.why.startswith("ValueError")
    assert table.task_ids == []


# The engine's messages from other processes


def test_a_full_disk_is_told_as_one_also_where_the_output_lies_on_it(monkeypatch):
    """`/dev/full` takes nothing."""
    full = Path("/dev/full")
    monkeypatch.setattr(relay, "refuse_special", lambda path: None)  # which a device is, and a file on a full disk not

    def saves(progress):
        raise OSError(errno.ENOSPC, "No space left on device", "best.keras")

    def prints(progress):
        os.write(1, b"much")

    with full.open("w", buffering=1) as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        answers = [relay.answer(work, full, lambda *message: None, shown=False) for work in (saves, prints)]
        monkeypatch.undo()
        with suppress(OSError):
            stderr.close()
    for answer in answers:
        with pytest.raises(OSError, match="No space left on device"):
            relay.outcome(answer, full)


# What is stored


def test_an_experiment_is_stored_already_where_a_record_has_all_that_decides_its_numbers(trained, one):  # noqa: F811
    trained(3)
    request = one.request
    fingerprint = plan(request, print).training.prepared.fingerprint
    experiment = grid.Experiment(request, one.folder, fingerprint, 1.0)
    assert experiment.is_stored(trained.stored())
    assert not experiment.is_stored([])
    for other in (
        replace(experiment, fingerprint="of other pixels"),
        *(
            replace(experiment, request=replace(request, **changed))
            for changed in (
                {"seed": 1},
                {"precision": "mixed_bfloat16"},
                {"repeats": 4},
                {"readings": {"weights": "best"}},
            )
        ),
    ):
        assert not other.is_stored(trained.stored()), other


def test_the_file_that_a_sweep_is_read_from_stays_as_it_is(tmp_path):
    wanted = spec.parse_sweep({"profile": "smoke", "precision": "float32"}, "This")
    path = spec.save_sweep(wanted, "mine", tmp_path, None)
    assert spec.parse_sweep(spec.read_sweep_file(path), "It") == wanted
    path.write_text("# for the rebuttal\nprofile: smoke\nprecision: float32\n")
    assert spec.save_sweep(wanted, "mine", tmp_path, path) == path
    assert "for the rebuttal" in path.read_text()
    elsewhere = tmp_path / "mine.yaml"
    elsewhere.write_text("profile: smoke\n")
    spec.save_sweep(wanted, "mine", tmp_path, elsewhere)
    assert "for the rebuttal" not in path.read_text()


# The table


def test_the_table_counts_and_tells_the_time_left(one, monkeypatch):
    four = [Job(one.request, Trial(repeat), one.folder) for repeat in range(4)]
    now = [100.0]
    monkeypatch.setattr("common.sweep.table.time.monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    table = JobTable(four, console, {"cheng": 5}, work=lambda job: [1, 1, 2, 4][job.trial.repeat])
    table.begin(four[0])
    table.begin(four[1])
    assert table.counts() == {"queued": 2, "running": 2, "done": 5, "failed": 0}
    assert table.seconds_left is None
    now[0] += 60
    table.end(four[0], DONE)
    table.end(four[1], FAILED)
    table.begin(four[2])
    assert table.seconds_left == 60 / 2 * 6
    assert table.summary == "6 of 9 done, 1 failed, about 3 min left"
    table.add_task("cheng repeat 3 epoch 2/8", total=8)
    console.print(table.get_renderable())
    shown = console.file.getvalue()
    for words in ("queued", "running", "done", "failed", "time left", "3 min", "cheng repeat 3 epoch 2/8"):
        assert words in shown


def test_a_job_that_begins_again_is_counted_once(one):
    table = JobTable([one], Console(file=io.StringIO()))
    table.begin(one)
    table.begin(one)
    assert table.counts() == {"queued": 0, "running": 1, "done": 0, "failed": 0}


def test_what_came_of_a_job_in_words():
    assert describe_outcome(DONE) == "8 epochs in 70 s"
    assert describe_outcome(FAILED) == "failed, loss nan in batch 3 of epoch 2 at a learning rate of 0.001"
    assert describe_outcome(Broken("killed")) == "broken off: killed"
