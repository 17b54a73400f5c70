"""Masks that hold the outline of a lesion where its area is meant, told by their shape: a thin line round an area that
is many times larger than the line itself."""

import cv2
import numpy as np

_ROUND = 3  # times the area of a line that what it surrounds has at least
_THIN, _THIN_SHARE = 4.0, 0.04  # half the thickness of a line at most: pixels, and of the diagonal of what it spans
_SMALL = 8  # pixels, each way: what is smaller is a small lesion
_DOTS = 8  # pieces, at least, that may be those of a line
_PIECES = 50  # more are no lesions that somebody outlined
_GAP = 0.15  # of that diagonal: the widest gap that is closed


def filled(mask: np.ndarray) -> np.ndarray:
    """The mask, bool (height, width), with all that a closed outline surrounds. An area without a hole stays as it
    is; so does a line that does not close."""
    contours, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED) > 0


def area(mask: np.ndarray, outlined: bool) -> tuple[np.ndarray, str]:
    """What a mask means, bool (height, width), and what is in doubt about that, "" where nothing is: with a thin line
    filled, closed over gaps first, such as JPEG tears. outlined: the data set's masks are outlines: one that closes is
    then filled without a doubt, whatever its thickness."""
    whole = filled(mask) if outlined else mask
    if not _is_line(whole):
        return _beside_areas(whole)
    size = np.count_nonzero(whole)
    if np.count_nonzero(inside := filled(whole)) >= _ROUND * size:
        return inside, "the mask is a thin line: the area inside it is taken as marked."
    if (closed := _closed(whole)) is not None:
        return closed, "the mask is a thin line with gaps: they are closed, and the area inside is taken as marked."
    return whole, "the mask is a thin line that does not close: the line alone is marked. Fill the area that is meant."


def _beside_areas(mask: np.ndarray) -> tuple[np.ndarray, str]:
    """Of a mask that is not all line: the area inside a line of dots; with each closed line in it filled; of a thick
    ring, what is in doubt."""
    number, pieces = cv2.connectedComponents(mask.view(np.uint8))
    if number > _DOTS and _is_thin(mask) and (closed := _closed(mask)) is not None:
        return closed, "the mask is a dotted line: its gaps are closed, and the area inside is taken as marked."
    inside = mask.copy()
    for piece in range(1, number) if 2 < number <= _PIECES else ():
        if _is_line(line := pieces == piece) and np.count_nonzero(whole := filled(line)) >= _ROUND * line.sum():
            inside |= whole
    if not np.array_equal(inside, mask):
        return inside, "some of the mask is a thin line: the area inside it is taken as marked."
    if np.count_nonzero(filled(mask)) > 2 * np.count_nonzero(mask):
        return mask, "the mask surrounds more than it marks: what is inside is not marked. Fill the area that is meant."
    return mask, ""


def _is_line(mask: np.ndarray) -> bool:
    """Whether all that is marked is thin and spans much more than it covers."""
    plain = mask.view(np.uint8)
    if not plain.any():
        return False
    left, top, width, height = cv2.boundingRect(plain)
    if min(width, height) < _SMALL:
        return False
    part = np.pad(plain[top : top + height, left : left + width], 1)
    if np.count_nonzero(part) * _ROUND > width * height:  # as nearly every area does: the costly part is spared
        return False
    return _is_thin(mask) and _spanned(part) >= _ROUND * np.count_nonzero(part)


def _is_thin(mask: np.ndarray) -> bool:
    plain = mask.view(np.uint8)
    left, top, width, height = cv2.boundingRect(plain)
    part = np.pad(plain[top : top + height, left : left + width], 1)
    thickness = cv2.distanceTransform(part, cv2.DIST_L2, 3).max()
    return thickness <= max(_THIN, _THIN_SHARE * np.hypot(width, height))


def _spanned(part: np.ndarray) -> float:
    """The area of the convex hull of each piece, summed; pieces of a broken line that lie close together are one."""
    near = cv2.morphologyEx(part, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return sum(cv2.contourArea(cv2.convexHull(contour)) for contour in contours)


def _closed(line: np.ndarray) -> np.ndarray | None:
    """The area inside a line with gaps: the line is thickened until it closes, filled, and as much is taken off again.
    None where it closes over no gap that is narrow enough."""
    plain = line.view(np.uint8)
    left, top, width, height = cv2.boundingRect(plain)
    widest = max(3, int(_GAP * np.hypot(width, height)))
    part = np.pad(plain[top : top + height, left : left + width], room := widest + 1)
    gap = 3
    while gap <= widest:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap))
        thick = cv2.dilate(part, disc)
        inside = cv2.erode(filled(thick > 0).view(np.uint8), disc)
        if np.count_nonzero(inside) >= _ROUND * np.count_nonzero(cv2.erode(thick, disc)):
            found = line.copy()
            found[top : top + height, left : left + width] |= inside[room:-room, room:-room] > 0
            return found
        gap = gap * 3 // 2 | 1
    return None
