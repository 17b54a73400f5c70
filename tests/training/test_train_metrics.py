"""What `fit` prints while it trains is what the evidence computes afterwards, under the same signature."""

import keras
import numpy as np
import pytest

from common.evidence import counts, metrics
from common.training import train_metrics

SIGNATURES = [train_metrics.IOU, train_metrics.IOU_FOREGROUND, train_metrics.IOU_RAW]


def logits(prediction):
    """Those of which a sigmoid in float32 makes these probabilities."""
    p = prediction.astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p) - np.log1p(-p), -200, 200).astype("float32")


def pairs(name):
    random = np.random.default_rng(1)
    truth = (random.random((6, 8, 8, 1)) > 0.8).astype("float32")
    prediction = random.random((6, 8, 8, 1)).astype("float32")
    if name == "saturated":
        prediction[prediction > 0.6] = 1
    if name == "soft truth":
        truth[:, 0] = 0.4
        truth[:, 1] = 0.6
    if name == "at the threshold":
        prediction[:] = 0.5
    if name == "nothing there, nothing found":
        truth[:], prediction[:] = 0, 0.1
    if name == "everything":
        truth[:], prediction[:] = 1, 1
    return truth, prediction


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("name", ["random", "saturated", "soft truth", "at the threshold", "everything"])
def test_running_over_batches_equals_evaluating_at_once(signature, name):
    truth, prediction = pairs(name)
    metric = train_metrics.RunningIoU(signature)
    for start in (0, 2, 4):
        metric.update_state(truth[start : start + 2], logits(prediction[start : start + 2]))
    names = [str(number) for number in range(6)]
    rows = counts.count(prediction[..., 0], truth[..., 0], names, names, names)
    assert float(metric.result()) == pytest.approx(metrics.value(signature, rows), abs=1e-6)


@pytest.mark.parametrize("name", ["random", "saturated", "soft truth", "nothing there, nothing found", "everything"])
def test_the_raw_iou_is_that_of_keras(name):
    truth, prediction = pairs(name)
    ours, keras_own = train_metrics.RunningIoU(train_metrics.IOU_RAW), keras.metrics.MeanIoU(num_classes=2)
    ours.update_state(truth, logits(prediction))
    keras_own.update_state(truth, prediction)
    assert float(ours.result()) == pytest.approx(float(keras_own.result()), abs=1e-6)


def given(name):
    truth, prediction = pairs(name)
    return truth, logits(prediction)


def test_counting_starts_anew_with_each_epoch():
    metric = train_metrics.RunningIoU(train_metrics.IOU)
    metric.update_state(*given("everything"))
    metric.reset_state()
    metric.update_state(*given("random"))
    alone = train_metrics.RunningIoU(train_metrics.IOU)
    alone.update_state(*given("random"))
    assert float(metric.result()) == float(alone.result())
