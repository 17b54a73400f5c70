"""Turns the pixels of mask files into one mask of an image: decides what is white in a file, and merges several masks
of one image. (`common.data.outlines` decides what area an outline means.)"""

from collections.abc import Sequence

import cv2
import numpy as np

# How a grey or coloured mask becomes black and white. An edge that was smoothed, or blurred by JPEG, has many levels
# between black and white and few pixels of each. An area with a level or a hue of its own is another class. A mask of
# two classes does not say which one is meant. It is refused, and the message says how to convert it.

_HOW = "draw all lesions in white on black, or each in a file of its own"
_HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")  # every 60 degrees
_CHROMA = 60  # of 255: a pixel with less is grey that JPEG has tinted
_OTHER_HUE = 40  # degrees: hues further apart are two colours
_SHARE = 0.02  # of the marked pixels: after a lossy compression a smaller area is noise
_SOFT = 0.05  # of the marked pixels: up to this many may be grey away from edges
_LEAST = 4  # pixels: a smaller area is noise in every file
_BLOCK = 64  # pixels: an area of this size is no accident of a soft edge, nor a block of a JPEG that was saved as PNG
_IN_AREAS = 0.3  # share of the pixels of a level that lie inside areas; in a haze it is less
_CLASSES = 20  # a mask has fewer, a photograph more
_SHADES = 64  # a mask of labels has fewer levels; one with more has soft edges with flat ends
_DARK = 32  # if a JPEG is nowhere brighter, labels can't be told from noise of the compression


class NoMask(Exception):
    """These pixels can't be a mask; the message says why."""


def binary_mask(drawn: np.ndarray, lossy: bool) -> tuple[np.ndarray, list[str]]:
    """The mask as bool (height, width), True where it is brighter than half of white, and doubts about it.

    White is the maximum of the mask. After a lossy compression it is the level of the marked areas, since single pixels
    may be brighter.

    drawn: grey (height, width), uint8 or uint16, or RGB, uint8 (height, width, 3). lossy: whether the file's
    compression changes pixels, as JPEG does. Raises NoMask.
    """
    if drawn.ndim == 3:
        _refuse_colours(drawn, lossy)
        drawn = _of_channels(np.maximum, drawn)
    top = int(drawn.max())
    if lossy and 0 < top < _DARK:
        raise NoMask(f"no value above {top}, which such a compression does not keep apart: save it as PNG, 0 and 255")
    if np.array_equal(drawn > 0, drawn == top):  # black and white alone
        return drawn > top / 2, []
    white = _white(drawn, top, lossy)
    mask = drawn > white / 2
    return mask, _doubts(drawn, mask, white)


