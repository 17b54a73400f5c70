"""Outlines drawn on an image: what is marked stays visible, and so does what lies under it."""

import cv2
import numpy as np

# Of the palette by Okabe & Ito, which people who can't tell red from green can tell apart too.
PREDICTED = (230, 159, 0)  # orange
TRUTH = (86, 180, 233)  # sky blue


def outlined(image: np.ndarray, *marked: tuple[np.ndarray, tuple[int, int, int]]) -> np.ndarray:
    """The image, uint8 (H, W, 3) RGB, with an outline round each area: pairs of a mask, bool (H, W), and an RGB colour.

    A line's width follows the image's size. It lies on a wider black one, so that it shows on bright tissue and on
    dark, but for images so small that this would hide what is outlined.
    """
    drawn = image.copy()
    side = min(image.shape[:2])
    width, casing = max(1, round(side / 250)), 2 if side >= 200 else 0
    for mask, colour in marked:
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for stroke, thickness in (((0, 0, 0), width + casing), (colour, width)):
            cv2.drawContours(drawn, outlines, -1, stroke, thickness)
    return drawn
