"""The metrics that `fit` prints during training: running averages over the batches of an epoch, with dropout on. Like
the losses, they take the network's logits.

Their names are the signatures of `common.evidence.metrics`, so that each curve names its definition.
"""

import keras
from keras import ops

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.recipe import MONITORS, Recipe

ACCURACY = "accuracy|pixel|pooled|t=0.5"
ACCURACY_OF_CLASS = "accuracy|class|case"
IOU = "iou|mean2|pooled|t=0.5"
IOU_FOREGROUND = "iou|fg|pooled|t=0.5"
IOU_RAW = "iou|mean2|pooled|keras-raw"


class RunningIoU(keras.metrics.Metric):
    """The IoU over all pixels since the start of the epoch, in [0, 1].

    signature: IOU_FOREGROUND for the IoU of the tumour, which is 0 if there is no tumour in ground truth or prediction.
    IOU for the mean of the IoUs of tumour and background, without a class that is absent from both. IOU_RAW for Keras'
    `MeanIoU(num_classes=2)` on sigmoids without a threshold: a pixel of the ground truth or the prediction is tumour
    only if its value is exactly 1.0.
    """

    def __init__(self, signature: str):
        super().__init__(name=signature, dtype="float32")
        self.raw, self.mean = signature == IOU_RAW, signature != IOU_FOREGROUND
        self.shared, self.truth, self.predicted, self.pixels = (
            self.add_weight(name=name, initializer="zeros") for name in ("shared", "truth", "predicted", "pixels")
        )

    def update_state(self, y_true, logits, sample_weight=None):
        y_pred = ops.sigmoid(logits)
        # The same rule as in common.evidence.counts: truth is >= 0.5, prediction is > 0.5.
        truth = ops.cast(y_true >= (1.0 if self.raw else 0.5), "float32")
        predicted = ops.cast(y_pred >= 1.0 if self.raw else y_pred > 0.5, "float32")
        self.shared.assign_add(ops.sum(truth * predicted))
        self.truth.assign_add(ops.sum(truth))
        self.predicted.assign_add(ops.sum(predicted))
        self.pixels.assign_add(ops.sum(ops.ones_like(truth)))

    def result(self):
        union = self.truth + self.predicted - self.shared
        tumour = self._share(self.shared, union)
        if not self.mean:
            return tumour
        background = self._share(self.pixels - union, self.pixels - self.shared)
        present = ops.cast(union > 0, "float32") + ops.cast(self.pixels > self.shared, "float32")
        return self._share(tumour + background, present)

    @staticmethod
    def _share(part, whole):
        return ops.where(whole > 0, part / ops.maximum(whole, 1e-7), 0.0)


def names_of(recipe: Recipe) -> dict[str, list[str]]:
    """The names of the metrics by the name of their output. If the network has only one output, its key is ""."""
    iou = dict.fromkeys([IOU, IOU_RAW, *([recipe.monitor] if recipe.monitor != "loss" else [])])
    of_pixels = [ACCURACY, *iou]
    return {SEGMENTATION: of_pixels, CLASSIFICATION: [ACCURACY_OF_CLASS]} if recipe.positive else {"": of_pixels}


def for_recipe(recipe: Recipe) -> list[keras.metrics.Metric] | dict[str, list[keras.metrics.Metric]]:
    """The metrics of a recipe; a dict with one list for each output if the network also classifies."""
    of_the_paper = {recipe.monitor} - set(MONITORS)  # the paper's `model.py` makes this one (`network.metrics`)
    metrics = {
        output: [
            _accuracy(name) if name in (ACCURACY, ACCURACY_OF_CLASS) else RunningIoU(name)
            for name in names
            if name not in of_the_paper
        ]
        for output, names in names_of(recipe).items()
    }
    return metrics if recipe.positive else metrics[""]


def _accuracy(signature: str) -> keras.metrics.Metric:
    """Keras' `BinaryAccuracy`, of logits."""
    return keras.metrics.MeanMetricWrapper(_correct, name=signature, dtype="float32")


def _correct(y_true, logits):
    return keras.metrics.binary_accuracy(y_true, ops.sigmoid(logits))
