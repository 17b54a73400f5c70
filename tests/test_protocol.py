"""`PROTOCOL` goes up where a number moves, and a number does not move where it stays. The values that tell are in
protocol.json, and renew_protocol.py says how each is made."""

from pathlib import Path

import keras
import pytest

from common import papers
from common.evidence import assess
from common.evidence.results import store
from common.protocol import MOVED, PROTOCOL, STEPS, protocol_of, recipe_hash, step_of_all
from common.training.precision import gpu_in_use
from tests import renew_protocol as renewal
from tests.evidence import made

COMMITTED = renewal.committed()
RENEW = "`python -m tests.renew_protocol` renews tests/protocol.json."


def check(kind: str, now: dict, before: dict, tolerance: float = 0) -> None:
    if moved := renewal.moved(before, now, tolerance):
        others = [f"{name} {its}" for name, its in renewal.versions().items() if COMMITTED["versions"].get(name) != its]
        pytest.fail(
            f"PROTOCOL + 1, or you did not mean it: {kind} moved, {', '.join(sorted(moved))}. A step is a line in "
            f"common/protocol.py; then {RENEW} Libraries of another version than then: {', '.join(others) or 'none'}."
        )
    # What is new moved no number: a reading, or a paper, which no other file has to know of.
    gone = sorted(before.keys() - now.keys())
    assert not gone, f"{kind} that are gone, which is no step: {', '.join(gone)}. {RENEW}"


@pytest.mark.parametrize("kind", ["splits", "arrays", "batches", "augmented"])
def test_what_is_exact_has_every_bit(kind):
    check(kind, renewal.EXACT[kind](), COMMITTED[kind])


def test_counts_are_the_same():
    check("counts", renewal.counts_of(), COMMITTED["counts"], tolerance=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the committed losses are TensorFlow's")
@pytest.mark.parametrize("name", COMMITTED["losses"])
def test_the_first_steps_of_a_training_have_the_same_losses(name):
    if gpu_in_use():
        pytest.skip("the committed losses are a CPU's, and a GPU multiplies float32 with fewer bits")
    now, before = renewal.losses_of(papers.load(name)), COMMITTED["losses"][name]
    check("losses", {name: now}, {name: before}, tolerance=1e-3)
    # Before a weight has changed rounding is least: this sees a smoothing of 1 in a Dice loss.
    check("losses of the first step", {name: now[:1]}, {name: before[:1]}, tolerance=3e-5)


def test_the_committed_values_are_of_this_protocol():
    assert COMMITTED["protocol"] == PROTOCOL, RENEW


def test_each_step_says_what_it_changed():
    assert list(STEPS) == list(range(1, PROTOCOL + 1))
    assert all(said.endswith(".") for said in STEPS.values())


# Which records are stale


@pytest.mark.parametrize(
    ("changed", "fresh"),
    [({}, True), ({"protocol": 1}, False), ({"recipe_hash": "another"}, False)],
    ids=["none", "another protocol", "another recipe"],
)
def test_a_record_is_fresh_where_its_recipe_and_protocol_are_those_of_today(tmp_path: Path, changed, fresh):
    about = papers.load("cheng")
    today = {"paper": "cheng", "recipe_hash": recipe_hash(about.recipe()), "protocol": protocol_of(about.recipe())}
    store(tmp_path, made.record([0.5]).model_copy(update=today | changed))
    (assessed,) = assess.assess_paper(about, tmp_path)
    assert assessed.fresh == fresh


def test_a_step_that_moved_some_recipes_leaves_the_others_fresh():
    random = papers.load("paudel").recipe()
    grouped, without_folds = {"split": "grouped"}, {"split": "grouped", "folds": None}
    assert protocol_of(random.model_copy(update=without_folds)) == 3
    assert protocol_of(random) == protocol_of(random.model_copy(update=grouped)) == 2
    assert step_of_all(3) == step_of_all(2) == 2, "what keeps images apart can be set against what does not"
    assert step_of_all(1) == 1
    assert 1 not in MOVED, "every record has a step"


def test_the_hash_of_a_recipe_follows_profile_and_readings():
    cheng, gill = papers.load("cheng"), papers.load("gill")
    recipes = [cheng.recipe(), cheng.recipe("small"), cheng.recipe(readings={"batch_size": "16"}), gill.recipe()]
    assert len({recipe_hash(recipe) for recipe in recipes}) == len(recipes)
    assert recipe_hash(cheng.recipe()) == recipe_hash(cheng.recipe())


def test_a_new_setting_at_its_default_leaves_results_fresh():
    plain = papers.load("cheng").recipe()
    explicit, flipped = (plain.model_copy(update={"augmentation": each}) for each in ({}, {"flips": True}))
    assert recipe_hash(explicit) == recipe_hash(plain)
    assert recipe_hash(flipped) != recipe_hash(plain)
