"""What one probability for every pixel and one for every image score, on many samples of images at once."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from common.data.fractions import Fractions
from common.evidence.cross_entropy import cross_entropy, logit_of
from common.evidence.definition import DISTANCES, OF_TRAINING, Definition
from common.evidence.metrics import scores, weights_of


@dataclass(frozen=True)
class Images:
    """The truth of the images at `positions`, (splits, images), and whether they are of the class `positive`."""

    known: Fractions
    positions: np.ndarray
    positive: str | None
    _kept: dict[str, np.ndarray] = field(default_factory=dict)

    def truth(self, name: str) -> np.ndarray:
        """One of the columns of `Fractions`, float64 (splits, images)."""
        if name not in self._kept:
            self._kept[name] = getattr(self.known, name).astype(np.float64)[self.positions]
        return self._kept[name]

    @cached_property
    def positives(self) -> np.ndarray:
        """How many images are of the positive class, (splits,)."""
        return np.count_nonzero((self.known.label == self.positive)[self.positions], axis=1)

    @property
    def pixels(self) -> int:
        return self.known.side**2

    def pixel_prevalence(self) -> np.ndarray:
        return self.truth("total").mean(axis=1) / self.pixels

    def class_prevalence(self) -> np.ndarray:
        return self.positives / self.positions.shape[1]


def value(definition: Definition, images: Images, of_pixel: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    """What `metrics.value` gives for `counts.constant`, of many splits at once: (splits,), NaN where undefined.

    of_pixel, of_class: (splits,), the probability of every pixel and of every image.
    """
    p = of_pixel.astype(np.float32)[:, None]  # a network's output is float32
    if definition.metric in DISTANCES or str(definition) == OF_TRAINING:
        return np.full(len(p), np.nan)
    if definition.target.startswith("class"):
        of_cases = _of_classes(definition, images, of_class)
        return of_cases + _cross_entropy(definition, images, p) if definition.target == "class+pixel" else of_cases
    if definition.metric == "bce":
        return _cross_entropy(definition, images, p)
    if definition.metric == "accuracy" and not definition.truth:
        correct = np.where(p[:, 0] > 0.5, images.truth("one").mean(axis=1), images.truth("zero").mean(axis=1))
        return correct / images.pixels
    number = images.positions.shape[1]
    size = {"pooled": number, "image": 1}.get(definition.aggregation) or int(definition.aggregation.split("=")[1])
    weights = np.diff([*range(0, number, size), number]).astype(np.float64)
    counts = _confusion(definition, images, p, size, weights)
    if definition.metric == "accuracy":
        return (counts[0] + counts[3])[:, 0] / (images.pixels * number)
    of_groups, weights = scores(definition, *counts), weights_of(definition.aggregation, weights)
    there = ~np.ma.getmaskarray(of_groups) @ weights
    mean = np.divide(of_groups.filled(0) @ weights, there, out=np.full(len(p), np.nan), where=there > 0)
    return mean + _cross_entropy(definition, images, p) if definition.metric == "bce+dice-loss" else mean


def _confusion(
    definition: Definition, images: Images, p: np.ndarray, size: int, weights: np.ndarray
) -> tuple[np.ndarray, ...]:
    """TP, FP, FN, TN of groups of `size` images, float64 (splits, groups) each. What is marked is the same everywhere,
    so that the truth alone needs to be summed. weights: (groups,), the images of each."""
    if definition.decision == "soft":
        marked, truth = p.astype(np.float64), images.truth("total")
    elif definition.decision == "keras-raw":
        marked, truth = p == 1, images.truth("one")
    else:
        marked, truth = p > np.float32(definition.decision), images.truth("tumour")
    if size == truth.shape[1]:
        truth = truth.sum(axis=1, keepdims=True)
    elif size > 1:
        truth = np.add.reduceat(truth, np.arange(0, truth.shape[1], size), axis=1)
    rest = images.pixels * weights - truth
    return truth * marked, rest * marked, truth * (1.0 - marked), rest * (1.0 - marked)


def _cross_entropy(definition: Definition, images: Images, p: np.ndarray) -> np.ndarray:
    of_tumour, of_background = _costs(definition, p[:, 0])
    share = images.pixel_prevalence()
    return share * of_tumour + (1 - share) * of_background


def _costs(definition: Definition, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cross-entropy of this probability where the truth is 1 and where it is 0."""
    return tuple(cross_entropy(definition.clip, p, logit_of(p), np.float32(truth)) for truth in (1, 0))


def _of_classes(definition: Definition, images: Images, of_class: np.ndarray) -> np.ndarray:
    number, there = images.positions.shape[1], images.positives.astype(np.float64)
    if definition.metric == "bce":
        of_positive, of_other = _costs(definition, of_class)
        return (there * of_positive + (number - there) * of_other) / number
    called = of_class > 0.5
    if definition.metric == "accuracy":
        return np.where(called, there, number - there) / number
    name, _, other = definition.target.removeprefix("class=").partition(">")
    if name != images.positive:
        there, called = number - there, ~called
    if definition.metric == "count":
        return there * (called if other == name else ~called)
    hits, calls = there * called, number * called
    part, whole = {"precision": (hits, calls), "recall": (hits, there), "dice": (2 * hits, there + calls)}[
        definition.metric
    ]
    return np.divide(part, whole, out=np.full(len(hits), np.nan), where=whole > 0)
