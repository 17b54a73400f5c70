"""How a marked area compares with the tumour in shape: the distances of their outlines, and the lesions found.

Lengths are in pixels of the masks, which have the size at which the network was evaluated (`Recipe.side`). So the same
length is a larger part of the breast if the network works on smaller images.
"""

import cv2
import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from common.evidence.boxes import LEAST_SHARE

# The normalised surface Dice allows outlines to be this far apart, in pixels.
TOLERANCE = 2

# A lesion and a marked region match if their IoU is above this.
LEAST_IOU = 0.1


def compare_shapes(marked: np.ndarray, truth: np.ndarray, least_lesion: float = 0) -> dict[str, float]:
    """The columns of `counts.Rows` that depend on shapes, for one image, by name. marked, truth: bool (H, W).
    least_lesion: a smaller share of the image is no lesion, if the truth has a larger piece.

    They come from `surface_distances`, `count_near_outlines` and `match_regions`."""
    least_areas = LEAST_SHARE * marked.size, least_lesion * marked.size
    # Most of an image is background, so it is faster to look only at the rectangle round all that is marked or tumour.
    left, top, width, height = cv2.boundingRect((marked | truth).view(np.uint8))
    inside = slice(top, top + max(height, 1)), slice(left, left + max(width, 1))  # OpenCV needs at least one pixel
    marked, truth = marked[inside], truth[inside]
    apart = distances_between_outlines(marked, truth)
    distances = dict(zip(("hd95", "assd"), surface_distances(*apart), strict=True))
    outlines = dict(zip(("outline", "outline_near"), count_near_outlines(*apart), strict=True))
    return {**distances, **outlines, **match_regions(marked, truth, *least_areas)}


def distances_between_outlines(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distance from each pixel of one outline to the nearest pixel of the other outline, and the other way round.

    Both are float64 (pixels of the outline,), in pixels. They are infinite if the other mask is empty, since it has no
    outline then.

    one, other: bool (H, W). The outline of a mask consists of its pixels that have a side neighbour outside the mask or
    outside the image.
    """
    outlines = [mask & ~binary_erosion(mask) for mask in (one, other)]
    there, back = (
        distance_transform_edt(~towards)[outline] if towards.any() else np.full(np.count_nonzero(outline), np.inf)
        for outline, towards in (outlines, outlines[::-1])
    )
    return there, back


def surface_distances(there: np.ndarray, back: np.ndarray) -> tuple[float, float]:
    """The Hausdorff distance (95th percentile) and the average symmetric surface distance, in pixels. Both are NaN if
    either mask is empty.

    there, back: the two arrays of `distances_between_outlines`. HD95 is the larger of their 95th percentiles, as in
    MONAI and in Nikolov et al. (2018). The average is over the pixels of both outlines together.
    """
    if not (len(there) and len(back)):
        return np.nan, np.nan
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return float(hd95), float(np.concatenate([there, back]).mean())


def count_near_outlines(there: np.ndarray, back: np.ndarray, tolerance: float = TOLERANCE) -> tuple[int, int]:
    """The number of pixels of both outlines, and how many of them lie within the tolerance of the other outline.

    there, back: the two arrays of `distances_between_outlines`. tolerance: in pixels, inclusive.

    The second number over the first is the normalised surface Dice (Nikolov et al. 2021, J Med Internet Res 23(7):
    e26151). As in MONAI's `compute_surface_dice`, the length of an outline is the number of its pixels. The value is 0
    if one mask is empty, and undefined if both are.
    """
    apart = np.concatenate([there, back])
    return len(apart), int(np.count_nonzero(apart <= tolerance))


def match_regions(marked: np.ndarray, truth: np.ndarray, least_area: float, least_lesion: float = 0) -> dict[str, int]:
    """Counts lesions, lesions that are found, marked regions, regions that match a lesion, and specks, by name.

    A lesion or region is a set of pixels that touch at a side or a corner (8-connected). A lesion is found, and a
    region matches, if the two have an IoU above LEAST_IOU. So one region may find two lesions, and a lesion may match
    two regions. A speck is a region that matches no lesion and has fewer than `least_area` pixels. A piece of the truth
    with fewer than `least_lesion` pixels is no lesion, if there is a larger piece.

    marked, truth: bool (H, W), H and W at least 1.
    """
    (_, lesion_at), (regions, region_at) = (
        cv2.connectedComponents(np.ascontiguousarray(mask).view(np.uint8), connectivity=8) for mask in (truth, marked)
    )
    lesion_area, region_area = (np.bincount(at.ravel()) for at in (lesion_at, region_at))
    is_lesion = lesion_area >= min(least_lesion, lesion_area[1:].max(initial=0))
    # There may be thousands of regions, so only pairs that share a pixel are compared, each once.
    both = marked & truth
    pairs, shared = np.unique(lesion_at[both].astype(np.int64) * regions + region_at[both], return_counts=True)
    lesion, region = np.divmod(pairs, regions)
    match = is_lesion[lesion] & (shared / (lesion_area[lesion] + region_area[region] - shared) > LEAST_IOU)
    matched = np.unique(region[match])
    small = np.flatnonzero(region_area[1:] < least_area) + 1  # 0 is the background
    return {
        "lesions": np.count_nonzero(is_lesion[1:]),
        "lesions_found": len(np.unique(lesion[match])),
        "regions": regions - 1,
        "regions_matched": len(matched),
        "specks": len(np.setdiff1d(small, matched)),
    }
