"""A run that finds no room on the disk, or is killed with SIGKILL at any moment, goes on with --resume and ends as one
that nothing happened to: weights, optimizer state, history, selected epoch, counts of every image and results, to the
last bit."""

import os
import random
import re
import resource
import shutil
import signal
import time

import numpy as np
import pytest

from common import papers
from common.evidence import assess, kept_counts, results
from common.files import checksum
from common.training import resume
from tests.faults.commands import Command
from tests.faults.endings import ending

SEED = 20261121
KILLS_OF_A_PAPER = 20

# Moments, told by what has appeared in the folder of the run.
MOMENTS = {
    "in an epoch": "runs/*/*/repeat-0/resume.npz",
    "while the best weights are written": "runs/*/*/repeat-0/.resume.best-*",
    "while a state is written": "runs/*/*/repeat-0/.resume.npz.*",
    "in the evaluation": "runs/*/*/repeat-0/*.keras",
    "between two repeats": "runs/*/*/repeat-0/fit.json",
    "while results are written": "results/*/.keeping-*",
}


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(["while a state is written"], id="one moment"),  # the test below kills it where results are
        pytest.param(list(MOMENTS), id="each kind of moment", marks=pytest.mark.long),
    ],
)
def test_without_room_then_killed_it_ends_with_the_same_bits(small, never_disturbed, tmp_path, moments):
    starved = Command(tmp_path, *small, first=no_large_files)
    assert starved.end() == 1
    assert re.search(r"File too large: '.*repeat-0/resume\.(npz|best-\d+\.npz)'", starved.said)
    assert re.search(r"Make room there\. Complete files are unharmed\. To go on: .* run cheng", starved.said)
    assert "Traceback" not in starved.said
    assert not list(tmp_path.rglob("*.partial"))
    for moment in moments:
        command = Command(tmp_path, *small, first=saving_often)
        assert command.until_there(tmp_path, MOMENTS[moment]), f"{moment}: {command.said}"
        command.send(signal.SIGKILL)
        assert command.end() == -signal.SIGKILL
    last = Command(tmp_path, *small)
    assert last.end() == 0, last.said
    assert "damaged" not in last.said
    assert ending(tmp_path) == never_disturbed.ending


def test_killed_between_counts_and_record_the_counts_are_not_taken_for_those_of_the_older_record(
    small, never_disturbed, tmp_path, caplog
):
    for name in ("runs", "results"):
        shutil.copytree(never_disturbed.folder / name, tmp_path / name)
    folder, cheng = tmp_path / "results", papers.load("cheng")
    (newer,) = results.load(folder, "cheng")
    path = kept_counts.counts_folder(folder, newer) / "rows-0-test.npz"
    with np.load(path) as rows:
        np.savez(path, **rows)  # as if older runs had other counts
    older = newer.model_copy(update={"protocol": 1, "counts": newer.counts | {path.name: checksum(path)}})
    results.store(folder, older)
    killed = Command(tmp_path, *small, first=killed_before_the_record)
    assert killed.end() == -signal.SIGKILL
    assert results.load(folder, "cheng") == [older]
    (assessed,) = assess.assess_paper(cheng, folder)
    assert assessed.images is None
    assert assess.FOREIGN_COUNTS in assessed.sentences
    assert f"{path} does not belong to the record in {folder / 'cheng.json'}: it is of other runs" in caplog.text
    last = Command(tmp_path, *small)
    assert last.end() == 0, last.said
    assert ending(tmp_path) == never_disturbed.ending
    (assessed,) = assess.assess_paper(cheng, folder)
    assert assessed.images is not None


def killed_before_the_record():
    results.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)


def no_large_files():
    """A limit on the size of a file, which the state of the training is the first to exceed."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def saving_often():
    """A training takes seconds here: with a pause of a minute only its first state and its last would be written."""
    resume.PAUSE = 0.1


def saving_always():
    resume.PAUSE = 0.0


@pytest.mark.long
@pytest.mark.parametrize("name", papers.names())
def test_killed_at_random_instants_it_ends_with_the_same_bits(name, tmp_path):
    """Twenty instants for each of the five papers. A run is killed again and again until it gets to its end, then the
    next one is begun."""
    repeats = "1" if papers.load(name).recipe("smoke").folds else "2"
    words = ["run", name, "--profile", "smoke", "--data", "phantom", "--repeats", repeats, "--resume"]
    started = time.monotonic()
    never = Command(tmp_path / "never", *words)
    assert never.end() == 0, never.said
    expected, seconds = ending(tmp_path / "never"), time.monotonic() - started

    instants = random.Random(f"{SEED} {name}")
    kills, runs = 0, 0
    while kills < KILLS_OF_A_PAPER:
        folder, runs = tmp_path / f"killed-{runs}", runs + 1
        ended = False
        while not ended:
            command = Command(folder, *words, first=instants.choice([None, saving_often, saving_always]))
            if kills < KILLS_OF_A_PAPER:
                command.process.join(instants.uniform(0.02, 0.7) * seconds)
            else:
                command.process.join()
            ended = not command.alive
            if not ended:
                command.send(signal.SIGKILL)
                assert command.end() == -signal.SIGKILL
                kills += 1
        assert command.end() == 0, command.said
        assert "damaged" not in command.said
        assert ending(folder) == expected
