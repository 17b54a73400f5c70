"""The value of a metric, under each definition, from counts of images (`common.evidence.definition` has the grammar).

Every metric is made of sums over images. `_terms` gives what each image adds to the sums. If a definition averages over
images or batches, `_mean_terms` gives what each of these adds. `_from_sums` gives the value. The metric of some images
(`value`), of thousands of samples of them (`resampled`) and of thousands of splits (`value_of_groups`) differ only in
how the sums are taken.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from common.evidence.counts import Rows
from common.evidence.definition import DISTANCES, LOSSES, OF_A_CLASS, OF_CLASSES, OF_TRAINING, OVERLAPS, Definition
from common.recipe import Recipe

# Every run is scored under these on every part, and under what its recipe adds (`standard`). They are the definitions
# of "IoU" and "Dice" that papers use without saying which, thresholds that show whether a number depends on 0.5, and
# metrics that explain a high or low number.
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
# The score that we name for every run: the Dice of the tumour, as a mean over the test images. An image without tumour
# counts 0 if something is marked, and is left out if nothing is.
TUMOUR_DICE = "dice|fg|image|t=0.5|empty=skip"


def value(signature: str, rows: Rows) -> float:
    """The metric over all rows; NaN if it is undefined.

    Raises ValueError for a text that is no signature, for no rows, and for a definition that the rows can't give: of
    the training, or of a class or threshold that they don't have.
    """
    definition = Definition.parse(signature)
    if not len(rows):
        raise ValueError(f"{signature}: there are no rows to compute it from")
    units = units_of(rows, definition.group_size or 1)
    sums = np.array([[term.sum()] for term in _unit_terms(definition, rows, units)])
    return float(_from_sums(definition, sums)[0])


def values(rows: Rows, signatures: Iterable[str] = STANDARD) -> dict[str, float]:
    """The `value` of several metrics, by signature."""
    return {signature: value(signature, rows) for signature in signatures}


def resampled(
    rows: Rows, signatures: Sequence[str], batch: int, weights: Iterable[np.ndarray]
) -> dict[str, np.ndarray]:
    """The values of metrics in resamples of the rows: by signature, float64 (resamples,), NaN where undefined.

    In a resample, each image or batch counts as often as its weight says. So the sums of all resamples are one product
    of matrices, which is fast.

    batch: how many consecutive images are drawn together: 1, or K for signatures with `batch=K` or `batches=K`.
    weights: blocks of resamples, float64 (resamples in the block, units) each. Units are batches in the order of their
        positions, or images in the order of the rows (`units_of`).
    Raises ValueError as `value` does.
    """
    units = units_of(rows, batch)
    definitions = [Definition.parse(signature) for signature in signatures]
    terms = [_unit_terms(definition, rows, units) for definition in definitions]
    columns = np.column_stack([term for some in terms for term in some]).astype(np.float64)
    sums = np.concatenate([each @ columns for each in weights]).T
    ends = np.cumsum([0, *map(len, terms)])
    slices = [sums[start:end] for start, end in pairwise(ends)]
    return {
        signature: _from_sums(definition, some)
        for signature, definition, some in zip(signatures, definitions, slices, strict=True)
    }


def value_of_each_image(signature: str, rows: Rows) -> np.ndarray:
    """The `value` of each row alone: float64 (n,), NaN where it is undefined; (0,) for no rows. Raises
    ValueError as `value` does, except for no rows."""
    definition = Definition.parse(signature)
    return _from_sums(definition, _unit_terms(definition, rows, units_of(rows, 1)))


def dice_of_images(rows: Rows) -> np.ndarray:
    """The Dice of each image, float64 (n,). It is 0 if only one of truth and prediction marks anything, and NaN if
    neither does."""
    return value_of_each_image(TUMOUR_DICE, rows)


def value_of_groups(definition: Definition, groups: Rows, images: np.ndarray) -> np.ndarray:
    """The metric from counts that are already summed over groups of images: float64 (...), NaN where it is undefined.

    groups: an object with the members of `Rows` that `_terms` reads (`constant.ConstantCounts`), (..., groups) each.
    The groups are the images or batches over which the definition averages (`Definition.group_size`). If it averages
    over none, there is one group of all images. images: the number of images of each group, (groups,)."""
    terms = _terms(definition, groups)
    terms = _mean_terms(definition, terms, images) if definition.group_size else terms
    return _from_sums(definition, [term.sum(axis=-1) for term in terms])


def units_of(rows: Rows, batch: int) -> np.ndarray:
    """The number, from 0, of the batch that each row is in, int (n,). With a batch of 1: the number of the row."""
    return np.arange(len(rows)) if batch == 1 else np.unique(rows.position // batch, return_inverse=True)[1]


def _unit_terms(definition: Definition, rows: Rows, units: np.ndarray) -> list[np.ndarray]:
    """What each unit, an image or a batch, adds to the sums of `_from_sums`, (units,) each."""
    try:
        terms = _terms(definition, rows)
    except ValueError as error:
        raise ValueError(f"{definition}: {error}") from None
    if not definition.group_size:
        return terms
    return _mean_terms(definition, [np.bincount(units, weights=term) for term in terms], np.bincount(units))


def _terms(definition: Definition, counted: Rows) -> list[np.ndarray]:
    """What each image, or group of images, adds to the sums that a metric is made of.

    For an overlap these are TP, FP, FN and TN. Then numerators and denominators follow in pairs. For a count there is
    one term."""
    metric, costs = definition.metric, lambda: [counted.costs(definition.clip), counted.pixels]
    if str(definition) == OF_TRAINING:
        raise ValueError("rows are of images and don't tell")
    if definition.target.startswith("class"):
        return [*_class_terms(definition, counted), *(costs() if definition.target == "class+pixel" else [])]
    if metric == "bce":
        return costs()
    if metric in DISTANCES:
        known = getattr(counted, metric)
        return [np.nan_to_num(known), np.isfinite(known)]
    if metric == "accuracy" and not definition.truth:
        return [counted.correct, counted.pixels]
    tp, fp, fn, tn = counted.overlap(definition.decision)
    if metric == "accuracy":
        return [tp + tn, counted.pixels]
    return [tp, fp, fn, tn, *(costs() if metric == "bce+dice-loss" else [])]


def _class_terms(definition: Definition, counted: Rows) -> list[np.ndarray]:
    """The terms of a metric of whole images that are classified: numerator and denominator, or the one term of a count.

    Raises ValueError for a class that the rows don't have."""
    positive, other = counted.classes
    tp, fp, fn, tn = counted.class_overlap()
    if definition.metric == "bce":
        return [counted.class_costs(definition.clip), tp + fp + fn + tn]
    if definition.metric == "accuracy":
        return [tp + tn, tp + fp + fn + tn]
    name, _, called = definition.target.removeprefix("class=").partition(">")
    if other and not {name, called} <= {positive, other, ""}:
        raise ValueError(f"the classes are {positive}, {other}")
    tp, fp, fn = (tp, fp, fn) if name == positive else (tn, fn, fp)
    if definition.metric == "count":
        return [tp if (called == positive) == (name == positive) else fn]
    return [_weighted(form, (tp, fp, fn)) for form in OVERLAPS[definition.metric]]


