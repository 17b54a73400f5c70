"""The value of a metric, under each definition, from counts of images (`common.evidence.definition` has the grammar).

Every metric is made of sums. `_terms` gives what each image adds to them, `_mean_terms` what each image or batch adds
where a definition averages over these, and `_from_sums` the value. The metric of some images (`value`), of thousands of
samples of them (`resampled`) and of thousands of splits (`value_of_groups`) differ only in how the sums are taken.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from common.evidence.counts import Rows
from common.evidence.definition import DISTANCES, LOSSES, OF_A_CLASS, OF_CLASSES, OF_TRAINING, OVERLAPS, Definition
from common.recipe import Recipe

# Every run is scored under these on every split, and under what its recipe adds (`standard`): the readings of "IoU" and
# "Dice" that papers use without saying which, thresholds that show whether a number depends on 0.5, and what explains a
# high or low number.
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

    Raises ValueError for a text that is no signature, for a definition that the rows can't give (of the training, of
    a class or threshold that they don't have), and for no rows.
    """
    definition = Definition.parse(signature)
    if not len(rows):
        raise ValueError(f"{signature}: there are no rows to compute it from")
    units = units_of(rows, definition.group_size or 1)
    sums = np.array([[term.sum()] for term in _unit_terms(definition, rows, units)])
    return float(_from_sums(definition, sums)[0])


def values(rows: Rows, signatures: Iterable[str] = STANDARD) -> dict[str, float]:
    """Several metrics, by signature."""
    return {signature: value(signature, rows) for signature in signatures}


def resampled(
    rows: Rows, signatures: Sequence[str], batch: int, weights: Iterable[np.ndarray]
) -> dict[str, np.ndarray]:
    """The values of metrics in samples in which each image or batch counts as often as its weight says: by signature,
    float64 (resamples,), NaN where undefined. The sums of all samples are one product of matrices.

    batch: how many consecutive images are drawn together: 1, or K for signatures by `batch=K` or `batches=K`.
    weights: float64 (some resamples, units) each; units are batches in the order of their positions, or images in the
        order of the rows (`units_of`).
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


def value_of_each_image(rows: Rows, signatures: Sequence[str]) -> dict[str, np.ndarray]:
    """By signature, `value` of each row alone, float64 (n,), NaN where undefined. Raises ValueError as `value` does."""
    return resampled(rows, signatures, 1, [np.eye(len(rows))])


def value_of_groups(definition: Definition, groups: Rows, images: np.ndarray) -> np.ndarray:
    """The metric from counts that are summed over groups of images already, (..., groups) each, in an object with the
    members of Rows that `_terms` asks for (`constant.ConstantCounts`): float64 (...), NaN where it is undefined.

    The groups are the images or batches of the definition, or one group of all images where it has none
    (`Definition.group_size`). images: the number of images of each group, (groups,)."""
    terms = _terms(definition, groups)
    terms = _mean_terms(definition, terms, images) if definition.group_size else terms
    return _from_sums(definition, [term.sum(axis=-1) for term in terms])


def units_of(rows: Rows, batch: int) -> np.ndarray:
    """For each row the number of its batch of so many images, or with a batch of 1 its own number, from 0, int (n,)."""
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
    """What each image, or group of images, adds to the sums that a metric is made of: TP, FP, FN, TN of an overlap,
    then numerators and denominators in pairs; one term of a count."""
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
    """The same for what a network says of whole images: numerator and denominator, or the one term of a count."""
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
    """The numerator and denominator of a mean over groups of images, from the terms summed over each group, then
    what else the metric is made of. images: how many each group has, (groups,)."""
    weights = np.ones_like(images) if definition.aggregation.startswith("batches") else images
    scores = _scores(definition, *sums[:4])
    return [np.ma.filled(scores * weights, 0), weights * ~np.ma.getmaskarray(scores), *sums[4:]]


def _from_sums(definition: Definition, sums: Sequence[np.ndarray]) -> np.ndarray:
    """The value from the sums of the terms, in their shape; NaN where it is undefined."""
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
    """The ratio, or the loss made of it, from counts: float64 arrays of one shape. Masked where it is undefined or to
    be skipped. The cross-entropy of bce+dice-loss is not in it."""
    of_class = {"fg": (tp, fp, fn), "bg": (tn, fn, fp)}
    names = ["fg", "bg"] if definition.target == "mean2" else [definition.target]
    scores = [np.ma.masked_invalid(_score(definition, *of_class[name])) for name in names]
    mean = scores[0] if len(scores) == 1 else np.ma.mean(np.ma.stack(scores), axis=0)
    return LOSSES[definition.metric][1](mean) if definition.metric in LOSSES else mean


def _weighted(form: tuple[int, ...], counts: tuple[np.ndarray, ...]) -> np.ndarray:
    return sum(weight * each for weight, each in zip(form, counts, strict=False) if weight)


def _score(definition: Definition, tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """The ratio of one class; NaN where it is undefined or to be skipped."""
    ratio, _ = LOSSES.get(definition.metric, (definition.metric, None))
    numerator, denominator = (_weighted(form, (tp, fp, fn)) + definition.smooth for form in OVERLAPS[ratio])
    score = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    # Without any tumour an overlap is 0, but a ratio of areas is undefined.
    nothing = (denominator == 0) & ((tp + fp + fn == 0) | (ratio == "area-ratio"))
    score[nothing] = {"one": 1.0, "zero": 0.0}.get(definition.empty, np.nan)
    return score


def standard(recipe: Recipe) -> list[str]:
    """The signatures that every run of a recipe is given on every split, each once: STANDARD, those of batches of the
    recipe's own size, and those of classes."""
    return [*STANDARD, *of_batches(recipe.batch_size), *of_classes(recipe)]


def of_batches(size: int) -> list[str]:
    """IoU and Dice as a function gives them that a notebook hands to `fit` as a metric: of each batch, then the mean
    over batches. An empty batch, without tumour in truth and prediction, counts as 1: such functions add a constant
    above and below so as not to divide by 0.

    All batches weigh alike, the smaller last one too, as Keras averages a metric that gives one number a batch. With
    weights by images (`batch=K`), as in the loss that Keras prints, the mean differed by 0.001 in the median over the
    counts of our runs, and by 0.065 at most: 18 test images in two batches of eight and one of two.
    """
    return [f"{ratio}|fg|batches={size}|{how}" for ratio in ("iou", "dice") for how in ("t=0.5|empty=one", "soft|s=1")]


def of_classes(recipe: Recipe) -> list[str]:
    """The signatures that a recipe's network has because it also classifies."""
    classes = recipe.classes if recipe.positive else []
    return [*(OF_CLASSES if classes else []), *(form.format(name) for name in classes for form in OF_A_CLASS)]
