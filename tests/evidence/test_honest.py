"""The difference that a leak makes: by hand, against SciPy, by its coverage, and from records."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from common.evidence.honest import MeanDifference, difference, leak, leak_free, published, sentence
from common.evidence.results import Record
from tests.evidence.made import folds_of, record_of

DICE = "dice|fg|image|t=0.5|empty=one"


def test_by_hand():
    # Means 3 and 1; variances 1 and 4, of 3 and 4: squared errors 1/3 and 1, freedom (4/3)^2 / (1/18 + 1/3) = 4.5714.
    # The quantile of Student's t there, 2.6456, between the printed 2.7764 (4) and 2.5706 (5).
    found = difference([2, 3, 4], [-1.449490, 3.449490, 1, 1])
    assert (found.published, found.leak_free, found.mean) == (3, 4, pytest.approx(2))
    assert 2.5706 < (found.high - 2) / np.sqrt(4 / 3) < 2.7764
    assert found.high - 2 == pytest.approx(2 - found.low)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 10), (5, 5), (20, 4)])
def test_the_interval_is_that_of_scipy(sizes):
    random = np.random.default_rng(0)
    one, other = random.normal(0.75, 0.01, sizes[0]), random.normal(0.70, 0.05, sizes[1])
    expected = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    found = difference(one, other)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_the_true_difference_is_inside_with_about_95_percent():
    random, trials = np.random.default_rng(1), 2000
    samples = (random.normal(0.75, 0.02, (trials, 5)), random.normal(0.70, 0.05, (trials, 5)))
    inside = [(at := difference(one, other)).low <= 0.05 <= at.high for one, other in zip(*samples, strict=True)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_too_few_repeats_give_no_interval():
    assert difference([], [0.7]) == MeanDifference(0, 1)
    assert difference([0.75], [0.5, 0.5]) == MeanDifference(1, 2, 0.25)


def test_repeats_without_spread_leave_no_room():
    assert difference([0.75, 0.75], [0.5, 0.5]) == MeanDifference(2, 2, 0.25, 0.25, 0.25)


def record(*results: float, **changes) -> Record:
    """A record of one run for each result."""
    return record_of([{"metrics": {"test": {DICE: result}}} for result in results], **changes)


def test_from_two_records():
    found = leak(record(0.75, 0.77, 0.76), record(0.70, 0.72, readings={"split": "grouped"}), "test", DICE)
    assert found == difference([0.75, 0.77, 0.76], [0.70, 0.72])
    assert found.mean == pytest.approx(0.05)


@pytest.mark.parametrize(
    "changes",
    [{"profile": "small"}, {"paper": "other"}, {"readings": {"split": "grouped", "batch_size": "16"}}],
)
def test_records_that_differ_in_more_than_the_split_are_refused(changes):
    with pytest.raises(ValueError, match="not the same but for the split"):
        leak(record(0.75), record(0.70, **{"readings": {"split": "grouped"}} | changes), "test", DICE)


GROUPED = {"readings": {"split": "grouped"}}


def test_which_record_is_the_leak_free_one_of_which():
    own, other = record(0.75), record(0.70, **GROUPED)
    deeper = {"readings": {"depth": "5"}}
    deep, deep_other = record(0.75, **deeper), record(0.70, readings=deeper["readings"] | GROUPED["readings"])
    small = record(0.60, profile="small", **GROUPED)
    every = [small, deep, deep_other, own, other]
    assert [leak_free(each, every) for each in every] == [None, deep_other, None, other, None]
    assert [published(each, every) for each in every] == [None, None, deep, None, own]


def said(own: Record, other: Record, standard=()) -> str:
    return sentence(own, other, [("test", DICE)], [("test", signature) for signature in standard])


def test_a_change_within_the_variation_of_repeats_is_called_so():
    text = said(record(0.75, 0.70, 0.72), record(0.74, 0.69, 0.70, **GROUPED))
    assert "none of 1 printed definition on test and validation images changes by more than repeats vary." in text


def test_a_change_beyond_it_is_told_with_its_interval():
    text = said(record(0.75, 0.76, 0.755), record(0.64, 0.66, 0.65, **GROUPED), [DICE, "bce|pixel|pooled"])
    assert (
        f"1 of 1 printed definition on test and validation images changes by more than repeats vary: `{DICE}`" in text
    )
    assert "published less leak-free +0.1050, 95 %: 0.08" in text
    assert "; of 1 standard ones on the test images 1, most clearly" in text, "what was not measured is not counted"
    assert "One in 20 would by chance." in text


def test_one_repeat_of_each_split_has_a_difference_and_no_interval():
    text = said(record(0.75), record(0.65, **GROUPED))
    assert (
        f"`{DICE}` (test; published less leak-free +0.1000) changes most. One repeat of a split does not tell" in text
    )
    assert "folds" not in text
    crossed = said(folds_of(record(0.75, 0.77), 2), folds_of(record(0.60, 0.62, **GROUPED), 2))
    assert "+0.1500" in crossed
    assert "its folds, which share their training images, do not either" in crossed


def test_the_clearest_change_is_named_whatever_its_unit():
    """A distance in pixels is a larger number than any ratio."""
    distance = "hd95|fg|image|t=0.5|empty=skip"
    pairs = zip([0.75, 0.76, 0.755], [30.0, 34.0, 32.0], strict=True)
    own = record_of([{"metrics": {"test": {DICE: dice, distance: pixels}}} for dice, pixels in pairs])
    pairs = zip([0.65, 0.66, 0.655], [45.0, 41.0, 43.0], strict=True)
    other = record_of([{"metrics": {"test": {DICE: dice, distance: pixels}}} for dice, pixels in pairs], **GROUPED)
    assert f"2, most clearly `{DICE}`" in said(own, other, [DICE, distance])
    once = [each.model_copy(update={"runs": each.runs[:1]}) for each in (own, other)]
    assert f"`{DICE}` (test; published less leak-free +0.1000) changes most" in sentence(
        *once, [("test", distance), ("test", DICE)], []
    )


def test_where_nothing_was_measured_under_both_splits_nothing_is_said():
    assert said(record(), record(0.7, **GROUPED)) == ""
