"""How the shapes of a marked area and of the tumour compare: the distance of their outlines, and the lesions found.

Lengths are in pixels of the masks, which have the size at which the network was evaluated (`Recipe.side`). Two pixels
are a larger part of the breast in a smaller image.
"""

import cv2
import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from common.evidence.boxes import LEAST_SHARE

# The normalised surface Dice allows outlines to be this far apart, in pixels.
TOLERANCE = 2

# A lesion and a marked region match where their IoU is above this.
LEAST_IOU = 0.1


def compare_shapes(marked: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The columns of `counts.Rows` that depend on the shape of the masks, by name: `surface_distances`,
    `count_near_outlines` and `match_regions`. marked, truth: bool (H, W)."""
    least_area = LEAST_SHARE * marked.size
    # Most of an image is background. All that is marked lies in this rectangle, so nothing changes.
    left, top, width, height = cv2.boundingRect((marked | truth).view(np.uint8))
    inside = slice(top, top + max(height, 1)), slice(left, left + max(width, 1))  # OpenCV needs at least one pixel
    marked, truth = marked[inside], truth[inside]
    apart = distances_between_outlines(marked, truth)
    distances = dict(zip(("hd95", "assd"), surface_distances(*apart), strict=True))
    outlines = dict(zip(("outline", "outline_near"), count_near_outlines(*apart), strict=True))
    return {**distances, **outlines, **match_regions(marked, truth, least_area)}


def distances_between_outlines(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From each pixel of one outline the distance to the nearest of the other, and the other way, in pixels: float64
    (pixels of the outline,) each. Infinite where the other mask is empty and so has no outline.

    one, other: bool (H, W). The outline of a mask are its pixels with a side neighbour outside it (or outside the
    image).
    """
    outlines = [mask & ~binary_erosion(mask) for mask in (one, other)]
    there, back = (
        distance_transform_edt(~towards)[outline] if towards.any() else np.full(np.count_nonzero(outline), np.inf)
        for outline, towards in (outlines, outlines[::-1])
    )
    return there, back


def surface_distances(there: np.ndarray, back: np.ndarray) -> tuple[float, float]:
    """The 95th percentile of the Hausdorff distance, and the average symmetric surface distance, in pixels. Both are
    NaN where either mask is empty.

    there, back: of `distances_between_outlines`. HD95 is the larger of the two 95th percentiles, as in MONAI and in
    Nikolov et al. (2018); the average is over the pixels of both outlines together.
    """
    if not (len(there) and len(back)):
        return np.nan, np.nan
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return float(hd95), float(np.concatenate([there, back]).mean())


def count_near_outlines(there: np.ndarray, back: np.ndarray, tolerance: float = TOLERANCE) -> tuple[int, int]:
    """The number of pixels of both outlines, and how many of them lie within the tolerance (in pixels, inclusive) of
    the other outline. there, back: of `distances_between_outlines`.

    The second over the first is the normalised surface Dice (Nikolov et al. 2021, J Med Internet Res 23(7):e26151),
    with the length of an outline taken as the number of its pixels, as MONAI's `compute_surface_dice` does. It is 0
    where one mask is empty, and undefined where both are.
    """
    apart = np.concatenate([there, back])
    return len(apart), int(np.count_nonzero(apart <= tolerance))


def match_regions(marked: np.ndarray, truth: np.ndarray, least_area: float) -> dict[str, int]:
    """The number of lesions in the truth and of those that are found; the number of marked regions, of those that match
    a lesion, and of specks: those that match none and have fewer than `least_area` pixels.

    marked, truth: bool (H, W), at least one pixel. A lesion or region is a set of pixels that touch at a side or a
    corner (8-connected). A lesion is found where a marked region has an IoU above LEAST_IOU with it; a region matches
    where it has that with a lesion. So one region may find two lesions, and a lesion may match two regions.
    """
    (lesions, lesion_at), (regions, region_at) = (
        cv2.connectedComponents(np.ascontiguousarray(mask).view(np.uint8), connectivity=8) for mask in (truth, marked)
    )
    lesion_area, region_area = (np.bincount(at.ravel()) for at in (lesion_at, region_at))
    # Only the pairs that share a pixel, each once: there may be thousands of regions.
    both = marked & truth
    pairs, shared = np.unique(lesion_at[both].astype(np.int64) * regions + region_at[both], return_counts=True)
    lesion, region = np.divmod(pairs, regions)
    match = shared / (lesion_area[lesion] + region_area[region] - shared) > LEAST_IOU
    matched = np.unique(region[match])
    small = np.flatnonzero(region_area[1:] < least_area) + 1  # 0 is the background
    return {
        "lesions": lesions - 1,
        "lesions_found": len(np.unique(lesion[match])),
        "regions": regions - 1,
        "regions_matched": len(matched),
        "specks": len(np.setdiff1d(small, matched)),
    }
