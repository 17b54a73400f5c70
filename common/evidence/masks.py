"""The predicted masks of one part in a file, one bit for each pixel. The file has neither the images nor the truth,
since no data may lie in the results."""

from pathlib import Path

import numpy as np

from common.arrays import read_arrays
from common.errors import Damaged
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
