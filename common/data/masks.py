"""From the pixels of a mask's file to what it marks. Edges may be smoothed, or blurred by JPEG: of the levels between
black and white they have many kinds, and few pixels of each. An area of a level or a hue of its own is another class,
and a mask of two classes does not say which is meant: it is refused, with how to convert it."""

import cv2
import numpy as np

_HOW = "draw all lesions in white on black, or each in a file of its own"
_HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")  # every 60 degrees
_CHROMA = 60  # of 255: what is less is grey, as JPEG tints it
_OTHER_HUE = 40  # degrees: two hues further apart are two colours
_SHARE = 0.02  # of what is marked: a smaller area is noise
_SOFT = 0.05  # the same, of what is neither black nor white beyond an edge
_LEAST = 4  # pixels
_AMONG_THEIR_LIKE = 0.3  # of the pixels of a level, where it is that of an area and not of a haze
_CLASSES = 20  # a mask has fewer, a photograph more
_SHADES = 64  # so many levels are those of a soft edge, whose ends are flat, and not of labels
_DARK = 32  # the brightest of a JPEG up to which labels can't be told from what the compression adds


class NoMask(Exception):
    """Why pixels can't be those of a mask."""


def marked(drawn: np.ndarray, lossy: bool) -> tuple[np.ndarray, list[str]]:
    """The mask, bool (height, width): True where it is brighter than half of its own maximum. And what is in doubt
    about it. drawn: grey (height, width), uint8 or uint16, or RGB, uint8 (height, width, 3). lossy: of a JPEG, or of
    another compression that changes pixels.

    Raises NoMask."""
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
    """The level that marks: the brightest, or, of a lossy compression, that of the areas, round which some pixels are
    brighter. Raises NoMask where several levels may mark."""
    whole = np.count_nonzero(grey)
    levels = _areas(grey, whole, lossy)
    above = levels[1:] if levels and levels[0] <= top / 2 else levels
    if len(above) > 1 and np.count_nonzero(np.bincount(grey.ravel())) > _SHADES:
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


def _areas(grey: np.ndarray, whole: int, lossy: bool) -> list[int]:
    """The levels that areas have, from dark to bright: most pixels of such a level lie among their like. Of levels
    that hardly differ, as a compression makes them, the most frequent."""
    values, numbers = np.unique(_flat(grey), return_counts=True)
    kept: list[int] = []
    for value, number in sorted(zip(values.tolist(), numbers.tolist(), strict=True), key=lambda each: -each[1]):
        if number < max(_LEAST, _SHARE * whole):
            break
        apart = all(abs(value - other) > _noise(max(value, other), lossy) for other in kept)
        if apart and number >= _AMONG_THEIR_LIKE * np.count_nonzero(grey == value):
            kept.append(value)
    return sorted(kept)


def _flat(levels: np.ndarray) -> np.ndarray:
    """Of the pixels that are as their four neighbours, the level, (n,)."""
    middle = levels[1:-1, 1:-1]
    flat = np.ones(middle.shape, bool)
    for neighbour in (levels[:-2, 1:-1], levels[2:, 1:-1], levels[1:-1, :-2], levels[1:-1, 2:]):
        flat &= middle == neighbour
    return middle[flat]


def _noise(level: int, lossy: bool) -> int:
    return max(level // 16, 16) if lossy else level // 25


def _doubts(grey: np.ndarray, mask: np.ndarray, top: int) -> list[str]:
    """Of a mask whose edges are wider than smoothing makes them: the probabilities of a network, say."""
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
    """Raises NoMask for areas of two hues, of a colour and of white, or of two colours of close hues."""
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
    names = [_named(main)]
    if np.count_nonzero(other) > max(_LEAST, _SHARE * whole):
        names.append(_named(int(np.median(hue[other]))))
    if np.count_nonzero(white) > max(_LEAST, _SHARE * whole):
        names.append("white")
    if len(names) > 1:
        raise NoMask(f"a mask of several colours, {' and '.join(names)}: {_HOW}")
    _refuse_flat_colours(rgb, lossy)


def _refuse_flat_colours(rgb: np.ndarray, lossy: bool) -> None:
    """Raises NoMask for areas of two colours that are equally bright, though their hues may be close: red and orange,
    or red and pink."""
    red, green, blue = (rgb[..., channel].astype(np.int32) for channel in range(3))
    values, numbers = np.unique(_flat((red << 16) + (green << 8) + blue), return_counts=True)
    whole = np.count_nonzero(_of_channels(np.maximum, rgb))
    kept: list[np.ndarray] = []
    for value in values[np.argsort(-numbers)][: np.count_nonzero(numbers >= max(_LEAST, _SHARE * whole))].tolist():
        colour = np.array([value >> 16, value >> 8 & 255, value & 255])
        apart = all(np.abs(colour - other).max() > 2 * _noise(255, lossy) for other in kept)
        if colour.max() > int(rgb.max()) / 2 and apart:
            kept.append(colour)
    if 1 < len(kept) <= _CLASSES:
        named = " and ".join(str(tuple(colour.tolist())) for colour in kept)
        raise NoMask(f"a mask of several colours, {named} in red, green and blue: {_HOW}")


def _of_channels(least_or_most: np.ufunc, rgb: np.ndarray) -> np.ndarray:
    """Ten times as fast as a maximum over the last axis."""
    return least_or_most(least_or_most(rgb[..., 0], rgb[..., 1]), rgb[..., 2])


def _inside(area: np.ndarray) -> np.ndarray:
    """Without its edges, where colours run into each other."""
    return cv2.erode(area.view(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _named(hue: int) -> str:
    return _HUES[round(hue / 60) % 6]
