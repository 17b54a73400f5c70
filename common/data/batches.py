"""Makes batches of a part of the data, with the same content and order on every backend.

This module imports tensorflow only if it is the backend. (`common.training.at_once` does so too, to limit the memory of
a GPU.)
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import cv2
import keras
import numpy as np

from common.cores import cores
from common.data.prepare import Prepared
from common.recipe import Recipe
from common.seeds import derive

# The outputs of a network that also classifies. The output of a network that only segments has no name.
SEGMENTATION, CLASSIFICATION = "segmentation_output", "classification_output"

# The most threads that make batches, except under TensorFlow. An augmented image of Kumar takes 1 ms and holds Python's
# lock for 0.4 of it. So four threads make as many images as more threads could.
MOST_THREADS = 4

Truth = np.ndarray | dict[str, np.ndarray]


class Pixels(NamedTuple):
    """The arrays of NumPy or JAX from which batches are made.

    images, masks: uint8, as in `common.data.prepare.Prepared`.
    image_values, mask_values: float32 (256,), the normalised value of each pixel value from 0 to 255.
    labels: float32 (cases, 1), 1 for the positive class, else 0; None if the recipe names no positive class.
    shown_mask_values: `mask_values` if the mask is a part of the input, else None.
    """

    images: np.ndarray
    masks: np.ndarray
    image_values: np.ndarray
    mask_values: np.ndarray
    labels: np.ndarray | None
    shown_mask_values: np.ndarray | None = None

    def batch(self, chosen: np.ndarray) -> tuple[np.ndarray, Truth]:
        """The batch of the cases at these positions."""
        return self.values(self.images[chosen], self.masks[chosen], chosen)

    def only(self, positions: np.ndarray) -> "Pixels":
        """The arrays with the cases at these positions only, in this order."""
        labels = None if self.labels is None else self.labels[positions]
        return self._replace(images=self.images[positions], masks=self.masks[positions], labels=labels)

    def values(self, images: np.ndarray, masks: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, Truth]:
        """The batch of the cases at the positions `chosen`, from their images and masks, uint8."""
        truth = _look_up(self.mask_values, masks)[..., None]
        if self.labels is not None:
            truth = {SEGMENTATION: truth, CLASSIFICATION: self.labels[chosen]}
        inputs = _look_up(self.image_values, images)
        if self.shown_mask_values is not None:
            arrays = inputs.__array_namespace__()
            inputs = arrays.concat([inputs, _look_up(self.shown_mask_values, masks)[..., None]], axis=-1)
        return inputs, truth


def _look_up(values: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Replaces each pixel value by its entry in `values`. For NumPy arrays OpenCV does it. It takes half to a third of
    NumPy's time, and does not hold Python's lock, so threads can work at the same time."""
    if not isinstance(pixels, np.ndarray):  # of JAX
        return values[pixels]
    return cv2.LUT(pixels.reshape(-1, 1), values).reshape(pixels.shape)


class Batches(keras.utils.PyDataset):
    """Pairs of float32 arrays: images (batch, side, side, channels) and masks (batch, side, side, 1), in [0, 1].

    With input=image+mask the mask is also the last channel of the images (`Recipe.input_channels`), which is a leak. If
    the recipe names a positive class, a dict takes the place of the second array. It has the masks under SEGMENTATION,
    and under CLASSIFICATION an array (batch, 1) with 1 for images of that class and 0 for others.

    seed: the seed of the run and the number of the training in it. With a seed, the order is drawn anew for each
        `epoch`, and so are the changes that `augment` makes to each image. Without one, images come unchanged and in
        the order of `positions`.
    augment: changes an image and its mask (`common.training.network`). It is not used if the recipe asks for copies,
        which were made before the split.

    The training loop sets `epoch` before an epoch starts. The last batch is smaller if the batch size does not divide
    the number of cases.
    """

    def __init__(
        self,
        prepared: Prepared,
        positions: np.ndarray,
        recipe: Recipe,
        batch_size: int,
        seed: tuple[int, int] | None,
        augment: Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]] | None = None,
    ):
        super().__init__()
        self.positions, self.batch_size, self.seed = positions, batch_size, seed
        self.augment = augment if seed and not recipe.copies else None
        self.epoch = 0
        values = normalised(recipe)
        mask_values = (values >= 0.5 if recipe.truth == "hard" else values).astype(np.float32)
        labels = [case.label == recipe.positive for case in prepared.cases]
        self.pixels = Pixels(
            prepared.images,
            prepared.masks,
            values.astype(np.float32),
            mask_values,
            np.array(labels, np.float32)[:, None] if recipe.positive else None,
            mask_values if recipe.input == "image+mask" else None,
        )

    def __len__(self) -> int:
        return -(-len(self.positions) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, Truth]:
        return self.make(self.order(), number, self.epoch)

    def stream(self) -> Iterator[tuple[np.ndarray, Truth]]:
        """The batches of the current epoch in order."""
        order, epoch = self.order(), self.epoch
        return (self.make(order, number, epoch) for number in range(len(self)))

    def order(self) -> np.ndarray:
        """The positions of all cases, in the order of the current epoch."""
        if self.seed is None:
            return self.positions
        return np.random.default_rng(derive(*self.seed, "batches", self.epoch)).permutation(self.positions)

    def make(self, order: np.ndarray, number: int, epoch: int) -> tuple[np.ndarray, Truth]:
        """The batch with this number, counted from 0, of an epoch whose order is `order`."""
        return self.look_up(order[number * self.batch_size : (number + 1) * self.batch_size], epoch)

    def look_up(self, chosen: np.ndarray, epoch: int) -> tuple[np.ndarray, Truth]:
        """The batch of the cases at these positions, augmented for this epoch."""
        if not self.augment:
            return self.pixels.batch(chosen)
        seeds = (derive(*self.seed, f"augment case {position}", epoch) for position in chosen)
        changed = map(self.augment, self.pixels.images[chosen], self.pixels.masks[chosen], seeds)
        images, masks = (np.stack(part) for part in zip(*changed, strict=True))
        return self.pixels.values(images, masks, chosen)


