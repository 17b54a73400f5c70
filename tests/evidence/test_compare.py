"""The rules by which a reported number is judged (DESIGN: repeats and profiles)."""

import numpy as np
import pytest

from common.evidence import compare
from common.evidence.compare import judge_number
from common.evidence.counts import count
from common.evidence.results import RUNNING, Record
from common.evidence.statistics import Prediction
from common.evidence.trivial import BACKGROUND, PREVALENCE
from common.paper import Reading
from common.reported import printed
from tests.evidence.made import DICE, RAW, cell, folds_of, paper, record, record_of


def verdict(value: str, of: Record, definition=DICE) -> str:
    (row,) = compare.rows(paper(cell(value, definition)), of)
    return row.verdict


# Printed numbers


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("0.95", 0.945, 0.955), ("0.950", 0.9495, 0.9505), ("1", 0.5, 1.5), ("95.74 %", 0.95735, 0.95745)],
)
def test_a_printed_number_stands_for_all_that_round_to_it(value, low, high):
    assert printed(value) == (low, high)


@pytest.mark.parametrize("value", ["", "n/a", "0.95 ± 0.01", "nan", "1e-3"])
def test_what_is_no_printed_number_is_refused(value):
    with pytest.raises(ValueError, match="not a number as printed"):
        printed(value)


# Verdicts where data and profile are the paper's


@pytest.mark.parametrize(
    ("n", "low", "high", "value", "expected"),
    [
        (3, 0.60, 0.70, "0.80", "paper higher"),
        (3, 0.60, 0.70, "0.50", "paper lower"),
        (2, 0.60, 0.70, "0.80", "undecided"),  # too few runs to refute
        (5, 0.60, 0.70, "0.65", "agrees"),
        (4, 0.60, 0.70, "0.65", "undecided"),  # too few runs to agree
        (5, 0.60, 0.71, "0.65", "undecided"),  # an interval that would have agreed with too much
        (5, 0.60, 0.71, "0.80", "paper higher"),  # and yet not with everything
        (5, 0.60, 0.6951, "0.70", "agrees"),  # 0.70 may be 0.695
        (5, 0.60, 0.6951, "0.700", "paper higher"),  # 0.700 may not
        (10_000, 0.4511, 0.4709, "0.4543", "agrees"),  # random splits, where no network moves a number
        (10_000, 0.4511, 0.4709, "0.5667", "paper higher"),
    ],
)
def test_verdict(n, low, high, value, expected):
    assert judge_number(value, Prediction(n, (low + high) / 2, low, high)) == expected


def test_one_run_or_none_decides_nothing():
    assert verdict("0.99", record([0.7])) == "undecided"
    assert verdict("0.99", record([])) == "undecided"
    assert verdict("0.99", record([0.7] * 3, "bce|pixel|pooled")) == "undecided"  # another definition was measured


def test_undefined_runs_do_not_count():
    (row,) = compare.rows(paper(), record([0.7, None, 0.72]))
    assert row.reproduced.n == 2


def test_a_cross_validation_is_one_repeat():
    folds = folds_of(record([0.6, 0.8, 0.7, 0.8]), 2)
    (row,) = compare.rows(paper(), folds)
    assert (row.reproduced.n, row.reproduced.mean) == (2, pytest.approx((0.7 + 0.75) / 2))


def test_the_interval_is_that_of_the_runs():
    (row,) = compare.rows(paper(), record([0.70, 0.71, 0.72, 0.70, 0.71]))
    assert row.reproduced.mean == pytest.approx(0.708)
    assert row.trivial == {BACKGROUND: 0, PREVALENCE: pytest.approx(0.1)}
    assert row.verdict == "agrees"


# What is not comparable, or only a hint


def test_other_data_or_a_smoke_run_are_not_comparable():
    assert verdict("0.99", record([0.7, 0.71, 0.72], data="phantom")) == "not comparable"
    assert verdict("0.99", record([0.7, 0.71, 0.72], profile="smoke")) == "not comparable"


def test_a_small_network_gives_a_hint_and_no_verdict():
    runs = [0.70, 0.71, 0.72, 0.70, 0.71]
    assert verdict("0.71", record(runs, profile="small")) == "inside (small)"
    assert verdict("0.99", record(runs, profile="small")) == "outside (small)"
    assert verdict("0.99", record(runs[:2], profile="small")) == "undecided"


