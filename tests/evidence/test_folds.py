"""The tables of a cross-validation, as Paudel lays them out."""

from types import SimpleNamespace

import numpy as np
import pytest

from common.evidence import folds
from common.evidence.counts import count
from common.evidence.results import Repeat

ABOUT = {"seed": 0, "repeat": 0, "epochs": 1, "best_epoch": 1, "selection": "none", "seconds": 1, "history": {}}


def run(fold, tp, fn, fp, tn):
    """A fold whose test images came out like this, malignant being positive."""
    test = {
        "recall|class=malignant|case": tp / (tp + fn),
        "recall|class=benign|case": tn / (tn + fp),
        "precision|class=malignant|case": tp / (tp + fp),
        "precision|class=benign|case": None,
        "dice|class=malignant|case": 0.5,
        "dice|class=benign|case": 0.5,
    }
    loss = 0.25 * (fold + 1)
    fitted = {"accuracy|class|case": (tp + tn) / (tp + fn + fp + tn), "bce|class|case": loss}
    fitted["bce|class+pixel|sum"] = loss + 1
    confusion = {"malignant": {"malignant": tp, "benign": fn}, "benign": {"malignant": fp, "benign": tn}}
    return Repeat(
        **ABOUT,
        fold=fold,
        split={"train": 8, "validation": 1, "test": 1},
        metrics={"train": fitted, "validation": fitted, "test": fitted | test},
        trivial={},
        confusion={"test": confusion},
    )


@pytest.fixture
def record():
    return SimpleNamespace(runs=[run(0, 32, 1, 2, 29), run(1, 30, 3, 0, 31)])


def test_accuracy_and_loss_of_each_part_with_mean_and_deviation(record):
    header, first, second, mean, deviation = folds.accuracy_and_loss(record)
    assert header[:4] == ["fold", "train accuracy", "train loss", "train sum of losses"]
    assert header[-1] == "test sum of losses"
    assert first == ["1", *["0.9531", "0.2500", "1.2500"] * 3]
    assert second[0] == "2"
    assert mean[1:3] == ["0.9531", "0.3750"]
    assert deviation[1:3] == ["0.0000", f"{np.std([0.25, 0.5], ddof=1):.4f}"]


def test_the_specificity_of_malignant_is_the_sensitivity_of_benign(record):
    header, first, *_ = folds.of_classes(record)
    cells = dict(zip(header, first, strict=True))
    assert cells["malignant specificity"] == cells["benign sensitivity, recall"] == f"{29 / 31:.4f}"
    assert cells["benign specificity"] == cells["malignant sensitivity, recall"] == f"{32 / 33:.4f}"
    assert cells["malignant precision"] == f"{32 / 34:.4f}"
    assert cells["benign precision"] == "-", "what is undefined"


def test_confusion_matrices_add_up(record):
    header, first, *_, both = folds.confusions(record)
    assert header[1:] == [f"{a}, called {b}" for a in ("malignant", "benign") for b in ("malignant", "benign")]
    assert first == ["1", "32", "1", "2", "29"]
    assert both == ["all", "62", "4", "2", "60"]


def test_images_one_by_one_each_value_sorted_by_itself():
    truth = np.zeros((3, 4, 4), np.float32)
    truth[:2, 0] = 1  # four pixels of tumour in two images, none in the third
    found = truth.copy()
    found[1, 0, 2:] = 0  # half of it found
    names = ["a", "b", "c"]
    header, *lines = folds.per_image(count(found, truth, names, names, names))
    cells = {line[0]: dict(zip(header[1:], line[1:], strict=True)) for line in lines}
    assert cells["worst"] == {
        "accuracy": "0.8750",
        "precision": "1.0000",
        "specificity": "1.0000",
        "F1 (Dice)": "0.6667",
        "recall": "0.5000",
        "IoU": "0.5000",
    }
    assert cells["best"]["IoU"] == "1.0000"
    assert cells["median"]["recall"] == "0.7500", "the third image has neither tumour nor prediction"
    assert cells["worst"]["accuracy"] == "0.8750"


def test_an_image_whose_tumour_is_missed_counts_zero():
    truth = np.zeros((2, 4, 4), np.float32)
    truth[:, 0] = 1
    found = truth.copy()
    found[1] = 0
    names = ["a", "b"]
    header, worst, *_ = folds.per_image(count(found, truth, names, names, names))
    cells = dict(zip(header, worst, strict=True))
    assert (cells["precision"], cells["recall"], cells["F1 (Dice)"]) == ("0.0000", "0.0000", "0.0000")


def test_each_image_has_a_line_as_in_table_ix():
    truth = np.zeros((2, 4, 4), np.float32)
    truth[0, 0] = 1
    names = ["benign (1)", "normal (1)"]
    header, first, second = folds.images(count(truth, truth, names, names, names))
    assert header == ["image", "accuracy", "precision", "specificity", "F1 (Dice)", "recall", "IoU"]
    assert first == ["benign (1)", *["1.0000"] * 6]
    assert second == ["normal (1)", "1.0000", "-", "1.0000", "-", "-", "-"]
