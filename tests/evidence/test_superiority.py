"""What printed numbers alone say of "A is better than B"."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import papers
from common.evidence import pairs
from common.evidence.assess import assess_paper
from common.evidence.pairs import OfImages
from common.evidence.statistics import PairedDifference
from common.evidence.superiority import ASSUMED, CONGRUENCE, as_percent, judge_printed, probability_of_false_claim
from common.evidence.worded import check_worded

RESULTS = Path(__file__).parents[2] / "results"
SPREAD = st.floats(0.01, 1)


def test_by_hand():
    """A margin of 0.02 over 100 images, both with a standard deviation of 0.2 and a correlation of 0.5: the standard
    error is √(0.04 + 0.04 - 0.04) / 10 = 0.02, and Student's distribution with 99 degrees of freedom has 0.1599 below
    -1."""
    assert probability_of_false_claim(0.02, 100, 0.2, 0.2, 0.5) == pytest.approx(0.1599, abs=1e-4)


def test_it_is_the_one_sided_p_value_of_the_paired_t_test():
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(3)
    one, other = random.normal([[0.72], [0.70]], 0.1, (2, 60)) + random.normal(0, 0.2, 60)
    sds, correlation = (each.std(ddof=1) for each in (one, other)), np.corrcoef(one, other)[0, 1]
    p = stats.ttest_rel(one, other, alternative="greater").pvalue
    assert probability_of_false_claim(one.mean() - other.mean(), 60, *sds, correlation) == pytest.approx(p)


def test_claims_of_networks_that_are_alike_are_false_as_often_as_it_says():
    """Under the prior of the formula: true differences of all sizes, equally likely. Among claims with about the same
    probability, that share is false."""
    random = np.random.default_rng(5)
    true = random.uniform(-0.2, 0.2, 4000)
    seen = true[:, None] + random.normal(0, 0.2, (4000, 50))
    claimed = [
        (probability_of_false_claim(values.mean(), 50, values.std(ddof=1), 0, 0), difference <= 0)
        for values, difference in zip(seen, true, strict=True)
        if values.mean() > 0
    ]
    doubtful = [false for probability, false in claimed if 0.1 <= probability <= 0.3]
    assert len(doubtful) > 150
    assert np.mean(doubtful) == pytest.approx(0.2, abs=0.07)


@given(st.floats(0, 0.5), st.integers(2, 1000), SPREAD, SPREAD, st.floats(-1, 1))
def test_the_winner_as_printed_is_more_likely_the_better_and_the_two_answers_make_1(margin, images, one, other, r):
    probability = probability_of_false_claim(margin, images, one, other, r)
    assert 0 <= probability <= 0.5
    assert probability + probability_of_false_claim(-margin, images, other, one, r) == pytest.approx(1)


@given(st.floats(0.01, 0.5), st.integers(3, 500), SPREAD, st.floats(-0.9, 0.8))
def test_more_images_and_more_congruence_make_a_claim_surer(margin, images, spread, r):
    first = probability_of_false_claim(margin, images, spread, spread, r)
    assert probability_of_false_claim(margin, 2 * images, spread, spread, r) <= first
    assert probability_of_false_claim(margin, images, spread, spread, r + 0.1) <= first


@pytest.mark.parametrize(("margin", "probability"), [(0.01, 0), (0, 0.5), (-0.01, 1)])
def test_the_same_difference_in_every_image_leaves_no_doubt(margin, probability):
    assert probability_of_false_claim(margin, 10, 0.2, 0.2, 1) == probability


@pytest.mark.parametrize("wrong", [(1, 0.1, 0.1, 0), (9, -0.1, 0.1, 0), (9, 0.1, 0.1, 1.1)])
def test_what_can_not_be_is_refused(wrong):
    with pytest.raises(ValueError, match="images"):
        probability_of_false_claim(0.1, *wrong)


def test_without_our_own_runs_a_correlation_is_assumed_and_its_range_is_told():
    found = judge_printed(0.72, 0.69, 195, None)
    first, last = found.ends
    assert first < found.probability < last
    said = found.sentence("CMUNeXt", "U-Net")
    assert said.startswith(
        f"From the printed numbers alone, the probability that CMUNeXt is not better than U-Net "
        f"is {as_percent(found.probability)}, from {as_percent(first)} to {as_percent(last)} for correlations"
    )
    assert f"from {CONGRUENCE[1]:.2f} to {CONGRUENCE[0]:.2f}" in said
    first, last = judge_printed(0.69, 0.72, 195, None).ends  # as printed, the claim fails: a high correlation says so
    assert first > last
    assert "other pairs of networks of this suite" in said
    assert "the printed numbers are means over 195 independent images" in said


def test_our_own_runs_of_both_networks_take_the_place_of_what_is_assumed():
    found = judge_printed(0.5, 0.4, 20, OfImages(0.6, 0.5, 0.3))
    sds = 0.6 * 0.5, 0.5 * math.sqrt(0.24)
    assert found.probability == probability_of_false_claim(0.5 - 0.4, 20, *sds, 0.3)
    assert found.ends is None
    assert "our own runs of these networks (standard deviations 0.30 and 0.24, correlation 0.30)" in found.premises[1]


def test_a_mean_near_1_leaves_little_room_for_a_spread():
    """0.96 allows a standard deviation of at most √(0.96 · 0.04) = 0.196."""
    assert "standard deviations 0.13 and 0.18" in judge_printed(0.96, 0.92, 200, None).premises[1]


def test_networks_that_were_tested_on_other_images_do_not_correlate():
    found = judge_printed(0.9, 0.87, 65, None, same_images=False)
    assert found.ends is None
    assert "correlation 0.00" in found.premises[2]
    assert found.premises[1] == "the other numbers are of as many other images"
    assert found.probability > judge_printed(0.9, 0.87, 65, None).probability


def test_what_is_assumed_is_what_the_committed_records_have(monkeypatch):
    """Where this fails, new records have moved the figures: renew both constants, and the comment above them."""
    without_draws = PairedDifference(0, 0, 0)  # the intervals take seconds, and are not asked for here
    monkeypatch.setattr(pairs, "paired_bootstrap", lambda one, other, names: dict.fromkeys(names, without_draws))
    known = [
        tested.paired
        for name in papers.names()
        for tested in check_worded(papers.load(name), assess_paper(papers.load(name), RESULTS))
        if tested.paired and tested.paired.of_images and tested.status != "did not learn"
    ]
    assert len(known) >= 2
    for field in ("one", "other", "correlation"):
        found = np.mean([getattr(each.of_images, field) for each in known])
        assert getattr(ASSUMED, field) == pytest.approx(found, abs=0.03), field
    correlations = [pair.of_images.correlation for each in known for pair in each.pairs if pair.of_images]
    assert pytest.approx((min(correlations), max(correlations)), abs=0.05) == CONGRUENCE


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.123, "about 12 %"),
        (0.027, "about 2.7 %"),
        (0.0004, "below 0.1 %"),
        (0.975, "about 97.5 %"),
        (1, "above 99.9 %"),
    ],
)
def test_a_probability_in_words(probability, said):
    assert as_percent(probability) == said
