"""Splits: the papers' sizes, no case in two parts, every repeat its own."""

import numpy as np
import pytest

from common import paper
from common.data import splits
from common.errors import BadInput

CHENG, GILL = (paper.load(name).recipe() for name in ("cheng", "gill"))
ALL = np.arange(780)


def sizes(split):
    return {part: len(positions) for part, positions in split.parts().items()}


def test_cheng_takes_10_percent_for_the_test_and_20_of_the_rest_for_validation():
    assert sizes(splits.draw(ALL, CHENG, seed=0, repeat=0)) == {"train": 561, "validation": 141, "test": 78}


def test_gill_knows_two_parts_so_the_test_images_select_the_epoch():
    split = splits.draw(ALL, GILL, seed=0, repeat=0)
    assert sizes(split) == {"train": 663, "test": 117}
    assert split.selects_on_test


def test_gill_with_validation_held_out_of_train():
    recipe = paper.load("gill").recipe(readings={"validation": "0.15"})
    split = splits.draw(ALL, recipe, seed=0, repeat=0)
    assert sizes(split) == {"train": 563, "validation": 100, "test": 117}
    assert not split.selects_on_test


@pytest.mark.parametrize("recipe", [CHENG, GILL])
def test_every_case_is_in_exactly_one_part(recipe):
    parts = splits.draw(ALL, recipe, seed=3, repeat=1).parts().values()
    assert np.array_equal(np.sort(np.concatenate(list(parts))), ALL)


def test_only_the_given_positions_are_used():
    some = np.array([3, 5, 8, 13, 21, 34, 55, 89, 144, 233])
    parts = splits.draw(some, CHENG, seed=0, repeat=0).parts().values()
    assert np.array_equal(np.sort(np.concatenate(list(parts))), some)


def test_a_repeat_draws_another_split_and_the_same_one_again():
    test = [tuple(splits.draw(ALL, CHENG, seed, repeat).test) for seed, repeat in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert test[0] == test[3]
    assert len(set(test)) == 3


def test_the_test_images_do_not_come_sorted_by_class():
    """Cases are indexed by class; a metric by batches of two must not see pairs of normal images only."""
    test = splits.draw(ALL, GILL, seed=0, repeat=0).test
    assert not np.array_equal(test, np.sort(test))


def test_too_few_cases_are_refused():
    with pytest.raises(BadInput, match="1 cases are too few"):
        splits.draw(np.arange(1), CHENG, seed=0, repeat=0)
