"""Our folds in the columns of a paper's printed tables, and the test images one by one."""

import numpy as np
import pytest

from common import papers
from common.evidence import folds
from common.evidence.counts import Rows, count
from common.evidence.schema import Record
from common.reported import Table
from tests.evidence.made import folds_of, paper, record_of

DICE, DISTANCE, LOSS = "dice|fg|pooled|t=0.5", "hd95|fg|image|t=0.5|empty=skip", "dice-loss|fg|batch=4|soft|s=1e-6"
COLUMNS = [
    {"id": "loss", "name": "loss", "split": "train", "definition": LOSS},
    {"id": "dice", "name": "DSC", "split": "test", "unit": "%", "definition": DICE},
    {"id": "distance", "name": "HD95", "split": "test", "definition": DISTANCE},
]


def table(*rows: dict, columns=COLUMNS) -> list:
    return Table.model_validate({"table": "3", "where": "Table 3", "columns": columns, "rows": list(rows)}).cells()


def three_folds() -> Record:
    runs = [
        {"metrics": {"train (running)": {LOSS: loss}, "test": {DICE: dice, DISTANCE: distance}}}
        for loss, dice, distance in ((0.3, 0.7, 8.0), (0.2, 0.8, None), (0.1, 0.9, 4.0))
    ]
    return folds_of(record_of(runs), 3)


def test_a_paper_with_tables_of_its_own_has_our_folds_laid_out_as_it_prints_its_own():
    printed = [{"fold": fold, "values": "0.2 80.0 5.0"} for fold in (1, 2, 3)] + [
        {"values": "0.2±0.1 80.0±1.0 5.0±1.0"}
    ]
    assert folds.fold_tables(paper(*table(*printed)), three_folds()) == {
        "Table 3": [
            ["fold", f"train (running) loss: {LOSS}", f"test DSC: {DICE}", f"test HD95: {DISTANCE}"],
            ["1", "0.3000", "0.7000", "8.0000"],
            ["2", "0.2000", "0.8000", "-"],
            ["3", "0.1000", "0.9000", "4.0000"],
            ["mean", "0.2000", "0.8000", "6.0000"],
            ["standard deviation", "0.1000", "0.1000", f"{np.std([8, 4], ddof=1):.4f}"],
        ]
    }


def test_mean_and_deviation_stand_where_the_paper_prints_them():
    (lines,) = folds.fold_tables(paper(*table({"values": "0.2 80.0 5.0"})), three_folds()).values()
    assert [line[0] for line in lines] == ["fold", "1", "2", "3"]


def test_what_is_quoted_of_one_image_or_of_another_network_is_no_line_of_ours():
    others = {"quoted": "U-Net [1]", "values": "0.2 80.0 5.0"}, {"image": "I", "values": "0.2 80.0 5.0"}
    assert folds.fold_tables(paper(*table(*others)), three_folds()) == {}


def test_a_record_without_folds_has_no_such_tables():
    assert folds.fold_tables(paper(*table({"values": "0.2 80.0 5.0"})), record_of([{"metrics": {"test": {}}}])) == {}


def test_the_folds_of_a_second_repeat_say_so():
    runs = [{"metrics": {"test": {DICE: 0.5}}}] * 4
    (lines,) = folds.fold_tables(paper(*table({"values": "1 2 3"})), folds_of(record_of(runs), 2)).values()
    assert [line[0] for line in lines[1:]] == ["1", "2", "1 (repeat 2)", "2 (repeat 2)"]


def test_a_network_that_did_not_learn_is_marked():
    made = three_folds()
    runs = [run.model_copy(update={"unlearned": {"segmentation": ["a sign"]} if run.fold else {}}) for run in made.runs]
    of = made.model_copy(update={"runs": runs})
    (lines,) = folds.fold_tables(paper(*table({"values": "1 2 3±1"})), of).values()
    assert [line[-1] for line in lines] == ["did not learn", "", "segmentation", "segmentation", "", ""]


# Paudel's tables are laid out from its record alone


