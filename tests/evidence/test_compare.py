"""Which of our values a printed number is set against, and the verdict that follows (RULES.md)."""

import numpy as np
import pytest

from common.evidence import compare
from common.evidence.columns import is_of_repeats
from common.evidence.compared import Compared
from common.evidence.counts import count
from common.evidence.outlook import expect_cross_validation
from common.evidence.schema import RUNNING, Record
from common.evidence.statistics import Prediction, expect_on_same_splits
from common.evidence.trivial import BACKGROUND, PREVALENCE
from common.paper import Paper, Reading
from common.reported import printed
from tests.evidence.made import DICE, RAW, cell, folds_of, paper, record, record_of
from tests.evidence.test_spread import OF


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

CLOSE = [0.70, 0.71, 0.70, 0.71, 0.70]


def test_runs_near_the_printed_number_say_that_it_holds_and_others_that_it_differs():
    assert verdict("0.71", record(CLOSE)) == "holds"
    assert verdict("0.99", record(CLOSE)) == "paper higher"
    assert verdict("0.20", record(CLOSE)) == "paper lower"


def test_runs_that_vary_too_much_decide_nothing_and_say_how_many_would():
    (row,) = compare.rows(paper(), record([0.67, 0.70, 0.73]))
    assert (row.verdict, row.needed) == ("not decided", 6)
    (row,) = compare.rows(paper(), record([0.4, 0.7, 0.99]))
    assert (row.verdict, row.needed) == ("not decided", 0), "no number of repeats would"


def of_spread(number: int, mean: float, deviation: float) -> list[float]:
    """So many values with exactly this mean and standard deviation."""
    values = np.linspace(-1, 1, number)
    return (mean + deviation * values / np.std(values, ddof=1)).tolist()


def test_what_would_decide_one_of_many_numbers_is_counted_by_the_rule_for_many():
    """Found by review: one of ten numbers was told "one more repeat" after each repeat."""
    others = [f"dice|fg|pooled|t=0.{digits}" for digits in range(71, 80)]
    cells = [cell("0.93"), *(cell("0.71", each).model_copy(update={"id": each}) for each in others)]

    def judged(number: int) -> Compared:
        both, nothing = [DICE, *others], {"test": {BACKGROUND: {DICE: 0.0}}}
        runs = [{"metrics": {"test": dict.fromkeys(both, value)}} for value in of_spread(number, 0.70, 0.06)]
        return compare.rows(paper(*cells), record_of([run | {"trivial": nothing} for run in runs]))[0]

    needed = judged(3).needed
    assert [(judged(n).verdict, judged(n).needed) for n in (5, 7, needed - 1)] == [("not decided", needed)] * 3
    assert judged(needed).verdict == "paper higher"


def test_one_run_or_none_decides_nothing():
    assert verdict("0.99", record([0.7])) == "not decided"
    assert verdict("0.99", record([])) == "not run"
    assert verdict("0.99", record([0.7] * 3, "bce|pixel|pooled")) == "not run"  # another definition was measured


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
    assert row.margin == pytest.approx(0.09), "a tenth of the way from the better predictor, 0.1, to 1"


def test_the_mean_of_several_runs_is_compared_with_a_narrower_interval():
    of_three = {"mean_of": 3, "deviation": "0.01"}
    runs = record([0.68, 0.70, 0.72])
    one, three = row_of({}, runs).reproduced, row_of(of_three, runs).reproduced
    assert three.high - three.low < one.high - one.low


def test_among_many_numbers_one_outside_its_interval_is_chance():
    runs, outlier = [0.65, 0.74, 0.66, 0.75], "0.90"
    assert verdict(outlier, record(runs)) == "paper higher"
    others = [f"dice|fg|pooled|t=0.{digits}" for digits in range(71, 90) if digits % 10]
    cells = [cell("0.70", each).model_copy(update={"id": each}) for each in others]
    of_all = record_of([{"metrics": {"test": dict.fromkeys([DICE, *others], value)}} for value in runs])
    row, *_ = compare.rows(paper(cell(outlier), *cells), of_all)
    assert row.verdict == "not decided"


