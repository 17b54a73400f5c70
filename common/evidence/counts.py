"""One row of sufficient statistics per image: all that the metric definitions need, taken once from the prediction.

A network is asked once; every reading of "IoU" or "accuracy" is then arithmetic on these rows (`metrics.value`).
"""

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from common.errors import BadInput
from common.evidence.cross_entropy import CLIPS, cross_entropy, logit_of
from common.evidence.surfaces import distances
from common.files import write_atomically

# 0.5 is what everyone means who names no threshold. Its two neighbours show whether a number hangs on that choice.
THRESHOLDS = (0.3, 0.5, 0.7)


@dataclass(frozen=True, eq=False)
class Rows:
    """Arrays with one entry per image, in any order; `position` tells the order of evaluation.

    case, label, group: str: id, class, and what the image shares with others (a patient, a lesion).
    position: int, 0, 1, ... in the order of evaluation; batches of K are positions 0...K-1, K...2K-1, ...
    pixels: int, all pixels of the image.
    truth_zero, truth_soft, truth_one: int, pixels whose truth is exactly 0, between 0 and 1, exactly 1.
    tp, fp, fn: int (n, thresholds): prediction > threshold against truth >= 0.5. Strictly above, as Keras'
        BinaryAccuracy and NumPy's round have it; at least, so that a pixel which half of the annotators (or half of
        the pixels it was interpolated from) call tumour is tumour.
    sum_truth, sum_prediction, sum_product: float64, Σt, Σp and Σt·p over the pixels.
    prediction_one, both_one: int, pixels where the prediction, or prediction and truth, are exactly 1: what is left
        of a sigmoid that is cast to an integer, as Keras' MeanIoU does.
    correct: int, pixels where (prediction > 0.5) equals the truth, as Keras' BinaryAccuracy counts them: where the
        truth is soft no prediction is correct.
    cross_entropy, cross_entropy_keras, cross_entropy_torch: float64, Σ -t·ln p - (1-t)·ln(1-p) from the logits, and as
        Keras and PyTorch clip it (`common.evidence.cross_entropy`).
    hd95, assd: float64, Hausdorff and surface distance in pixels between (prediction > 0.5) and (truth >= 0.5), see
        `surfaces.distances`; NaN where either is empty.
    probability, logit: float64, of the class `positive`, from a network that also classifies; else NaN.
    thresholds: float64 (thresholds,), and positive, str (): the fields that are not per image.
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
    probability: np.ndarray
    logit: np.ndarray
    thresholds: np.ndarray
    positive: np.ndarray

    def __len__(self) -> int:
        return len(self.case)

    def take(self, images: np.ndarray) -> "Rows":
        """The rows of some images, by index or boolean mask; each keeps its position, and so its batch."""
        taken = {name: array[images] for name, array in self._per_image()}
        return Rows(**taken, thresholds=self.thresholds, positive=self.positive)

    def costs(self, clip: str | None) -> np.ndarray:
        """The cross-entropy of each image, summed over its pixels: one of `cross_entropy.CLIPS`."""
        return getattr(self, name_of(clip))

    def save(self, path: Path) -> None:
        """Writes a compressed .npz, whole or not at all."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **vars(self))
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Rows":
        """Raises BadInput, naming the file, where it is missing or holds no such rows."""
        try:
            with np.load(path, allow_pickle=False) as file:
                kept = {name: file[name] for name in file.files}
            # What rows that were kept by older code do not have.
            unknown = np.full(len(kept["case"]), np.nan)
            if "cross_entropy_keras" not in kept:  # of protocol 1, whose only cross-entropy was clipped as in Keras
                kept["cross_entropy_keras"] = kept["cross_entropy"]
                kept |= {"cross_entropy": unknown, "cross_entropy_torch": unknown}
            others = ("hd95", "assd", "probability", "logit")
            kept = dict.fromkeys(others, unknown) | {"positive": np.array("")} | kept
            return cls(**{field.name: kept[field.name] for field in fields(cls)})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise BadInput(f"{path}: not a file of per-image counts ({error}). Evaluate the run again.") from error

    def _per_image(self) -> list[tuple[str, np.ndarray]]:
        return [(name, array) for name, array in vars(self).items() if name not in ("thresholds", "positive")]