def test_what_no_network_can_change_is_judged_at_any_size():
    runs = [0.461, 0.462, 0.461, 0.462, 0.461]
    unmoved = record(runs, RAW, profile="small", nothing=0.4615)
    assert verdict("0.4543", unmoved, RAW) == "paper lower"
    assert verdict("0.4612", unmoved, RAW) == "agrees"


def test_a_raw_iou_that_the_network_moved_is_a_hint():
    saturated = record([0.47, 0.48, 0.49], RAW, profile="small", nothing=0.4615)
    assert verdict("0.9", saturated, RAW) == "outside (small)"


def test_a_small_network_that_has_learned_nothing_proves_nothing():
    assert verdict("0.70", record([0.0, 0.0, 0.0], profile="small", nothing=0.0)) == "outside (small)"


# Which part a training number is compared with


@pytest.mark.parametrize(("by", "part", "other"), [("running", RUNNING, "train"), ("evaluated", "train", RUNNING)])
def test_a_training_number_is_compared_with_the_pass_that_the_record_of_the_paper_names(by, part, other):
    about = paper(cell(split="train"), training_pass={"value": by})
    (row,) = compare.rows(about, record([0.7, 0.7], split=part))
    assert (row.part, row.reproduced.mean) == (part, 0.7)
    (row,) = compare.rows(about, record([0.7, 0.7], split=other))
    assert (row.part, row.reproduced.n) == (part, 0)


def test_no_row_of_training_numbers_mixes_two_passes():
    """Found by review: an IoU that `fit` did not print was evaluated, beside a running accuracy."""
    one, two = cell(split="train"), cell(split="train", definition=RAW).model_copy(update={"id": "raw"})
    metrics = {RUNNING: {DICE: 0.7}, "train": {DICE: 0.8, RAW: 0.5}}
    for by, expected in (("running", {RUNNING}), ("evaluated", {"train"})):
        found = compare.rows(paper(one, two, training_pass={"value": by}), record_of([{"metrics": metrics}] * 3))
        assert {row.part for row in found} == expected


def test_what_stands_for_data_without_a_name_judges_nothing_and_is_shown():
    about, of = paper(cell("0.99"), data_named=False), record([0.70, 0.71, 0.70, 0.71, 0.70])
    (row,) = compare.rows(about, of)
    assert (row.verdict, row.note) == ("not comparable", "the paper does not name its data")
    assert row.reproduced.mean == pytest.approx(0.704)
    assert about.is_own_data("busi") is False


# Numbers that are not one value of a repeat


def cross_validated(*repeats: list[float]) -> Record:
    """A record of some repeats, each with one run for each fold."""
    return folds_of(record([value for folds in repeats for value in folds]), len(repeats[0]))


def row_of(changes: dict, of: Record, value="0.70", images=None):
    (row,) = compare.rows(paper(cell(value).model_copy(update=changes)), of, images)
    return row


def test_one_fold_is_compared_with_all_folds_of_the_record():
    row = row_of({"fold": 4}, cross_validated([0.69, 0.70, 0.71], [0.70, 0.69, 0.71]))
    assert (row.reproduced.n, row.reproduced.mean) == (6, pytest.approx(0.70))
    assert row.verdict == "agrees"
    assert row.note == "one fold, against 6 folds"
    assert row_of({"fold": 4}, cross_validated([0.69, 0.70, 0.71]), "0.90").verdict == "paper higher"


def test_counts_of_a_matrix_are_of_one_fold_as_well():
    row = row_of({"definition": "count|class=a>b|case"}, cross_validated([0.7, 0.7, 0.7]), "2")
    assert (row.reproduced.n, row.note) == (0, "one fold; no such number in this record")


def test_a_standard_deviation_is_compared_with_that_of_the_folds_of_each_repeat():
    folds = cross_validated([0.60, 0.70], [0.60, 0.80], [0.60, 0.64])
    row = row_of({"statistic": "deviation"}, folds, "0.07")
    assert row.reproduced.n == 3
    assert row.reproduced.mean == pytest.approx((0.1 + 0.2 + 0.04) / 2**0.5 / 3)
    assert row.note == "standard deviation over the folds"
    assert row_of({"statistic": "deviation"}, record([0.7, 0.8])).reproduced.n == 0, "there are no folds"