class MadeAhead(keras.utils.PyDataset):
    """The same batches as `Batches`, in the same order. When a batch is asked for, threads begin to make those that
    follow in its epoch.

    Keras' own `workers` do this wrongly (Keras 3.15). `fit` takes a first batch to build the network. With `workers`,
    this batch is missing in the epoch, and batches that were made ahead are served in the next epoch.
    """

    def __init__(self, batches: Batches, threads: int):
        super().__init__()
        self.batches, self.threads = batches, threads
        self._pool = ThreadPoolExecutor(threads)
        self._epoch: int | None = None
        self._order: np.ndarray  # of that epoch
        self._made: dict[int, Future] = {}  # of that epoch, by number

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> tuple[np.ndarray, Truth]:
        batches = self.batches
        # In a new epoch, what was made ahead in an older one is dropped. (`fit` takes a batch before the first epoch.)
        if self._epoch != batches.epoch:
            self._epoch, self._order, self._made = batches.epoch, batches.order(), {}
        # The threads are given the epoch, since `batches.epoch` may have changed when they run.
        self._made = {
            each: self._made.get(each) or self._pool.submit(batches.make, self._order, each, self._epoch)
            for each in range(number, min(number + 2 * self.threads, len(self)))
        }
        return self._made[number].result()


def normalised(recipe: Recipe) -> np.ndarray:
    """The normalised value of each pixel value from 0 to 255: float64 (256,) in [0, 1]. Looking up a value costs less
    than dividing and rounding each pixel."""
    values = np.arange(256) / 255
    return values if recipe.decimals is None else values.round(recipe.decimals)


def look_up_values(pixels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The input of a network from prepared images, uint8 of any shape: their normalised values, float32 of the same
    shape."""
    return _look_up(normalised(recipe).astype(np.float32), pixels)


def for_backend(batches: Batches) -> "MadeAhead | tf.data.Dataset":  # noqa: F821, imported where it is the backend
    """The data argument of `fit`: a tf.data pipeline under TensorFlow, else a PyDataset.

    Both make several batches at a time, ahead of the training. The batches and their order are those of
    `Batches.stream`, bit for bit.
    """
    if keras.backend.backend() != "tensorflow":
        return MadeAhead(batches, min(MOST_THREADS, cores()))
    import tensorflow as tf

    one = batches[0]
    parts = keras.tree.flatten(one)

    def order(_):
        positions = tf.numpy_function(batches.order, [], tf.int64)
        return tf.data.Dataset.from_tensor_slices(tf.ensure_shape(positions, batches.positions.shape))

    def batch(chosen):
        # A call makes a whole batch. With a call for each image this was half as fast as one thread: calls waited for
        # Python's lock.
        given = tf.numpy_function(
            lambda chosen: keras.tree.flatten(batches.look_up(chosen, batches.epoch)),
            [chosen],
            [tf.float32] * len(parts),
        )
        shaped = [tf.ensure_shape(each, (None, *part.shape[1:])) for each, part in zip(given, parts, strict=True)]
        return keras.tree.pack_sequence_as(one, shaped)

    dataset = tf.data.Dataset.range(1).flat_map(order).batch(batches.batch_size)
    dataset = dataset.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(tf.data.AUTOTUNE)
