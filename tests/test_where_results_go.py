"""The tracked `results/` is for the papers' tables; all other records go elsewhere unless a person says so."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from common import papers
from common.data import manifest
from common.evidence.assess import is_of_the_tables
from common.training.request import Request, results_folder

GILL, KUMAR, PAUDEL = map(papers.load, ("gill", "kumar", "paudel"))
BUSI = manifest.fingerprint(manifest.published())


@pytest.mark.parametrize(
    ("about", "profile", "data", "readings", "expected"),
    [
        (GILL, "small", "busi", {}, True),
        (GILL, "paper", "busi", {"split": "grouped"}, True),
        (KUMAR, "small", "mammo_masses", {"network": "unet"}, True),
        (KUMAR, "small", "mammo_masses", {"network": "unet", "split": "grouped"}, True),
        (GILL, "smoke", "busi", {}, False),
        (GILL, "small", "phantom", {}, False),
        (GILL, "small", "busi, changed", {}, False),
        (GILL, "small", "busi", {"kernel": "3"}, False),
        (GILL, "small", "busi", {"kernel": "3", "split": "grouped"}, False),
        (GILL, "small", "busi", {"splits": "3"}, True),
        (GILL, "small", "busi", {"splits": "3", "kernel": "3"}, False),
        (GILL, "small", "busi", {"folds": "5"}, False),  # the paper does not cross-validate
        (PAUDEL, "small", "busi", {"folds": "5", "split": "grouped"}, True),
        (PAUDEL, "small", "busi", {"folds": "5", "network": "unet"}, True),
        (PAUDEL, "small", "busi", {"folds": "none"}, False),
    ],
    ids=str,
)
def test_a_record_is_of_the_tables_by_its_size_its_data_and_its_readings(about, profile, data, readings, expected):
    assert is_of_the_tables(about, profile, data, readings) is expected


def request(name="busi", **readings) -> Request:
    found = SimpleNamespace(name=name, cases=[])
    return Request(GILL, "small", found, 3, 0, readings, "float32", Path("runs"), Path("runs"), resume=False)


def test_the_pixels_decide_what_the_data_are_not_the_name_of_the_folder():
    usual, own = Path("results"), Path("mine/results")
    assert results_folder(Path("mine"), [(request(), BUSI)]) == usual
    assert results_folder(Path("mine"), [(request("my-copy"), BUSI)]) == usual
    assert results_folder(Path("mine"), [(request(), "others")]) == own
    assert results_folder(Path("mine"), [(request("my-images"), "others")]) == own


def test_records_that_are_set_beside_each_other_go_to_one_folder():
    both = [(request(), BUSI), (request(kernel="3"), BUSI)]
    assert results_folder(Path("mine"), both) == Path("mine/results")
