"""Numbers that go wrong: a loss that is not finite stops the training and spoils no state."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from common.training import callbacks, resume
from common.training.callbacks import Diverged


class Blow(keras.callbacks.Callback):
    """Makes the learning rate infinite at the start of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.fatal = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.fatal:
            self.model.optimizer.learning_rate = float("inf")


def training(folder, epoch, validation=1.0):
    """A tiny network that diverges in an epoch, counted from 0; a validation that is not finite does so at once."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    resumable = resume.Resumable(folder, best_epoch=lambda history: 1 + int(np.argmin(history["val_loss"])))
    x, y = np.ones((12, 2), "float32"), np.ones((12, 1), "float32")
    every = [Blow(epoch), callbacks.StopAtDivergence(steps=3), resumable]
    begun = resumable.restore(model)
    with pytest.raises(Diverged) as stopped, resumable.saving():
        model.fit(
            x, y, batch_size=4, epochs=6, initial_epoch=begun, validation_data=(x * validation, y), verbose=0,
            callbacks=every,
        )  # fmt: skip
    return SimpleNamespace(begun=begun, diverged=stopped.value, resumable=resumable, model=model)


def test_it_names_the_batch_and_keeps_the_last_good_state(tmp_path):
    first = training(tmp_path, epoch=3)
    assert (first.diverged.epoch, first.diverged.batch) == (4, 2), "the step of the first batch makes the second's loss"
    assert first.diverged.learning_rate == np.inf
    assert not np.isfinite(first.diverged.loss)
    again = training(tmp_path, epoch=4)
    assert again.begun == 3, "the state of the third epoch is there, and good"
    assert all(np.isfinite(again.resumable.history["loss"]))
    again.resumable.use_best_weights()
    assert all(np.isfinite(weights).all() for weights in again.model.get_weights())


def test_in_the_first_epoch_there_is_no_good_state_to_keep(tmp_path):
    stopped = training(tmp_path, epoch=0)
    assert stopped.diverged.epoch == 1
    assert list(tmp_path.iterdir()) == []


def test_a_validation_that_is_not_finite_counts_too(tmp_path):
    stopped = training(tmp_path, epoch=9, validation=np.nan)
    assert (stopped.diverged.epoch, stopped.diverged.batch) == (1, None)
    assert list(tmp_path.iterdir()) == []
