"""Batches of a part of the data, the same in content and order whichever backend trains on them.

This is the one place that imports tensorflow, and only where it is the backend.
"""

from collections.abc import Iterator

import keras
import numpy as np

from common.data.augment import Augmentation
from common.data.prepare import Prepared
from common.paper import Recipe
from common.seeds import derive

# The outputs of a network that also classifies; those of one that only segments have no names.
SEGMENTATION, CLASSIFICATION = "segmentation_output", "classification_output"

Truth = np.ndarray | dict[str, np.ndarray]


class Batches(keras.utils.PyDataset):
    """Pairs of float32 arrays: images (batch, side, side, channels) and masks (batch, side, side, 1), in [0, 1]. Where
    the recipe names a positive class, the masks come as SEGMENTATION beside CLASSIFICATION (batch, 1): 1 for images of
    that class, 0 for others.

    With a seed, (seed, repeat), the order and the recipe's augmentation are drawn anew for each `epoch`, which whoever
    trains sets before an epoch starts; without one the cases come as they are, in their given order. The last batch is
    smaller where the batch size does not divide the cases.
    """

    def __init__(
        self, prepared: Prepared, positions: np.ndarray, recipe: Recipe, batch_size: int, seed: tuple[int, int] | None
    ):
        super().__init__()
        self.prepared, self.positions, self.batch_size, self.seed = prepared, positions, batch_size, seed
        self.epoch = 0
        labels = [case.label == recipe.positive for case in prepared.cases]
        self._labels = np.array(labels, np.float32)[:, None] if recipe.positive else None
        self._augment = Augmentation(**recipe.augmentation) if seed and recipe.augmentation else None
        values = normalised(recipe)
        self._image_values = values.astype(np.float32)
        self._mask_values = (values >= 0.5 if recipe.truth == "hard" else values).astype(np.float32)

    def __len__(self) -> int:
        return -(-len(self.positions) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, Truth]:
        return self._batch(self._order(), number)

    def stream(self) -> Iterator[tuple[np.ndarray, Truth]]:
        """The batches of the current epoch, one after the other."""
        order = self._order()
        return (self._batch(order, number) for number in range(len(self)))

    def _order(self) -> np.ndarray:
        if self.seed is None:
            return self.positions
        return np.random.default_rng(derive(*self.seed, "batches", self.epoch)).permutation(self.positions)

    def _batch(self, order: np.ndarray, number: int) -> tuple[np.ndarray, Truth]:
        chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
        images, masks = self.prepared.images[chosen], self.prepared.masks[chosen]
        if self._augment:
            seeds = (derive(*self.seed, f"augment case {position}", self.epoch) for position in chosen)
            changed = map(self._augment, images, masks, seeds)
            images, masks = (np.stack(part) for part in zip(*changed, strict=True))
        truth = self._mask_values[masks][..., None]
        if self._labels is not None:
            truth = {SEGMENTATION: truth, CLASSIFICATION: self._labels[chosen]}
        return self._image_values[images], truth


def normalised(recipe: Recipe) -> np.ndarray:
    """What each value of a pixel, 0 to 255, becomes: float64 (256,) in [0, 1]. Normalising is looking one up, which
    costs less than dividing and rounding each pixel."""
    values = np.arange(256) / 255
    return values if recipe.decimals is None else values.round(recipe.decimals)


def for_backend(batches: Batches) -> "Batches | tf.data.Dataset":  # noqa: F821, imported where it is the backend
    """What `fit` and `evaluate` take: a prefetching tf.data pipeline under TensorFlow, else the batches themselves."""
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    spec = keras.tree.map_structure(lambda part: tf.TensorSpec((None, *part.shape[1:]), tf.float32), batches[0])
    dataset = tf.data.Dataset.from_generator(batches.stream, output_signature=spec)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(tf.data.AUTOTUNE)
