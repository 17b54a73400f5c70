"""Named definitions of segmentation metrics: their signatures, and the formulas behind the names.

"IoU 0.57" can mean a dozen things. Here each has a signature,

    metric|target|aggregation[|decision][|s=NUMBER][|truth=hard][|empty=skip|one|zero][|clip=keras|torch]

for example `iou|fg|pooled|t=0.5`, `dice|fg|image|t=0.5|empty=one`, `iou|mean2|pooled|keras-raw`,
`dice-loss|fg|batch=2|soft|s=1e-6`, `accuracy|pixel|pooled|t=0.5`, `bce|pixel|pooled`.

metric       iou, dice, precision, recall; accuracy and bce (cross-entropy) are per pixel. Losses: dice-loss = 1 - dice,
             iou-loss = 1 - iou, bce+dice-loss = bce + dice-loss. Formulas that a paper prints under a name that means
             something else have names of their own: printed-dice is intersection over union; squared-dice-loss is
             -(1 - dice)^2, which is least where there is no overlap.
             area-ratio: pixels marked over pixels of tumour, above 1 if too much is marked; undefined without any
             tumour: area-ratio|fg|pooled|t=0.5.
             hd95 and assd: Hausdorff distance (95th percentile) and average symmetric surface distance, in pixels of
             the network's own grid: hd95|fg|image|t=0.5|empty=skip, over the images that have both outlines.
target       fg: the tumour. bg: all else (recall|bg is the specificity). mean2: the mean of both; if one is absent
             from truth and prediction, the other alone, as in Keras' MeanIoU. pixel: for accuracy and bce.
             class=NAME, class: one class, or both, of a network that also classifies images into two classes; one
             value a case, decided at 0.5: recall|class=malignant|case, accuracy|class|case, bce|class|case.
             bce|class+pixel|sum: the sum of both cross-entropies, the loss of such a network.
             count|class=NAME>OTHER|case: how many cases of the first class it calls the second, a cell of its
             confusion matrix.
             training: no image at all. epochs|training|run: how many epochs a training took.
aggregation  Over which images TP, FP, FN and TN are summed before the ratio is taken: `pooled` over all images, `image`
             over each image, `batch=K` over K consecutive images. The ratios are then averaged, weighted by their
             numbers of images. So a smaller last batch weighs less, as in the loss that Keras' fit and evaluate print.
             `batches=K`: all batches weigh alike, as in a metric that gives Keras one number for each batch.
decision     What counts as predicted. t=0.5: probability > 0.5, against truth >= 0.5. soft: the probabilities and the
             truth themselves (TP = Σt·p, FP = Σp - Σt·p, FN = Σt - Σt·p), with s added to numerator and denominator.
             keras-raw: a probability of exactly 1, against a truth of exactly 1. Keras' MeanIoU casts to integers, so
             it sees only these if nobody has thresholded the sigmoid.
truth=hard   For accuracy: truth >= 0.5. Without it, as in Keras, no prediction is correct on an interpolated pixel.
empty        The score of an image (or batch) in which the target is empty in truth and prediction, so that the ratio
             is 0/0: skip, one or zero; for mean2 this applies to each class by itself. Every signature for which this
             can happen names it. With `pooled` it is not named: the value is NaN then. If only one of truth and
             prediction is empty, the score is 0, also of precision and recall. One exception: the precision of a class
             that no image is called has no value (scikit-learn prints 0 there), and a cross-validation with such a fold
             has no mean of it.
clip         For cross-entropies. Absent: computed from the logits, as TensorFlow prints it. keras: probabilities are
             clipped 1e-7 away from 0 and 1. torch: their logarithms are clipped at -100
             (`common.evidence.cross_entropy`).

A definition that can't be computed exactly from the counts of images is refused.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from common.evidence.cross_entropy import CLIPS

# The weights of TP, FP, FN and TN of one target class, in the numerator and in the denominator of each ratio.
OVERLAPS = {
    "iou": ((1, 0, 0, 0), (1, 1, 1, 0)),
    "dice": ((2, 0, 0, 0), (2, 1, 1, 0)),
    "precision": ((1, 0, 0, 0), (1, 1, 0, 0)),
    "recall": ((1, 0, 0, 0), (1, 0, 1, 0)),
    "printed-dice": ((1, 0, 0, 0), (1, 1, 1, 0)),
    "area-ratio": ((1, 1, 0, 0), (1, 0, 1, 0)),
}

# The ratio that each loss is made of, and the function of it. To bce+dice-loss, a cross-entropy is added, the mean over
# all pixels.
LOSSES = {
    "dice-loss": ("dice", lambda dice: 1 - dice),
    "bce+dice-loss": ("dice", lambda dice: 1 - dice),
    "squared-dice-loss": ("dice", lambda dice: -((1 - dice) ** 2)),
    "iou-loss": ("iou", lambda iou: 1 - iou),
}

# Metrics whose formula a paper prints under a name that means something else.
PRINTED = ("printed-dice", "squared-dice-loss")

_CLASS_FORMS = re.compile(
    r"(accuracy|bce)\|class\|case|bce\|class\+pixel\|sum"
    r"|(precision|recall|dice)\|class=[^>|]+\|case|count\|class=[^>|]+>[^>|]+\|case"
)
_FORM = "metric|target|aggregation[|decision][|s=...][|truth=...][|empty=...][|clip=...]"
_PARTS = re.compile(
    r"(?P<metric>[^|]+)\|(?P<target>[^|]+)\|(?P<aggregation>[^|]+)(\|(?P<decision>t=[^|]+|soft|keras-raw))?"
    r"(\|s=(?P<smooth>[^|]+))?(\|truth=(?P<truth>[^|]+))?(\|empty=(?P<empty>[^|]+))?"
    r"(\|clip=(?P<clip>[^|]+))?"
)

# Signatures for a network that also classifies: of both classes together, and of one class, whose name fills the {}.
OF_CLASSES = ("accuracy|class|case", "bce|class|case", "bce|class+pixel|sum")
OF_A_CLASS = ("precision|class={}|case", "recall|class={}|case", "dice|class={}|case")

DISTANCES = ("hd95", "assd")

# The words of `Definition.in_words`; other metrics are called by their own names.
_WORDS = {
    "iou": "IoU",
    "dice": "Dice",
    "printed-dice": "Dice by the printed formula",
    "area-ratio": "area marked over area",
    "dice-loss": "Dice loss",
    "iou-loss": "IoU loss",
    "bce+dice-loss": "cross-entropy plus Dice loss",
    "squared-dice-loss": "Dice loss by the printed formula",
    "bce": "cross-entropy",
    "hd95": "95th percentile of the distance between outlines",
    "assd": "mean distance between outlines",
}
_TARGETS = {
    "fg": "the tumour",
    "bg": "the background",
    "mean2": "tumour and background",
    "pixel": "the pixels",
    "class": "the classification",
    "class+pixel": "classification and pixels, added",
}

# The greatest cross-entropy of one wrong pixel or case, by `Definition.clip`. From logits, it has no bound
# (`common.evidence.cross_entropy`).
MOST_COSTLY = {None: math.inf, "keras": -math.log(1e-7), "torch": 100.0}

# The number of epochs of a training (`schema.Repeat.epochs`). It can't be computed from counts of images.
OF_TRAINING = "epochs|training|run"


def comparable(signature: str, same_grid: bool) -> bool:
    """Whether two networks' values of a definition may be compared.

    Distances are in pixels of a network's own grid. So they may be compared only if both networks have the same one."""
    return same_grid or not is_distance(signature)


