"""A case read from its files: its image, its masks on one grid, and all that is wrong with or in doubt about either."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from common.data.case import Case
from common.data.decode import Unreadable, image_of, mask_of, room, same_shape
from common.data.listing import shown
from common.data.outline import area

# A mask is doubted that marks more than these shares of the image and of its border: in BUSI 0.56 and 0.03 at most.
_MOST, _MOST_OF_BORDER = 0.7, 0.5
_BLACK = 16  # the brightest of an image up to which it is doubted


@dataclass
class Decoded:
    """image: uint8 (H, W, 3) RGB, None where it can't be read; drawn: the masks as their files have them, bool;
    offenders: a line for each file that can't be used; doubts: what may not be as it was meant, without the case."""

    image: np.ndarray | None = None
    drawn: list[np.ndarray] = field(default_factory=list)
    offenders: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def read(case: Case) -> Decoded:
    """The files of a case, and every one of them that can't be used, with the reason."""
    found = Decoded()
    try:
        found.image, found.doubts = image_of(case.image)
        found.doubts += of_brightness(found.image)
    except Unreadable as error:
        found.offenders.append(str(error))
    for path in case.masks:
        try:
            mask, doubts = mask_of(path)
        except Unreadable as error:
            found.offenders.append(str(error))
            continue
        if found.image is not None and not _suits(mask, found.image, case.scaled):
            (height, width), (rows, columns) = mask.shape, found.image.shape[:2]
            not_that = "of the proportions" if case.scaled else "the"
            found.offenders.append(
                f"{shown(path)}: the mask is {width}x{height} pixels, not {not_that} {columns}x{rows} of its image: "
                "save it at the size of the image, so that both show the same area"
            )
        elif case.outlined and not mask.any():
            found.offenders.append(f"{shown(path)}: a contour that marks nothing")
        found.drawn.append(mask)
        found.doubts += doubts
    return found


def _suits(mask: np.ndarray, image: np.ndarray, scaled: bool) -> bool:
    return same_shape(mask.shape, image.shape[:2]) if scaled else mask.shape == image.shape[:2]


def on_one_grid(found: Decoded, case: Case) -> list[np.ndarray]:
    """The masks of a case that can be used, bool, outlines filled, all of one size: their own, or the image's where
    theirs differ. What is in doubt about them is added to what is known."""
    if not found.drawn:
        masks = [np.zeros(found.image.shape[:2], bool)]
    else:
        meant = [area(mask, case.outlined) for mask in found.drawn]
        found.doubts += [doubt for _, doubt in meant if doubt]
        masks = [mask for mask, _ in meant]
    if len({mask.shape for mask in masks}) > 1:
        size = found.image.shape[1::-1]
        masks = [cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for mask in masks]
    found.doubts += _of_masks(case, masks)
    return masks


def of_brightness(image: np.ndarray) -> list[str]:
    """What is in doubt about an image, uint8, that hardly shows anything."""
    brightest = int(image.max())
    if brightest < _BLACK:
        return [f"the image is almost black, {brightest} of 255 at most. Has it fewer bits than its file?"]
    return []


def _of_masks(case: Case, masks: list[np.ndarray]) -> list[str]:
    """What may be wrong with masks, bool and of one size, that can be used. Only the person can tell: a tumour may fill
    an image, and nothing may have been drawn."""
    union = np.logical_or.reduce(masks)
    border = np.concatenate([union[0], union[-1], union[:, 0], union[:, -1]])
    doubts = []
    if union.mean() > _MOST and border.mean() > _MOST_OF_BORDER:
        doubts.append(f"{union.mean():.0%} of the image is marked, most of its border too. Is the mask inverted?")
    if case.masks and case.label != "normal" and not union.any():
        doubts.append(f"nothing is marked, though the class is {case.label}.")
    return doubts


def unusable(cases: Sequence[Case], alone: Iterable[Path]) -> list[str]:
    """A line for each file of these cases, and of the images that stand alone, that can't be used: what is said with
    the faults that reading the names alone has found, so that all of a folder is mended in one go."""

    def of_case(case: Case) -> list[str]:
        with room(case):
            return read(case).offenders

    whole = [*cases, *(Case(path.name, "", "", path, ()) for path in alone)]
    with ThreadPoolExecutor() as pool:
        return [line for lines in pool.map(of_case, whole) for line in lines]
