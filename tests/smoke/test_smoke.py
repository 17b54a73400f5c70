"""Every paper, from its record to its table, at smoke size on the phantom, as a process of its own."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from common import papers
from common.evidence import counts, metrics
from common.evidence.assess import assess_paper
from common.evidence.compared import Compared
from common.evidence.results import slug
from common.evidence.schema import Record, trial_name
from tests.faults.commands import Command

# The readings of a run that trains the paper's own network alone, of papers that train another one along: tracing the
# graphs of these takes longest. `make test` trains the baseline of one paper, Rahman.
ALONE = {"kumar": "network=multires", "tang": "network=unet"}


def repro(folder: Path, runs: Path, *words: str) -> str:
    """The standard output of a command that ends well and complains of nothing. Its results are in the folder."""
    places = ["--runs", str(runs), "--results", str(folder / "results")]
    command = Command(folder, *words, places=places, errors="complained.txt", first=wide)
    assert command.end() == 0, command.complained
    assert command.complained == ""
    return command.said


def wide() -> None:
    os.environ["COLUMNS"] = "100"


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """One folder for all runs, so that the phantom is written once."""
    return tmp_path_factory.mktemp("runs")


@dataclass(frozen=True)
class Finished:
    """A paper trained in two repeats, in one of all its folds, or in one, with its baseline or alone."""

    name: str
    words: tuple[str, ...]  # of the command
    networks: list[dict[str, str]]  # the readings of each that is trained: the paper's own, and its baselines
    folder: Path
    said: str
    records: list[dict]  # as stored, of its own network and of its baselines
    rows: list[Compared]  # of all of them


@pytest.fixture(
    scope="module",
    params=[
        *((name, ALONE.get(name)) for name in papers.names()),
        *(pytest.param((name, None), marks=pytest.mark.long) for name in ALONE),
    ],
    ids=lambda asked: " ".join(filter(None, asked)),
)
def finished(request, runs, tmp_path_factory) -> Finished:
    name, alone = request.param
    repeats = "2" if name == "cheng" else "1"
    words = "run", name, "--profile", "smoke", "--data", "phantom", "--repeats", repeats
    words += ("--reading", alone) if alone else ()
    trained_along = papers.load(name).trained_along(dict([alone.split("=")] if alone else []))
    folder = tmp_path_factory.mktemp("smoke")
    said = repro(folder, runs, *words)
    records = json.loads((folder / "results" / f"{name}.json").read_text())
    rows = [row for each in assess_paper(papers.load(name), folder / "results") for row in each.rows]
    return Finished(name, words, [{}, *trained_along], folder, said, records, rows)


def test_every_reported_number_stands_beside_the_reproduced_one_and_those_that_the_paper_is_known_by_are_printed(
    finished,
):
    about = papers.load(finished.name)
    trained = [cell for cell in about.reported if about.network_of(cell.readings) in finished.networks]
    assert {row.cell.id for row in finished.rows} == {cell.id for cell in trained}
    for cell in trained:
        if cell.id in about.headline:
            assert f"{cell.value}{cell.unit}" in finished.said
    assert f"Your run of {finished.name}: smoke profile, phantom" in finished.said
    assert "Dice of the tumour, mean over the test images: " in finished.said
    assert re.search(rf"^Next: .* run {finished.name}$", finished.said, flags=re.MULTILINE)


def test_its_baselines_are_trained_and_reported_beside_its_own_network(finished):
    """Published splits are of the paper's own data: on the phantom a grouped one takes their place."""
    split = {"split": "grouped"} if papers.load(finished.name).recipe().split == "published" else {}
    assert [record["readings"] for record in finished.records] == [network | split for network in finished.networks]


def test_a_run_on_the_phantom_is_never_compared_with_the_paper(finished):
    records = finished.records
    assert {record["dataset"]["name"] for record in records} == {"phantom"}
    need_no_run = {"quoted", "impossible", "contradicted", "says nothing"}
    assert {row.verdict for row in finished.rows} <= need_no_run | {"other data"}


def test_every_repeat_or_fold_has_its_own_split_and_weights(finished):
    for record in finished.records:
        trials = [(run["repeat"], run["fold"]) for run in record["runs"]]
        assert trials in ([(0, None)], [(0, None), (1, None)], [(0, 0), (0, 1), (0, 2)])
        losses = [run["history"]["loss"] for run in record["runs"]]
        assert len({tuple(loss) for loss in losses}) == len(losses)


def test_training_learns(finished):
    for run in (run for record in finished.records for run in record["runs"]):
        assert min(run["history"]["loss"]) < run["history"]["loss"][0]


def test_every_metric_can_be_computed_again_from_the_counts_that_are_kept(finished):
    for record in map(Record.model_validate, finished.records):
        for run in record.runs:
            kept = finished.folder / "results" / finished.name / slug(record) / f"rows-{trial_name(run)}-test.npz"
            rows = counts.Rows.load(kept)
            assert len(rows) == run.split["test"]
            for signature, value in run.metrics["test"].items():
                again = metrics.value(signature, rows)
                assert value == pytest.approx(again) or (value is None and np.isnan(again))


def test_every_test_image_of_the_first_repeat_has_its_line(finished):
    for record in map(Record.model_validate, finished.records):
        table = (finished.folder / "results" / finished.name / slug(record) / "images.csv").read_text().splitlines()
        assert len(table) == 1 + sum(run.split["test"] for run in record.runs if run.repeat == 0)


def test_resuming_what_is_done_trains_nothing_and_changes_nothing(finished, runs):
    stored = finished.folder / "results" / f"{finished.name}.json"
    repro(finished.folder, runs, *finished.words, "--resume")
    assert json.loads(stored.read_text()) == finished.records
