"""The rules of `common/evidence/RULES.md`, and how often they err."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.evidence import verdict
from common.evidence.statistics import (
    Expected,
    Prediction,
    expect,
    expect_from_folds,
    expect_on_same_splits,
    prediction,
)
from common.evidence.verdict import decide, differing, hint_of, is_within, margin_of, repeats_to_decide, says_nothing
from tests.evidence.made import DICE, RAW

ACCURACY, BCE, COUNT = "accuracy|pixel|pooled|t=0.5", "bce|pixel|pooled", "count|class=a>b|case"
BLANK = [Prediction(10_000, 0.92, 0.90, 0.94), Prediction(10_000, 0.85, 0.80, 0.90)]


def test_every_verdict_has_a_meaning():
    assert tuple(verdict.MEANINGS) == verdict.VERDICTS


# b. Does it say anything?


@pytest.mark.parametrize(
    ("printed", "definition", "expected"),
    [
        ((0.915, 0.917), ACCURACY, True),
        ((0.70, 0.71), ACCURACY, True),  # worse than what learns nothing
        ((0.95, 0.951), ACCURACY, False),
        ((0.30, 0.31), "bce|pixel|pooled", False),  # a cost: less is better
    ],
)
def test_a_number_says_nothing_unless_it_is_better_than_the_better_predictor(printed, definition, expected):
    assert says_nothing(printed, definition, BLANK) is expected


def test_for_a_cost_the_better_predictor_is_the_one_with_less():
    nothing = [Prediction(10_000, 1.2, 1.0, 1.4), Prediction(10_000, 0.27, 0.23, 0.33)]
    assert says_nothing((0.24, 0.25), BCE, nothing)
    assert not says_nothing((0.15, 0.16), BCE, nothing)


def test_of_counts_none_is_better_and_without_known_masks_the_question_is_not_asked():
    assert not says_nothing((1, 1), COUNT, [Prediction(10_000, 1, 1, 1)])
    assert not says_nothing((0.1, 0.2), DICE, [])


# The margin


@pytest.mark.parametrize(
    ("definition", "nothing", "expected"),
    [
        (DICE, 0.0, 0.1),
        (ACCURACY, 0.92, 0.008),
        (RAW, 0.46, 0.054),
        (BCE, 0.27, 0.027),
        ("squared-dice-loss|fg|batch=16|soft|s=1", -0.9, 0.01),  # perfect is -1 there
    ],
)
def test_the_margin_is_a_tenth_of_the_way_from_nothing_to_perfect(definition, nothing, expected):
    assert margin_of(definition, [Prediction(1, nothing)]) == pytest.approx(expected)


def test_a_distance_or_a_count_has_no_margin_and_so_never_holds():
    for definition in ("hd95|fg|image|t=0.5|empty=skip", COUNT):
        assert margin_of(definition, [Prediction(1, 5.0)]) is None
    assert not is_within((0.5, 0.5), Prediction(5, 0.5, 0.5, 0.5), None)


# c. Does it hold?

FIVE = expect([0.69, 0.70, 0.71, 0.70, 0.70])


def test_a_number_holds_where_the_whole_interval_is_within_the_margin():
    assert decide((0.695, 0.705), FIVE, 0.1, differs=False) == "holds"
    assert decide((0.695, 0.705), FIVE, 0.02, differs=False) == "not decided"


def test_what_is_practically_the_same_holds_though_it_differs_measurably():
    assert decide((0.7395, 0.7405), FIVE, 0.1, differs=True) == "holds"


def test_a_number_that_differs_is_higher_or_lower():
    assert decide((0.90, 0.91), FIVE, 0.1, differs=True) == "paper higher"
    assert decide((0.50, 0.51), FIVE, 0.1, differs=True) == "paper lower"
    assert decide((0.50, 0.51), FIVE, 0.1, differs=False) == "not decided"


def test_two_repeats_decide_nothing():
    assert decide((0.9, 0.9), expect([0.70, 0.70]), 0.1, differs=True) == "not decided"
    assert decide((0.7, 0.7), expect([0.70]), 0.1, differs=False) == "not decided"


def test_a_number_that_may_be_rounded_from_far_away_does_not_hold():
    """0.7 may be 0.65 to 0.75: the margin counts from the end that is farther."""
    assert decide((0.65, 0.75), FIVE, 0.06, differs=False) == "not decided"


def test_a_small_run_hints_only_where_its_interval_is_no_wider_than_the_margin():
    wide = expect([0.60, 0.70, 0.80])
    assert hint_of((0.7, 0.7), FIVE, 0.1, differs=False) == "near"
    assert hint_of((0.9, 0.9), FIVE, 0.1, differs=True) == "paper higher"
    assert hint_of((0.99, 0.99), wide, 0.1, differs=True) == ""
    assert hint_of((0.9, 0.9), FIVE, None, differs=True) == ""


SPREADS = [0.01, 0.02, 0.03, 0.05]  # over a margin of 0.1
MARGIN, PAPERS = 0.1, 1000


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("spread", SPREADS)
def test_how_often_the_rule_errs(n, spread):
    """What RULES.md says of it, with room for the smaller number of simulated papers."""
    random = np.random.default_rng(n)

    def shares(distance: float, of_paper: float) -> dict[str, float]:
        found = []
        for _ in range(PAPERS):
            expected = expect(random.normal(0.7, spread, n))
            number = 0.7 + distance + random.normal(0, of_paper)
            (differs,) = differing([expected.p_value((number, number))])
            found.append(decide((number, number), expected, MARGIN, differs))
        return {name: found.count(name) / PAPERS for name in verdict.VERDICTS}

    same = shares(0, spread)
    assert same["paper higher"] + same["paper lower"] <= 0.075
    assert shares(MARGIN, 0)["holds"] <= {3: 0.015, 5: 0.005, 10: 0.001}[n]
    assert shares(3 * MARGIN, 0)["paper higher"] >= {3: 0.72, 5: 0.98, 10: 1}[n]


def test_the_smallest_spread_finds_nearly_all_numbers_that_hold():
    random, found = np.random.default_rng(0), []
    for _ in range(PAPERS):
        *ours, number = random.normal(0.7, 0.01, 6)
        found.append(decide((number, number), expect(ours), MARGIN, differs=False))
    assert found.count("holds") / PAPERS > 0.98


# Many numbers at once


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discoveries_are_those_of_scipy(p_values):
    adjusted = stats.false_discovery_control(p_values)
    clear = np.abs(adjusted - verdict.FALSE_DISCOVERIES) > 1e-9  # at the limit, rounding decides
    assert (np.array(differing(p_values)) == (adjusted <= verdict.FALSE_DISCOVERIES))[clear].all()


def test_no_numbers_differ_where_there_are_none():
    assert differing([]) == []


def test_one_of_many_numbers_outside_its_interval_is_chance():
    assert differing([0.04]) == [True]
    assert differing([0.04, *[0.5] * 19]) == [False] * 20


# How many repeats


def test_more_repeats_decide_where_runs_vary_little():
    values = [0.66, 0.70, 0.74]
    needed = repeats_to_decide((0.70, 0.70), partial(expect, values, 1, None), range(4, 101), 0.1)
    spread = float(np.std(values, ddof=1))
    as_many = partial(Expected, mean=0.7)

    def interval(n: int) -> Prediction:
        return as_many(n, error=spread * (1 + 1 / n) ** 0.5, freedom=n - 1).prediction

    assert is_within((0.70, 0.70), interval(needed), 0.1)
    assert not is_within((0.70, 0.70), interval(needed - 1), 0.1)


def test_no_number_of_repeats_decides_where_runs_vary_more_than_the_margin():
    assert repeats_to_decide((0.70, 0.70), partial(expect, [0.6, 0.7, 0.8], 1, None), range(4, 101), 0.1) == 0


def test_a_hint_also_needs_an_interval_no_wider_than_the_margin():
    """A number that is far away is decided by few repeats, whose interval may still be wide."""
    more = partial(expect, [0.63, 0.70, 0.77], 1, None)
    verdict, hint = (repeats_to_decide((0.95, 0.95), more, range(4, 101), 0.15, small) for small in (False, True))
    assert verdict == 4
    assert hint > 4
    assert more(hint - 1).prediction.high - 0.7 > 0.15
    assert more(hint).prediction.high - 0.7 <= 0.15
    assert repeats_to_decide((0.95, 0.95), more, range(4, 101), 0.1, small=True) == 0


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        (expect, [0.6, 0.7, 0.8]),
        (partial(expect, mean_of=3, deviation=0.02), [0.6, 0.7, 0.8]),
        (partial(expect_from_folds, test_to_train=0.125), [[0.6, 0.7, 0.8], [0.5, 0.7, 0.9]]),
        (expect_on_same_splits, [[0.6, 0.7], [0.8, 0.7]]),
    ],
)
def test_more_repeats_of_the_same_spread_are_expected_by_the_rule_of_those_at_hand(expected, values):
    at_hand = expected(values)
    assert expected(values, repeats=at_hand.n) == at_hand
    more = [expected(values, repeats=at_hand.n * times) for times in (2, 4, 8)]
    assert {each.mean for each in more} == {at_hand.mean}
    widths = [each.prediction.high - each.prediction.low for each in (at_hand, *more)]
    assert sorted(widths, reverse=True) == widths


# What our runs let one expect


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=12), st.integers(1, 20))
def test_a_mean_of_several_runs_varies_less_than_one(values, mean_of):
    assert expect(values, mean_of).error <= expect(values).error
    assert expect(values).prediction == prediction(values)


def test_a_printed_deviation_gives_welchs_interval():
    ours, theirs = np.array([0.60, 0.62, 0.64]), np.array([0.70, 0.74, 0.69, 0.71])
    found = expect(ours, len(theirs), float(theirs.std(ddof=1)))
    test = stats.ttest_ind(ours, theirs, equal_var=False)
    assert found.freedom == pytest.approx(test.df)
    assert found.p_value((theirs.mean(),) * 2) == pytest.approx(test.pvalue)


def test_folds_share_training_images_and_so_their_mean_varies_more():
    """Nadeau & Bengio's correction, by hand: s² = 0.0025, twice for ours and theirs, (1/10 + 1/8)."""
    folds = [0.65, 0.75] * 5
    found = expect_from_folds([folds], test_to_train=1 / 8)
    assert found.error == pytest.approx((2 * np.var(folds, ddof=1) * (1 / 10 + 1 / 8)) ** 0.5)
    assert (found.n, found.freedom) == (1, 9)
    assert expect_from_folds([folds], 1 / 8, deviation=0.0).error == pytest.approx(found.error / 2**0.5)


