"""What a paper's `model.py` may bring, and what stands in its place where it brings nothing."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from common import papers
from common.data.augment import Augment
from common.errors import BadInput
from common.training.losses import CrossEntropy
from common.training.network import Network

GILL = papers.load("gill").recipe()
KUMAR = papers.load("kumar").recipe()


def test_a_model_that_brings_nothing_trains_by_its_recipe():
    plain = Network(SimpleNamespace())
    assert isinstance(plain.optimizer(GILL, steps=1), keras.optimizers.Adam)
    (stopping,) = plain.callbacks(GILL)
    assert (stopping.monitor, stopping.patience, stopping.mode) == (f"val_{GILL.monitor}", 10, "max")
    assert plain.callbacks(GILL.model_copy(update={"patience": None})) == []
    assert plain.augment(GILL) is None
    assert isinstance(plain.augment(KUMAR), Augment)


def test_its_own_optimizer_and_loss_are_asked_for_names_that_common_does_not_know():
    """So that a paper that names no optimizer can be read with one of each kind."""
    own = Network(SimpleNamespace(optimizer=lambda recipe, steps: f"own, {steps}", loss=lambda recipe: CrossEntropy()))
    assert own.optimizer(GILL.model_copy(update={"optimizer": "mine"}), steps=7) == "own, 7"
    assert isinstance(own.optimizer(GILL, steps=7), keras.optimizers.Adam)
    assert isinstance(own.loss(GILL.model_copy(update={"loss": "mine"})), CrossEntropy)
    assert not isinstance(own.loss(GILL), CrossEntropy)


def test_a_loss_of_keras_is_given_probabilities_and_one_of_logits_logits():
    truth, logits = np.array([[1.0], [0.0]], "float32"), np.array([[0.3], [-2.0]], "float32")
    probabilities = 1 / (1 + np.exp(-logits))
    of_keras = {"one": keras.losses.MeanSquaredError(), "other": CrossEntropy()}
    made = Network(SimpleNamespace(loss=lambda recipe: of_keras)).loss(GILL.model_copy(update={"loss": "mine"}))
    assert float(made["one"](truth, logits)) == pytest.approx(np.mean((truth - probabilities) ** 2))
    assert made["other"] is of_keras["other"]
    assert made["one"].over == "batch", "nobody knows whether it is a mean of images"


def test_its_own_callbacks_are_a_new_list_each_time():
    kept = (keras.callbacks.ReduceLROnPlateau(),)
    assert Network(SimpleNamespace(callbacks=lambda recipe: kept)).callbacks(GILL) == list(kept)


def test_best_weights_that_a_resumed_training_would_have_forgotten_are_refused():
    stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
    own = SimpleNamespace(callbacks=lambda recipe: [stopping], __name__="reproductions.mine.model")
    with pytest.raises(BadInput, match="State `weights: best`"):
        Network(own).callbacks(GILL)


def test_a_plan_has_every_weight_by_its_shape_and_no_value():
    """So that nobody waits, and no memory is taken, for a question about the size of a network."""
    planned = Network.of_paper("gill").plan(GILL)
    assert planned.count_params() == papers.load("gill").parameters
    assert {weight._value for weight in planned.weights} == {None}
    assert len(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).get_weights()) == 2  # as ever, afterwards
