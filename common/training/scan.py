"""Trains on a GPU under JAX without a loop over batches on the host. The uint8 data are on the device, and an epoch is
one compiled call that scans over its steps.

Each step is Keras' own `train_step` or `test_step`, and the loop over epochs with its callbacks is Keras' `fit`. Two
things differ: a "batch" of `fit` holds the positions of all images of an epoch, and the function that `fit` calls for
it is the scan.

This needs one private method of Keras. `fit` builds metrics, losses and optimizer from the shapes of its first batch,
which here has positions instead of images. `_symbolic_build` builds them from a real batch before. The public methods
`train_on_batch` and `test_on_batch` would compile the whole network for this, which takes a minute on a GPU.
`tests/training/test_scan.py` also runs on the next release of Keras.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import keras
import numpy as np

from common.data.batches import Batches, Pixels
from common.training import losses

# The most images that are validated at a time, if their number can't change the value of the validation loss.
VALIDATED_AT_ONCE = 16


def usable(batches: Batches, validation: Batches | None) -> bool:
    """Whether to train by the scan. This is so on a GPU, if both parts fit into half of its free memory, and if there
    is no augmentation, which runs on the host.

    On a CPU the scan is not used, because there XLA computes convolutions in a loop more slowly. Cheng's blocks on two
    levels of 4 and 8 filters, with 8 images of 64 x 64, took 107 ms of CPU a step instead of 49. Only a tiny step (2
    filters, 2 images of 16 x 16) was faster, 0.6 ms instead of 2.1: the difference is the cost of the host at each
    step.
    """
    memory = jax.local_devices()[0].memory_stats()  # None on a CPU
    if memory is None or batches.augment:
        return False
    image = sum(part[0].nbytes for part in (batches.pixels.images, batches.pixels.masks))
    needed = image * len(_shared(batches, validation))
    return needed <= (memory["bytes_limit"] - memory["bytes_in_use"]) / 2


class ScannedModel(keras.Model):
    """A Keras model that trains a whole epoch in one call within the context `on_device`."""

    pixels: "Callable | None" = None

    def make_train_function(self, force=False):
        if self.pixels is None:
            super().make_train_function(force)
        elif self.train_function is None:
            self.train_function = _scan(self.train_step, self.pixels())

    def make_test_function(self, force=False):
        """Makes the function only once. Keras asks for it in every epoch, and a new function would be compiled anew."""
        if self.pixels is None:
            super().make_test_function(force)
        elif self.test_function is None:
            self.test_function = _scan(self.test_step, self.pixels())


@contextmanager
def on_device(
    model: ScannedModel, batches: Batches, validation: Batches | None
) -> "Iterator[tuple[_Steps, _Steps | None]]":
    """Yields the training data (without augmentation) and the validation data for `fit`. Within this context, callbacks
    see one or two "batches" in an epoch: all full batches together, then the smaller last one if there is one. They may
    call `predict`, but not `evaluate`."""
    resident = _shared(batches, validation)
    pixels = jax.device_put(batches.pixels.only(resident))
    model._symbolic_build(data_batch=batches[0])
    model.pixels = lambda: pixels  # a function, because Keras would track the arrays as parts of the network
    model.train_function = model.test_function = None
    try:
        wide = validation and _Steps(validation, resident, _width(model, validation))
        yield _Steps(batches, resident, batches.batch_size), wide
    finally:
        model.pixels = model.train_function = model.test_function = None


def _width(model: keras.Model, validation: Batches) -> int:
    """The number of images that are validated at a time.

    If the loss is a mean over images, this is a number that leaves no smaller last batch, if possible: the network
    would be compiled again for it. If the loss of a batch depends on the batch size, like a Dice loss over a batch,
    this is the paper's batch size.

    In training, the smaller last batch is always compiled. If it were filled up, it would have other statistics in
    batch normalisation, another Dice over the batch, and other random bits for dropout.
    """
    least, images = validation.batch_size, len(validation.positions)
    if not losses.of_images(model.loss):
        return least
    most, fewest = max(least, VALIDATED_AT_ONCE), max(least, VALIDATED_AT_ONCE // 2)
    return next((size for size in range(most, fewest - 1, -1) if images % size == 0), most)


def _shared(batches: Batches, validation: Batches | None) -> np.ndarray:
    """The positions of all images of both parts, in ascending order."""
    return np.union1d(batches.positions, validation.positions if validation else batches.positions)


class _Steps(keras.utils.PyDataset):
    """An epoch as one item, int32 (steps, batch): for each full batch, the positions of its images in the arrays on the
    device. If the last batch is smaller, there is a second item, (1, rest)."""

    def __init__(self, batches: Batches, resident: np.ndarray, size: int):
        super().__init__()
        self.batches, self.resident, self.size = batches, resident, size

    def __len__(self) -> int:
        return len(self._items(self.batches.positions))

    def __getitem__(self, number: int) -> tuple[np.ndarray]:
        where = np.searchsorted(self.resident, self.batches.order()).astype(np.int32)
        return (self._items(where)[number],)

    def _items(self, where: np.ndarray) -> list[np.ndarray]:
        full = len(where) // self.size * self.size
        return [part for part in (where[:full].reshape(-1, self.size), where[None, full:]) if part.size]


def _scan(step: Callable, pixels: Pixels) -> Callable[[Any, Any], tuple[dict, Any]]:
    """Makes the function that Keras calls with its state and an iterator over `_Steps`. The function does all steps of
    the next item, and returns the logs of the last step and the new state."""

    @partial(jax.jit, donate_argnums=0)
    def run(state, pixels, chosen):
        def one(state, positions):
            logs, state = step(state, pixels.batch(positions))
            return state, logs

        state, logs = jax.lax.scan(one, state, chosen)
        return jax.tree.map(lambda values: values[-1], logs), state

    def function(state, iterator):
        (chosen,) = next(iterator)
        return run(state, pixels, chosen)

    return function