def fold_of_paudel(tp: int, fn: int, fp: int, tn: int) -> dict:
    """A fold whose test images came out like this, malignant being positive."""
    test = {
        "recall|class=malignant|case": tp / (tp + fn),
        "recall|class=benign|case": tn / (tn + fp),
        "precision|class=malignant|case": tp / (tp + fp),
    }
    counts = {"malignant>malignant": tp, "malignant>benign": fn, "benign>malignant": fp, "benign>benign": tn}
    test |= {f"count|class={each}|case": number for each, number in counts.items()}
    return {"metrics": {"test": test}}


@pytest.fixture
def paudel() -> dict[str, list[list[str]]]:
    runs = [fold_of_paudel(32, 1, 2, 29), fold_of_paudel(30, 3, 0, 31)]
    return folds.fold_tables(papers.load("paudel"), folds_of(record_of(runs, paper="paudel"), 2))


def test_every_table_about_its_own_network_has_its_columns(paudel):
    assert {name: len(lines[0]) - 1 for name, lines in paudel.items()} == {
        "Table V": 6,
        "Table VI": 10,
        "Table VII": 4,
        "Table X": 6,
    }


def test_the_specificity_of_malignant_is_the_sensitivity_of_benign(paudel):
    header, first, *_ = paudel["Table VI"]
    cells = {name.partition(":")[0]: cell for name, cell in zip(header, first, strict=True)}
    assert cells["test malignant specificity"] == cells["test benign sensitivity"] == f"{29 / 31:.4f}"
    assert cells["test benign specificity"] == cells["test malignant recall"] == f"{32 / 33:.4f}"
    assert cells["test malignant precision"] == f"{32 / 34:.4f}"
    assert cells["test benign precision"] == "-", "what is undefined"


def test_numbers_of_cases_add_up(paudel):
    header, first, second, total = paudel["Table VII"]
    assert header[1] == "test malignant, called malignant: count|class=malignant>malignant|case"
    assert [first, second] == [["1", "32", "1", "2", "29"], ["2", "30", "3", "0", "31"]]
    assert total == ["all", "62", "4", "2", "60"]


# Single images


def counted(found: np.ndarray, truth: np.ndarray) -> Rows:
    names = [f"benign ({i})" for i in range(len(truth))]
    return count(found, truth, names, names, names)


def test_quantiles_of_the_images_each_column_sorted_by_itself():
    truth = np.zeros((3, 4, 4), np.float32)
    truth[:2, 0] = 1  # four pixels of tumour in two images, none in the third
    found = truth.copy()
    found[1, 0, 2:] = 0  # half of it found
    header, *lines = folds.quantiles_of_images(paper(), counted(found, truth))
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
    header, worst, *_ = folds.quantiles_of_images(paper(), counted(found, truth))
    cells = dict(zip(header, worst, strict=True))
    assert (cells["precision"], cells["recall"], cells["F1 (Dice)"]) == ("0.0000", "0.0000", "0.0000")


def test_each_image_has_a_line():
    truth = np.zeros((2, 4, 4), np.float32)
    truth[0, 0] = 1
    header, first, second = folds.images(paper(), counted(truth, truth))
    assert header == ["image", "accuracy", "precision", "specificity", "F1 (Dice)", "recall", "IoU"]
    assert first == ["benign (0)", *["1.0000"] * 6]
    assert second == ["benign (1)", "1.0000", "-", "1.0000", "-", "-", "-"]


def test_what_a_paper_prints_of_single_images_is_a_column_too():
    truth = np.zeros((1, 4, 4), np.float32)
    truth[0, 0] = 1
    cells = table({"image": "7", "values": "4.5 0.9"}, columns=[COLUMNS[2], COLUMNS[1] | {"definition": DICE}])
    header, line = folds.images(paper(*cells), counted(truth, truth))
    assert header[-2:] == [f"HD95: {DISTANCE}", f"DSC: {DICE}"]
    assert line[-2:] == ["0.0000", "1.0000"]
