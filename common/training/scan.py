"""Training on JAX without a host in the loop: the data lie on the device as the bytes they are, and an epoch is one
compiled call that scans over its steps.

What a step does is Keras' own `train_step` and `test_step`, and the loop over epochs, with its callbacks, is Keras'
`fit`: only what `fit` is fed with and what it calls for a "batch" are exchanged, for the positions of a whole epoch's
images and for the scan over them.

One private name of Keras is needed. `fit` makes what metrics, losses and optimizer still lack from the shapes of its
first batch, which here are positions. `_symbolic_build` does so from a real batch before; the public ways to the same,
`train_on_batch` and `test_on_batch`, compile a program of the whole network for it, a minute on a GPU.
`tests/training/test_scan.py` runs on the next release of Keras too.
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

# Images validated at a time, where that can't change what the validation loss means.
VALIDATED_AT_ONCE = 16


def usable(batches: Batches, validation: Batches | None) -> bool:
    """Whether both parts fit into half of a device's free memory, and their images come as they are: those that are
    changed anew in each epoch are made by the host.

    Not on a CPU, where XLA computes the convolutions of a loop more slowly: Cheng's blocks on two levels of 4 and 8
    filters, 8 images of 64 x 64, took 107 ms of CPU a step instead of 49. Only where a step is next to nothing (2
    filters, 2 images of 16 x 16) did it win, 0.6 ms instead of 2.1: that is what the host costs at every step.
    """
    memory = jax.local_devices()[0].memory_stats()  # None on a CPU
    if memory is None or batches.augment:
        return False
    image = sum(part[0].nbytes for part in (batches.pixels.images, batches.pixels.masks))
    needed = image * len(_shared(batches, validation))
    return needed <= (memory["bytes_limit"] - memory["bytes_in_use"]) / 2


class ScannedModel(keras.Model):
    """A network that is trained as Keras trains it, or, within `on_device`, an epoch in one call."""

    pixels: "Callable | None" = None

    def make_train_function(self, force=False):
        if self.pixels is None:
            super().make_train_function(force)
        elif self.train_function is None:
            self.train_function = _scan(self.train_step, self.pixels())

    def make_test_function(self, force=False):
        """Keras asks for it in every epoch: made anew each time, it would be compiled each time."""
        if self.pixels is None:
            super().make_test_function(force)
        elif self.test_function is None:
            self.test_function = _scan(self.test_step, self.pixels())


@contextmanager
def on_device(
    model: ScannedModel, batches: Batches, validation: Batches | None
) -> "Iterator[tuple[_Steps, _Steps | None]]":
    """What `fit` takes for these batches, without augmentation, and for the validation. Meanwhile callbacks are told of
    the end of one or two "batches" an epoch: all full ones, and the smaller last one where there is one. They may
    predict, but not evaluate."""
    resident = _shared(batches, validation)
    pixels = jax.device_put(batches.pixels.only(resident))
    model._symbolic_build(data_batch=batches[0])
    model.pixels = lambda: pixels  # behind a function, or Keras would take the arrays for parts of the network
    model.train_function = model.test_function = None
    try:
        wide = validation and _Steps(validation, resident, _width(model, validation))
        yield _Steps(batches, resident, batches.batch_size), wide
    finally:
        model.pixels = model.train_function = model.test_function = None


def _width(model: keras.Model, validation: Batches) -> int:
    wide = losses.of_images(model.loss)  # a Dice loss over a batch is another number in wider ones
    return max(validation.batch_size, VALIDATED_AT_ONCE) if wide else validation.batch_size


def _shared(batches: Batches, validation: Batches | None) -> np.ndarray:
    """The positions of all images needed, ascending."""
    return np.union1d(batches.positions, validation.positions if validation else batches.positions)


class _Steps(keras.utils.PyDataset):
    """An epoch as one item, int32 (steps, batch): where on the device the images of each full batch lie; and, where
    the last batch is smaller, a second item, (1, rest)."""

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
    """What Keras calls with its state and an iterator, and which gives the logs of the last step and the new state."""

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
