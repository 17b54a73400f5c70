"""The value of a metric from per-image rows, under each definition (`common.evidence.definition` has the grammar)."""

from collections.abc import Iterable

import numpy as np

from common.evidence import classification
from common.evidence.counts import Rows
from common.evidence.definition import DISTANCES, LOSSES, OF_A_CLASS, OF_CLASSES, OF_TRAINING, RATIOS, Definition
from common.recipe import Recipe

_CLASSES = {"fg": ["fg"], "bg": ["bg"], "mean2": ["fg", "bg"]}

# What every run is given on every split, beside what its recipe adds (`standard`): the readings of "IoU" and "Dice"
# that papers use without saying which, the thresholds that tell whether a number hangs on 0.5, and what explains a high
# or low one.
STANDARD = (
    "iou|fg|pooled|t=0.5",
    "iou|fg|image|t=0.5|empty=skip",
    "iou|fg|image|t=0.5|empty=one",
    "iou|fg|image|t=0.5|empty=zero",
    "iou|mean2|pooled|t=0.5",
    "iou|mean2|pooled|keras-raw",
    "iou|fg|image|soft|s=1",
    "dice|fg|pooled|t=0.3",
    "dice|fg|pooled|t=0.5",
    "dice|fg|pooled|t=0.7",
    "dice|fg|image|t=0.5|empty=skip",
    "dice|fg|image|t=0.5|empty=one",
    "dice|fg|image|t=0.5|empty=zero",
    "dice|fg|image|soft|s=1",
    "precision|fg|pooled|t=0.5",
    "recall|fg|pooled|t=0.5",
    "recall|bg|pooled|t=0.5",
    "accuracy|pixel|pooled|t=0.5",
    "accuracy|pixel|pooled|t=0.5|truth=hard",
    "bce|pixel|pooled",
    "bce|pixel|pooled|clip=keras",
    "hd95|fg|image|t=0.5|empty=skip",
    "assd|fg|image|t=0.5|empty=skip",
)


def value(signature: str, rows: Rows) -> float:
    """The metric over all rows; NaN where it is undefined.

    Raises ValueError for a signature that is none or is of the training, for no rows, and for a threshold that the rows
    weren't counted at.
    """
    definition = Definition.parse(signature)
    if signature == OF_TRAINING:
        raise ValueError(f"{signature}: rows are of images and don't tell")
    if not len(rows):
        raise ValueError(f"{signature}: there are no rows to compute it from")
    if definition.target.startswith("class"):
        try:
            of_cases = classification.score(definition.metric, definition.target, rows, definition.clip)
        except ValueError as error:
            raise ValueError(f"{signature}: {error}") from None
        return of_cases + _cross_entropy(rows, definition.clip) if definition.target == "class+pixel" else of_cases
    if definition.metric == "bce":
        return _cross_entropy(rows, definition.clip)
    if definition.metric in DISTANCES:
        known = getattr(rows, definition.metric)
        return float(np.mean(known[np.isfinite(known)])) if np.isfinite(known).any() else np.nan
    tp, fp, fn, tn = confusion(definition, rows)
    if definition.metric == "accuracy":
        return float((tp + tn if definition.truth else rows.correct).sum() / rows.pixels.sum())
    group = groups(definition.aggregation, rows)
    summed = (np.bincount(group, weights=counts) for counts in (tp, fp, fn, tn))
    weights = weights_of(definition.aggregation, np.bincount(group))
    mean = float(np.ma.filled(np.ma.average(scores(definition, *summed), weights=weights), np.nan))
    return mean + _cross_entropy(rows, definition.clip) if definition.metric == "bce+dice-loss" else mean


def standard(recipe: Recipe) -> list[str]:
    """The signatures that every run of a recipe is given on every split, each once: STANDARD, those of batches of the
    recipe's own size, and those of classes."""
    return [*STANDARD, *of_batches(recipe.batch_size), *of_classes(recipe)]