def test_what_holds_makes_no_other_number_differ():
    """Found by review: numbers within the margin have tiny p-values, which let others through."""
    random, wrong = np.random.default_rng(0), 0
    near, same = (
        [f"dice|fg|pooled|t=0.{digits}" for digits in range(start, start + 30) if digits % 10][:20]
        for start in (11, 55)
    )
    for _ in range(15):
        runs = random.normal(0.7, 0.004, (5, 40))
        printed_near = ["0.7600"] * 20
        printed_same = [f"{value:.4f}" for value in random.normal(0.7, 0.004, 20)]
        cells = [
            cell(value, each).model_copy(update={"id": each})
            for each, value in zip([*near, *same], printed_near + printed_same, strict=True)
        ]
        of = record_of([{"metrics": {"test": dict(zip([*near, *same], run.tolist(), strict=True))}} for run in runs])
        trivial = {"test": {BACKGROUND: dict.fromkeys([*near, *same], 0.0)}}
        of = of.model_copy(update={"runs": [run.model_copy(update={"trivial": trivial}) for run in of.runs]})
        rows = compare.rows(paper(*cells), of)
        assert [row.verdict for row in rows[:20]] == ["holds"] * 20
        wrong += sum(row.verdict in ("paper higher", "paper lower") for row in rows[20:])
    assert wrong <= 1


# Before any run


def test_what_a_blank_mask_scores_too_says_nothing_whatever_was_run():
    nothing = {"test-x": {BACKGROUND: Prediction(10_000, 0.46, 0.45, 0.47)}}
    (row,) = compare.rows(paper(cell("0.4543", RAW)), record(CLOSE, RAW), nothing)
    assert row.verdict == "says nothing"
    (row,) = compare.rows(paper(cell("0.71", RAW)), record(CLOSE, RAW), nothing)
    assert row.verdict == "holds"
    assert row.margin == pytest.approx(0.054)


def test_a_paper_without_runs_has_its_answers_too():
    about, nothing = paper(cell("0.4543", RAW)), {"test-x": {BACKGROUND: Prediction(10_000, 0.46, 0.45, 0.47)}}
    assert [row.verdict for row in compare.rows_without_runs(about, about.reported, nothing)] == ["says nothing"]
    assert [row.verdict for row in compare.rows_without_runs(about, about.reported, {})] == ["not run"]


def test_what_its_formula_can_not_give_is_impossible_whatever_was_run():
    of = record([-0.1] * 5, loss := "squared-dice-loss|fg|batch=16|soft|s=1")
    assert verdict("0.07", of, loss) == "impossible"
    assert verdict("0.07", record([-0.1], loss, data="phantom"), loss) == "impossible"
    assert verdict("-0.10", of, loss) == "holds"


def test_numbers_that_cannot_all_be_right_are_contradicted_and_say_by_what():
    one, other = cell("0.70"), cell("0.80").model_copy(update={"id": "other"})
    rows = compare.rows(paper(one, other), record(CLOSE))
    assert [row.verdict for row in rows] == ["contradicted"] * 2
    assert all(value in rows[0].note for value in ("0.70", "0.80"))


# Where question c cannot be asked


def test_other_data_or_a_smoke_run_judge_nothing():
    assert verdict("0.99", record([0.7, 0.71, 0.72], data="phantom")) == "other data"
    assert verdict("0.99", record([0.7, 0.71, 0.72], profile="smoke")) == "other data"


def test_a_small_network_gives_a_hint_and_no_verdict():
    def hint(value: str, runs: list[float]) -> tuple[str, str]:
        (row,) = compare.rows(paper(cell(value)), record(runs, profile="small"))
        return row.verdict, row.hint

    assert hint("0.71", CLOSE) == ("not run", "near")
    assert hint("0.99", CLOSE) == ("not run", "paper higher")
    assert hint("0.99", CLOSE[:2]) == ("not run", "")
    assert hint("0.99", [0.5, 0.7, 0.9]) == ("not run", "")


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
    assert (row.verdict, row.note) == ("other data", "the paper does not name its data")
    assert row.reproduced.mean == pytest.approx(0.704)
    assert about.is_own_data("busi") is False


