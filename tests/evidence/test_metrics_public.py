"""Every standard definition against code that others wrote and publish, on random masks and on those that break code:
nothing, everything, one pixel, probabilities on a threshold, float16.

scikit-learn has the overlaps, Keras the accuracy, the cross-entropy, its own raw MeanIoU and soft overlaps (Tversky),
OpenCV the outlines and SciPy the distances between points.
"""

import cv2
import keras
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score

from common.evidence.counts import THRESHOLDS
from common.evidence.metrics import STANDARD, value
from tests.evidence.pixels import rows_of

SIDE, IMAGES = 10, 5
SCIKIT = {"iou": jaccard_score, "dice": f1_score, "precision": precision_score, "recall": recall_score}


def stack(*images) -> np.ndarray:
    return np.array(images, np.float32)


def masks() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By name, predictions and truths, float32 (n, SIDE, SIDE), of the last one float16."""
    random = np.random.default_rng(11)
    nothing, everything, pixel = np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    pixel[2, 7] = 1
    blob = np.pad(np.ones((4, 5)), ((3, 3), (1, 4)))
    noise = random.random((IMAGES, SIDE, SIDE)).astype(np.float32)
    blobs = np.array([np.roll(blob, (i, 2 * i), (0, 1)) for i in range(IMAGES)], np.float32)
    edge = np.array([cv2.blur(each, (3, 3)) for each in blobs])  # interpolated, as that of a resized mask
    levels = random.choice([0.0, *THRESHOLDS, *np.nextafter(np.float32(THRESHOLDS), np.float32(1)), 1.0], noise.shape)
    return {
        "random": (noise, (random.random(noise.shape) < 0.2).astype(np.float32)),
        "near the truth": (np.clip(0.8 * edge + 0.3 * noise - 0.1, 0, 1), blobs),
        "a soft truth": (np.clip(0.8 * edge + 0.2 * noise, 0, 1), edge),
        "probabilities on the thresholds": (levels.astype(np.float32), blobs),
        "a truth on the threshold": (noise, np.where(blobs > 0, np.float32(0.5), np.float32(0))),
        "nothing at all": (stack(nothing, nothing), stack(nothing, nothing)),
        "everything": (stack(everything, everything), stack(everything, everything)),
        "nothing found": (stack(nothing, nothing), stack(blob, everything)),
        "nothing to find": (stack(blob, everything), stack(nothing, nothing)),
        "one pixel": (stack(pixel, np.roll(pixel, 1), blob), stack(pixel, pixel, pixel)),
        "some empty": (stack(nothing, blob, pixel, nothing), stack(nothing, blob, nothing, pixel)),
        "float16": (noise.astype(np.float16), edge.astype(np.float16)),
    }


MASKS = masks()


def overlap(metric: str, target: str, truth: np.ndarray, marked: np.ndarray) -> float:
    """scikit-learn's, of bool arrays; NaN where the target is nowhere, 0 where a denominator is 0 all the same."""
    if target == "mean2":
        both = [overlap(metric, each, truth, marked) for each in ("fg", "bg")]
        return float(np.nanmean(both)) if np.isfinite(both).any() else np.nan
    truth, marked = (truth, marked) if target == "fg" else (~truth, ~marked)
    return SCIKIT[metric](truth, marked, zero_division=0) if (truth | marked).any() else np.nan


def soft(metric: str, truth: np.ndarray, p: np.ndarray) -> float:
    """With s = 1. Keras' Tversky index (Salehi et al. 2017) is the IoU with both weights 1 and Dice with both 1/2. It
    has no s; one more pixel that is right stands for it, beside the image for the IoU, (I + 1) / (U + 1), and beside
    the image twice for Dice, (2I + 1) / (2I + FP + FN + 1)."""
    times, weight = {"iou": (1, 1.0), "dice": (2, 0.5)}[metric]
    truth, p = (np.append(np.tile(each.ravel(), times), 1).astype(np.float32) for each in (truth, p))
    return 1 - float(keras.losses.tversky(truth, p, alpha=weight, beta=weight))


def outline(mask: np.ndarray) -> np.ndarray:
    """Pixels that touch the outside by a side. OpenCV erodes, with a border that is outside."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.argwhere(mask & ~inner.astype(bool))


def distance(metric: str, truth: np.ndarray, marked: np.ndarray) -> float:
    if not (truth.any() and marked.any()):
        return np.nan
    apart = cdist(outline(truth), outline(marked))
    there, back = apart.min(axis=1), apart.min(axis=0)
    if metric == "assd":
        return np.concatenate([there, back]).mean()
    return max(np.percentile(there, 95), np.percentile(back, 95))


def published(signature: str, p: np.ndarray, t: np.ndarray) -> float:
    """What others' code gives for a standard definition; NaN where it is undefined."""
    metric, target, aggregation, *options = signature.split("|")
    options = dict(option.partition("=")[::2] for option in options)
    if "keras-raw" in options:
        raw = keras.metrics.MeanIoU(num_classes=2)
        raw.update_state(t[..., None], p[..., None])
        return float(raw.result())
    if metric == "bce":
        return float(keras.losses.BinaryCrossentropy()(t[..., None], p[..., None]))
    if metric == "accuracy" and "truth" not in options:
        accuracy = keras.metrics.BinaryAccuracy()
        accuracy.update_state(t[..., None], p[..., None])
        return float(accuracy.result())
    if "soft" in options:
        return float(np.mean([soft(metric, *pair) for pair in zip(t, p, strict=True)]))
    truth, marked = t >= 0.5, p > np.float32(options["t"])
    if metric == "accuracy":
        return accuracy_score(truth.ravel(), marked.ravel())
    if aggregation == "pooled":
        return overlap(metric, target, truth.ravel(), marked.ravel())
    pairs = [*zip(truth, marked, strict=True)]
    if metric in ("hd95", "assd"):
        of_images = np.array([distance(metric, *pair) for pair in pairs])
    else:
        of_images = np.array([overlap(metric, target, *(each.ravel() for each in pair)) for pair in pairs])
    replaced = {"skip": np.nan, "one": 1.0, "zero": 0.0}[options["empty"]]
    of_images = np.where(np.isnan(of_images), replaced, of_images)
    return float(np.nanmean(of_images)) if np.isfinite(of_images).any() else np.nan


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("signature", STANDARD)
def test_a_standard_definition_is_what_published_code_computes(signature, name):
    p, t = MASKS[name]
    widened = [each.astype(np.float32) for each in (p, t)]
    assert value(signature, rows_of(p, t)) == pytest.approx(published(signature, *widened), abs=2e-6, nan_ok=True)


def test_the_masks_are_what_their_names_say():
    """So that the comparison above is of cases that matter: thresholds hit exactly, definitions undefined."""
    levels, _ = MASKS["probabilities on the thresholds"]
    assert all(np.count_nonzero(levels == np.float32(threshold)) > 20 for threshold in THRESHOLDS)
    assert MASKS["float16"][0].dtype == np.float16
    assert np.count_nonzero((MASKS["a soft truth"][1] > 0) & (MASKS["a soft truth"][1] < 1)) > 50
    undefined = [s for s in STANDARD if np.isnan(value(s, rows_of(*MASKS["nothing at all"])))]
    assert "dice|fg|pooled|t=0.5" in undefined
    assert "dice|fg|image|t=0.5|empty=one" not in undefined
