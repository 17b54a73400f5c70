"""The callbacks of every training. A paper's own callbacks are in its `model.py` (`common.training.network`). The
callback that saves the state is in `common.training.resume`, the one that shows the progress in
`common.training.progress`."""

import math

import keras
import numpy as np

from common.data.batches import Batches
from common.seeds import derive


class EpochStart(keras.callbacks.Callback):
    """Sets the order of the batches and the random state of dropout at the start of each epoch. seed: of the run.
    number: of the training in this run (`common.seeds`)."""

    def __init__(self, batches: Batches, seed: int, number: int):
        super().__init__()
        self.batches, self.seed, self.number = batches, seed, number

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch
        reseed(self.model, self.seed, self.number, epoch)


class Diverged(Exception):
    """A loss is not finite. epoch, batch: counted from 1. batch is None if the loss is that of the validation, or if a
    whole epoch is one call, so that the batch is not known."""

    def __init__(self, loss: float, epoch: int, batch: int | None, learning_rate: float):
        super().__init__(f"loss {loss} in epoch {epoch}")
        self.loss, self.epoch, self.batch, self.learning_rate = loss, epoch, batch, learning_rate


class StopAtDivergence(keras.callbacks.Callback):
    """Raises Diverged at the end of an epoch in which a loss is not finite. This callback must come before those that
    select and save epochs, so that the last saved state is that of the epoch before. steps: batches in an epoch."""

    async_safe = True  # else Keras would wait for the loss of each step before it starts the next

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_epoch_begin(self, epoch, logs=None):
        self.bad: set[int] = set()

    def on_train_batch_end(self, batch, logs=None):
        # The loss in `logs` is the average over the epoch so far. After a batch without a finite loss, it stays so.
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.bad.add(batch + 1)  # not `stop_training`: on JAX Keras calls this in another thread, and crashes

    def on_epoch_end(self, epoch, logs=None):
        for loss in logs["loss"], logs["val_loss"]:
            if not math.isfinite(loss):
                # If an epoch is one call, the batch is not known.
                batch = min(self.bad, default=None) if self.params["steps"] == self.steps else None
                raise Diverged(float(loss), epoch + 1, batch, float(self.model.optimizer.learning_rate))


def generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    """The random generators of all layers (dropout) in the order of the layers, including those of nested models."""
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None) is not None]


def reseed(model: keras.Model, seed: int, number: int, epoch: int) -> None:
    """Sets every random generator in the model to its state at the start of this epoch. seed: of the run. number: of
    the training in this run. epoch: counted from 0."""
    for place, generator in enumerate(generators(model)):
        # On PyTorch the state is a signed integer, which has no room for the highest of the 32 bits.
        values = int(np.iinfo(keras.backend.standardize_dtype(generator.state.dtype)).max) + 1
        generator.state.assign([derive(seed, number, f"layer {place}", epoch) % values, 0])
    if keras.backend.backend() == "torch":
        # On PyTorch, Keras' Dropout uses PyTorch's generator and not the layer's; its SpatialDropout uses the layer's.
        import torch

        torch.manual_seed(derive(seed, number, "dropout", epoch))
