"""The losses that the papers train with, on probabilities. Always computed in float32."""

import keras
from keras import ops

from common.paper import Recipe


class DiceLoss(keras.losses.Loss):
    """1 - (2 sum(t p) + smooth) / (sum(t) + sum(p) + smooth), as Gill prints it (section 3, "Loss Function").

    t, p: float32 (batch, side, side, 1) in [0, 1]. The sums run over the whole batch, as the formula has them
    (over="batch", one value), or over each image (over="image", the mean of one value an image).
    """

    def __init__(self, smooth: float, over: str = "batch", name: str = "dice_loss"):
        super().__init__(name=name, dtype="float32")
        self.smooth, self.over = smooth, over

    def call(self, y_true, y_pred):
        axes = None if self.over == "batch" else (1, 2, 3)
        shared = ops.sum(y_true * y_pred, axis=axes)
        total = ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes)
        return 1 - (2 * shared + self.smooth) / (total + self.smooth)


def for_recipe(recipe: Recipe) -> keras.losses.Loss:
    if recipe.loss == "dice":
        return DiceLoss(recipe.smooth, recipe.dice_over)
    return keras.losses.BinaryCrossentropy(dtype="float32")