# How many would decide


def of_published_splits() -> Paper:
    given = {"split": "published", "published": "tang/splits"}
    stated = OF.stated | {key: OF.stated["side"].model_copy(update={"value": value}) for key, value in given.items()}
    printed = cell("0.78").model_copy(update={"mean_of": 3, "deviation": "0.02"})
    return OF.model_copy(update={"reported": [printed], "stated": stated})


def test_on_published_splits_that_come_again_repeats_are_counted_by_the_rule_that_judges():
    """Found by review: nine repeats were told that four would do, from the means of the three splits."""
    about, levels = of_published_splits(), [0.70, 0.75, 0.80]
    runs = [level + luck for luck in (-0.04, 0.0, 0.04) for level in levels]
    (row,) = compare.rows(about, record(runs))
    assert (row.verdict, row.reproduced.n) == ("not decided", 9)
    splits = [runs[i::3] for i in range(3)]

    most = row.margin - 0.035  # from 0.75 to the farther end of what 0.78 is rounded from
    halves = {n: expect_on_same_splits(splits, n).prediction.high - 0.75 for n in (15, 18)}
    assert row.needed == 18
    assert halves[18] <= most < halves[15]
    (row,) = compare.rows(about, record(runs[:3]))
    assert (row.verdict, row.needed) == ("not decided", None), "luck on these splits is not known yet"


def test_a_printed_deviation_counts_among_what_would_decide():
    """Welch's interval, which judges, has ours and theirs: with a wide printed spread no number of ours would do."""
    own, wide = (
        row_of({"mean_of": 3, "deviation": deviation}, record([0.66, 0.70, 0.74])) for deviation in ("", "0.09")
    )
    assert (own.verdict, wide.verdict) == ("not decided", "not decided")
    assert own.needed > 3
    assert wide.needed == 0


def test_small_runs_that_hint_at_nothing_are_told_how_many_would():
    (row,) = compare.rows(paper(), record([0.67, 0.70, 0.73], profile="small"))
    assert (row.verdict, row.hint, row.needed) == ("not run", "", 6)
    (row,) = compare.rows(paper(), record(CLOSE, profile="small"))
    assert (row.hint, row.needed) == ("near", None)


def test_from_three_cross_validations_on_their_means_tell_how_far_they_vary():
    """s² = 0.0016 of the folds; the mean of one has s² (1/3 + 1/9), with 2 degrees of freedom in three of them."""
    outlook = expect_cross_validation(cross_validated([0.66, 0.70, 0.74]), "test", DICE)
    three = outlook.more(3)
    assert (three.n, three.freedom) == (3, 2)
    assert three.error == pytest.approx((0.0016 * (1 / 3 + 1 / 9) * (1 / 3 + 1)) ** 0.5)
    assert outlook.more(1) == outlook.expected


# Numbers that are not one value of a repeat


def cross_validated(*repeats: list[float]) -> Record:
    """A record of some repeats, each with one run for each fold."""
    return folds_of(record([value for folds in repeats for value in folds]), len(repeats[0]))


def row_of(changes: dict, of: Record, value="0.70", images=None):
    (row,) = compare.rows(paper(cell(value).model_copy(update=changes)), of, None, images)
    return row


def table(*values: str, **more) -> list:
    """A column of a fold table: a cell for each fold, then what `more` has: its mean and its deviation."""
    column = {"table": "V", "definition": DICE, "name": "Dice"}
    folds = [cell(value).model_copy(update=column | {"id": f"V-{i}", "fold": i + 1}) for i, value in enumerate(values)]
    rest = [
        cell(each).model_copy(update=column | {"id": f"V-{name}", "statistic": name}) for name, each in more.items()
    ]
    return folds + rest


