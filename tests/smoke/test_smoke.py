"""Every paper, from its record to its table, at smoke size on the phantom, as a real process."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common import paper
from common.evidence import counts, metrics
from common.evidence.results import Record, slug, trial_name

ROOT = Path(__file__).parents[2]


def repro(folder, *words):
    places = "--runs", str(folder / "runs"), "--results", str(folder / "results")
    command = [sys.executable, "-m", "reproductions", *words, *places]
    wide = os.environ | {"COLUMNS": "100"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=wide)


@pytest.fixture(scope="module", params=paper.names())
def asked(request):
    return request.param


@pytest.fixture(scope="module")
def finished(asked, tmp_path_factory):
    """A paper trained in two repeats, in one of all its folds, or in one with each of its baselines: its name, the
    folder, what was printed, and the stored records, of its own network and of its baselines."""
    folder = tmp_path_factory.mktemp("smoke")
    answer = repro(folder, *command(asked))
    assert answer.returncode == 0, answer.stderr
    return asked, folder, answer, json.loads((folder / "results" / f"{asked}.json").read_text())


def command(name):
    about = paper.load(name)
    repeats = "1" if about.recipe("smoke").folds or about.trained_along({}) else "2"
    return "run", name, "--profile", "smoke", "--data", "phantom", "--repeats", repeats


def networks(name):
    """The readings of each network that is trained: the paper's own, and the baselines that it trained itself."""
    return [{}, *paper.load(name).trained_along({})]


def runs(records):
    return [run for record in records for run in record["runs"]]


def test_it_stores_every_reported_number_beside_the_reproduced_one_and_prints_those_that_the_paper_is_known_by(
    finished,
):
    name, _, answer, records = finished
    about, stored = paper.load(name), {row["id"] for record in records for row in record["reported"]}
    assert stored == {cell.id for cell in about.reported if about.network_of(cell.readings) in networks(name)}
    for cell in about.reported:
        if cell.id in about.headline:
            assert f"{cell.value}{cell.unit}" in answer.stdout
    assert f"Your run of {name}: smoke profile, phantom" in answer.stdout
    assert "Dice of the tumour, mean over the test images: " in answer.stdout
    assert re.search(rf"^Next: .* run {name}$", answer.stdout, flags=re.MULTILINE)
    assert answer.stderr == ""


def test_its_baselines_are_trained_and_reported_beside_its_own_network(finished):
    """Published splits are of the paper's own data: on the phantom a grouped one takes their place."""
    name, *_, records = finished
    about = paper.load(name)
    split = {"split": "grouped"} if about.recipe().split == "published" else {}
    trained = networks(name)
    assert [record["readings"] for record in records] == [network | split for network in trained]
    of_these = {cell.id for cell in about.reported if about.network_of(cell.readings) in trained}
    assert {row["id"] for record in records for row in record["reported"]} == of_these


def test_a_run_on_the_phantom_is_never_compared_with_the_paper(finished):
    *_, records = finished
    assert {record["dataset"]["name"] for record in records} == {"phantom"}
    verdicts = {row["verdict"] for record in records for row in record["reported"]}
    assert verdicts <= {"other data", "quoted", "impossible", "contradicted"}


def test_every_repeat_or_fold_has_its_own_split_and_weights(finished):
    *_, records = finished
    for record in records:
        trials = [(run["repeat"], run["fold"]) for run in record["runs"]]
        assert trials in ([(0, None)], [(0, None), (1, None)], [(0, 0), (0, 1), (0, 2)])
        losses = [run["history"]["loss"] for run in record["runs"]]
        assert len({tuple(loss) for loss in losses}) == len(losses)


def test_training_learns(finished):
    *_, records = finished
    for run in runs(records):
        assert min(run["history"]["loss"]) < run["history"]["loss"][0]


def test_every_metric_can_be_computed_again_from_the_counts_that_are_kept(finished):
    name, folder, _, records = finished
    for record in map(Record.model_validate, records):
        for run in record.runs:
            kept = folder / "results" / name / slug(record) / f"rows-{trial_name(run)}-test.npz"
            rows = counts.Rows.load(kept)
            assert len(rows) == run.split["test"]
            for signature, value in run.metrics["test"].items():
                again = metrics.value(signature, rows)
                assert value == pytest.approx(again) or (value is None and np.isnan(again))


def test_every_test_image_of_the_first_repeat_has_its_line(finished):
    name, folder, _, records = finished
    for record in map(Record.model_validate, records):
        table = (folder / "results" / name / slug(record) / "images.csv").read_text().splitlines()
        assert len(table) == 1 + sum(run.split["test"] for run in record.runs if run.repeat == 0)


def test_resuming_what_is_done_trains_nothing_and_changes_nothing(finished):
    name, folder, _, records = finished
    answer = repro(folder, *command(name), "--resume")
    assert answer.returncode == 0, answer.stderr
    assert json.loads((folder / "results" / f"{name}.json").read_text()) == records
