"""The record of a paper: what makes a recipe of it, and what it refuses."""

import pytest
from pydantic import ValidationError

from common import paper
from common.errors import BadInput

CHENG = paper.load("cheng")


def test_a_recipe_is_what_is_stated_and_the_default_of_each_reading():
    recipe = CHENG.recipe()
    assert (recipe.side, recipe.batch_size, recipe.loss) == (256, 8, "bce")
    assert recipe.filters == [32, 64, 128, 256]


def test_a_profile_shrinks_and_a_chosen_reading_outranks_it():
    smoke = CHENG.recipe("smoke")
    assert smoke.side < 256
    assert smoke.epochs < 20
    assert CHENG.recipe("smoke", {"epochs": "50"}).epochs == 50


@pytest.mark.parametrize(
    ("typed", "value"),
    [("16", 16), (16, 16), ("8", 8)],
)
def test_a_reading_is_found_by_its_text(typed, value):
    assert CHENG.choose({"batch_size": typed}) == {"batch_size": value}


def test_lists_none_and_truth_values_can_be_typed():
    assert CHENG.choose({"classes": "benign+malignant"}) == {"classes": ["benign", "malignant"]}
    assert CHENG.choose({"patience": "none"}) == {"patience": None}


def test_every_reading_of_every_paper_makes_a_valid_recipe():
    for name in paper.names():
        record = paper.load(name)
        for key, reading in record.readings.items():
            for value in reading.values:
                assert getattr(record.recipe(readings={key: paper.as_text(value)}), key) in (value, tuple_of(value))


def tuple_of(value):
    return tuple(value) if isinstance(value, list) else value


def test_all_wrong_readings_are_named_at_once_with_the_known_ones():
    with pytest.raises(BadInput) as caught:
        CHENG.recipe(readings={"batch_size": "7", "colour": "red"})
    message = str(caught.value)
    assert "batch_size=7: known values are 8, 16, 32" in message
    assert "colour: not a reading of this paper" in message
    assert "up_sampling: transposed, nearest" in message


def test_what_is_both_stated_and_open_is_refused():
    side = {"default": 128, "alternatives": [], "why": "?"}
    twice = CHENG.model_dump() | {"readings": {"side": side}, "profiles": {}}
    with pytest.raises(ValidationError, match="both stated and open: side"):
        paper.Paper(**twice)


def test_a_profile_can_not_set_what_no_recipe_has():
    with pytest.raises(ValidationError, match="profile small sets what no recipe has: colour"):
        paper.Paper(**CHENG.model_dump() | {"profiles": {"small": {"colour": "red"}}})


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="colour"):
        paper.Paper(**CHENG.model_dump(), colour="red")