def test_a_column_of_folds_is_judged_once_by_its_mean():
    about = paper(*table("0.68", "0.72", "0.70", mean="0.70", deviation="0.02"))
    rows = compare.rows(about, cross_validated([0.70, 0.71, 0.69], [0.70, 0.70, 0.71], [0.70, 0.69, 0.71]))
    assert {row.verdict for row in rows} == {"holds"}
    assert {row.reproduced.n for row in rows} == {3}
    high = paper(*table("0.88", "0.92", "0.90", mean="0.90", deviation="0.02"))
    rows = compare.rows(high, cross_validated([0.70, 0.71, 0.69], [0.70, 0.70, 0.71], [0.70, 0.69, 0.71]))
    assert {row.verdict for row in rows} == {"paper higher"}


def test_the_mean_of_the_printed_folds_stands_for_a_column_without_a_printed_mean():
    about = paper(*table("0.60", "0.80", "0.70"))
    rows = compare.rows(about, cross_validated(*[[0.70, 0.71, 0.69]] * 3))
    assert {row.verdict for row in rows} == {"holds"}


def test_the_folds_of_one_cross_validation_tell_how_far_they_vary():
    about = paper(*table("0.95", "0.96", "0.97", mean="0.96", deviation="0.01"))
    rows = compare.rows(about, cross_validated([0.700, 0.702, 0.704]))
    assert {(row.verdict, row.reproduced.n) for row in rows} == {("paper higher", 1)}


def test_counts_of_a_matrix_are_of_one_fold():
    counts = "count|class=a>b|case"
    row = row_of({"definition": counts}, cross_validated([0.7, 0.7, 0.7]), "2")
    assert (row.reproduced.n, row.verdict, row.needed) == (0, "not run", None)
    folds = folds_of(record([4, 5, 6], counts), 3)
    row = row_of({"definition": counts}, folds, "50")
    assert (row.reproduced.n, row.verdict) == (3, "not decided"), "the folds of one cross-validation are no repeats"


def test_a_single_image_that_is_not_named_is_shown_beside_the_test_images_and_never_decided():
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
    assert (row.verdict, row.needed) == ("not decided", None)


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
    assert is_of_repeats(quoted)
    runs = [run.model_copy(update={"unlearned": {"segmentation": ["its output is constant"]}}) for run in of.runs]
    (row,) = compare.rows(about, of.model_copy(update={"runs": runs}))
    assert (row.verdict, row.note) == ("quoted", "UNet [21]; the network did not learn here")


# Baselines and units


def test_a_baselines_cells_are_for_the_baselines_record_alone():
    own, other = cell("0.70"), cell("0.60").model_copy(update={"id": "baseline", "readings": {"network": "unet"}})
    network = {"default": "multires", "alternatives": ["unet"], "why": "a baseline"}
    both = paper(own, other, baselines=[{"network": "unet"}], readings={"network": Reading(**network)})
    of = record([0.7, 0.7, 0.7])
    assert [row.cell.id for row in compare.rows(both, of)] == ["test-x"]
    baseline = of.model_copy(update={"readings": {"network": "unet"}})
    assert [row.cell.id for row in compare.rows(both, baseline)] == ["baseline"]


def test_a_baseline_may_be_one_value_of_a_reading_whose_others_are_the_papers_own_network():
    residual = Reading(default="all", alternatives=["encoder", "none"], why="")
    about = paper(cell()).model_copy(update={"baselines": [{"residual": "none"}], "readings": {"residual": residual}})
    of = record([0.7, 0.7, 0.7])
    answering = {
        value: [row.cell.id for row in compare.rows(about, of.model_copy(update={"readings": {"residual": value}}))]
        for value in ("encoder", "none")
    }
    assert answering == {"encoder": ["test-x"], "none": []}


def test_a_percent_sign_in_the_head_of_the_table_counts():
    percent = cell("99.71").model_copy(update={"unit": "%"})
    (row,) = compare.rows(paper(percent), record([0.5, 0.5, 0.5]))
    assert row.verdict == "paper higher"
    (row,) = compare.rows(paper(percent), record([0.997, 0.9971, 0.9972]))
    assert row.verdict == "holds"
