"""Predictors that give the same answer for every image and pixel: their counts on rows, and what they score on many
splits at once, for which only the truth has to be summed."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from common.data.fractions import Fractions
from common.evidence.counts import SHAPES, Rows, cost_field
from common.evidence.cross_entropy import CLIPS, constant_costs, logit_of
from common.evidence.definition import DISTANCES, OF_TRAINING, Definition
from common.evidence.metrics import value_of_groups


def constant_rows(rows: Rows, probability: float, of_class: float = np.nan) -> Rows:
    """The rows of a predictor that has learned nothing, on the same truth: it gives `probability` at every pixel, and
    `of_class` as every image's probability of the positive class.

    A probability of 0 is "all background"; the tumour's share of the training pixels is "constant prevalence".
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
        # The outline of a mask that marks all is that of the image, which says nothing.
        **dict.fromkeys(("hd95", "assd", *SHAPES), np.full(len(rows), np.nan)),
        probability=np.full(len(rows), of_class),
        logit=np.full(len(rows), logit_of(of_class)),
    )


def prevalence(rows: Rows) -> float:
    """The tumour's share of all pixels, between 0 and 1."""
    return float(rows.sum_truth.sum() / rows.pixels.sum())


def class_prevalence(rows: Rows) -> float:
    """The positive class's share of the images, between 0 and 1; NaN where there is no such class."""
    return float(np.mean(rows.label == rows.positive)) if rows.positive else np.nan


@dataclass(frozen=True)
class Images:
    """The truth of the images at `positions`, (splits, images), and whether they are of the class `positive`."""

    known: Fractions
    positions: np.ndarray
    positive: str | None
    _summed: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    def truth(self, name: str, size: int) -> np.ndarray:
        """One of the columns of `Fractions`, summed over `size` consecutive images: float64 (splits, groups)."""
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
    """`constant_rows` on many splits at once, summed over groups of `size` consecutive images: what
    `metrics.value_of_groups` needs of it, (splits, groups) each. of_pixel: float32, of_class: float64 (splits, 1), the
    two probabilities."""

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
    """TP, FP, FN, TN where each pixel, or case, is marked with the same weight from 0 to 1."""
    rest, missed = whole - truth, 1.0 - marked
    return truth * marked, rest * marked, truth * missed, rest * missed


def constant_value(signature: str, images: Images, of_pixel: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    """`metrics.value` of `constant_rows`, on many splits at once: (splits,), NaN where undefined.

    of_pixel, of_class: (splits,), the probability of every pixel and of every image.
    """
    definition = Definition.parse(signature)
    if definition.metric in DISTANCES or signature == OF_TRAINING:
        return np.full(len(of_pixel), np.nan)
    size = definition.group_size or images.positions.shape[1]
    counts = ConstantCounts(images, size, of_pixel.astype(np.float32)[:, None], of_class[:, None])
    return value_of_groups(definition, counts, counts.numbers)
