"""What the five papers print: contradictions that were found by hand are found here, and none where there is none."""

from functools import cache

import pytest

from common import papers
from common.evidence import claims
from common.evidence.columns import printed_again

IN_TABLE_IX = [f"IX-{image}" for image in ("I", "II", "III", "IV", "V", "VI")]
IMAGES = {f"{image}-iou" for image in IN_TABLE_IX}
FOUR_OF_IMAGE = ("accuracy", "precision", "recall", "specificity")
NETWORKS = {"test-accuracy", "test-iou", "unet-test-accuracy", "unet-test-iou"}


@cache
def found() -> dict[str, list[claims.Finding]]:
    return {name: claims.check(papers.load(name)) for name in papers.names()}


BY_HAND = [
    # Dice .947 needs an IoU of .898 or more
    ("paudel", "Dice from IoU, means", {"X-f1", "X-iou"}, False),
    ("paudel", "Dice from IoU, means", {"X-f1", "iou-abstract"}, False),
    ("paudel", "Dice from IoU", {"X-f1", "X-iou"}, True),
    ("paudel", "mean of the listed values", {*IMAGES, "iou-abstract"}, True),
    # 99.08 in the text, 98.08 in the table; 97.77 and 98.77
    ("paudel", "one quantity printed as two numbers", {"test-accuracy-text", "V-mean-test-accuracy"}, False),
    ("paudel", "one quantity printed as two numbers", {"malignant-recall-text", "VI-mean-malignant-recall"}, False),
    # sensitivity and recall of one class
    ("paudel", "one quantity printed as two numbers", {"VI-1-malignant-sensitivity", "VI-1-malignant-recall"}, False),
    # losses below what one wrong case in a hundred costs
    ("paudel", "cross-entropy from accuracy", {"V-3-validation-accuracy", "V-3-validation-loss"}, False),
    ("paudel", "whole cases (GRIM)", {"VI-4-malignant-specificity"}, False),
    # precision, recall and specificity of an image fix its accuracy: 0.9971 for image I, and 0.99542 is printed
    *(("paudel", "one confusion matrix", {f"{image}-{of}" for of in FOUR_OF_IMAGE}, False) for image in IN_TABLE_IX),
    # 99.93 % of 210 malignant cases are 209.85; 98.77 % are 207.42
    ("paudel", "means of whole cases", {"VI-mean-malignant-sensitivity"}, True),
    ("paudel", "means of whole cases", {"VI-mean-malignant-recall"}, True),
    # 99.08 % are six wrong cases of 647 in ten folds, and 98.41 % of the benign ones are seven
    ("paudel", "means of whole cases", {"test-accuracy-text", "VI-mean-malignant-specificity"}, True),
    ("kumar", "cross-entropy from accuracy", {"test-accuracy", "test-loss"}, True),
    ("kumar", "prevalence from accuracy and IoU", NETWORKS, True),
    ("rahman", "value outside the range of its formula", {"loss-as-printed"}, False),
    ("cheng", "one confusion matrix", {"test-accuracy", "test-iou"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "relation", "cells", "assumed"), BY_HAND)
def test_a_contradiction_known_from_calculation_by_hand_is_found(name, relation, cells, assumed):
    known = [(finding.relation, set(finding.cells), finding.assumed) for finding in found()[name]]
    assert (relation, cells, assumed) in known


def test_the_matrix_of_paudel_is_none_of_the_folds_and_no_proportional_draw():
    relations = [finding.relation for finding in found()["paudel"] if "VII-malignant-called-malignant" in finding.cells]
    assert relations.count("a confusion matrix and the folds") == 2, "those of Table V and those of Table VI"
    assert "class counts of a part" in relations


def test_as_the_records_read_them_the_numbers_of_three_papers_do_not_contradict_each_other():
    for name in ("cheng", "gill", "kumar"):
        assert [finding for finding in found()[name] if not finding.assumed] == []


def test_what_joins_table_vi_with_table_v_or_the_text_rests_on_the_part_that_table_vi_does_not_name():
    for finding in found()["paudel"]:
        tables = {cell.partition("-")[0] for cell in finding.cells}
        of_test_part = {"V", "test"} & tables  # Table V, and the test accuracy of the text
        assert ("Table VI is of the test part" in finding.premise) == bool(of_test_part and "VI" in tables)


def test_numbers_quoted_from_other_papers_are_left_alone():
    quoted = {cell.id for cell in papers.load("paudel").reported if cell.quoted}
    assert len(quoted) == 36 + 22 + 7 + 21, "Table X, I, II, and the text before the latter two"
    assert not any(quoted & set(finding.cells) for finding in found()["paudel"])


def test_the_share_of_the_tumour_in_kumars_rows_takes_masks_of_0_and_1_for_granted():
    of_both = [finding for finding in found()["kumar"] if set(finding.cells) == NETWORKS]
    assert of_both
    assert all("the masks are 0 and 1" in finding.premise for finding in of_both)


def test_the_smoothing_of_a_dice_leaves_room_that_an_f1_has_not():
    """Table X prints 0.947 as both, beside an IoU that leaves at most 0.942."""
    paudel, contradicted = (
        papers.load("paudel"),
        {cell for each in found()["paudel"] if each.is_certain for cell in each.cells},
    )
    printed = {cell.id: cell for cell in paudel.reported}
    assert printed_again(paudel, printed["X-f1"]) & contradicted
    assert not printed_again(paudel, printed["X-dice"]) & contradicted


def test_a_number_that_is_entered_twice_is_the_same_as_printed():
    for name in papers.names():
        reported = {cell.id: cell for cell in papers.load(name).reported}
        for cell in reported.values():
            if cell.same_as:
                first = reported[cell.same_as]
                assert (first.value, first.unit, first.same_as) == (cell.value, cell.unit, "")
                assert first.definition != cell.definition
    assert claims.summary(papers.load("rahman")) == "", "its two numbers, the one under a formula that can't give it"


def test_only_a_formula_makes_a_number_impossible_by_itself():
    impossible = {name: set(claims.impossible(findings)) for name, findings in found().items()}
    assert impossible == {name: set() for name in found()} | {"rahman": {"loss-as-printed"}}


def test_every_finding_has_its_numbers_and_reported_cells():
    for name, findings in found().items():
        reported = {cell.id for cell in papers.load(name).reported}
        for finding in findings:
            assert set(finding.cells) <= reported
            assert any(letter.isdigit() for letter in finding.text)
