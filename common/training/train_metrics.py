"""The metrics that `fit` prints while it trains: running averages over the batches of an epoch, dropout on. They take
the network's logits, as the losses do.

They carry the signatures of `common.evidence.metrics`, so that a curve can't be mistaken for another definition.
"""

import keras
from keras import ops

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.recipe import Recipe

ACCURACY = "accuracy|pixel|pooled|t=0.5"
ACCURACY_OF_CLASS = "accuracy|class|case"
IOU = "iou|mean2|pooled|t=0.5"
IOU_FOREGROUND = "iou|fg|pooled|t=0.5"
IOU_RAW = "iou|mean2|pooled|keras-raw"


class RunningIoU(keras.metrics.Metric):
    """IoU from the pixels counted since the epoch began: of the tumour (IOU_FOREGROUND), or the mean of tumour's and
    background's (IOU). IOU_RAW is Keras' `MeanIoU(num_classes=2)` fed with sigmoids that no one has thresholded: a
    pixel belongs to a class where it is exactly 1.0, and what is absent from truth and prediction is left out.
    """

    def __init__(self, signature: str):
        super().__init__(name=signature, dtype="float32")
        self.raw, self.mean = signature == IOU_RAW, signature != IOU_FOREGROUND
        self.shared, self.truth, self.predicted, self.pixels = (
            self.add_weight(name=name, initializer="zeros") for name in ("shared", "truth", "predicted", "pixels")
        )

    def update_state(self, y_true, logits, sample_weight=None):
        y_pred = ops.sigmoid(logits)
        # As common.evidence.counts decides: truth from one half on, prediction above one half.
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


def for_recipe(recipe: Recipe) -> list[keras.metrics.Metric] | dict[str, list[keras.metrics.Metric]]:
    """The metrics, a list for each output where the network has two."""
    iou = dict.fromkeys([IOU, IOU_RAW, *({recipe.monitor} & {IOU_FOREGROUND})])
    metrics = [_accuracy(ACCURACY), *(RunningIoU(signature) for signature in iou)]
    if not recipe.positive:
        return metrics
    return {SEGMENTATION: metrics, CLASSIFICATION: [_accuracy(ACCURACY_OF_CLASS)]}


def _accuracy(signature: str) -> keras.metrics.Metric:
    """Keras' `BinaryAccuracy`, of logits."""
    return keras.metrics.MeanMetricWrapper(_correct, name=signature, dtype="float32")


def _correct(y_true, logits):
    return keras.metrics.binary_accuracy(y_true, ops.sigmoid(logits))
