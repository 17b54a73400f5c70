"""The network of a paper and everything that trains it: the functions of the paper's `model.py`, or the defaults of
`common`.

A `model.py` has `Settings` and `build(recipe)`. It may also have

    optimizer(recipe, steps)   returns a keras.optimizers.Optimizer, for example with a learning rate that falls step by
                               step. steps: the number of steps of the whole training without early stopping
    loss(recipe)               returns a keras.losses.Loss of the network's probabilities, or a `losses.OfLogits` of its
                               logits. For two outputs it returns a dict with their names as keys
    metrics(recipe)            returns a list of Keras metrics of the network's logits, each named by its signature
                               (`common.evidence.definition`). The recipe's `monitor` may name one. They are added to
                               the metrics of every training. Without augmentation, JAX may validate more images at a
                               time than a batch has, which changes a metric of batches
    callbacks(recipe)          returns a list of Keras callbacks, for example to stop a training. A resumed training
                               restores the numbers that they remember, and nothing else
    augment(recipe)            returns a function (image, mask, seed) -> (image, mask) that changes a training image at
                               random in each epoch, or None for no augmentation. image: uint8 (side, side, channels),
                               mask: uint8 (side, side). The same seed must give the same bits.

`optimizer` and `loss` are called for names in the recipe that `common` does not know (`recipe.OPTIMIZERS`, `LOSSES`).
`callbacks` and `augment` replace the default that follows from the recipe.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras
import numpy as np

from common.data.augment import Augment
from common.data.batches import SEGMENTATION
from common.errors import BadInput
from common.recipe import LOSSES, MONITORS, OPTIMIZERS, Augmentation, Recipe
from common.training import losses, train_metrics

Change = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


@contextmanager
def without_values() -> Iterator[None]:
    """Within this context, networks are built with the shapes of their weights, but without values for them."""
    try:
        # Without `clear_session` below, Keras would make the values after the scope.
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        keras.utils.clear_session()


@dataclass(frozen=True)
class Network:
    """The functions that define a paper's network and its training. model: the module `model.py` of the paper."""

    model: Any

    @classmethod
    def of_paper(cls, paper: str) -> "Network":
        """The network of the paper with this name."""
        return cls(import_module(f"reproductions.{paper}.model"))

    def build(self, recipe: Recipe) -> keras.Model:
        """The network up to its probabilities. Its initial weights are drawn from Keras' global seed."""
        # The papers' layers need these settings, whatever the user's keras.json says.
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        keras.config.set_epsilon(1e-7)
        return self.model.build(recipe)

    def plan(self, recipe: Recipe) -> keras.Model:
        """The network with the shapes of all its weights and layers, but without values. So it can't predict. Building
        it takes about a second, also for the largest network. Raises BadInput for settings that the network or its
        metrics refuse."""
        with without_values():
            self.metrics(recipe)
            return self.build(recipe)

    def optimizer(self, recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
        if recipe.optimizer not in OPTIMIZERS:
            return self.model.optimizer(recipe, steps)
        kind = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[recipe.optimizer]
        decay = {} if recipe.weight_decay is None else {"weight_decay": recipe.weight_decay}
        return kind(recipe.learning_rate, **decay)

    def loss(self, recipe: Recipe) -> keras.losses.Loss | dict[str, keras.losses.Loss]:
        """The loss of the network's logits."""
        if recipe.loss not in LOSSES:
            return keras.tree.map_structure(losses.of_logits, self.model.loss(recipe))
        return losses.for_recipe(recipe)

    def metrics(self, recipe: Recipe) -> list[keras.metrics.Metric] | dict[str, list[keras.metrics.Metric]]:
        """The metrics of the network's logits; a dict with one list for each output if the network also classifies.
        Raises BadInput if the recipe monitors a metric that does not exist."""
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
        """The paper's callbacks, or the default: early stopping if the recipe has a patience. Raises BadInput for a
        callback that restores the best weights at the end of the training."""
        if own := getattr(self.model, "callbacks", None):
            made = list(own(recipe))
            if any(getattr(callback, "restore_best_weights", False) for callback in made):
                raise BadInput(
                    f"{self.model.__name__}: a callback with restore_best_weights. A resumed training would have "
                    "forgotten them. State `weights: best` in paper.yaml instead: the best epoch is then evaluated."
                )
            return made
        if recipe.patience is None:
            return []
        return [keras.callbacks.EarlyStopping(f"val_{recipe.monitor}", patience=recipe.patience, mode=recipe.mode)]

    def augment(self, recipe: Recipe) -> Change | None:
        """The function that changes a training image in each epoch, or makes its copies (`Recipe.copies`). None without
        augmentation."""
        if own := getattr(self.model, "augment", None):
            return own(recipe)
        return Augment(Augmentation(**recipe.augmentation)) if recipe.augmentation else None
