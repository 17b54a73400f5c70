"""Writes a synthetic breast ultrasound data set in BUSI's layout, to try the suite without any download.

B-mode images are simulated in a simple way. A map of echo strength in decibels (layers of tissue, lesion, shadows,
attenuation with depth) scales complex white noise. The noise is blurred with the scanner's point spread function. The
picture is its log-compressed magnitude, compounded over a few looks. So the speckle of each look is Rayleigh
distributed and correlated over the point spread function (Burckhardt, IEEE Trans. Sonics Ultrason. 25(1), 1978). A
benign lesion is an ellipse, wider than tall, smooth, often with enhancement behind it. A malignant lesion is taller,
spiculated, often with a halo and a shadow behind it. Some shadows and fat lobules have no lesion, so that they can be
mistaken for one.

The masks are exact. A number measured on this data set shows that the code works, and nothing about real images.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.special import expit

from common.data.busi import CLASSES
from common.errors import BadInput

CASES = 120
SIDE = 128

_SHARES = (437 / 780, 210 / 780)  # of benign and malignant images in BUSI
_TWO_LESIONS_EVERY = 20  # one benign image in 20 has a second lesion and mask; 16 of 437 in BUSI
_DYNAMIC_RANGE = 55.0  # decibels from black to white
_NOISE_FLOOR = -38.0  # decibels
_LOOKS = 3  # independent speckle patterns averaged, as spatial compounding does


def write(folder: Path, cases: int = CASES, side: int = SIDE, seed: int = 0) -> Path:
    """Writes the phantom as 8-bit grey PNGs, masks with 0 and 255. Returns the folder, which appears whole or not at
    all.

    cases: the number of all images, divided among the classes as in BUSI (56 % benign, 27 % malignant, 17 % normal).
    side: the height of an image in pixels, up to an eighth more or less; the width is a quarter more, up to an eighth
        more or less.
    seed: an image depends on the seed, its class, its number and the side, and not on the number of cases.

    Raises BadInput if the folder exists.
    """
    if folder.exists():
        raise BadInput(f"{folder} is there already. Remove it, or name another folder for the phantom.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        whole = Path(beside, folder.name)
        for label, count in counts(cases).items():
            (whole / label).mkdir(parents=True)
            for number in range(1, count + 1):
                _write_case(whole / label / f"{label} ({number})", *draw(label, number, side, seed))
        try:
            whole.rename(folder)
        except OSError:  # not empty: another process has just written the same
            if not folder.is_dir():
                raise
    return folder


def counts(cases: int) -> dict[str, int]:
    """The number of cases of each class, if there are `cases` in all."""
    benign, malignant = (round(share * cases) for share in _SHARES)
    return dict(zip(CLASSES, (benign, malignant, cases - benign - malignant), strict=True))


def _write_case(stem: Path, image: np.ndarray, masks: list[np.ndarray]) -> None:
    Image.fromarray(image).save(f"{stem}.png")
    for i, mask in enumerate(masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(f"{stem}_mask{f'_{i}' if i else ''}.png")


def draw(label: str, number: int, side: int = SIDE, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draws one case: the image, uint8 (H, W), and a mask, bool (H, W), for each lesion. A normal case has one empty
    mask."""
    rng = np.random.default_rng([seed, CLASSES.index(label), number])
    shape = tuple((side * np.array([1, 1.25]) * rng.uniform(0.875, 1.125, 2)).astype(int))
    y, x = ((pixel + 0.5) / shape[0] for pixel in np.ogrid[: shape[0], : shape[1]])  # the depth is 1
    echo = _tissue(rng, y, x)
    two = label == "benign" and number % _TWO_LESIONS_EVERY == 4
    masks = []
    for place in (0.3, 0.72) if two else (0.5,):
        if label != "normal":
            radius = _lesion_radius(rng, label, y, x, place, small=two)
            masks.append(radius <= 1)
            echo = _add_lesion(rng, label, echo, radius)
    echo = _add_shadows(rng, echo, y, x)
    return _display(rng, echo, y), masks or [np.zeros(shape, bool)]


