"""The losses that the papers train with, on probabilities. Always computed in float32."""

import keras
from keras import ops

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.paper import Recipe


class OverlapLoss(keras.losses.Loss):
    """1 - (w I + smooth) / (T + smooth), where I = sum(t p) and, with S = sum(t) + sum(p),

    overlap="dice": w = 2, T = S, as Gill prints it (section 3, "Loss Function");
    overlap="iou": w = 1, T = S - I, the IoU loss of Paudel (Eq. 9, with the IoU of the second Eq. 6).

    t, p: float32 (batch, side, side, 1) in [0, 1]. The sums run over the whole batch, as the formulas have them
    (over="batch", one value), or over each image (over="image", the mean of one value an image).
    """

    def __init__(self, overlap: str, smooth: float, over: str = "batch"):
        super().__init__(name=f"{overlap}_loss", dtype="float32")
        self.overlap, self.smooth, self.over = overlap, smooth, over

    def call(self, y_true, y_pred):
        axes = None if self.over == "batch" else (1, 2, 3)
        shared = ops.sum(y_true * y_pred, axis=axes)
        total = ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes)
        if self.overlap == "dice":
            return 1 - (2 * shared + self.smooth) / (total + self.smooth)
        return 1 - (shared + self.smooth) / (total - shared + self.smooth)


class CrossEntropyAndDice(keras.losses.Loss):
    """Binary cross-entropy, the mean over all pixels, plus the Dice loss: the "BCE Dice loss" that Rahman names."""

    def __init__(self, smooth: float, over: str):
        super().__init__(name="bce_dice_loss", dtype="float32")
        self.cross_entropy, self.dice, self.over = _cross_entropy(), OverlapLoss("dice", smooth, over), over

    def call(self, y_true, y_pred):
        return self.cross_entropy(y_true, y_pred) + self.dice(y_true, y_pred)


def for_recipe(recipe: Recipe) -> keras.losses.Loss | dict[str, keras.losses.Loss]:
    """The loss, one for each output where the network has two."""
    if recipe.loss == "bce":
        loss = _cross_entropy()
    elif recipe.loss == "bce+dice":
        loss = CrossEntropyAndDice(recipe.smooth, recipe.dice_over)
    else:
        loss = OverlapLoss(recipe.loss, recipe.smooth, recipe.dice_over)
    return {SEGMENTATION: loss, CLASSIFICATION: _cross_entropy()} if recipe.positive else loss


def of_images(loss: keras.losses.Loss | dict[str, keras.losses.Loss]) -> bool:
    """Whether what `for_recipe` gives is, for a batch, the mean of one value an image: then the mean over the batches
    of a part does not depend on how wide they are."""
    return all(getattr(each, "over", "image") == "image" for each in keras.tree.flatten(loss))


def _cross_entropy() -> keras.losses.Loss:
    return keras.losses.BinaryCrossentropy(dtype="float32")
