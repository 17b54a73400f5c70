"""How much is split and how much is luck: the variances by hand, in simulations, and from records."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.evidence import run_values, spread
from common.evidence.spread import analyse_variance
from tests.evidence.made import DICE, paper, record

VALUES = st.lists(st.floats(-10, 10), min_size=2, max_size=4)


def test_by_hand():
    """Three splits with two repeats each: the squares within are 0.5 + 0.5 + 2 = 3 at 3 degrees of freedom. The means
    are 1.5, 4.5 and 9, that of all is 5: the squares between are 2 (3.5² + 0.5² + 4²) = 57 at 2."""
    found = analyse_variance([[1, 2], [4, 5], [8, 10]])
    assert (found.splits, found.repeats, found.mean) == (3, 6, pytest.approx(5))
    assert found.over_initialisations.sd == pytest.approx(1)
    assert found.over_splits.sd == pytest.approx(math.sqrt((28.5 - 1) / 2))
    assert (found.over_splits.freedom, found.over_initialisations.freedom) == (2, 3)
    assert found.of_a_repeat == pytest.approx(math.sqrt(1 + 13.75))
    # The χ² quantiles of a table: 9.348 and 0.2158 at 3 degrees of freedom.
    assert found.over_initialisations.low == pytest.approx(math.sqrt(3 / 9.348), rel=1e-3)
    assert found.over_initialisations.high == pytest.approx(math.sqrt(3 / 0.2158), rel=1e-3)


def test_splits_of_several_sizes_by_hand():
    """Sizes 1 and 3: n0 = 4 - 10/4 = 1.5. Means 6 and 2, that of all 3: between 9 + 3 = 12, within 2 at 2."""
    found = analyse_variance([[6], [1, 2, 3]])
    assert found.over_initialisations.sd == pytest.approx(1)
    assert found.over_splits.sd == pytest.approx(math.sqrt((12 - 1) / 1.5))


def test_where_splits_matter_less_than_luck_would_have_it_their_spread_is_0():
    found = analyse_variance([[0, 10], [1, 9], [3, 8]])
    assert (found.over_splits.sd, found.over_splits.low) == (0, 0)
    assert found.over_splits.high > 0


@pytest.mark.parametrize("groups", [[], [[1, 2, 3]], [[1], [2], [3]], [[1], []]])
def test_without_two_splits_and_two_repeats_on_one_of_them_nothing_is_told(groups):
    assert analyse_variance(groups) is None


@pytest.mark.parametrize(("of_split", "of_luck"), [(0.03, 0.02), (0.0, 0.02), (0.03, 0.001)])
def test_known_variances_are_found_on_average_and_lie_in_95_percent_of_the_intervals(of_split, of_luck):
    random, found = np.random.default_rng(7), []
    for _ in range(1000):
        splits = random.normal(0, of_split, (3, 1))
        found.append(analyse_variance(splits + random.normal(0, of_luck, (3, 3))))
    squares = [each.over_initialisations.sd**2 for each in found]
    assert np.mean(squares) == pytest.approx(of_luck**2, rel=0.1)
    if of_split:  # else the negative estimates, which are 0, raise the mean
        assert np.mean([each.over_splits.sd**2 for each in found]) == pytest.approx(of_split**2, rel=0.15)
    for true, part in ((of_split, "over_splits"), (of_luck, "over_initialisations")):
        inside = [getattr(each, part).low <= true <= getattr(each, part).high for each in found]
        assert 0.93 <= np.mean(inside) <= 0.99


@given(st.lists(VALUES, min_size=2, max_size=4), st.floats(-5, 5), st.floats(0.1, 5))
def test_another_zero_changes_no_spread_and_another_unit_scales_it(groups, zero, unit):
    one = analyse_variance(groups)
    other = analyse_variance([[zero + unit * value for value in group] for group in groups])
    for part in ("over_splits", "over_initialisations"):
        assert getattr(other, part).sd == pytest.approx(unit * getattr(one, part).sd, rel=1e-4, abs=1e-4)
        assert getattr(one, part).low <= getattr(one, part).sd <= getattr(one, part).high or getattr(one, part).sd == 0


# Which repeats share a split

RECIPE = {
    "side": 8,
    "channels": 1,
    "classes": ["benign"],
    "masks": "merged",
    "truth": "hard",
    "decimals": None,
    "test_fraction": 0.1,
    "validation": "test",
    "loss": "bce",
    "optimizer": "adam",
    "learning_rate": 0.1,
    "batch_size": 2,
    "epochs": 2,
    "monitor": "loss",
    "patience": None,
    "weights": "last",
}
OF = paper(stated={key: {"value": value, "source": "made up"} for key, value in RECIPE.items()})
SIX = [0.70, 0.60, 0.50, 0.72, 0.61, 0.53]


def design(results, splits="3", **changes):
    return record(results, **changes).model_copy(update={"readings": {"splits": splits} if splits else {}})


def test_with_three_splits_repeat_4_has_the_split_of_repeat_1():
    of_repeat = run_values.split_of_each_repeat(OF, design(SIX))
    assert [of_repeat[0, repeat] for repeat in range(6)] == [(0, 0), (0, 1), (0, 2), (0, 0), (0, 1), (0, 2)]


def test_a_record_of_three_splits_has_the_spread_of_its_groups():
    found = spread.spread_of_record(OF, design(SIX), "test", DICE)
    assert found == analyse_variance([[0.70, 0.72], [0.60, 0.61], [0.50, 0.53]])


def test_published_splits_come_again_without_being_asked():
    published = OF.model_copy(
        update={
            "stated": OF.stated
            | {
                "split": OF.stated["side"].model_copy(update={"value": "published"}),
                "published": OF.stated["side"].model_copy(update={"value": "tang/splits"}),
            }
        }
    )
    assert spread.spread_of_record(published, design(SIX, splits=None), "test", DICE).splits == 3


def test_repeats_with_a_split_each_and_networks_that_did_not_learn_tell_nothing():
    assert spread.spread_of_record(OF, design(SIX, splits=None), "test", DICE) is None
    signs = {"segmentation": ["no pixel of any test image is marked"]}
    assert spread.spread_of_record(OF, design(SIX, unlearned=signs), "test", DICE) is None


def test_one_repeat_that_did_not_learn_is_left_out_and_counted():
    whole = design(SIX)
    lost = whole.runs[3].model_copy(update={"unlearned": {"segmentation": ["no pixel of any test image is marked"]}})
    found = whole.model_copy(update={"runs": [*whole.runs[:3], lost, *whole.runs[4:]]})
    spreads = spread.spread_of_record(OF, found, "test", DICE)
    assert spreads == replace(analyse_variance([[0.70], [0.60, 0.61], [0.50, 0.53]]), left_out=1)
    assert spread.spread_lines(OF, found, [("test", DICE)])[1][5] == "3 splits, 5 repeats (1 more did not learn)"


def test_a_number_takes_the_spread_of_the_record_that_differs_in_its_splits_alone():
    own, others = design([0.7, 0.6, 0.5], splits=None), [design(SIX, profile="small"), design(SIX)]
    assert spread.find_spread(OF, own, others[:1], "test", DICE) is None
    assert spread.find_spread(OF, own, others, "test", DICE) == spread.spread_of_record(OF, others[1], "test", DICE)


def test_a_line_for_a_table_says_from_how_little_it_is():
    header, line = spread.spread_lines(OF, design(SIX), [("test", DICE), ("train", DICE), ("test", DICE)])
    assert header == ["part", "definition", "mean", "SD over splits", "SD over initial weights", "from"]
    assert line[:3] == ["test", DICE, "0.6100"]
    assert line[3].endswith(", df 2")
    assert line[4].endswith(", df 3")
    assert line[5] == "3 splits, 6 repeats"
    assert spread.spread_lines(OF, design(SIX, splits=None), [("test", DICE)]) == []
