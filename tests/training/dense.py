"""A training of a tiny network without any step: what saving and resuming are tested with."""

from pathlib import Path

import keras
import numpy as np

from common.training import resume


def first_least(history: dict[str, list[float]]) -> int:
    """The epoch of the least validation loss, counted from 1; of equal ones the first."""
    return 1 + int(np.argmin(history["val_loss"]))


class Dense:
    """After epoch n, counted from 0, all weights of the network are n. The loss falls: each epoch is the best so far,
    unless `losses` says otherwise."""

    def __init__(self, folder: Path, units: int = 4, training: str = "this one"):
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
        self.model.compile("adam", "mse")
        self.model.optimizer.build(self.model.trainable_variables)
        self.patience = keras.callbacks.EarlyStopping("val_loss", patience=9, mode="min")
        self.resumable = resume.Resumable(folder, training, [self.patience], first_least)
        for each in (self.patience, self.resumable):
            each.set_model(self.model)

    def begin(self) -> int:
        """Resumes. Returns the epoch to go on with."""
        begun = self.resumable.restore(self.model)
        for each in (self.patience, self.resumable):
            each.on_train_begin()
        return begun

    def epoch(self, number: int, loss: float | None = None, saved: bool = True) -> None:
        """saved: whether the state is on the disk afterwards, and not only handed to the thread."""
        self.model.set_weights([np.full(each.shape, number) for each in self.model.get_weights()])
        loss = 1 / (number + 1) if loss is None else loss
        for each in (self.patience, self.resumable):
            each.on_epoch_begin(number)
        for each in (self.patience, self.resumable):
            each.on_epoch_end(number, {"loss": loss, "val_loss": loss})
        if saved:
            self.resumable.writer.finish()

    def weights(self) -> set[float]:
        return {float(value) for each in self.model.get_weights() for value in np.ravel(each)}
