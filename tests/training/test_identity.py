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


def test_the_hash_follows_recipe_profile_and_paper():
    cheng, gill = paper.load("cheng"), paper.load("gill")
    hashes = [
        identity.recipe_hash(cheng, cheng.recipe()),
        identity.recipe_hash(cheng, cheng.recipe("small")),
        identity.recipe_hash(cheng, cheng.recipe(readings={"batch_size": "16"})),
        identity.recipe_hash(gill, gill.recipe()),
    ]
    assert len(set(hashes)) == len(hashes)
    assert identity.recipe_hash(cheng, cheng.recipe()) == hashes[0]


def test_a_new_setting_at_its_default_leaves_results_fresh():
    cheng = paper.load("cheng")
    explicit = cheng.recipe().model_copy(update={"augmentation": {}})
    assert identity.recipe_hash(cheng, explicit) == identity.recipe_hash(cheng, cheng.recipe())
    flipped = cheng.recipe().model_copy(update={"augmentation": {"flips": True}})
    assert identity.recipe_hash(cheng, flipped) != identity.recipe_hash(cheng, cheng.recipe())