def _tissue(rng: np.random.Generator, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Echo strength in dB of skin, fat, gland, muscle and what lies below, with fasciae, fibres and lobules of fat."""
    levels = np.array([6, -6, 0, -5, -14]) + rng.normal(0, 1.5, 5)
    borders = np.array([0.04, 0.2, 0.7, 0.88]) + rng.normal(0, 1, 4) * [0.01, 0.04, 0.05, 0.03]
    shape = np.broadcast(y, x).shape
    echo = np.full(shape, levels[0])
    for step, border in zip(np.diff(levels), borders, strict=True):
        wave = sum(rng.normal(0, 0.012) * np.sin(f * np.pi * x + rng.uniform(0, 7)) for f in (0.7, 1.3, 2.9))
        depth = y - border - (wave if border > 0.1 else 0)
        echo += step * expit(depth / 0.015) + rng.uniform(5, 12) * np.exp(-((depth / 0.012) ** 2))
    for _ in range(rng.integers(0, 4)):
        centre, axes = rng.uniform([0.12, 0.05], [0.45, 1.2]), rng.uniform([0.03, 0.08], [0.07, 0.2])
        lobule = ((y - centre[0]) / axes[0]) ** 2 + ((x - centre[1]) / axes[1]) ** 2
        echo -= rng.uniform(3, 6) * expit((1 - lobule) / 0.25)
    fibres = np.maximum(_texture(rng, shape, (0.006, 0.07), 1), 0) ** 2  # thin, bright, along the layers
    return echo + rng.uniform(1, 2.5) * fibres + _texture(rng, shape, (0.08, 0.15), 2)


def _texture(rng: np.random.Generator, shape: tuple[int, int], scale: tuple[float, float], dB: float) -> np.ndarray:
    """Smooth noise with a standard deviation of `dB`. scale: the size of its grain down and across, as shares of the
    height."""
    noise = gaussian_filter(rng.normal(size=shape), np.multiply(scale, shape[0]))
    return noise * (dB / noise.std())


def _lesion_radius(
    rng: np.random.Generator, label: str, y: np.ndarray, x: np.ndarray, place: float, small: bool
) -> np.ndarray:
    """The distance of each pixel from the lesion's centre, divided by the distance of the outline in the same
    direction: 1 on the outline, less inside.

    place: where the lesion lies across the image, as a share of its width.
    """
    malignant = label == "malignant"
    size = rng.uniform(0.12, 0.22) if malignant else rng.uniform(0.07, 0.11) if small else rng.uniform(0.09, 0.21)
    aspect = rng.uniform(0.75, 1.3) if malignant else rng.uniform(1.15, 1.8)  # width over height
    tilt = rng.normal(0, 0.15)
    width = x[0, -1]
    v = y - rng.uniform(0.3, 0.58)
    u = x - width * (place if small else place + rng.uniform(-0.25, 0.25))
    across = (u * np.cos(tilt) + v * np.sin(tilt)) / np.sqrt(aspect)
    down = (v * np.cos(tilt) - u * np.sin(tilt)) * np.sqrt(aspect)
    angle = np.arctan2(down, across)
    wobble = 0.05 if malignant else 0.025
    outline = 1 + sum(rng.normal(0, wobble) * np.cos(k * angle + rng.uniform(0, 7)) for k in (2, 3, 4, 5))
    if malignant:
        for direction in rng.uniform(-np.pi, np.pi, rng.integers(6, 13)):
            sharpness, length = rng.uniform(15, 60), rng.uniform(0.1, 0.5)
            outline += length * np.exp(sharpness * (np.cos(angle - direction) - 1))
    return np.hypot(across, down) / (size * outline)


def _add_lesion(rng: np.random.Generator, label: str, echo: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Adds the lesion, darker than its surroundings, and its effect on the sound that passes through it. radius: as
    `_lesion_radius` returns it."""
    malignant = label == "malignant"
    inside = expit((1 - radius) / (0.05 if malignant else 0.025))
    texture = _texture(rng, echo.shape, (0.03, 0.03), 2.5 if malignant else 1)
    own = echo[radius <= 1].mean() - rng.uniform(7, 18) + texture
    rim = np.exp(-(((radius - 1.2) / 0.15) ** 2)) if malignant else np.exp(-(((radius - 1.05) / 0.04) ** 2))
    echo = echo + rng.uniform(0, 4) * rim
    behind = np.cumsum(radius <= 1, axis=0) / len(echo)  # how much lesion the sound has passed on its way down
    behind = gaussian_filter1d(behind, 0.03 * len(echo), axis=1)
    decibels = rng.uniform(-70, -10) if malignant else rng.uniform(-10, 40)  # for a path of the image's whole depth
    return echo * (1 - inside) + own * inside + behind * decibels * (1 - inside)


def _add_shadows(rng: np.random.Generator, echo: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Adds up to two dark bands downwards from some depth, as behind ligaments, and poor contact at the sides."""
    for _ in range(rng.integers(0, 3)):
        top, middle, width = rng.uniform([0.08, 0, 0.03], [0.6, x[0, -1], 0.09])
        band = np.exp(-(np.abs((x - middle) / (width * (0.7 + 0.6 * y))) ** 3))
        echo = echo - rng.uniform(6, 16) * band * expit((y - top) / 0.03)
    edge = np.minimum(x, x[0, -1] - x)
    return echo - rng.uniform(0, 15) * np.exp(-edge / rng.uniform(0.02, 0.1))


def _display(rng: np.random.Generator, echo: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Makes the picture, uint8, that a scanner would make of a map of echo strengths: speckle, attenuation, focus,
    gain."""
    echo = echo - rng.uniform(6, 18) * y + rng.uniform(0, 4) * np.exp(-(((y - rng.uniform(0.3, 0.6)) / 0.2) ** 2))
    spread = np.array([0.005, 0.009]) * len(echo) * rng.uniform(0.8, 1.3)  # finer in depth than across
    field = 10 ** (echo / 20) * rng.normal(size=(2 * _LOOKS, *echo.shape))  # real and imaginary part of each look
    field = gaussian_filter(field, (0, *spread), truncate=3)
    power = np.square(field).mean(axis=0) * 4 * np.pi * spread.prod()  # the last factors restore the power before blur
    level = 10 * np.log10(power + 10 ** (_NOISE_FLOOR / 10)) + rng.uniform(24, 34)
    return np.clip(level * (255 / _DYNAMIC_RANGE), 0, 255).astype(np.uint8)
