"""What `repro status` says of trainings that have ended: their score, whether they learned, and on what time went."""

from pathlib import Path

import pytest

from common import lock
from common.cli.status import run_state
from common.files import write_json
from tests.evidence.test_kept_counts import rows

MARKS_NOTHING = "no pixel of any test image is marked"
SPENT = {"steps": 60.0, "saving": 20.0}


@pytest.fixture
def folds(tmp_path) -> Path:
    """A run of which two of three folds are trained. Of the first only the score is known."""
    places = {f"repeat 1 fold {fold + 1} of 3": f"repeat-0/fold-{fold}" for fold in range(3)}
    write_json(tmp_path / "run.json", {"command": "again", "epochs": 8, "trials": places, "stored": False})
    for fold, more in enumerate([{}, {"unlearned": {"segmentation": [MARKS_NOTHING]}, "spent": SPENT}]):
        place = tmp_path / places[f"repeat 1 fold {fold + 1} of 3"]
        rows(0.4).save(place / "rows-test.npz")
        write_json(place / "fit.json", {"repeat": 0, "fold": fold} | more)
    return tmp_path


def test_it_says_that_a_network_did_not_learn(folds):
    score, unlearned = run_state(folds).found
    assert score == "Dice of the tumour on the test images 0.00 (mean of 2 folds)."
    assert unlearned == f"The segmentation did not learn: in 1 of 2 folds {MARKS_NOTHING}."


def test_only_of_a_run_that_goes_on_it_says_where_the_time_goes(folds):
    with lock.only_one(folds):
        state = run_state(folds)
    assert state.state == "running"
    assert state.found[-1] == "Of the 80 seconds that repeat 1 fold 2 took: steps 75 %, saving 25 %."
    assert not any("seconds" in line for line in run_state(folds).found)


def test_a_training_that_can_t_be_read_is_named(folds):
    write_json(folds / "repeat-0" / "fold-0" / "fit.json", {"fold": 0})
    state = run_state(folds)
    assert state.state == "damaged"
    assert "fold-0/fit.json" in state.progress


def test_runs_in_a_folder_below_are_pointed_to(repro, tmp_path):
    """As those of `make demo` are."""
    write_json(tmp_path / "runs" / "demo" / "gill" / "a-run" / "run.json", {})
    _, printed, _ = repro("status")
    assert printed.startswith("No runs in runs yet.")
    assert "There are runs in runs/demo: " in printed
    assert printed.endswith(" status --runs runs/demo\n")