def _white(grey: np.ndarray, top: int, lossy: bool) -> int:
    """The level that marks lesions: the brightest one. After a lossy compression some pixels are brighter than the area
    that they belong to. Then it is the level of the areas. Raises NoMask if several levels may mark lesions, or if much
    of the mask is neither black nor white. top: the maximum of `grey`."""
    whole = np.count_nonzero(grey)
    shades = np.count_nonzero(np.bincount(grey.ravel()))
    for least in _least_areas(whole, lossy):
        levels = _areas(grey, least, lossy)
        above = levels[1:] if levels and levels[0] <= top / 2 else levels
        if len(above) > 1 and (
            shades > _SHADES or (shades > _CLASSES and least == _BLOCK)
        ):  # nearly black: haze beside soft edges
            above = [level for level in above if level > top // 25]
        if 1 < len(above) <= _CLASSES or (above and above[-1] <= top / 2):
            named = ", ".join(map(str, dict.fromkeys([*above, top])))
            raise NoMask(f"a mask of several values, {named}: {_HOW}")
    white = above[0] if above and lossy else top
    some = np.count_nonzero((grey > white * 0.1) & (grey < white * 0.9))
    if some > max(whole / 2, grey.size / 10):
        raise NoMask(
            f"not a mask: {some / grey.size:.0%} of its pixels are neither black nor white. Save it in 0 and 255"
        )
    return white


def _least_areas(whole: int, lossy: bool) -> list[float]:
    """The number of pixels of the smallest area that counts, for each look at a mask. The first look is at large areas
    only, since many small ones must not hide them. The second is at small ones too, since a lesion with a label of its
    own may be small. After a lossy compression there is no second look: small areas are noise, or blocks of a soft edge
    that was enlarged. whole: the number of marked pixels."""
    share = max(_LEAST, _SHARE * whole)
    return [share] if lossy else [share, min(share, _BLOCK)]


def _areas(grey: np.ndarray, least: float, lossy: bool) -> list[int]:
    """The levels of areas of at least `least` pixels, from dark to bright. A pixel lies inside an area if its four
    neighbours have the same level. Of levels that hardly differ, as after a compression, only the most frequent one is
    returned."""
    values, numbers = np.unique(_flat(grey), return_counts=True)
    everywhere = np.bincount(grey.ravel()).tolist()
    kept: list[int] = []
    for value, number in sorted(zip(values.tolist(), numbers.tolist(), strict=True), key=lambda each: -each[1]):
        if number < least:
            break
        apart = all(abs(value - other) > _noise(max(value, other), lossy) for other in kept)
        if apart and number >= _IN_AREAS * everywhere[value]:
            kept.append(value)
    return sorted(kept)


def _flat(levels: np.ndarray) -> np.ndarray:
    """The levels, (n,), of the pixels whose four neighbours have the same level."""
    middle = levels[1:-1, 1:-1]
    flat = np.ones(middle.shape, bool)
    for neighbour in (levels[:-2, 1:-1], levels[2:, 1:-1], levels[1:-1, :-2], levels[1:-1, 2:]):
        flat &= middle == neighbour
    return middle[flat]


def _noise(level: int, lossy: bool) -> int:
    """How far apart two levels of one area may be. level: the brighter one."""
    return max(level // 16, 16) if lossy else level // 25


def _doubts(grey: np.ndarray, mask: np.ndarray, top: int) -> list[str]:
    """A doubt about a mask whose edges are wider than smoothing makes them, such as a map of a network's
    probabilities."""
    whole = np.count_nonzero(mask)
    if not whole:
        return []
    plain, square = mask.view(np.uint8), np.ones((5, 5), np.uint8)
    edge = cv2.dilate(plain, square) > cv2.erode(plain, square)
    soft = np.count_nonzero((grey > top * 0.1) & (grey < top * 0.9) & ~edge)
    if soft <= max(_LEAST, _SOFT * whole):
        return []
    return [f"the mask has soft edges: what is brighter than {top // 2} of its {top} is taken as marked."]


def _refuse_colours(rgb: np.ndarray, lossy: bool) -> None:
    """Raises NoMask if two areas have different colours, or if one is coloured and another white."""
    bright = _of_channels(np.maximum, rgb)
    chroma = bright - _of_channels(np.minimum, rgb)
    coloured = chroma > _CHROMA
    whole = np.count_nonzero(coloured)
    if whole <= _LEAST:
        return
    hue = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV_FULL)[..., 0].astype(np.int32) * 360 // 256
    numbers = np.bincount(hue[coloured] // 10, minlength=36)
    main = int(numbers.argmax()) * 10 + 5
    away = np.abs((hue - main + 180) % 360 - 180)
    other = _inside(coloured & (away > _OTHER_HUE))
    white = _inside((chroma <= _CHROMA) & (bright > 127))
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in range(3))
    colours = (red << 16) + (green << 8) + blue
    names = [_named(main)]
    *_, least = _least_areas(whole, lossy)
    if np.count_nonzero(other) > least:
        names.append(_named(int(np.median(hue[other]))))
    if np.count_nonzero(white) > least:
        names.append("white")
    if len(names) > 1:
        raise NoMask(f"a mask of several colours, {' and '.join(names)}: {_HOW}")
    for least in _least_areas(np.count_nonzero(bright), lossy):
        _refuse_flat_colours(colours, least, lossy)


def _refuse_flat_colours(colours: np.ndarray, least: float, lossy: bool) -> None:
    """Raises NoMask if two bright areas of at least `least` pixels have different colours, even of close hues such as
    red and orange. colours: int32 (height, width), red, green and blue in 8 bits each."""
    values, numbers = np.unique(_flat(colours), return_counts=True)
    top = max(int((colours >> shift & 255).max()) for shift in (0, 8, 16))
    frequent = values[np.argsort(-numbers)][: np.count_nonzero(numbers >= least)]
    left = np.stack([frequent >> 16, frequent >> 8 & 255, frequent & 255], axis=-1)
    left = left[left.max(axis=-1) > top / 2]
    kept: list[np.ndarray] = []
    while len(left) and len(kept) <= _CLASSES:
        kept.append(left[0])
        left = left[np.abs(left - left[0]).max(axis=-1) > 2 * _noise(255, lossy)]
    if 1 < len(kept) <= _CLASSES:
        named = " and ".join(str(tuple(colour.tolist())) for colour in kept)
        raise NoMask(f"a mask of several colours, {named} in red, green and blue: {_HOW}")


def _of_channels(least_or_most: np.ufunc, rgb: np.ndarray) -> np.ndarray:
    """The least or the greatest of the three channels of each pixel, ten times as fast as `min` or `max` over the last
    axis."""
    return least_or_most(least_or_most(rgb[..., 0], rgb[..., 1]), rgb[..., 2])


def _inside(area: np.ndarray) -> np.ndarray:
    """The area without its edges, where colours run into each other."""
    return cv2.erode(area.view(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _named(hue: int) -> str:
    return _HUES[round(hue / 60) % 6]


def merge(drawn: Sequence[np.ndarray], masks: str) -> np.ndarray:
    """Merges one or more bool masks of the same size into one mask, uint8 (height, width) in 0..255. masks: how, as in
    `Recipe.masks`."""
    kind, _, number = masks.partition("=")
    used = drawn[: {"merged": len(drawn), "first": 1}.get(kind) or int(number)]
    if kind == "mean":
        # Rounded up at one half: a mean of 0.5, which is 127.5 of 255, becomes 128 and counts as tumour.
        return ((np.sum(used, axis=0) * 510 + len(used)) // (2 * len(used))).astype(np.uint8)
    return np.logical_or.reduce(used).astype(np.uint8) * 255
