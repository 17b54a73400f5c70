"""Predictors that give one answer for all images and pixels: their counts, and their scores on many splits at once.

Since the answer is constant, only the truth has to be summed. No prediction is made."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from common.data.fractions import Fractions
from common.evidence.counts import SHAPES, Rows, cost_field
from common.evidence.cross_entropy import CLIPS, constant_costs, logit_of
from common.evidence.definition import DISTANCES, OF_TRAINING, Definition
from common.evidence.metrics import value_of_groups


def constant_rows(rows: Rows, probability: float, of_class: float = np.nan) -> Rows:
    """The rows that a constant predictor would have on the same images.

    It gives `probability` at every pixel, and `of_class` as every image's probability of the positive class. With a
    probability of 0 it is "all background"; with the tumour's share of the training pixels, "constant prevalence".
    """
    p = np.float32(probability)
    tumour = rows.tp + rows.fn
    above = p > rows.thresholds.astype(np.float32)
    costs = {}
    for clip in CLIPS:
        of_tumour, of_rest = map(float, constant_costs(clip, p))
        costs[cost_field(clip)] = rows.sum_truth * of_tumour + (rows.pixels - rows.sum_truth) * of_rest
    return replace(
        rows,
        tp=tumour * above,
        fp=(rows.pixels[:, None] - tumour) * above,
        fn=tumour * ~above,
        sum_prediction=float(p) * rows.pixels,
        sum_product=float(p) * rows.sum_truth,
        prediction_one=rows.pixels * int(p == 1),
        both_one=rows.truth_one * int(p == 1),
        correct=rows.truth_one if p > 0.5 else rows.truth_zero,
        **costs,
        # A constant predictor marks nothing or the whole image. Neither has an outline that means anything.
        **dict.fromkeys(("hd95", "assd", *SHAPES), np.full(len(rows), np.nan)),
        probability=np.full(len(rows), of_class),
        logit=np.full(len(rows), logit_of(of_class)),
    )


def prevalence(rows: Rows) -> float:
    """The tumour's share of all pixels, between 0 and 1."""
    return float(rows.sum_truth.sum() / rows.pixels.sum())


def class_prevalence(rows: Rows) -> float:
    """The positive class's share of the images, between 0 and 1; NaN if the network does not classify."""
    return float(np.mean(rows.label == rows.positive)) if rows.positive else np.nan


@dataclass(frozen=True)
class Images:
    """The truth of the images of one part, on many splits at once.

    known: the truth of all images of the data set. positions: int (splits, images), which of these images are in the
    part. positive: the positive class, None if the network does not classify. _summed: a cache of `truth`."""

    known: Fractions
    positions: np.ndarray
    positive: str | None
    _summed: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    def truth(self, name: str, size: int) -> np.ndarray:
        """A column of `Fractions`, summed over groups of `size` consecutive images: float64 (splits, groups)."""
        if (name, size) not in self._summed:
            column = getattr(self.known, name).astype(np.float64)[self.positions] if size == 1 else self.truth(name, 1)
            starts = np.arange(0, column.shape[1], size)
            self._summed[name, size] = column if size == 1 else np.add.reduceat(column, starts, axis=1)
        return self._summed[name, size]

    @cached_property
    def positives(self) -> np.ndarray:
        """How many images are of the positive class, float64 (splits, 1)."""
        return (self.known.label == self.positive).astype(np.float64)[self.positions].sum(axis=1, keepdims=True)

    def pixel_prevalence(self) -> np.ndarray:
        """The tumour's share of all pixels, (splits,)."""
        return self.truth("total", 1).mean(axis=1) / self.known.side**2

    def class_prevalence(self) -> np.ndarray:
        """The positive class's share of the images, (splits,)."""
        return self.positives[:, 0] / self.positions.shape[1]


@dataclass(frozen=True)
class ConstantCounts:
    """Like `constant_rows`, but on many splits at once and summed over groups of `size` consecutive images.

    It has the members of `Rows` that `metrics.value_of_groups` reads; (splits, groups) each, if not said otherwise.
    of_pixel: float32 (splits, 1), the probability of every pixel. of_class: float64 (splits, 1), the probability of
    every image to be of the positive class."""

    images: Images
    size: int
    of_pixel: np.ndarray
    of_class: np.ndarray

    @property
    def numbers(self) -> np.ndarray:
        """The number of images of each group, float64 (groups,)."""
        number = self.images.positions.shape[1]
        return np.diff([*range(0, number, self.size), number]).astype(np.float64)

    @property
    def pixels(self) -> np.ndarray:
        return self.images.known.side**2 * self.numbers

    @property
    def correct(self) -> np.ndarray:
        one, zero = (self.images.truth(name, self.size) for name in ("one", "zero"))
        return np.where(self.of_pixel > 0.5, one, zero)

    @property
    def classes(self) -> tuple[str | None, str | None]:
        positive = self.images.positive
        return positive, next((str(label) for label in self.images.known.label if label != positive), None)

    def overlap(self, decision: float | str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        if decision == "soft":
            marked, column = self.of_pixel.astype(np.float64), "total"
        elif decision == "keras-raw":
            marked, column = self.of_pixel == 1, "one"
        else:
            marked, column = self.of_pixel > np.float32(decision), "tumour"
        return _overlap(self.images.truth(column, self.size), self.pixels, marked)

    def costs(self, clip: str | None) -> np.ndarray:
        of_tumour, of_rest = constant_costs(clip, self.of_pixel)
        tumour = self.images.truth("total", self.size)
        return tumour * of_tumour + (self.pixels - tumour) * of_rest

    def class_overlap(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return _overlap(self.images.positives, self.numbers, self.of_class > 0.5)

    def class_costs(self, clip: str | None) -> np.ndarray:
        of_positive, of_other = constant_costs(clip, self.of_class)
        return self.images.positives * of_positive + (self.numbers - self.images.positives) * of_other


def _overlap(truth: np.ndarray, whole: np.ndarray, marked: np.ndarray) -> tuple[np.ndarray, ...]:
    """TP, FP, FN, TN if each pixel, or case, is marked with the same weight from 0 to 1.

    truth: how many are positive. whole: how many there are. marked: the weight. All broadcast to one shape."""
    rest, missed = whole - truth, 1.0 - marked
    return truth * marked, rest * marked, truth * missed, rest * missed


def constant_value(signature: str, images: Images, of_pixel: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    """The metric of a constant predictor on many splits at once: (splits,), NaN where it is undefined.

    On each split, it is the `metrics.value` of `constant_rows`. of_pixel: (splits,), the probability of every pixel.
    of_class: (splits,), the probability of every image to be of the positive class.
    """
    definition = Definition.parse(signature)
    if definition.metric in DISTANCES or signature == OF_TRAINING:
        return np.full(len(of_pixel), np.nan)
    size = definition.group_size or images.positions.shape[1]
    counts = ConstantCounts(images, size, of_pixel.astype(np.float32)[:, None], of_class[:, None])
    return value_of_groups(definition, counts, counts.numbers)
