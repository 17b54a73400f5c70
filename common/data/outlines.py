"""Turns outlines in a mask into areas: decides what area a thin line, a dotted line or a ring means."""

import cv2
import numpy as np

# A line is recognised by its shape: it is thin, and surrounds many times its own area.
_ROUND = 3  # a line surrounds at least this many times its own area
# The most that half the thickness of a line may be: the greater one of so many pixels and this share of the diagonal of
# its bounding box.
_THIN, _THIN_SHARE = 4.0, 0.04
_SMALL = 8  # pixels of height and width: a smaller mark is a small lesion, not a line
_DOTS = 8  # a dotted line has at least this many pieces
_PIECES = 50  # nobody outlines more lesions than this in one image
_GAP = 0.15  # of the diagonal of the line's bounding box: the widest gap that is closed


def fill_outline(mask: np.ndarray) -> np.ndarray:
    """Fills everything that a closed outline surrounds. An area without a hole stays as it is, and so does a line that
    does not close. mask and result: bool (height, width)."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED) > 0


def meant_area(mask: np.ndarray, outlined: bool) -> tuple[np.ndarray, str]:
    """The area that a mask means, bool (height, width), and a doubt about it, "" for none. The inside of a thin line is
    filled; gaps in the line, such as JPEG leaves, are closed first. outlined: whether the masks of this data set are
    outlines. If so, a closed outline of any thickness is filled without a doubt."""
    whole = fill_outline(mask) if outlined else mask
    if not _is_line(whole):
        return _beside_areas(whole)
    size = np.count_nonzero(whole)
    if np.count_nonzero(inside := fill_outline(whole)) >= _ROUND * size:
        return inside, "the mask is a thin line: the area inside it is taken as marked."
    if (closed := _closed(whole)) is not None:
        return closed, "the mask is a thin line with gaps: they are closed, and the area inside is taken as marked."
    return whole, "the mask is a thin line that does not close: the line alone is marked. Fill the area that is meant."


def _beside_areas(mask: np.ndarray) -> tuple[np.ndarray, str]:
    """Like `meant_area`, for a mask that is not one thin line. A dotted line is joined and its inside filled. Each
    closed thin line beside areas is filled. A thick ring stays as it is, with a doubt."""
    number, pieces = cv2.connectedComponents(mask.view(np.uint8))
    if number > _DOTS and _is_thin(mask) and (closed := _closed(mask)) is not None:
        return closed, "the mask is a dotted line: its gaps are closed, and the area inside is taken as marked."
    inside = mask.copy()
    for piece in range(1, number) if 2 < number <= _PIECES else ():
        if _is_line(line := pieces == piece) and np.count_nonzero(whole := fill_outline(line)) >= _ROUND * line.sum():
            inside |= whole
    if not np.array_equal(inside, mask):
        return inside, "some of the mask is a thin line: the area inside it is taken as marked."
    if np.count_nonzero(fill_outline(mask)) > 2 * np.count_nonzero(mask):
        return mask, "the mask surrounds more than it marks: what is inside is not marked. Fill the area that is meant."
    return mask, ""


def _box(mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and the columns of the bounding box of all that is marked."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def _is_line(mask: np.ndarray) -> bool:
    """Whether the mask is thin everywhere and spans much more than it covers."""
    part = mask[_box(mask)].view(np.uint8)
    # This is so for nearly every area, and saves the costly steps below.
    if min(part.shape) < _SMALL or np.count_nonzero(part) * _ROUND > part.size:
        return False
    return _is_thin(mask) and _spanned(np.pad(part, 1)) >= _ROUND * np.count_nonzero(part)


def _is_thin(mask: np.ndarray) -> bool:
    part = mask[_box(mask)].view(np.uint8)
    thickness = cv2.distanceTransform(np.pad(part, 1), cv2.DIST_L2, 3).max()
    return thickness <= max(_THIN, _THIN_SHARE * np.hypot(*part.shape))


def _spanned(part: np.ndarray) -> float:
    """The summed area of the convex hulls of all pieces, in pixels. Pieces close to each other, as of a broken line,
    count as one."""
    near = cv2.morphologyEx(part, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return sum(cv2.contourArea(cv2.convexHull(contour)) for contour in contours)


def _closed(line: np.ndarray) -> np.ndarray | None:
    """Fills a line that has gaps: the line is thickened until it closes, filled, and thinned by as much. None if even
    the widest gap that is allowed does not close it."""
    box = _box(line)
    widest = max(3, int(_GAP * np.hypot(*line[box].shape)))
    part = np.pad(line[box].view(np.uint8), room := widest + 1)
    gap = 3
    while gap <= widest:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap))
        thick = cv2.dilate(part, disc)
        inside = cv2.erode(fill_outline(thick > 0).view(np.uint8), disc)
        if np.count_nonzero(inside) >= _ROUND * np.count_nonzero(cv2.erode(thick, disc)):
            found = line.copy()
            found[box] |= inside[room:-room, room:-room] > 0
            return found
        gap = gap * 3 // 2 | 1
    return None
