"""How far two outlines lie apart: what clinicians ask for beside the overlap of two areas."""

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt


def distances(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The 95th percentile of the Hausdorff distance, and the average symmetric surface distance, in pixels.

    one, other: bool (H, W). Both values are NaN where either marks nothing: there is no outline to measure from.

    The outline of a mask are its pixels with a side neighbour outside it (or outside the image). From each pixel of one
    outline the distance to the nearest of the other is taken, both ways. HD95 is the larger of the two 95th
    percentiles, as in MONAI and in Nikolov et al. (2018); the average is over the pixels of both outlines together.
    """
    if not (one.any() and other.any()):
        return np.nan, np.nan
    outlines = [mask & ~binary_erosion(mask) for mask in (one, other)]
    there, back = (distance_transform_edt(~towards)[outline] for outline, towards in (outlines, outlines[::-1]))
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return float(hd95), float(np.concatenate([there, back]).mean())