def count(
    probabilities: np.ndarray,
    truth: np.ndarray,
    cases: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[str],
    thresholds: Sequence[float] = THRESHOLDS,
    positive: str = "",
    of_class: np.ndarray | None = None,
    logits: np.ndarray | None = None,
    logits_of_class: np.ndarray | None = None,
) -> Rows:
    """The rows of images in the order of evaluation. Memory beyond the input: a few images' worth.

    probabilities, truth: float32 (n, S, S) in [0, 1]; float16 is widened, float64 rounded to float32.
    of_class: float32 (n,) in [0, 1], the probability of the class `positive`, from a network that also classifies.
    logits, logits_of_class: float32, of the same shapes as these, what the network gave before the sigmoid; where there
        are none they are taken from the probabilities.
    Raises ValueError for shapes that don't fit, for values outside [0, 1] and for NaN, with the first such case.
    """
    if probabilities.ndim != 3 or probabilities.shape != truth.shape or not truth.size:
        raise ValueError(f"probabilities {probabilities.shape}, truth {truth.shape}: expected the same (n, S, S)")
    if not len(cases) == len(labels) == len(groups) == len(truth):
        raise ValueError(f"{len(truth)} images, {len(cases)} cases, {len(labels)} labels, {len(groups)} groups")
    logits = logits if logits is not None else map(logit_of, probabilities)
    rows = []
    for case, p, z, t in zip(cases, probabilities, logits, truth, strict=True):
        p, t = p.astype(np.float32, copy=False).ravel(), t.astype(np.float32, copy=False).ravel()
        for name, values in ("probabilities", p), ("truth", t):
            if not (values.min() >= 0 and values.max() <= 1):  # also where either is NaN
                raise ValueError(f"{case}: {name} from {values.min()} to {values.max()}, expected within [0, 1]")
        hd95, assd = distances(p.reshape(truth.shape[1:]) > 0.5, t.reshape(truth.shape[1:]) >= 0.5)
        counted = _count_image(p, z.astype(np.float64).ravel(), t, np.asarray(thresholds, np.float32))
        rows.append(counted | {"hd95": hd95, "assd": assd})
    nothing = np.full(len(rows), np.nan)
    of_class = nothing if of_class is None else np.asarray(of_class, np.float64)
    return Rows(
        case=np.array(cases, dtype=str),
        label=np.array(labels, dtype=str),
        group=np.array(groups, dtype=str),
        position=np.arange(len(rows)),
        thresholds=np.array(thresholds, dtype=np.float64),
        positive=np.array(positive),
        probability=of_class,
        logit=logit_of(of_class) if logits_of_class is None else np.asarray(logits_of_class, np.float64),
        **{name: np.array([row[name] for row in rows]) for name in rows[0]},
    )


def _count_image(p: np.ndarray, z: np.ndarray, t: np.ndarray, thresholds: np.ndarray) -> dict[str, object]:
    above, tumour = p > thresholds[:, None], t >= 0.5
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
        **{name_of(clip): cross_entropy(clip, p, z, t).sum(dtype=np.float64) for clip in CLIPS},
    }


def name_of(clip: str | None) -> str:
    """The field of the rows that holds a cross-entropy."""
    return f"cross_entropy_{clip}" if clip else "cross_entropy"


def constant(rows: Rows, probability: float, of_class: float = np.nan) -> Rows:
    """What a predictor that has learned nothing would score on the same truth: `probability` at every pixel, and
    `of_class` as every image's probability of the positive class.

    0 is "all background"; the tumour's share of the training pixels is "constant prevalence". The truth's own counts
    suffice, neither images nor network are needed.
    """
    p = np.float32(probability)
    tumour = rows.tp + rows.fn
    above = p > rows.thresholds.astype(np.float32)
    costs = {}
    for clip in CLIPS:
        of_tumour, of_rest = (float(cross_entropy(clip, p, logit_of(p), np.float32(truth))) for truth in (1, 0))
        costs[name_of(clip)] = rows.sum_truth * of_tumour + (rows.pixels - rows.sum_truth) * of_rest
    return Rows(
        **{name: getattr(rows, name) for name in ("case", "label", "group", "position", "pixels", "positive")},
        **{name: getattr(rows, name) for name in ("truth_zero", "truth_soft", "truth_one", "sum_truth", "thresholds")},
        tp=tumour * above,
        fp=(rows.pixels[:, None] - tumour) * above,
        fn=tumour * ~above,
        sum_prediction=float(p) * rows.pixels,
        sum_product=float(p) * rows.sum_truth,
        prediction_one=rows.pixels * int(p == 1),
        both_one=rows.truth_one * int(p == 1),
        correct=rows.truth_one if p > 0.5 else rows.truth_zero,
        **costs,
        # An outline where all is marked, or nothing: the first is the image's own, which says nothing.
        hd95=np.full(len(rows), np.nan),
        assd=np.full(len(rows), np.nan),
        probability=np.full(len(rows), of_class),
        logit=np.full(len(rows), logit_of(of_class)),
    )


def prevalence(rows: Rows) -> float:
    """The tumour's share of all pixels, between 0 and 1."""
    return float(rows.sum_truth.sum() / rows.pixels.sum())


def class_prevalence(rows: Rows) -> float:
    """The positive class's share of the images, between 0 and 1; NaN where there is no such class."""
    return float(np.mean(rows.label == rows.positive)) if rows.positive else np.nan


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Rows evaluated in several goes, as if in one: positions continue from part to part.

    Raises ValueError for parts counted at different thresholds."""
    if any(not np.array_equal(part.thresholds, parts[0].thresholds) for part in parts):
        raise ValueError("parts counted at different thresholds can't be concatenated")
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name, _ in parts[0]._per_image()}
    arrays["position"] = np.concatenate([part.position + start for part, start in zip(parts, starts, strict=True)])
    return Rows(**arrays, thresholds=parts[0].thresholds, positive=parts[0].positive)
