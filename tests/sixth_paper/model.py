"""Nola: "Rotations and Tversky for breast ultrasound", a U-Net of one step that is trained in a way of its own."""

import keras
import numpy as np
from keras import layers
from pydantic import ConfigDict

from common.data.augment import Augment
from common.recipe import Augmentation, Recipe


class Settings(Recipe):
    """filters: of the first convolutions, doubled after the pooling. momentum: of the gradient descent, 0 to 1. power:
    of the fall of the learning rate. misses: the weight of missed pixels in the loss, 0 to 1. rotation: degrees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: int
    momentum: float
    power: float
    misses: float
    rotation: float


def build(recipe: Settings) -> keras.Model:
    """Float32 images (side, side, channels) in [0, 1] to lesion probabilities (side, side, 1) in float32."""
    inputs = keras.Input((recipe.side, recipe.side, recipe.channels), name="image")
    fine = layers.Conv2D(recipe.filters, 3, padding="same", activation="relu")(inputs)
    coarse = layers.MaxPooling2D(2)(fine)
    coarse = layers.Conv2D(2 * recipe.filters, 3, padding="same", activation="relu")(coarse)
    x = layers.Concatenate()([layers.Conv2DTranspose(recipe.filters, 2, strides=2)(coarse), fine])
    logits = layers.Conv2D(1, 1, dtype="float32", name="logits")(x)
    outputs = layers.Activation("sigmoid", dtype="float32", name="probability")(logits)
    return keras.Model(inputs, outputs, name="nola")


def optimizer(recipe: Settings, steps: int) -> keras.optimizers.Optimizer:
    """Gradient descent whose learning rate falls at every step, to 0 at the last."""
    rate = keras.optimizers.schedules.PolynomialDecay(
        recipe.learning_rate, steps, end_learning_rate=0.0, power=recipe.power
    )
    return keras.optimizers.SGD(rate, momentum=recipe.momentum)


def loss(recipe: Settings) -> keras.losses.Loss:
    return keras.losses.Tversky(alpha=1 - recipe.misses, beta=recipe.misses)


def callbacks(recipe: Settings) -> list[keras.callbacks.Callback]:
    return [keras.callbacks.TerminateOnNaN()]


def augment(recipe: Settings):
    """Half of the images are turned."""
    turn = Augment(Augmentation(rotation=recipe.rotation))

    def change(image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        return turn(image, mask, seed) if seed % 2 else (image, mask)

    return change
