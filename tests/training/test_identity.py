"""What makes a result stale: a number that may have moved, and nothing else."""

import pytest

from common import paper
from common.training import identity

SOURCE = '''
"""A module."""
def f(x, y=None):
    """Adds."""
    return [x + 1, f"{x:.2f}", None]  # one
'''


def test_comments_docstrings_and_layout_do_not_count():
    other = 'def f(x,\n      y=None):\n    return [\n        x + 1, f"{x:.2f}",\n        None]'
    assert identity.canonical(SOURCE) == identity.canonical(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [("x + 1", "x + 2"), ("x + 1", "x - 1"), ("y=None", "y=0"), (".2f", ".3f"), ("None]", "0]"), ("None]", "]")],
)
def test_every_change_of_the_code_counts(old, new):
    assert identity.canonical(SOURCE) != identity.canonical(SOURCE.replace(old, new))


def test_the_hash_of_a_recipe_follows_profile_and_readings():
    cheng, gill = paper.load("cheng"), paper.load("gill")
    recipes = [cheng.recipe(), cheng.recipe("small"), cheng.recipe(readings={"batch_size": "16"}), gill.recipe()]
    assert len({identity.recipe_hash(recipe) for recipe in recipes}) == len(recipes)
    assert identity.recipe_hash(cheng.recipe()) == identity.recipe_hash(cheng.recipe())


def test_the_hash_of_the_code_is_that_of_the_papers_own_network_too():
    assert len({identity.code_hash(paper.load(name)) for name in paper.names()}) == len(paper.names())


def test_a_new_setting_at_its_default_leaves_results_fresh():
    plain = paper.load("cheng").recipe()
    explicit, flipped = (plain.model_copy(update={"augmentation": each}) for each in ({}, {"flips": True}))
    assert identity.recipe_hash(explicit) == identity.recipe_hash(plain)
    assert identity.recipe_hash(flipped) != identity.recipe_hash(plain)
