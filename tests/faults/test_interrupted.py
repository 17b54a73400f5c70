"""Ctrl-C and SIGTERM, a second run in the same folder, and what `repro status` and the log say of all that."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common import lock
from common.errors import BadInput
from tests.faults.commands import Command

ROOT = Path(__file__).parents[2]
SOON = 5  # seconds


def status_of(folder: Path) -> str:
    command = Command(folder / "asks", "status", places=["--runs", str(folder / "runs")])
    assert command.end() == 0
    return " ".join(command.said.split())  # lines are wrapped


def test_a_run_at_work_keeps_others_out_and_ends_soon_when_told_to(small, tmp_path):
    first = Command(tmp_path, *small)
    assert first.until_there(tmp_path, "runs/*/*/repeat-0/resume.npz"), first.said
    (place,) = tmp_path.glob("runs/cheng/*/repeat-0")
    while epochs_in(place / "log.csv") < 2:
        time.sleep(0.002)
    first.send(signal.SIGSTOP)  # it would be done before the others have looked at it

    second = Command(tmp_path, *small, output="second.txt")
    assert second.end() == 2
    assert f"is in use by process {first.process.pid} on " in second.said
    assert "running" in status_of(tmp_path)
    assert f"process {first.process.pid} on" in status_of(tmp_path)

    told = time.monotonic()
    first.send(signal.SIGTERM)
    first.send(signal.SIGCONT)
    assert first.end() == 143
    assert time.monotonic() - told < SOON
    assert "Interrupted. To go on after the last whole epoch: " in first.said
    assert "-m reproductions run cheng --profile smoke" in first.said
    assert "Traceback" not in first.said

    # Until then it waited in memory for a minute to be over.
    assert epochs_saved(place) >= epochs_in(place / "log.csv") >= 2, "the last whole epoch"

    said = status_of(tmp_path)
    assert "stopped cheng: " in said
    assert "of 8 epochs" in said
    assert re.search(r"To go on: .*-m reproductions run cheng --profile smoke", said)
    (log,) = tmp_path.glob("runs/cheng/*/log.txt")
    lines = log.read_text()
    assert re.search(r"started: .*-m reproductions run cheng", lines)
    assert "Keras 3" in lines
    assert "epoch 1/8  loss" in lines
    assert "stopped: SystemExit 143" in lines


def epochs_in(table: Path) -> int:
    return len(table.read_text().splitlines()) - 1


def epochs_saved(place: Path) -> int:
    with np.load(place / "resume.npz") as saved:
        return len(json.loads(str(saved["facts"]))["history"]["loss"])


@pytest.mark.long
def test_trainings_in_processes_of_their_own_write_their_last_epoch_too(small, tmp_path):
    command = Command(tmp_path, *small, "--repeats-at-once", "2")
    while not (tables := list(tmp_path.glob("runs/cheng/*/repeat-*/log.csv"))) or min(map(epochs_in, tables)) < 2:
        assert command.alive, command.said
        time.sleep(0.002)
    command.send(signal.SIGTERM)
    assert command.end() == 143
    for table in tables:
        limit = time.monotonic() + SOON  # a child that its parent did not wait for
        while epochs_saved(table.parent) < epochs_in(table):
            assert time.monotonic() < limit
            time.sleep(0.1)


def test_a_run_that_is_done_is_shown_as_done(never_disturbed):
    said = status_of(never_disturbed.folder)
    assert said.startswith("done cheng: smoke profile, ")
    assert ", weights=best 2 of 2 trained Dice of the tumour on the test images " in said
    (log,) = never_disturbed.folder.glob("runs/cheng/*/log.txt")
    assert log.read_text().rstrip().endswith("finished")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_single_step_of_minutes_does_not_keep_it_from_ending(signum, code):
    """A call into compiled code that Python can't break off, as a step of a large network is."""
    long = "import sys, hashlib\nfrom common.ending import ends_soon\nwith ends_soon('Interrupted.'):\n" \
           "    print('at work', flush=True)\n    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", long], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"at work\n"
    time.sleep(1)  # until the call has begun: before it, Python itself ends the program
    told = time.monotonic()
    process.send_signal(signum)
    _, complaint = process.communicate()
    assert time.monotonic() - told < SOON
    assert process.returncode == code
    assert complaint == b"Interrupted.\n"


SAVING = """
import hashlib, sys, time
from common import ending, newest
ending.PATIENCE = 2.0
def write(value):
    time.sleep(float(sys.argv[2]))
    print(f"written: {value}", flush=True)
with ending.ends_soon("Interrupted."):
    writer = newest.NewestWriter(write, 60)
    writer.put("first")
    while newest.any_busy():
        time.sleep(0.01)
    writer.put("last")
    print("at work", flush=True)
    if sys.argv[1] == "in one call":
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
    time.sleep(60)
"""


@pytest.mark.parametrize("at_work", ["in one call", "in Python"])
def test_the_last_state_is_written_before_it_ends_also_from_within_a_step_of_minutes(at_work):
    said, complaint = told_to_end(at_work, seconds_of_a_write=0.1)
    assert said == "written: first\nat work\nwritten: last\n"
    assert complaint.endswith("\nInterrupted.\n")


def test_a_disk_that_takes_too_long_is_waited_for_within_a_limit_and_told():
    said, complaint = told_to_end("in Python", seconds_of_a_write=2.5)
    assert said == "written: first\nat work\n"
    told, failed, interrupted = complaint.splitlines()
    assert told == "The last whole epoch is written to the disk, which may take up to 2 s."
    assert failed == "It could not be written within 2 s. What was written before it is whole."
    assert interrupted == "Interrupted."


def told_to_end(at_work: str, seconds_of_a_write: float) -> tuple[str, str]:
    """What a process prints that gets SIGTERM, twice, while a state waits to be written."""
    words = [sys.executable, "-c", SAVING, at_work, str(seconds_of_a_write)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = process.stdout.readline() + process.stdout.readline()
    time.sleep(0.5)  # until the call has begun
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    rest, complaint = process.communicate(timeout=60)
    assert process.returncode == 143
    return said + rest, complaint


def test_a_lock_of_a_dead_process_blocks_nobody(tmp_path):
    (tmp_path / lock.NAME).write_text("process 1 on this-host since long ago")
    assert lock.holder(tmp_path) is None
    with lock.only_one(tmp_path):
        assert f"process {os.getpid()} on" in lock.holder(tmp_path)
        with pytest.raises(BadInput, match="is in use by process"), lock.only_one(tmp_path):
            pytest.fail("it was let in")
    assert lock.holder(tmp_path) is None
