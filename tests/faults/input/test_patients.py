"""Data sets of which several images are of one patient: they stay on one side of the split, or it is said how many do
not. Sources: tests/faults/SOURCES.md."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common import papers
from common.data import known, splits
from common.training.request import Request, find_data, plan
from tests.training.conftest import run  # noqa: F401, the fixture: its trainings are stand-ins


def patients(at: Path, number: int = 12, views: int = 3) -> Path:
    """A described set: views of each patient, benign and malignant in turns."""
    random = np.random.default_rng(0)
    for patient in range(number):
        for view in range(views):
            name = f"pat{patient:02}_{view}_{'bm'[patient % 2]}.png"
            image, mask = random.integers(20, 90, (32, 32), dtype=np.uint8), np.zeros((32, 32), np.uint8)
            image[8:20, 8:20], mask[8:20, 8:20] = 200, 255
            for folder, pixels in (("images", image), ("masks", mask)):
                (at / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(at / folder / name)
    (at / "mine.yaml").write_text(
        "images: images\nmasks: masks\npattern: '^(?P<group>pat\\d+)_\\d_(?P<class>[bm])'\n"
        "classes: {b: benign, m: malignant}\n"
    )
    return at / "mine.yaml"


def request(at: Path, data: Path | str, name="cheng", **readings) -> Request:
    record = papers.load(name)
    found = find_data(record, str(data), at / "data", at / "runs")
    return Request(record, "smoke", found, 1, 0, readings, "float32", at / "runs", at / "results", False)


def shared(asked: Request) -> tuple[int, int]:
    """Test patients that are in training too, and all, over repeats."""
    cases, recipe = asked.found.cases, asked.recipe
    both = every = 0
    for repeat in range(5):
        for split in splits.draw(cases, np.arange(len(cases)), recipe, 0, repeat):
            train, test = ({cases[position].group for position in part} for part in (split.train, split.test))
            both, every = both + len(train & test), every + len(test)
    return both, every


@pytest.mark.parametrize("name", ["cheng", "gill", "kumar", "paudel"])
def test_patients_stay_on_one_side_where_nobody_says_otherwise(tmp_path, name):
    """Of every paper whose split is a reading, folds or not."""
    asked = request(tmp_path, patients(tmp_path / "set"), name)
    assert asked.recipe.split == "grouped"
    both, every = shared(asked)
    assert both == 0
    assert every > 0


def test_the_person_s_word_counts(tmp_path):
    asked = request(tmp_path, patients(tmp_path / "set"), split="random")
    assert asked.recipe.split == "random"
    assert shared(asked)[0] > 0


@pytest.mark.parametrize("views", [1])
def test_a_set_whose_images_are_each_their_own_is_split_as_the_record_says(tmp_path, views):
    asked = request(tmp_path, patients(tmp_path / "set", number=24, views=views))
    assert asked.recipe.split == papers.load("cheng").readings["split"].default
    assert asked.departures == {}


def test_the_record_speaks_of_the_paper_s_own_data_and_its_stand_in(tmp_path):
    asked = request(tmp_path, patients(tmp_path / "set"), "kumar")
    for name in ("mini-ddsm", "mammo_masses"):
        own = replace(asked, found=replace(asked.found, name=name))
        assert own.recipe.split == papers.load("kumar").readings["split"].default
        assert own.departures == {}
    assert known.NAMES[0] == papers.load("cheng").data == "busi"


TOLD = "patients or lesions in the test part"


def test_how_many_are_on_both_sides_is_said_at_the_start(tmp_path):
    data, said = patients(tmp_path / "set"), []
    plan(request(tmp_path, data, split="random"), said.append)
    plan(request(tmp_path, data), said.append)
    assert said == [
        f"split=random: repeat 1: of 4 {TOLD} 4 have images in the training part too. --reading split=grouped keeps "
        "each on one side.",
        "mine names groups: each stays on one side of the split. --reading split=random ignores them.",
    ]


def test_and_in_the_table(run, repro, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setenv("COLUMNS", "300")
    data = patients(tmp_path / "set")
    words = ("--data", data, "--repeats", "1", "--reading", "split=random")
    status, printed, complaint = repro("run", "cheng", "--profile", "smoke", *words)
    assert (status, complaint) == (0, "")
    _, _, table = printed.partition("epochs in")
    assert f"Repeat 1: of 4 {TOLD} 4 have images in the training part too." in " ".join(table.split())
    assert f"of 4 {TOLD} 4 have images" in " ".join(Path("runs/results/cheng.md").read_text().split())
