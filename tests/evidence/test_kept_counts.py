"""The files beside a record: used where they belong to it, named and left aside where they do not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from common import papers
from common.evidence.counts import Rows, count
from common.evidence.kept_counts import counts_folder, masks_of_test, rows_of, rows_of_test
from common.evidence.masks import save_masks
from common.evidence.results import load, slug
from common.files import checksum
from tests.evidence.made import folds_of, record, with_counts

RESULTS = Path(__file__).parents[2] / "results"


def rows(share: float, images: int = 2) -> Rows:
    pixels = np.full((images, 8, 8), share, np.float32)
    return count(
        pixels, np.ones_like(pixels), [f"case {n}" for n in range(images)], ["benign"] * images, ["x"] * images
    )


@pytest.fixture
def stored(tmp_path):
    """A record of two repeats, the files beside it, and a function that reads the first repeat's counts."""
    about = record([0.7, 0.8])
    folder = counts_folder(tmp_path, about)
    for repeat in (0, 1):
        for part in ("train", "test"):
            rows(0.6 + repeat / 10).save(folder / f"rows-{repeat}-{part}.npz")
    save_masks(folder / "masks-0-test.npz", np.ones((2, 8, 8), bool))
    return with_counts(about, tmp_path), folder, tmp_path


def test_what_belongs_to_a_record_is_used(stored, caplog):
    about, _, results = stored
    assert rows_of_test(results, about).sum_prediction[0] == pytest.approx(0.6 * 64)
    assert rows_of(results, about, about.runs[1], "test").sum_prediction[0] == pytest.approx(0.7 * 64)
    assert len(rows_of(results, about, about.runs[1], "train")) == 2
    assert masks_of_test(results, about, about.runs[0]).shape == (2, 8, 8)
    assert masks_of_test(results, about, about.runs[1]) is None, "only those of the first repeat are kept"
    assert caplog.text == ""


def swap(folder):
    (folder / "rows-1-test.npz").replace(folder / "rows-0-test.npz")


def change(folder):
    loaded = Rows.load(folder / "rows-0-test.npz")
    replace(loaded, tp=loaded.tp + 1).save(folder / "rows-0-test.npz")


def truncate(folder):
    path = folder / "rows-0-test.npz"
    path.write_bytes(path.read_bytes()[:-9])


def remove(folder):
    (folder / "rows-0-test.npz").unlink()


@pytest.mark.parametrize("happens", [swap, change, truncate, remove])
def test_what_does_not_is_named_and_not_used(stored, caplog, happens):
    about, folder, results = stored
    happens(folder)
    assert rows_of_test(results, about) is None
    assert f"{folder / 'rows-0-test.npz'} does not belong to the record in {results / 'name.json'}" in caplog.text
    assert "`repro status` shows it" in caplog.text
    caplog.clear()
    assert rows_of_test(results, about) is None
    assert caplog.text == "", "it is said once"


def test_of_a_cross_validation_all_folds_have_to_belong(stored):
    about, folder, results = stored
    folds = folds_of(about, 2)
    names = {"rows-0-test.npz": "rows-0-0-test.npz", "rows-1-test.npz": "rows-0-1-test.npz"}
    for old, new in names.items():
        (folder / old).rename(folder / new)
    folds = folds.model_copy(update={"counts": {names.get(name, name): known for name, known in about.counts.items()}})
    assert len(rows_of_test(results, folds)) == 4
    rows(0.1).save(folder / "rows-0-1-test.npz")
    assert rows_of_test(results, folds) is None


def test_masks_of_other_runs_are_not_used_either(stored, caplog):
    about, folder, results = stored
    save_masks(folder / "masks-0-test.npz", np.zeros((2, 8, 8), bool))
    assert masks_of_test(results, about, about.runs[0]) is None
    assert "masks-0-test.npz does not belong" in caplog.text


def test_a_file_that_the_record_does_not_name_is_not_used(stored, caplog):
    about, folder, results = stored
    names = {name: known for name, known in about.counts.items() if name != "rows-0-test.npz"}
    assert rows_of_test(results, about.model_copy(update={"counts": names})) is None
    assert f"{folder / 'rows-0-test.npz'} does not belong to the record" in caplog.text


def test_without_a_folder_of_counts_there_is_nothing_to_say(stored, tmp_path, caplog):
    assert rows_of_test(tmp_path / "elsewhere", stored[0]) is None
    assert caplog.text == ""


def test_the_committed_counts_are_those_of_the_committed_records():
    for name in papers.names():
        for each in load(RESULTS, name):
            there = {path.name: checksum(path) for path in counts_folder(RESULTS, each).iterdir()}
            there.pop("images.csv")  # the comparison writes it
            assert there == each.counts, slug(each)
