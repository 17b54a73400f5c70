"""Predictions and masks made up for the tests of metrics, and their counts."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from common.evidence.counts import Rows, count


def rows_of(p, t) -> Rows:
    names = [f"case {i}" for i in range(len(p))]
    return count(p, t, names, ["benign"] * len(p), names)


def zoo() -> tuple[np.ndarray, np.ndarray]:
    """(prediction, truth) of images that make trouble, and some that don't."""
    random = np.random.default_rng(4)
    empty, full, one = np.zeros((12, 12)), np.ones((12, 12)), np.zeros((12, 12))
    one[3, 4] = 1
    noise = random.random((12, 12))
    blob = np.pad(np.ones((5, 6)), ((3, 4), (2, 4)))
    on_threshold = np.where(blob > 0, 0.5, 0.3)
    soft = np.clip(blob - 0.5 * (noise > 0.8), 0, 1)
    images = [
        (empty, empty),
        (full, full),
        (empty, full),
        (full, empty),
        (one, one),
        (noise, one),
        (one, np.roll(one, 1)),
        (on_threshold, blob),
        (0.9 * blob + 0.05 * noise, soft),
        (noise, soft),
        (noise, (noise > 0.6) * 1.0),
    ]
    p, t = (np.array(arrays, np.float32) for arrays in zip(*images, strict=True))
    return p, t


def outline(mask: np.ndarray) -> np.ndarray:
    """Positions, (pixels, 2), of the pixels of the mask with a side neighbour that is not in it."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask & ~inside)


@st.composite
def pairs(draw):
    shape = (draw(st.integers(1, 5)), 3, 3)
    p = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
    t = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.5, 1.0])))
    return p, t
