"""The predicted masks of one part in a file, one bit for each pixel, and what can be measured from them later.

The file has neither the images nor the truth, since no data may lie in the results. If the data are at hand, the masks
give the columns that rows of an older version lack."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from common.arrays import read_arrays
from common.errors import Damaged
from common.evidence.counts import SHAPES, Rows
from common.evidence.shapes import compare_shapes
from common.files import atomic

# The most bytes that the packed masks of one part may take: those of 16,000 images of 256 x 256 pixels. Unpacked, they
# take 1 GiB.
MOST_BYTES = 1 << 27


def save_masks(path: Path, marked: np.ndarray) -> None:
    """Writes a compressed .npz, whole or not at all. marked: bool (images, side, side)."""
    with atomic(path) as file:
        np.savez_compressed(file, bits=np.packbits(marked, axis=-1))


def load_masks(path: Path) -> np.ndarray:
    """The masks that `save_masks` wrote, bool (images, side, side). Raises Damaged, naming the file, if the file is
    missing or has other content."""
    bits = read_arrays(path, MOST_BYTES).get("bits", np.array(()))
    if bits.ndim != 3 or bits.dtype != np.uint8 or bits.shape[2] != -(-bits.shape[1] // 8) or not bits.size:
        raise Damaged(path, "it does not hold masks")
    return np.unpackbits(bits, axis=-1, count=bits.shape[1]).view(bool)


def add_shapes(rows: Rows, marked: Iterable[np.ndarray], truth: Iterable[np.ndarray]) -> Rows:
    """The rows with the columns of `counts.SHAPES`, measured from the masks that the rows were counted from.

    marked: for each row, bool (S, S), where the prediction is above 0.5. truth: for each row, float32 (S, S) in [0, 1].
    Raises ValueError if the masks have other TP, FP or FN than the rows, naming the first such image.
    """
    at = rows.thresholds.tolist().index(0.5)
    counted = np.stack([each[:, at] for each in (rows.tp, rows.fp, rows.fn)], axis=1).tolist()
    measured = []
    for case, expected, one, other in zip(rows.case, counted, marked, truth, strict=True):
        tumour = other >= 0.5
        found = [int(np.count_nonzero(each)) for each in (one & tumour, one & ~tumour, ~one & tumour)]
        if found != expected:
            raise ValueError(f"{case}: TP, FP, FN are {found} in its masks and {expected} in its row")
        measured.append(compare_shapes(one, tumour))
    return replace(rows, **{name: np.array([each[name] for each in measured], np.float64) for name in SHAPES})
