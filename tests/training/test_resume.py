"""The state of a training: written in a thread, and after any end right again."""

import csv
import errno
import json
import logging
import os
import threading
from unittest.mock import Mock

import keras
import numpy as np
import pytest

from common.training import resume
from common.training.state_file import BEST, STATES
from tests.training.dense import Dense


def facts_of(path):
    with np.load(path) as saved:
        return json.loads(str(saved["facts"]))


def table(folder):
    with (folder / "log.csv").open() as file:
        return [int(line["epoch"]) for line in csv.DictReader(file)]


def train(folder, epochs, **settings):
    training = Dense(folder)
    for number in range(training.begin(), epochs):
        training.epoch(number, **settings)
    return training


def test_an_epoch_does_not_wait_for_the_disk_and_the_newest_state_is_written(tmp_path, monkeypatch):
    """While the disk takes its time over the first state, three epochs end. Then it gets the last of them."""
    begun, disk, before = threading.Event(), threading.Event(), resume.write_state

    def slowly(*arguments):
        assert threading.current_thread() is not threading.main_thread()
        begun.set()
        disk.wait()
        before(*arguments)

    monkeypatch.setattr(resume, "write_state", slowly)
    training = train(tmp_path, 1, saved=False)
    begun.wait()
    for number in (1, 2, 3):
        training.epoch(number, saved=False)
    assert not (tmp_path / STATES[0]).exists()
    disk.set()
    training.resumable.writer.finish()
    latest, older = (len(facts_of(tmp_path / name)["history"]["loss"]) for name in STATES)
    assert (latest, older) == (4, 1)


def test_what_is_written_is_the_end_of_its_epoch_though_the_next_has_changed_the_weights(tmp_path, monkeypatch):
    disk, before = threading.Event(), resume.write_state
    monkeypatch.setattr(resume, "write_state", lambda *arguments: disk.wait() and before(*arguments))
    training = Dense(tmp_path)
    training.begin()
    training.epoch(0, saved=False)
    for variable in training.model.variables:
        variable.assign_add(keras.ops.ones(variable.shape))
    disk.set()
    training.resumable.writer.finish()
    assert Dense(tmp_path).begin() == 1
    with np.load(tmp_path / STATES[0]) as saved:
        assert not saved["variable0"].any()


@pytest.mark.parametrize("end", [SystemExit(143), RuntimeError("of the training")])
def test_a_disk_that_is_full_at_the_end_is_told_and_does_not_hide_why_it_ended(tmp_path, monkeypatch, caplog, end):
    training = Dense(tmp_path)
    training.begin()
    training.epoch(0)
    full = OSError(errno.ENOSPC, "No space left on device", "resume.npz")
    monkeypatch.setattr(resume, "write_state", Mock(side_effect=full))

    @training.resumable.saving()
    def break_off():
        training.epoch(1, saved=False)  # it waits in memory for a minute to be over
        raise end

    with pytest.raises(type(end)) as raised:
        break_off()
    assert raised.value is end
    assert "the last whole epoch could not be written: [Errno 28] No space left on device" in caplog.text
    assert Dense(tmp_path).begin() == 1


def test_the_best_weights_are_on_the_disk_once_and_not_in_both_states(tmp_path):
    training = Dense(tmp_path)
    training.begin()
    for number, loss in enumerate([3, 1, 2, 2]):
        training.epoch(number, loss)
    assert [facts_of(tmp_path / name)["best"] for name in STATES] == [2, 2]
    assert [path.name for path in tmp_path.glob(BEST.format("*"))] == [BEST.format(2)]
    training.epoch(4, 0.5)
    training.epoch(5, 0.4)
    assert {path.name for path in tmp_path.glob(BEST.format("*"))} == {BEST.format(5), BEST.format(6)}
    again = Dense(tmp_path)
    again.begin()
    again.resumable.use_best_weights()
    assert again.weights() == {5.0}


def test_the_log_is_right_again_where_it_was_ahead_of_the_state_or_behind_it(tmp_path):
    train(tmp_path, 2)
    ahead = (tmp_path / "log.csv").read_text() + "2,9,9\n3,9,9\n"
    for killed in (ahead, "epoch,loss,val_loss\n", ""):
        (tmp_path / "log.csv").write_text(killed)
        assert Dense(tmp_path).begin() == 2
        assert table(tmp_path) == [0, 1]
    train(tmp_path, 4)
    assert table(tmp_path) == [0, 1, 2, 3]


def test_epochs_that_are_trained_again_after_a_kill_are_counted_once(tmp_path, monkeypatch):
    """A clock that goes on by one second at each look: an epoch takes one second."""
    monkeypatch.setattr(resume.time, "perf_counter", iter(range(1000)).__next__)
    killed = train(tmp_path, 2)
    killed.resumable.writer = Mock()  # it is killed before its thread writes the next two
    for number in (2, 3):
        killed.epoch(number, saved=False)
    assert train(tmp_path, 6).resumable.seconds == 6


def test_on_another_number_of_cores_it_says_that_the_bits_are_others_and_notes_it(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(resume, "hardware", lambda: "2 cores, a CPU")
    assert train(tmp_path, 1).resumable.notes() == []
    monkeypatch.setattr(resume, "hardware", lambda: "1 core, a CPU")
    train(tmp_path, 2)
    assert "was trained on 2 cores, a CPU so far, and goes on on 1 core, a CPU" in caplog.text
    caplog.clear()
    (note,) = train(tmp_path, 3).resumable.notes()
    assert note.startswith("Trained in turn on 2 cores, a CPU, then on 1 core, a CPU.")
    warned = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert warned == [], "once is enough"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs to say on which cores a process may run")
def test_the_cores_are_those_that_the_process_may_use():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert resume.hardware().startswith("1 core, ")
    finally:
        os.sched_setaffinity(0, before)
