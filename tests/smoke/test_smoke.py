"""Every paper, from its record to its table, at smoke size on the phantom, as a real process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common import paper
from common.evidence import counts, metrics

ROOT = Path(__file__).parents[2]


def repro(folder, *words):
    places = "--runs", str(folder / "runs"), "--results", str(folder / "results")
    command = [sys.executable, "-m", "reproductions", *words, *places]
    wide = os.environ | {"COLUMNS": "100"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=wide)


@pytest.fixture(scope="module", params=paper.names())
def finished(request, tmp_path_factory):
    """A paper run for two repeats: its name, the folder, what was printed, and the stored record."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    answer = repro(folder, "run", name, "--profile", "smoke", "--data", "phantom", "--repeats", "2")
    assert answer.returncode == 0, answer.stderr
    (record,) = json.loads((folder / "results" / f"{name}.json").read_text())
    return name, folder, answer, record


def test_it_prints_every_reported_number_beside_the_reproduced_one(finished):
    name, _, answer, record = finished
    for cell in paper.load(name).reported:
        assert cell.value in answer.stdout
    for row in record["reported"]:
        if (mean := row["reproduced"]["mean"]) is not None:  # quoted numbers, and those of single images, have none
            assert f"{mean:.4f}" in answer.stdout
    assert answer.stderr == ""


def test_a_run_on_the_phantom_is_never_compared_with_the_paper(finished):
    *_, record = finished
    assert record["dataset"]["name"] == "phantom"
    assert {row["verdict"] for row in record["reported"]} <= {"not comparable", "quoted", "impossible"}


def test_every_repeat_has_its_own_split_and_weights(finished):
    *_, record = finished
    first, second = record["runs"]
    assert first["repeat"] == 0
    assert second["repeat"] == 1
    assert first["history"]["loss"] != second["history"]["loss"]


def test_training_learns(finished):
    *_, record = finished
    for run in record["runs"]:
        assert min(run["history"]["loss"]) < run["history"]["loss"][0]


def test_every_metric_can_be_computed_again_from_the_counts_that_are_kept(finished):
    name, folder, _, record = finished
    for run in record["runs"]:
        rows = counts.Rows.load(folder / "results" / name / "smoke-phantom" / f"rows-{run['repeat']}-test.npz")
        assert len(rows) == run["split"]["test"]
        for signature, value in run["metrics"]["test"].items():
            again = metrics.value(signature, rows)
            assert value == pytest.approx(again) or (value is None and np.isnan(again))


def test_resuming_what_is_done_trains_nothing_and_changes_nothing(finished):
    name, folder, _, record = finished
    answer = repro(folder, "run", name, "--profile", "smoke", "--data", "phantom", "--repeats", "2", "--resume")
    assert answer.returncode == 0, answer.stderr
    (again,) = json.loads((folder / "results" / f"{name}.json").read_text())
    assert again == record