def test_a_single_image_is_compared_with_the_middle_of_the_test_images():
    truth = np.zeros((40, 8, 8), np.float32)
    truth[:, 0] = 1
    predicted = truth.copy()
    predicted[:, 0, :4] = 0  # half of each tumour is found, a Dice of 2/3
    predicted[0] = 0
    names = [str(i) for i in range(40)]
    images = count(predicted, truth, names, names, names)
    definition = "dice|fg|image|t=0.5|empty=skip"
    row = row_of({"image": "IV", "definition": definition}, record([0.7]), "0.9576", images)
    assert (row.reproduced.n, row.reproduced.high) == (40, pytest.approx(2 / 3))
    assert row.verdict == "paper higher"
    assert row.note == "one image that is not named, against 95 % of 40 test images"
    assert row_of({"image": "IV", "definition": definition}, record([0.7])).verdict == "undecided", "no counts"


def test_another_papers_number_is_quoted_and_compared_with_nothing():
    row = row_of({"quoted": "UNet [21]"}, record([0.7] * 5))
    assert (row.verdict, row.reproduced.n, row.note) == ("quoted", 0, "UNet [21]")
    assert row_of({"quoted": "UNet [21]"}, record([0.7], data="phantom")).verdict == "quoted"


def test_ours_stands_beside_a_quoted_number_of_a_network_that_is_trained_here_without_a_verdict():
    unet = {"network": "unet"}
    quoted = cell("0.60").model_copy(update={"id": "quoted", "quoted": "UNet [21]", "readings": unet})
    network = Reading(default="own", alternatives=["unet"], why="a baseline")
    about = paper(cell(), quoted, baselines=[unet], readings={"network": network})
    of = record([0.7, 0.71, 0.72]).model_copy(update={"readings": unet})
    (row,) = compare.rows(about, of)
    assert (row.verdict, row.reproduced.n, row.reproduced.mean, row.note) == ("quoted", 3, 0.71, "UNet [21]")
    assert compare.is_of_repeats(quoted)
    runs = [run.model_copy(update={"unlearned": {"segmentation": ["its output is constant"]}}) for run in of.runs]
    (row,) = compare.rows(about, of.model_copy(update={"runs": runs}))
    assert (row.verdict, row.note) == ("quoted", "UNet [21]; the network did not learn here")


def test_what_its_formula_can_not_give_is_impossible_whatever_was_run():
    of = record([-0.1] * 5, loss := "squared-dice-loss|fg|batch=16|soft|s=1")
    assert verdict("0.07", of, loss) == "impossible"
    assert verdict("0.07", record([-0.1], loss, data="phantom"), loss) == "impossible"
    assert verdict("-0.10", of, loss) == "agrees"


def test_a_contradiction_between_cells_is_a_note_and_no_verdict():
    one, other = cell("0.70"), cell("0.80").model_copy(update={"id": "other"})
    rows = compare.rows(paper(one, other), record([0.70, 0.71, 0.70, 0.71, 0.70]))
    assert [row.verdict for row in rows] == ["agrees", "paper higher"]
    assert {row.note for row in rows} == {"repro claims: one quantity printed as two numbers"}


# Baselines and units


def test_a_baselines_cells_are_for_the_baselines_record_alone():
    own, other = cell("0.70"), cell("0.60").model_copy(update={"id": "baseline", "readings": {"network": "unet"}})
    network = {"default": "multires", "alternatives": ["unet"], "why": "a baseline"}
    both = paper(own, other, baselines=[{"network": "unet"}], readings={"network": Reading(**network)})
    of = record([0.7, 0.7, 0.7])
    assert [row.id for row in compare.rows(both, of)] == ["test-x"]
    baseline = of.model_copy(update={"readings": {"network": "unet"}})
    assert [row.id for row in compare.rows(both, baseline)] == ["baseline"]


def test_a_baseline_may_be_one_value_of_a_reading_whose_others_are_the_papers_own_network():
    residual = Reading(default="all", alternatives=["encoder", "none"], why="")
    about = paper(cell()).model_copy(update={"baselines": [{"residual": "none"}], "readings": {"residual": residual}})
    of = record([0.7, 0.7, 0.7])
    answering = {
        value: [row.id for row in compare.rows(about, of.model_copy(update={"readings": {"residual": value}}))]
        for value in ("encoder", "none")
    }
    assert answering == {"encoder": ["test-x"], "none": []}


def test_a_percent_sign_in_the_head_of_the_table_counts():
    percent = cell("99.71").model_copy(update={"unit": "%"})
    (row,) = compare.rows(paper(percent), record([0.5, 0.5, 0.5]))
    assert row.verdict == "paper higher"
    (row,) = compare.rows(paper(percent), record([0.997, 0.9971, 0.9972]))
    assert row.verdict == "undecided"