def is_cost(signature: str) -> bool:
    """Whether less is better: of a cross-entropy, a loss or a distance."""
    return Definition.parse(signature).metric in {"bce", *LOSSES, *DISTANCES}


def is_distance(signature: str) -> bool:
    """Whether a definition gives a length, in pixels of the network's own grid."""
    return Definition.parse(signature).metric in DISTANCES


@dataclass(frozen=True)
class Definition:
    """One definition of a metric; the module's docstring says what the fields mean.

    `parse` reads a signature, `str` writes it. Each definition has one spelling, so signatures can be compared as text.
    decision: a threshold, "soft" or "keras-raw"; None for bce, for classes and for OF_TRAINING. Raises ValueError for
    fields that do not go together."""

    metric: str
    target: str
    aggregation: str
    decision: float | str | None = None
    smooth: float = 0.0
    truth: str | None = None
    empty: str | None = None
    clip: str | None = None

    @classmethod
    @cache
    def parse(cls, signature: str) -> "Definition":
        """The definition with this signature. Raises ValueError, which says what is wrong, for any other text."""
        try:
            match = _PARTS.fullmatch(signature)
            if not match:
                raise ValueError(f"not of the form {_FORM}")
            parts = match.groupdict()
            if parts["decision"] and parts["decision"].startswith("t="):
                parts["decision"] = float(parts["decision"].removeprefix("t="))
            definition = cls(**parts | {"smooth": float(parts["smooth"] or 0)})
            if str(definition) != signature:
                raise ValueError(f"it is spelt {definition}")
        except ValueError as error:
            raise ValueError(f"{signature}: {error}") from None
        return definition

    @property
    def group_size(self) -> int | None:
        """Over how many images the counts are summed before a ratio is taken and averaged: 1, or K for batches.

        None if the counts of all images are summed, and if no ratio of counts is averaged (distances, classes)."""
        if self.aggregation == "image":
            return 1 if self.metric not in DISTANCES else None
        return int(self.aggregation.partition("=")[2]) if self.aggregation.startswith("batch") else None

    def in_words(self) -> str:
        """A phrase for sentences, without an article. No two definitions have the same phrase.

        For example, "Dice of the tumour, all pixels together" or "IoU of the tumour in each image, averaged (images
        without tumour and mark count as 1)". The usual is not named: a threshold of 0.5, and probabilities in a
        loss."""
        if str(self) == OF_TRAINING:
            return "number of epochs of a training"
        small_print = "; ".join(self._small_print())
        return self._main_words() + (f" ({small_print})" if small_print else "")

    def _main_words(self) -> str:
        name, of = _WORDS.get(self.metric, self.metric), self.target.removeprefix("class=")
        if self.metric == "count":
            one, _, called = of.partition(">")
            return f"number of {one} cases called {called}"
        if self.target.startswith("class="):
            return f"{'F1' if self.metric == 'dice' else name} of the class {of}"
        specificity = (self.metric, self.target) == ("recall", "bg")
        name = "specificity" if specificity else f"{'mean ' * (of == 'mean2')}{name} of {_TARGETS[of]}"
        kind, _, size = self.aggregation.partition("=")
        averaged = {"image": " in each image, averaged", "batch": f" in each batch of {size} images, averaged"}
        averaged["batches"] = f"{averaged['batch']} over batches"
        together = ", all pixels together" if kind == "pooled" and of != "pixel" else ""
        return name + averaged.get(kind, together)

    def _small_print(self) -> Iterator[str]:
        if isinstance(self.decision, float) and self.decision != 0.5:
            yield f"threshold {_number(self.decision)}"
        if self.decision == "soft" and self.metric not in LOSSES:
            yield "from probabilities"
        if self.decision == "keras-raw":
            yield "only probabilities of exactly 1 count as tumour"
        if self.smooth:
            yield f"smoothed by {_number(self.smooth)}"
        if self.truth:
            yield "edges of masks made hard"
        if self.metric in DISTANCES:
            yield "only images with both outlines"
        elif self.empty:
            unit = "batches" if self.aggregation.startswith("batch") else "images"
            missing = {"fg": "tumour and mark", "bg": "background and unmarked pixels", "mean2": "one of the classes"}
            counts = {"skip": "are left out", "one": "count as 1", "zero": "count as 0"}
            yield f"{unit} without {missing[self.target]} {counts[self.empty]}"
        if self.clip:
            yield f"clipped as in {'Keras' if self.clip == 'keras' else 'PyTorch'}"

    def __str__(self) -> str:
        decision = f"t={_number(self.decision)}" if isinstance(self.decision, float) else self.decision
        parts = [self.metric, self.target, self.aggregation, decision]
        parts += [f"s={_number(self.smooth)}" if self.smooth else None]
        parts += [f"{name}={value}" if (value := getattr(self, name)) else None for name in ("truth", "empty", "clip")]
        return "|".join(part for part in parts if part)

    def __post_init__(self) -> None:
        for holds, demand in self._demands():
            if not holds:
                raise ValueError(demand)

    def _demands(self) -> Iterator[tuple[object, str]]:
        """Pairs: whether a demand on the fields is met, and the message of the error if it is not."""
        metric, target, aggregation, decision = self.metric, self.target, self.aggregation, self.decision
        yield not self.clip or metric.startswith("bce"), "clip=keras and clip=torch are of cross-entropies alone"
        yield self.clip in CLIPS, f"clip={self.clip} is neither keras nor torch"
        if metric == "epochs" or target == "training":
            yield str(self) == OF_TRAINING, f"of a training there is {OF_TRAINING} alone"
        elif target.startswith("class"):
            forms = ", ".join([*OF_CLASSES, *OF_A_CLASS]).format(*["NAME"] * 3)
            yield _CLASS_FORMS.fullmatch(f"{metric}|{target}|{aggregation}"), f"of classes there are {forms}"
            more = decision is not None or self.smooth or self.truth or self.empty
            yield not more, "a class is decided at 0.5, there is nothing more to say"
        elif metric in DISTANCES:
            only = (target, aggregation, decision, self.empty) == ("fg", "image", 0.5, "skip")
            yield only, f"of distances there is {metric}|fg|image|t=0.5|empty=skip alone"
        else:
            yield from self._demands_of_pixels()

    def _demands_of_pixels(self) -> Iterator[tuple[object, str]]:
        metric, target, aggregation, decision = self.metric, self.target, self.aggregation, self.decision
        per_pixel, hard, soft = metric in ("accuracy", "bce"), isinstance(decision, float), decision == "soft"
        may_be_empty = aggregation != "pooled" and self.smooth == 0
        form = f"{metric}|{target}|{aggregation}"
        yield metric != "specificity", "the specificity of the tumour is recall|bg"
        yield per_pixel or metric in {*OVERLAPS, *LOSSES}, f"unknown metric '{metric}'"
        yield target in (["pixel"] if per_pixel else ["fg", "bg", "mean2"]), f"{metric} has no {target}"
        yield re.fullmatch(r"pooled|image|batch(es)?=[1-9]\d*", aggregation), f"no aggregation '{aggregation}'"
        yield not per_pixel or aggregation == "pooled", f"{metric} is pooled: images have as many pixels"
        yield metric != "bce" or decision is None, "bce takes the probabilities, without a decision"
        yield metric == "bce" or decision is not None, "no decision: t=..., soft or keras-raw"
        yield not hard or 0 < decision < 1, "a threshold lies between 0 and 1"
        yield metric != "accuracy" or hard, "accuracy needs a threshold"
        yield self.truth in (None, "hard"), f"truth={self.truth} is unknown: hard, or nothing"
        yield not self.truth or metric == "accuracy", "truth=hard is for accuracy; t=... implies it elsewhere"
        yield metric != "accuracy" or self.truth or decision == 0.5, "without truth=hard, at t=0.5 only"
        yield metric not in LOSSES or soft, f"{metric} is soft"
        areas = form == "area-ratio|fg|pooled" and hard
        yield metric != "area-ratio" or areas, "of area ratios there is area-ratio|fg|pooled|t=... alone"
        of_keras = form == "iou|mean2|pooled"
        yield decision != "keras-raw" or of_keras, "keras-raw is Keras' MeanIoU: iou|mean2|pooled"
        yield self.smooth == 0 or (soft and 0 < self.smooth < np.inf), "s is for soft, and positive"
        yield self.empty in (None, "skip", "one", "zero"), f"empty={self.empty} is none of skip, one, zero"
        yield self.empty or not may_be_empty, "does not say what an empty pair counts as: empty=skip, one or zero"
        yield may_be_empty or not self.empty, "empty=... has no effect here"


def possible_range(definition: Definition) -> tuple[float, float]:
    """The least and the greatest value that a metric can have. For the metrics of PRINTED, those of the formula."""
    most = MOST_COSTLY[definition.clip]
    ranges = {"epochs": (1, math.inf), "bce": (0, most), "squared-dice-loss": (-1, 0), "bce+dice-loss": (0, most + 1)}
    ranges |= dict.fromkeys(("hd95", "assd", "count", "area-ratio"), (0, math.inf))
    return ranges.get(definition.metric, (0, 1))


def _number(number: float) -> str:
    """The shortest decimal: 0.5, 1, 1e-6."""
    return repr(number).removesuffix(".0").replace("e-0", "e-")
