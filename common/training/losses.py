"""The losses of the papers. All of them take the network's logits and are computed in float32.

Keras' `BinaryCrossentropy` on probabilities behaves in two ways. In TensorFlow's graph mode it uses the logits behind
the sigmoid. On JAX, on PyTorch and in eager TensorFlow it clips the probabilities at 1e-7. A clipped probability has a
gradient of exactly zero, so a network that gets there can't recover. The formula on logits here does the first on every
backend. A paper that used TensorFlow computed the same.
"""

import keras
from keras import ops

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.recipe import Recipe


class OfLogits(keras.losses.Loss):
    """A loss of a network's logits.

    over: "image" if its value for a batch is the mean of one value for each image, else "batch"."""

    over = "batch"


class OfProbabilities(OfLogits):
    """Wraps any other Keras loss, which takes probabilities."""

    def __init__(self, loss: keras.losses.Loss):
        super().__init__(name=loss.name, dtype="float32")
        self.loss = loss

    def __call__(self, y_true, logits, sample_weight=None):
        return self.loss(y_true, ops.sigmoid(logits), sample_weight)


def of_logits(loss: keras.losses.Loss) -> OfLogits:
    """The loss as a function of logits. `loss` may take logits or probabilities."""
    return loss if isinstance(loss, OfLogits) else OfProbabilities(loss)


class CrossEntropy(OfLogits):
    """Binary cross-entropy t ln(1 + exp(-z)) + (1 - t) ln(1 + exp(z)), as the mean over all pixels of a batch. With
    p = sigmoid(z) this is -t ln p - (1 - t) ln(1 - p). It is finite for every finite z. Its gradient p - t is zero only
    if p equals t.

    t: float32 (batch, ...) in [0, 1]; z: float32 logits of the same shape.
    """

    # The usual max(z, 0) - z t + ln(1 + exp(-|z|)) has a different gradient on each backend for a logit of exactly 0.

    over = "image"

    def __init__(self):
        super().__init__(name="cross_entropy", dtype="float32")

    def call(self, y_true, logits):
        of_pixels = y_true * ops.softplus(-logits) + (1 - y_true) * ops.softplus(logits)
        return ops.mean(of_pixels, axis=tuple(range(1, len(logits.shape))))


class OverlapLoss(OfLogits):
    """1 - (w I + smooth) / (T + smooth), where I = sum(t p) and, with S = sum(t) + sum(p),

    overlap="dice": w = 2, T = S, as Gill prints it (section 3, "Loss Function");
    overlap="iou": w = 1, T = S - I, the IoU loss of Paudel (Eq. 9, with the IoU of the second Eq. 6).

    t: float32 (batch, side, side, 1) in [0, 1]; p: the sigmoid of float32 logits of the same shape. With over="batch"
    the sums run over the whole batch, as in the printed formulas. With over="image" they run over each image, and the
    loss is the mean over the images.
    """

    def __init__(self, overlap: str, smooth: float, over: str = "batch"):
        super().__init__(name=f"{overlap}_loss", dtype="float32")
        self.overlap, self.smooth, self.over = overlap, smooth, over

    def call(self, y_true, logits):
        axes = None if self.over == "batch" else (1, 2, 3)
        y_pred = ops.sigmoid(logits)
        shared = ops.sum(y_true * y_pred, axis=axes)
        total = ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes)
        if self.overlap == "dice":
            return 1 - (2 * shared + self.smooth) / (total + self.smooth)
        return 1 - (shared + self.smooth) / (total - shared + self.smooth)


class CrossEntropyAndDice(OfLogits):
    """Binary cross-entropy (mean over all pixels) plus the Dice loss: the "BCE Dice loss" of Rahman."""

    def __init__(self, smooth: float, over: str):
        super().__init__(name="bce_dice_loss", dtype="float32")
        self.cross_entropy, self.dice, self.over = CrossEntropy(), OverlapLoss("dice", smooth, over), over

    def call(self, y_true, logits):
        return self.cross_entropy(y_true, logits) + self.dice(y_true, logits)


def for_recipe(recipe: Recipe) -> OfLogits | dict[str, OfLogits]:
    """The loss of a recipe; a dict with one loss for each output if the network also classifies."""
    if recipe.loss == "bce":
        loss = CrossEntropy()
    elif recipe.loss == "bce+dice":
        loss = CrossEntropyAndDice(recipe.smooth, recipe.dice_over)
    else:
        loss = OverlapLoss(recipe.loss, recipe.smooth, recipe.dice_over)
    return {SEGMENTATION: loss, CLASSIFICATION: CrossEntropy()} if recipe.positive else loss


def of_images(loss: OfLogits | dict[str, OfLogits]) -> bool:
    """Whether the loss of a batch is the mean of one value for each image. Then its mean over a part of the data does
    not depend on the batch size."""
    return all(each.over == "image" for each in keras.tree.flatten(loss))
