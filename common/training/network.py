"""What a paper trains: the functions of its `model.py`, and what `common` offers where it declares none.

A `model.py` has `Settings` and `build(recipe)`. It may have

    optimizer(recipe, steps)   a keras.optimizers.Optimizer, such as one with a learning rate that falls step by step;
                               steps: of the whole training, if nothing stops it early
    loss(recipe)               a keras.losses.Loss of the network's probabilities or, where it is a `losses.OfLogits`,
                               of its logits; for two outputs a dict by their names
    callbacks(recipe)          a list of Keras callbacks: what stops a training, or changes its learning rate. A resumed
                               training gives them back the numbers that they remember, and nothing else.
    augment(recipe)            a function (image, mask, seed) -> (image, mask) that changes a training image at random,
                               anew in each epoch; None for none. Image: uint8 (side, side, channels), mask: uint8
                               (side, side). The same seed has to give the same bits.

`optimizer` and `loss` are called for names in the recipe that `common` does not know (`recipe.OPTIMIZERS`, `LOSSES`).
The other two take the place of what follows from the recipe without them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras
import numpy as np

from common.data.augment import Augment
from common.errors import BadInput
from common.recipe import LOSSES, OPTIMIZERS, Augmentation, Recipe
from common.training import losses

Change = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Network:
    """model: a paper's `model.py`."""

    model: Any

    @classmethod
    def of_paper(cls, paper: str) -> "Network":
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
        if recipe.optimizer not in OPTIMIZERS:
            return self.model.optimizer(recipe, steps)
        kind = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[recipe.optimizer]
        decay = {} if recipe.weight_decay is None else {"weight_decay": recipe.weight_decay}
        return kind(recipe.learning_rate, **decay)

    def loss(self, recipe: Recipe) -> keras.losses.Loss | dict[str, keras.losses.Loss]:
        """Of the network's logits."""
        if recipe.loss not in LOSSES:
            return keras.tree.map_structure(losses.of_logits, self.model.loss(recipe))
        return losses.for_recipe(recipe)

    def callbacks(self, recipe: Recipe) -> list[keras.callbacks.Callback]:
        """Raises BadInput for one that would put the best weights into the network when the training ends."""
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
        """What changes a training image in each epoch, or makes the copies of one (`Recipe.copies`)."""
        if own := getattr(self.model, "augment", None):
            return own(recipe)
        return Augment(Augmentation(**recipe.augmentation)) if recipe.augmentation else None