def test_of_two_cross_validations_both_count():
    folds = [0.65, 0.75] * 5
    one = expect_from_folds([folds], test_to_train=1 / 8)
    two = expect_from_folds([folds, [fold + 0.1 for fold in folds]], test_to_train=1 / 8)
    assert (two.n, two.freedom, two.mean) == (2, 18, pytest.approx(one.mean + 0.05))
    assert two.error == pytest.approx(one.error * (1.5 / 2) ** 0.5)


def test_a_p_value_counts_from_the_nearest_number_that_the_printed_one_may_be_rounded_from():
    assert FIVE.p_value((0.65, 0.75)) == 1
    assert FIVE.p_value((0.71, 0.80)) == FIVE.p_value((0.71, 0.71))
    low = FIVE.prediction.low
    assert FIVE.p_value((low, low)) == pytest.approx(0.05)


def test_runs_without_any_spread_expect_one_number():
    exact = expect([0.5, 0.5, 0.5])
    assert (exact.p_value((0.5, 0.5)), exact.p_value((0.6, 0.6))) == (1, 0)


def test_on_the_same_splits_only_what_varies_within_them_counts():
    """Three splits far apart, two repeats each: within-split variance 0.0002, 3 degrees of freedom."""
    splits = [[0.59, 0.61], [0.69, 0.71], [0.79, 0.81]]
    found = expect_on_same_splits(splits)
    assert (found.n, found.freedom, found.mean) == (6, 3, pytest.approx(0.7))
    assert found.error == pytest.approx((0.0002 / 3 + 0.0002 / 6) ** 0.5)
    assert found.error < expect([0.6, 0.7, 0.8], mean_of=3).error


def test_on_the_same_splits_95_percent_of_other_means_lie_in_the_interval():
    random, inside = np.random.default_rng(0), 0
    levels = np.array([0.6, 0.7, 0.8])
    for _ in range(2000):
        ours, other = random.normal(levels[:, None], 0.02, (3, 3)), random.normal(levels, 0.02)
        found = expect_on_same_splits(ours.tolist()).prediction
        inside += found.low <= other.mean() <= found.high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)
