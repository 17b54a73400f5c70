"""What is found in a few printed cells, what it is called, and which cells it names; nothing else is found there."""

import json

import pytest

from common.evidence import claims
from common.evidence.claims import show
from common.reported import Cases, Claim
from tests.evidence.claims.tables import cell, paper

ACCURACY, LOSS = "accuracy|class|case", "bce|class|case"
MEAN_DICE, MEAN_IOU = "dice|fg|image|t=0.5|empty=skip", "iou|fg|image|t=0.5|empty=skip"


def of(metric: str, name: str = "a") -> str:
    return f"{metric}|class={name}|case"


def cases(n: int, **about) -> Cases:
    return Cases(classes={"a": 100, "b": 200}, parts={"test": [n]}, quote="", **about)


def matrix(aa: int, ab: int, ba: int, bb: int) -> list:
    counts = {"a>a": aa, "a>b": ab, "b>a": ba, "b>b": bb}
    return [cell(name, str(count), f"count|class={name}|case") for name, count in counts.items()]


def folds(*values: str, mean: str, deviation: str) -> list:
    listed = [cell("accuracy", value, ACCURACY, id=f"fold-{i}", fold=i) for i, value in enumerate(values, 1)]
    both = {"mean": mean, "deviation": deviation}
    return [*listed, *(cell("accuracy", value, ACCURACY, id=name, statistic=name) for name, value in both.items())]


