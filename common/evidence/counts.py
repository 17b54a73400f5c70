"""One row of counts per image: all that the metric definitions need.

The network predicts once, and its prediction is counted once. Every definition of "IoU" or "accuracy" is then
arithmetic on these rows (`metrics.value`).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from common.arrays import read_arrays
from common.errors import Damaged
from common.evidence.cross_entropy import CLIPS, cross_entropy, logit_of
from common.files import write_atomically

# A paper that names no threshold means 0.5. The other two show whether a number depends on that choice.
THRESHOLDS = (0.3, 0.5, 0.7)

# The most memory that the counts of one part may take, in bytes: enough for 250,000 images.
MOST_BYTES = 1 << 28

# The columns on outlines and lesions. Rows that were stored before these columns existed have NaN: not measured.
SHAPES = ("outline", "outline_near", "lesions", "lesions_found", "regions", "regions_matched", "specks")

_TEXT = ("case", "label", "group", "positive")
_WHOLE = ("position", "pixels", "truth_zero", "truth_soft", "truth_one", "tp", "fp", "fn")
_WHOLE += ("prediction_one", "both_one", "correct")


@dataclass(frozen=True, eq=False)
class Rows:
    """Arrays with one entry per image, in any order; `position` gives the order of evaluation.

    case, label, group: str: the id of the image, its class, and the patient or lesion that it shows.
    position: int, 0, 1, ... in the order of evaluation; batches of K are positions 0...K-1, K...2K-1, ...
    pixels: int, number of pixels of the image.
    truth_zero, truth_soft, truth_one: int, number of pixels whose truth is exactly 0, between 0 and 1, exactly 1.
    tp, fp, fn: int (n, thresholds). A pixel is marked if the prediction is above the threshold, as in Keras'
        BinaryAccuracy and NumPy's round. It is tumour if the truth is at least 0.5: if at least half of the annotators,
        or of the interpolated pixels, say so.
    sum_truth, sum_prediction, sum_product: float64, Σt, Σp and Σt·p over the pixels.
    prediction_one, both_one: int, number of pixels where the prediction is exactly 1, and where prediction and truth
        both are. Keras' MeanIoU sees only these, since it casts the output of a sigmoid to an integer.
    correct: int, number of pixels where (prediction > 0.5) equals the truth, as Keras' BinaryAccuracy counts them. If
        the truth is between 0 and 1, no prediction is correct.
    cross_entropy, cross_entropy_keras, cross_entropy_torch: float64, Σ -t·ln p - (1-t)·ln(1-p) from the logits, and as
        Keras and PyTorch clip it (`common.evidence.cross_entropy`).
    hd95, assd: float64, Hausdorff and surface distance in pixels between (prediction > 0.5) and (truth >= 0.5), see
        `shapes.surface_distances`; NaN if either is empty.
    outline, outline_near: float64, number of pixels of the outlines of the same two masks, and of those near the other
        outline (`shapes.count_near_outlines`).
    lesions, lesions_found, regions, regions_matched, specks: float64, number of lesions in the truth, of lesions that
        are found, of marked regions, of regions that match a lesion, and of small regions that match none
        (`shapes.match_regions`). These and the outlines are whole numbers, or NaN if not measured (`has_shapes`).
    probability, logit: float64, of the class `positive`, from a network that also classifies; else NaN.
    thresholds: float64 (thresholds,), the same for all images.
    positive: str (), the positive class, the same for all images; "" if the network does not classify.
    """

    case: np.ndarray
    label: np.ndarray
    group: np.ndarray
    position: np.ndarray
    pixels: np.ndarray
    truth_zero: np.ndarray
    truth_soft: np.ndarray
    truth_one: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    sum_truth: np.ndarray
    sum_prediction: np.ndarray
    sum_product: np.ndarray
    prediction_one: np.ndarray
    both_one: np.ndarray
    correct: np.ndarray
    cross_entropy: np.ndarray
    cross_entropy_keras: np.ndarray
    cross_entropy_torch: np.ndarray
    hd95: np.ndarray
    assd: np.ndarray
    outline: np.ndarray
    outline_near: np.ndarray
    lesions: np.ndarray
    lesions_found: np.ndarray
    regions: np.ndarray
    regions_matched: np.ndarray
    specks: np.ndarray
    probability: np.ndarray
    logit: np.ndarray
    thresholds: np.ndarray
    positive: np.ndarray

    def __len__(self) -> int:
        return len(self.case)

    def take(self, images: np.ndarray) -> "Rows":
        """The rows of some images. images: indices or a boolean mask. Each row keeps its position, and so its batch."""
        taken = {name: array[images] for name, array in self._per_image()}
        return Rows(**taken, thresholds=self.thresholds, positive=self.positive)

    @property
    def has_shapes(self) -> bool:
        """Whether outlines and lesions were measured in every image."""
        return not any(np.isnan(getattr(self, name)).any() for name in SHAPES)

    def overlap(self, decision: float | str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """TP, FP, FN, TN of each image, (n,) each: numbers of pixels, or sums of probabilities if decision is "soft".

        decision: as in `Definition.decision`. Raises ValueError for a threshold at which nothing was counted."""
        if decision == "soft":
            tp, predicted, truth = self.sum_product, self.sum_prediction, self.sum_truth
        elif decision == "keras-raw":
            tp, predicted, truth = self.both_one, self.prediction_one, self.truth_one
        elif decision in self.thresholds:
            tp, fp, fn = (each[:, self.thresholds == decision][:, 0] for each in (self.tp, self.fp, self.fn))
            predicted, truth = tp + fp, tp + fn
        else:
            raise ValueError(f"the rows are counted at thresholds {', '.join(map(str, self.thresholds))}")
        return tp, predicted - tp, truth - tp, self.pixels - predicted - truth + tp

    def costs(self, clip: str | None) -> np.ndarray:
        """The cross-entropy of each image, summed over its pixels, float64 (n,). clip: as in `cross_entropy`."""
        return getattr(self, cost_field(clip))

    @property
    def classes(self) -> tuple[str, str | None]:
        """The positive class and the other one, which is None if no case is of it.

        Raises ValueError for a network that does not classify, and for more than two classes."""
        if not self.positive:
            raise ValueError("the network that these rows are from does not classify")
        positive, others = str(self.positive), sorted({*self.label.tolist()} - {str(self.positive)})
        if len(others) > 1:
            raise ValueError(f"{positive} against several classes: {', '.join(others)}")
        return positive, others[0] if others else None

    def class_overlap(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """TP, FP, FN, TN of each image as one case of the positive class, float64 (n,) of 0 and 1 each. An image is
        called positive if its probability is above 0.5."""
        positive, called = self.label == self.positive, self.probability > 0.5
        cells = positive & called, ~positive & called, positive & ~called, ~positive & ~called
        return tuple(cell.astype(np.float64) for cell in cells)

    def class_costs(self, clip: str | None) -> np.ndarray:
        """The cross-entropy of each image's class, float64 (n,). clip: as in `cross_entropy`."""
        return cross_entropy(clip, self.probability, self.logit, (self.label == self.positive).astype(np.float64))

    def save(self, path: Path) -> None:
        """Writes a compressed .npz, whole or not at all."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **vars(self))
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Rows":
        """Reads what `save` wrote, also by older versions. Raises Damaged, naming the file, if the file is missing or
        does not hold such rows."""
        kept = read_arrays(path, MOST_BYTES)
        try:
            unknown = np.full(np.size(kept["case"]), np.nan)  # for the fields that older files do not have
            if "cross_entropy_keras" not in kept:  # protocol 1 had one cross-entropy, clipped as in Keras
                kept["cross_entropy_keras"] = kept["cross_entropy"]
                kept |= {"cross_entropy": unknown, "cross_entropy_torch": unknown}
            others = ("hd95", "assd", *SHAPES, "probability", "logit")
            kept = dict.fromkeys(others, unknown) | {"positive": np.array("")} | kept
            rows = cls(**{field.name: kept[field.name] for field in fields(cls)})
        except KeyError as missing:
            raise Damaged(path, f"it has no {missing}") from missing
        if wrong := [name for name, array in vars(rows).items() if not _is_as_written(name, array, rows)]:
            raise Damaged(path, f"{', '.join(wrong)} in it are not what counts of images are")
        return rows

    def _per_image(self) -> list[tuple[str, np.ndarray]]:
        return [(name, array) for name, array in vars(self).items() if name not in ("thresholds", "positive")]


def count(
    probabilities: np.ndarray,
    truth: np.ndarray,
    cases: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[str],
    positive: str = "",
    of_class: np.ndarray | None = None,
    logits: np.ndarray | None = None,
    logits_of_class: np.ndarray | None = None,
    least_lesion: float = 0,
) -> Rows:
    """Counts predictions against their truth, image by image.

    The images are in the order of evaluation. Beyond the input, this needs memory for a few images only.

    probabilities, truth: float32 (n, S, S) in [0, 1]; float16 is widened, float64 rounded to float32.
    cases, labels, groups: the columns `case`, `label` and `group` of `Rows`, n each.
    positive: the positive class, "" if the network does not classify.
    of_class: float32 (n,) in [0, 1], the probability of the class `positive`, from a network that also classifies.
    logits, logits_of_class: float32, in the shapes of probabilities and of_class: the network's output before the
        sigmoid. Without them, logits are computed from the probabilities.
    least_lesion: as in `shapes.compare_shapes`.
    Raises ValueError for shapes that don't fit, and for probabilities or truth outside [0, 1] or NaN, naming the first
    such case.
    """
    from common.evidence.shapes import compare_shapes  # imported here, because reading rows should not import OpenCV

    if probabilities.ndim != 3 or probabilities.shape != truth.shape or not truth.size:
        raise ValueError(f"probabilities {probabilities.shape}, truth {truth.shape}: expected the same (n, S, S)")
    if not len(cases) == len(labels) == len(groups) == len(truth):
        raise ValueError(f"{len(truth)} images, {len(cases)} cases, {len(labels)} labels, {len(groups)} groups")
    logits = map(logit_of, probabilities) if logits is None else logits
    rows = []
    for case, p, z, t in zip(cases, probabilities, logits, truth, strict=True):
        p, t = p.astype(np.float32, copy=False).ravel(), t.astype(np.float32, copy=False).ravel()
        for name, values in ("probabilities", p), ("truth", t):
            if not (values.min() >= 0 and values.max() <= 1):  # also true if either is NaN
                raise ValueError(f"{case}: {name} from {values.min()} to {values.max()}, expected within [0, 1]")
        compared = compare_shapes(p.reshape(truth.shape[1:]) > 0.5, t.reshape(truth.shape[1:]) >= 0.5, least_lesion)
        shapes = {name: float(number) for name, number in compared.items()}
        rows.append(_count_image(p, z.astype(np.float64).ravel(), t) | shapes)
    nothing = np.full(len(rows), np.nan)
    of_class = nothing if of_class is None else np.asarray(of_class, np.float64)
    return Rows(
        case=np.array(cases, dtype=str),
        label=np.array(labels, dtype=str),
        group=np.array(groups, dtype=str),
        position=np.arange(len(rows)),
        thresholds=np.array(THRESHOLDS),
        positive=np.array(positive),
        probability=of_class,
        logit=logit_of(of_class) if logits_of_class is None else np.asarray(logits_of_class, np.float64),
        **{name: np.array([row[name] for row in rows]) for name in rows[0]},
    )


def _is_as_written(name: str, array: np.ndarray, rows: Rows) -> bool:
    """Whether a column of `rows` has the dtype and shape that `Rows` describes. Integers must not be negative."""
    if name == "thresholds":
        return array.tolist() == list(THRESHOLDS)
    images = (np.size(rows.case),)
    shape = {"positive": ()} | dict.fromkeys(("tp", "fp", "fn"), (*images, len(THRESHOLDS)))
    if array.shape != shape.get(name, images) or not array.size:
        return False
    kind = "U" if name in _TEXT else "i" if name in _WHOLE else "f"
    return array.dtype.kind == kind and not (kind == "i" and (array < 0).any())


def _count_image(p: np.ndarray, z: np.ndarray, t: np.ndarray) -> dict[str, object]:
    """The columns of one image that do not depend on shapes. p, z, t: probabilities, logits and truth, (pixels,)."""
    above, tumour = p > np.array(THRESHOLDS, np.float32)[:, None], t >= 0.5
    tp = np.count_nonzero(above & tumour, axis=1)
    zero, one = t == 0, t == 1
    return {
        "pixels": p.size,
        "truth_zero": np.count_nonzero(zero),
        "truth_soft": p.size - np.count_nonzero(zero) - np.count_nonzero(one),
        "truth_one": np.count_nonzero(one),
        "tp": tp,
        "fp": np.count_nonzero(above, axis=1) - tp,
        "fn": np.count_nonzero(tumour) - tp,
        "sum_truth": t.sum(dtype=np.float64),
        "sum_prediction": p.sum(dtype=np.float64),
        "sum_product": np.multiply(t, p, dtype=np.float64).sum(),
        "prediction_one": np.count_nonzero(p == 1),
        "both_one": np.count_nonzero(one & (p == 1)),
        "correct": np.count_nonzero(np.where(p > 0.5, one, zero)),
        **{cost_field(clip): cross_entropy(clip, p, z, t).sum(dtype=np.float64) for clip in CLIPS},
    }


def cost_field(clip: str | None) -> str:
    """The column of `Rows` with a cross-entropy. clip: as in `cross_entropy`."""
    return f"cross_entropy_{clip}" if clip else "cross_entropy"


def class_confusion(rows: Rows) -> dict[str, dict[str, int]]:
    """The number of cases by their class, then by the class that the network calls them.

    A case is called positive if its probability is above 0.5. The positive class comes first. If no case is of the
    other class, that is named "not POSITIVE". {} for a network that does not classify. Raises ValueError for more than
    two classes.
    """
    if not rows.positive:
        return {}
    tp, fp, fn, tn = (int(each.sum()) for each in rows.class_overlap())
    positive, other = rows.classes
    other = other or f"not {positive}"
    return {positive: {positive: tp, other: fn}, other: {positive: fp, other: tn}}


def concatenate(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, as if they had been evaluated in one pass. Positions continue from part to part.

    Raises ValueError for parts that were counted at different thresholds."""
    if any(not np.array_equal(part.thresholds, parts[0].thresholds) for part in parts):
        raise ValueError("parts counted at different thresholds can't be concatenated")
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name, _ in parts[0]._per_image()}
    arrays["position"] = np.concatenate([part.position + start for part, start in zip(parts, starts, strict=True)])
    return Rows(**arrays, thresholds=parts[0].thresholds, positive=parts[0].positive)