def _mean_terms(definition: Definition, sums: Sequence[np.ndarray], images: np.ndarray) -> list[np.ndarray]:
    """The numerator and denominator of a mean over groups of images; then the terms of `sums` beyond TP, FP, FN, TN.

    sums: the `_terms`, summed over each group. images: the number of images of each group, (groups,)."""
    weights = np.ones_like(images) if definition.aggregation.startswith("batches") else images
    scores = _scores(definition, *sums[:4])
    return [np.ma.filled(scores * weights, 0), weights * ~np.ma.getmaskarray(scores), *sums[4:]]


def _from_sums(definition: Definition, sums: Sequence[np.ndarray]) -> np.ndarray:
    """The metric from the sums of its terms, in the shape of a sum; NaN where it is undefined."""
    if definition.metric == "count":
        return sums[0]
    overlap = definition.aggregation == "pooled" and definition.metric not in ("accuracy", "bce")
    value, pairs = (np.ma.filled(_scores(definition, *sums[:4]), np.nan), sums[4:]) if overlap else (0.0, sums)
    for part, whole in zip(pairs[::2], pairs[1::2], strict=True):
        value = value + np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return value


def _scores(
    definition: Definition, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray
) -> np.ma.MaskedArray:
    """The ratio, or the loss made of it, from counts: float64 arrays of one shape.

    It is masked where it is undefined or skipped. It does not include the cross-entropy of bce+dice-loss."""
    of_class = {"fg": (tp, fp, fn), "bg": (tn, fn, fp)}
    names = ["fg", "bg"] if definition.target == "mean2" else [definition.target]
    scores = [np.ma.masked_invalid(_score(definition, *of_class[name])) for name in names]
    mean = scores[0] if len(scores) == 1 else np.ma.mean(np.ma.stack(scores), axis=0)
    return LOSSES[definition.metric][1](mean) if definition.metric in LOSSES else mean


def _weighted(form: tuple[int, ...], counts: tuple[np.ndarray, ...]) -> np.ndarray:
    """The weighted sum of TP, FP and FN. form: the weights, of OVERLAPS; that of TN, always 0, is not used."""
    return sum(weight * each for weight, each in zip(form, counts, strict=False) if weight)


def _score(definition: Definition, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """The ratio of one class; NaN where it is undefined or skipped."""
    ratio, _ = LOSSES.get(definition.metric, (definition.metric, None))
    numerator, denominator = (_weighted(form, (tp, fp, fn)) + definition.smooth for form in OVERLAPS[ratio])
    score = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    # Without any tumour an overlap is 0, but a ratio of areas is undefined.
    nothing = (denominator == 0) & ((tp + fp + fn == 0) | (ratio == "area-ratio"))
    score[nothing] = {"one": 1.0, "zero": 0.0}.get(definition.empty, np.nan)
    return score


def standard(recipe: Recipe) -> list[str]:
    """The signatures under which every run of a recipe is scored on every part: STANDARD, those of batches of the
    recipe's own size, and those of classes. Each stands once."""
    return [*STANDARD, *of_batches(recipe.batch_size), *of_classes(recipe)]


def of_batches(size: int) -> list[str]:
    """Signatures of IoU and Dice as a function computes them that a notebook gives to `fit` as a metric.

    Such a function computes the metric of each batch, and Keras takes the mean over batches. All batches weigh alike,
    the smaller last one too. A batch without tumour in truth and prediction counts as 1, since such functions add a
    constant to numerator and denominator to avoid a division by 0.

    With weights by images (`batch=K`), as in the loss that Keras prints, the mean differed by 0.001 in the median over
    the counts of our runs, and by at most 0.065, for 18 test images in two batches of eight and one of two.
    """
    return [f"{ratio}|fg|batches={size}|{how}" for ratio in ("iou", "dice") for how in ("t=0.5|empty=one", "soft|s=1")]


def of_classes(recipe: Recipe) -> list[str]:
    """The signatures on classification, if the recipe's network also classifies; else []."""
    classes = recipe.classes if recipe.positive else []
    return [*(OF_CLASSES if classes else []), *(form.format(name) for name in classes for form in OF_A_CLASS)]