FOUND = {
    "F1 that does not follow from precision and recall": (
        [cell("P", "0.80", of("precision")), cell("R", "0.60", of("recall")), cell("F", "0.75", of("dice"))],
        {},
        ("F1 from precision and recall", {"P", "R", "F"}),
    ),
    "a mean Dice above what the mean IoU allows": (
        [cell("D", "0.947", MEAN_DICE), cell("J", "0.890", MEAN_IOU)],
        {},
        ("Dice from IoU, means", {"D", "J"}),
    ),
    "accuracy outside sensitivity and specificity": (
        [cell("A", "98.0 %", ACCURACY), cell("Se", "100.0 %", of("recall")), cell("Sp", "99.3 %", of("recall", "b"))],
        {},
        ("accuracy from sensitivity and specificity", {"A", "Se", "Sp"}),
    ),
    "sensitivity of one class, printed otherwise as specificity of the other": (
        [cell("sensitivity of b", "0.98", of("recall", "b")), cell("specificity of a", "0.96", of("recall", "b"))],
        {},
        ("one quantity printed as two numbers", {"sensitivity of b", "specificity of a"}),
    ),
    "a precision that a printed matrix does not give": (
        [*matrix(32, 1, 2, 29), cell("P", "0.96", of("precision"))],
        {},
        ("one confusion matrix", {"a>a", "a>b", "b>a", "b>b", "P"}),
    ),
    "an accuracy that is no share of the cases": (
        [cell("A", "0.989", ACCURACY)],
        {"cases": cases(64)},
        ("whole cases (GRIM)", {"A"}),
    ),
    "shares that no matrix of whole cases has together": (
        # 10 of 12 positives and no other recall near 0.5 than k of 8.
        [cell("R", "0.8333", of("recall")), cell("S", "0.5556", of("recall", "b"))],
        {"cases": cases(20)},
        ("one confusion matrix, whole cases", {"R", "S"}),
    ),
    "a loss below what the wrong cases cost": (
        [cell("A", "99.00 %", ACCURACY), cell("L", "0.0039", LOSS)],
        {},
        ("cross-entropy from accuracy", {"A", "L"}),
    ),
    "a loss above what clipped probabilities cost": (
        [cell("A", "99.71 %", ACCURACY), cell("L", "1.54", LOSS)],
        {},
        ("cross-entropy from accuracy", {"A", "L"}),
    ),
    "the mean of the folds": (
        folds("0.90", "0.92", "0.94", mean="0.94", deviation="0.02"),
        {},
        ("mean of the listed values", {"fold-1", "fold-2", "fold-3", "mean"}),
    ),
    "the deviation of the folds, of a sample as of a population": (
        folds("0.90", "0.92", "0.94", mean="0.92", deviation="0.04"),
        {},
        ("deviation of the listed values", {"fold-1", "fold-2", "fold-3", "deviation"}),
    ),
    "a number that its formula can't give": (
        [cell("L", "0.07", "squared-dice-loss|fg|batch=16|soft|s=1")],
        {},
        ("value outside the range of its formula", {"L"}),
    ),
    "classes of a part that is stratified": (
        matrix(32, 1, 2, 29),
        {"cases": cases(64, stratified=True)},
        ("class counts of a part", {"a>a", "a>b", "b>a", "b>b"}),
    ),
    "two networks on one test set of which each leaves another share of tumour": (
        [
            cell("A", "99.71 %", "accuracy|pixel|pooled|t=0.5"),
            cell("J", "95.74 %", "iou|fg|pooled|t=0.5"),
            cell("A2", "99.34 %", "accuracy|pixel|pooled|t=0.5", readings={"network": "other"}),
            cell("J2", "92.48 %", "iou|fg|pooled|t=0.5", readings={"network": "other"}),
        ],
        {},
        ("prevalence from accuracy and IoU", {"A", "J", "A2", "J2"}),
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_a_contradiction_is_found_with_its_cells_and_nothing_else(case):
    printed, about, (relation, ids) = FOUND[case]
    (finding,) = claims.check(paper(*printed, **about))
    assert (finding.relation, set(finding.cells)) == (relation, ids)
    assert finding.certainty == "certain"
    assert finding.text.endswith(".")


CONSISTENT = {
    "a deviation of the population": folds("0.90", "0.92", "0.94", mean="0.92", deviation="0.016"),
    "a deviation of a sample": folds("0.90", "0.92", "0.94", mean="0.92", deviation="0.020"),
    "a printed matrix and its numbers": [
        *matrix(32, 1, 2, 29),
        cell("P", "0.94", of("precision")),
        cell("A", "95.31 %", ACCURACY),
    ],
    "other images": [cell("D", "0.95", MEAN_DICE, image="1"), cell("J", "0.80", MEAN_IOU, image="2")],
    "other folds": [cell("A", "0.95", ACCURACY, fold=1), cell("B", "0.99", ACCURACY, fold=2)],
    "other parts": [cell("A", "0.95", ACCURACY), cell("B", "0.99", ACCURACY, split="train")],
    "other thresholds": [
        cell("D", "0.80", "dice|fg|pooled|t=0.5"),
        cell("J", "0.90", "iou|fg|pooled|t=0.7"),
    ],
    "another source": [cell("A", "0.95", ACCURACY), cell("B", "0.99", ACCURACY, quoted="U-Net [1]")],
    "what a constant in the printed formula adds": [
        cell("D", "0.9435", MEAN_DICE, image="1"),
        cell("J", "0.8934", MEAN_IOU, image="1", smoothed=0.001),
    ],
    "trailing zeros of a whole column": [
        cell("accuracy", f"{value}00", ACCURACY, id=value, fold=i)
        for i, value in enumerate(("0.90", "0.92", "0.95"), 1)
    ]
    + [cell("accuracy", "0.9233", ACCURACY, id="mean", statistic="mean")],
}


@pytest.mark.parametrize("case", CONSISTENT)
def test_no_contradiction_where_numbers_agree_or_are_of_other_things(case):
    assert claims.check(paper(*CONSISTENT[case])) == []


def test_interpolated_masks_leave_room_between_accuracy_and_iou():
    """Keras' accuracy counts no prediction on an interpolated pixel as right, the IoU at a threshold does."""
    printed = (
        cell("A", "0.9163", "accuracy|pixel|pooled|t=0.5"),
        cell("R", "0.9200", "recall|fg|pooled|t=0.5"),
        cell("S", "0.9220", "recall|bg|pooled|t=0.5"),
    )
    assert claims.check(paper(*printed))
    truth = {"truth": {"value": "soft", "quote": ""}}
    soft = paper(*printed).model_dump() | {"stated": truth}
    assert claims.check(type(paper()).model_validate(soft)) == []


def test_a_number_that_may_have_been_cut_off_is_told_apart():
    (finding,) = claims.check(paper(cell("J", "0.890", MEAN_IOU), cell("same", "89.089%", MEAN_IOU)))
    assert finding.certainty == "if rounded"
    (finding,) = claims.check(paper(cell("J", "0.880", MEAN_IOU), cell("same", "89.089%", MEAN_IOU)))
    assert finding.certainty == "certain"


def test_another_reading_of_a_cell_is_a_premise_and_adds_to_what_is_found():
    plain = Claim(cells={"L": {"unit": ""}}, premise="the loss is a plain number")
    printed = cell("A", "99.71", ACCURACY, unit="%"), cell("L", "1.54", LOSS, unit="%")
    assert claims.check(paper(*printed)) == []
    (finding,) = claims.check(paper(*printed, claims=[plain]))
    assert finding.assumed
    assert finding.premise.startswith("the loss is a plain number and ")
    assert claims.impossible([finding]) == {}


def test_a_column_of_no_shares_is_told_for_which_n_it_could_be():
    values = [f"{k / 37 - 0.01:.4f}" for k in (30, 31, 33, 34, 36)]
    listed = [cell("accuracy", value, ACCURACY, id=value, fold=i) for i, value in enumerate(values, 1)]
    found = claims.check(paper(*listed, cases=cases(64)))
    (column,) = (finding for finding in found if finding.relation == "whole cases (GRIM), column")
    assert "with one number added to all, they are shares of n cases for n = 37, 74" in column.text
    assert "with a chance of" in column.text


def test_a_matrix_that_none_of_the_folds_has():
    rows = [cell(f"A{i}", value, ACCURACY, fold=i) for i, value in enumerate(("0.9844", "1.0000"), 1)]
    (finding,) = claims.check(paper(*matrix(32, 1, 2, 29), *rows))
    assert finding.relation == "a confusion matrix and the folds"
    assert claims.check(paper(*matrix(32, 1, 2, 29), *rows, cell("A3", "0.9531", ACCURACY, fold=3))) == []


# What accuracy and IoU leave for the tumour


def test_what_a_row_leaves_for_the_share_of_the_tumour_under_each_definition():
    row = cell("A", "0.9163", "accuracy|pixel|pooled|t=0.5"), cell("J", "0.4543", "iou|mean2|pooled|keras-raw")
    of_tumour, of_both, raw = claims.regions(paper(*row), known=(0.07, 0.09))
    assert of_tumour.prevalence == (pytest.approx(0.0697, abs=2e-4), pytest.approx(0.1535, abs=2e-4))
    assert of_tumour.agrees
    assert of_both.prevalence is None, "the mean of tumour and background is at least half the accuracy"
    assert of_both.agrees is False
    assert raw.prevalence == (pytest.approx(0.0913), pytest.approx(0.0915))
    assert raw.agrees is False


# As people and programs read it


def test_the_lines_name_relation_premise_and_numbers():
    printed, about, _ = FOUND["an accuracy that is no share of the cases"]
    text = "\n".join(show.lines(paper(*printed, **about)))
    assert "1 of them in contradictions" in text
    assert "whole cases (GRIM), 1: cannot be right as printed (if these are of 64 test cases)" in text
    printed, about, _ = FOUND["a mean Dice above what the mean IoU allows"]
    text = "\n".join(show.lines(paper(*printed)))
    assert "cannot both be right as printed" in text
    assert "D 0.947 (Table T): with J 0.890 (Table T) it would be 0.88950 to 0.94208" in text


def test_many_findings_of_a_kind_are_cut_short_and_json_has_all():
    printed = [cell(f"A{i}", f"0.{i:02d}", ACCURACY) for i in range(10, 40, 5)]
    about = paper(*printed)
    assert any("more: --json has all" in line for line in show.lines(about))
    stored = json.loads(show.as_json([about]))[""]
    assert len(stored["findings"]) == len(claims.check(about)) == 15
    assert stored["findings"][0]["cells"] == ["A10", "A15"]