def of_batches(size: int) -> list[str]:
    """IoU and Dice as a metric gives them that a notebook hands to `fit`: of each batch, then the mean over batches.

    An empty batch, without tumour in truth and prediction, counts as 1: that is what such functions make of it, with
    the constant that they add above and below so as not to divide by 0.

    All batches weigh alike, the smaller last one too, as Keras averages a metric that gives one number a batch. Weighed
    by their images (`batch=K`), as in the loss that Keras prints, the mean is another: over the rows that are kept of
    runs by 0.001 in the median and by more than 0.024 in one value of 20. The most was 0.065, of 18 test images in two
    batches of eight and one of two.
    """
    return [f"{ratio}|fg|batches={size}|{how}" for ratio in ("iou", "dice") for how in ("t=0.5|empty=one", "soft|s=1")]


def of_classes(recipe: Recipe) -> list[str]:
    """The signatures that a recipe's network has because it also classifies."""
    classes = recipe.classes if recipe.positive else []
    return [*(OF_CLASSES if classes else []), *(form.format(name) for name in classes for form in OF_A_CLASS)]


def _cross_entropy(rows: Rows, clip: str | None) -> float:
    return float(rows.costs(clip).sum() / rows.pixels.sum())


def values(rows: Rows, signatures: Iterable[str] = STANDARD) -> dict[str, float]:
    """Several metrics, by signature."""
    return {signature: value(signature, rows) for signature in signatures}


def confusion(definition: Definition, rows: Rows) -> tuple[np.ndarray, ...]:
    """TP, FP, FN, TN of each image, (n,) each: numbers of pixels, or sums of probability where the decision is soft.

    Raises ValueError for a threshold that the rows weren't counted at."""
    if definition.decision == "soft":
        tp, predicted, truth = rows.sum_product, rows.sum_prediction, rows.sum_truth
    elif definition.decision == "keras-raw":
        tp, predicted, truth = rows.both_one, rows.prediction_one, rows.truth_one
    else:
        if definition.decision not in rows.thresholds:
            raise ValueError(f"{definition}: the rows are counted at thresholds {', '.join(map(str, rows.thresholds))}")
        tp, fp, fn = (counts[:, rows.thresholds == definition.decision][:, 0] for counts in (rows.tp, rows.fp, rows.fn))
        predicted, truth = tp + fp, tp + fn
    return tp, predicted - tp, truth - tp, rows.pixels - predicted - truth + tp


def groups(aggregation: str, rows: Rows) -> np.ndarray:
    """For each image the number of the group whose counts are summed, int (n,), from 0."""
    if aggregation == "pooled":
        return np.zeros(len(rows), int)
    if aggregation == "image":
        return np.arange(len(rows))
    return rows.position // int(aggregation.partition("=")[2])


def weights_of(aggregation: str, images: np.ndarray) -> np.ndarray:
    """How much each group weighs in the mean, from the number of its images, (groups,) of both."""
    return np.ones_like(images) if aggregation.startswith("batches") else images


def scores(definition: Definition, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ma.MaskedArray:
    """The ratio, or the loss made of it, of each group of images, from the counts summed over it: float64 arrays of any
    one shape. Masked where it is undefined or to be skipped. The cross-entropy of bce+dice-loss is not in it."""
    counts = {"fg": (tp, fp, fn), "bg": (tn, fn, fp)}
    of_class = [np.ma.masked_invalid(_score(definition, *counts[name])) for name in _CLASSES[definition.target]]
    mean = of_class[0] if len(of_class) == 1 else np.ma.mean(np.ma.stack(of_class), axis=0)
    return LOSSES[definition.metric][1](mean) if definition.metric in LOSSES else mean


def _score(definition: Definition, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """The ratio in each group, of one class; NaN where it is undefined or to be skipped."""
    ratio, _ = LOSSES.get(definition.metric, (definition.metric, None))
    numerator, denominator = RATIOS[ratio](tp, fp, fn)
    numerator, denominator = numerator + definition.smooth, denominator + definition.smooth
    score = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    # A ratio of areas can be anything: without any tumour none, not 0 as that of an overlap.
    nothing = (denominator == 0) & ((tp + fp + fn == 0) | (ratio == "area-ratio"))
    score[nothing] = {"one": 1.0, "zero": 0.0}.get(definition.empty, np.nan)
    return score
