"""What a paper trains: the functions of its `model.py`, and what `common` offers where it declares none.

A `model.py` has `Settings` and `build(recipe)`. It may have

    optimizer(recipe, steps)   a keras.optimizers.Optimizer, such as one with a learning rate that falls step by step;
                               steps: of the whole training, if nothing stops it early
    loss(recipe)               a keras.losses.Loss of the network's probabilities or, where it is a `losses.OfLogits`,
                               of its logits; for two outputs a dict by their names
    metrics(recipe)            a list of Keras metrics of the network's logits, named by their signature
                               (`common.evidence.definition`): `monitor` may name one. They come beside those that
                               every training prints. Without augmentation JAX may validate more images at a time than
                               a batch has, which a metric of batches would notice
    callbacks(recipe)          a list of Keras callbacks: what stops a training, or changes its learning rate
    augment(recipe)            a function (image, mask, seed) -> (image, mask) that changes a training image at random,
                               anew in each epoch; None for none. Image: uint8 (side, side, channels), mask: uint8
                               (side, side). The same seed has to give the same bits.

Each but `metrics` takes the place of what follows from the recipe without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras
import numpy as np

from common.data.augment import Augment
from common.data.batches import SEGMENTATION
from common.errors import BadInput
from common.recipe import MONITORS, Augmentation, Recipe
from common.training import losses, train_metrics

Change = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Network:
    """model: a paper's `model.py`."""

    model: Any

    @classmethod
    def of(cls, paper: str) -> "Network":
        """That of the paper with this name."""
        return cls(import_module(f"reproductions.{paper}.model"))

    def build(self, recipe: Recipe) -> keras.Model:
        """The network up to its probabilities, its initial weights drawn from Keras' global seed."""
        # Whatever the user's keras.json says: the papers' layers are written for this.
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        keras.config.set_epsilon(1e-7)
        return self.model.build(recipe)

    def optimizer(self, recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
        if own := getattr(self.model, "optimizer", None):
            return own(recipe, steps)
        kind = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[recipe.optimizer]
        decay = {} if recipe.weight_decay is None else {"weight_decay": recipe.weight_decay}
        return kind(recipe.learning_rate, **decay)

    def loss(self, recipe: Recipe) -> keras.losses.Loss | dict[str, keras.losses.Loss]:
        """Of the network's logits."""
        if own := getattr(self.model, "loss", None):
            return keras.tree.map_structure(losses.of_logits, own(recipe))
        return losses.for_recipe(recipe)

    def metrics(self, recipe: Recipe) -> list[keras.metrics.Metric] | dict[str, list[keras.metrics.Metric]]:
        """Of the network's logits, a list for each output where the network has two. Raises BadInput where none of
        them is the recipe's monitor."""
        own = self.model.metrics(recipe) if hasattr(self.model, "metrics") else []
        if recipe.monitor not in (*MONITORS, *(metric.name for metric in own)):
            raise BadInput(
                f"monitor={recipe.monitor}: `metrics` in {self.model.__name__} makes no metric of this name."
            )
        known = train_metrics.for_recipe(recipe)
        if recipe.positive:
            return known | {SEGMENTATION: [*known[SEGMENTATION], *own]}
        return [*known, *own]

    def callbacks(self, recipe: Recipe) -> list[keras.callbacks.Callback]:
        if own := getattr(self.model, "callbacks", None):
            return own(recipe)
        if recipe.patience is None:
            return []
        return [keras.callbacks.EarlyStopping(f"val_{recipe.monitor}", patience=recipe.patience, mode=recipe.mode)]

    def augment(self, recipe: Recipe) -> Change | None:
        """What changes a training image in each epoch, or makes the copies of one (`Recipe.copies`)."""
        if own := getattr(self.model, "augment", None):
            return own(recipe)
        return Augment(Augmentation(**recipe.augmentation)) if recipe.augmentation else None
