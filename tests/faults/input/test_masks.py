"""Masks that are drawn in another way than as white areas on black: told by their shape and their hue, used with a
doubt, or refused with how to convert them. Sources: tests/faults/SOURCES.md."""

import cv2
import numpy as np
import pytest
from PIL import Image

from common.data.case import Case, on_one_grid, read_case
from common.data.decode import decode_mask
from common.data.open_image import Unreadable
from tests.data.pictures import saved

HEIGHT, WIDTH = 300, 200
CENTRE, AXES = (100, 150), (50, 70)
HOW = "draw all lesions in white on black, or each in a file of its own"


def ellipse(thickness: int = cv2.FILLED, end: int = 360, value: int = 255, size: float = 1.0) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    return cv2.ellipse(mask, CENTRE, tuple(round(axis * size) for axis in AXES), 0, 0, end, value, thickness)


AREA = ellipse() > 0
OTHER = np.zeros_like(AREA)
OTHER[10:50, 10:60] = True


def in_colours(*painted, ground=(0, 0, 0)) -> np.ndarray:
    rgb = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:] = ground
    for area, colour in painted:
        rgb[area] = colour
    return rgb


def soft(sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(AREA.astype(np.uint8) * 255, (0, 0), sigma)


def enlarged(by: int = cv2.INTER_LINEAR) -> np.ndarray:
    small = cv2.resize(AREA.astype(np.uint8) * 255, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=by)


def as_jpeg(pixels: np.ndarray) -> np.ndarray:
    """What is left of pixels after such a compression."""
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_UNCHANGED)


def dots() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for place in cv2.ellipse2Poly(CENTRE, AXES, 0, 0, 360, 10):
        cv2.circle(mask, place.tolist(), 2, 255, cv2.FILLED)
    return mask


RED, GREEN, BLUE, PURPLE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (68, 1, 84), (253, 231, 37)
LINE, GAPS, OPEN = "a thin line: the area inside", "a thin line with gaps", "does not close: the line alone is marked"
SOFT = "has soft edges: what is brighter than"
# The pixels, options of the file, and what is said. All mean AREA, up to the thickness of a line.
USED = {
    "white on black": (ellipse(), {}, ""),
    "an outline of one pixel": (ellipse(1), {}, LINE),
    "an outline of three": (ellipse(3), {}, LINE),
    "an outline in red": (in_colours((ellipse(2) > 0, RED)), {}, LINE),
    "an outline of one pixel as JPEG": (ellipse(1), {"quality": 75}, LINE),
    "an outline of two pixels as JPEG": (ellipse(2), {"quality": 75}, LINE),
    "an outline with a gap of 3 degrees": (ellipse(1, 357), {}, GAPS),
    "the same as JPEG": (ellipse(1, 357), {"quality": 75}, GAPS),
    "an outline with a gap of 15 degrees": (ellipse(2, 345), {}, GAPS),
    "dashes": (np.where(np.mgrid[:HEIGHT, :WIDTH].sum(0) % 12 < 9, ellipse(2), 0).astype(np.uint8), {}, GAPS),
    "an outline of dots": (dots(), {}, "a dotted line: its gaps are closed"),
    "red on black": (in_colours((AREA, RED)), {}, ""),
    "red on black as JPEG": (in_colours((AREA, RED)), {"quality": 80}, ""),
    "dark red, as colour maps begin": (in_colours((AREA, (128, 0, 0))), {}, ""),
    "two reds of an edge": (cv2.GaussianBlur(in_colours((AREA, RED)), (3, 3), 0), {}, ""),
    "JPEG of middling quality": (ellipse(), {"quality": 50}, ""),
    "JPEG of the worst": (ellipse(), {"quality": 5}, None),  # with a doubt or without
    "antialiased": (soft(0.7), {}, ""),
    "enlarged from a quarter": (enlarged(), {}, ""),
    "an outline of five": (ellipse(5), {}, LINE),
    "very soft": (soft(10), {}, SOFT),
    "JPEG of a dark white": (ellipse(value=64), {"quality": 75}, ""),
    "blurred": (soft(4), {}, SOFT),
    "probabilities that reach 0.6": ((soft(4) * 0.6).astype(np.uint8), {}, SOFT),
    "enlarged from a quarter by Lanczos": (enlarged(cv2.INTER_LANCZOS4), {}, ""),
    "red with smoothed edges": (np.dstack([soft(1), 0 * AREA, 0 * AREA]).astype(np.uint8), {}, ""),
    "a JPEG saved as PNG": (as_jpeg(ellipse()), {}, ""),
    "a red JPEG saved as PNG": (as_jpeg(in_colours((AREA, RED))), {}, ""),
    "one stray bright pixel less than a lesion": (np.maximum(ellipse(value=250), 0), {}, ""),
}  # fmt: skip
SMALL = np.zeros_like(AREA)
SMALL[270:282, 150:162] = True  # 1.3 % of AREA


def painted(large, small) -> np.ndarray:
    """Two lesions, a large and a small one, each in its own grey or colour."""
    mask = np.zeros((HEIGHT, WIDTH, 3) if isinstance(large, tuple) else (HEIGHT, WIDTH), np.uint8)
    mask[AREA], mask[SMALL] = large, small
    return mask


CROWD = painted(1, 2)
CROWD[OTHER] = 2
for number in range(40):  # 4x4 pixels each
    CROWD[5 * (number // 20) :, 8 * (number % 20) :][:4, :4] = 3 + number
STRAY = ellipse(value=1)
STRAY[0, 0] = 255
REFUSED = {
    "two colours": (in_colours((AREA, RED), (OTHER, GREEN)), {}, f"several colours, red and green: {HOW}"),
    "two colours as JPEG": (in_colours((AREA, RED), (OTHER, BLUE)), {"quality": 80}, "several colours, red and blue"),
    "two dark colours of a colour map": (
        in_colours((AREA, (128, 0, 0)), (OTHER, (0, 128, 0))), {}, "several colours, red and green",
    ),
    "a colour and white": (in_colours((AREA, RED), (OTHER, (255, 255, 255))), {}, "several colours, red and white"),
    "red on white": (in_colours((AREA, RED), ground=(255, 255, 255)), {}, "several colours, red and white"),
    "red on blue": (in_colours((AREA, RED), ground=BLUE), {}, "several colours, blue and red"),
    "a colour map from purple to yellow": (in_colours((AREA, YELLOW), ground=PURPLE), {}, "several colours"),
    "red and orange": (in_colours((AREA, RED), (OTHER, (255, 128, 0))), {}, "(255, 0, 0) and (255, 128, 0) in red"),
    "red and pink": (in_colours((AREA, RED), (OTHER, (255, 150, 150))), {}, "(255, 0, 0) and (255, 150, 150) in red"),
    "a filled outline of two colours": (
        in_colours((AREA, GREEN), (ellipse(7) > 0, RED)), {}, "several colours, green and red",
    ),
    "labels 1 and 2": (np.where(OTHER, 2, AREA).astype(np.uint8), {}, f"several values, 1, 2: {HOW}"),
    "labels 1 and 20": (np.where(OTHER, 20, AREA).astype(np.uint8), {}, "several values, 1, 20"),
    "labels 9 and 10": (np.where(OTHER, 10, AREA * 9).astype(np.uint8), {}, "several values, 9, 10"),
    "a small label beside a large one": (painted(2, 1), {}, f"several values, 1, 2: {HOW}"),
    "the same exchanged": (painted(1, 2), {}, "several values, 1, 2"),
    "a small one that would vanish": (painted(255, 100), {}, "several values, 100, 255"),
    "a small one that would be merged": (painted(255, 128), {}, "several values, 128, 255"),
    "a small one with smoothed edges": (
        cv2.GaussianBlur(painted(255, 100), (3, 3), 0), {}, "several values, 100, 255",
    ),
    "small labels that hide two large ones": (CROWD, {}, "several values, 1, 2"),
    "a small lesion in dark green": (painted(RED, (0, 100, 0)), {}, f"several colours, red and green: {HOW}"),
    "a small lesion in blue": (painted(RED, BLUE), {}, "several colours, red and blue"),
    "a small lesion in orange": (painted(RED, (255, 128, 0)), {}, "(255, 0, 0) and (255, 128, 0) in red"),
    "a small lesion in white": (painted(RED, (255, 255, 255)), {}, "several colours, red and white"),
    "a small lesion in dark grey": (painted(RED, (90, 90, 90)), {}, "several values, 90, 255"),
    "labels 85, 170 and 255": (
        np.select([OTHER, ellipse(size=0.5) > 0, AREA], [85, 170, 255], 0).astype(np.uint8), {}, "several values, 85",
    ),
    "labels 127 and 255 as JPEG": (np.where(OTHER, 127, ellipse()).astype(np.uint8), {"quality": 80}, "several values"),
    "a label and a stray bright pixel": (STRAY, {}, "several values, 1, 255"),
    "labels 0 and 1 as JPEG": (AREA.astype(np.uint8), {"quality": 80}, "no value above"),
    "two reds of a colour map": (
        in_colours((AREA, (128, 0, 0)), (OTHER, (64, 0, 0))), {}, "several values, 64, 128",
    ),
    "labels 0 and 1 as lossy WebP": (AREA.astype(np.uint8), {"quality": 80, "format": "WEBP"}, "no value above"),
    "the image with the lesion in red": (
        in_colours((AREA, RED), ground=(90, 90, 90)), {}, "neither black nor white. Save it in 0 and 255",
    ),
    "a smooth gradient": (np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1)), {}, "not a mask"),
    "another size": (ellipse()[::2, ::2], {}, "the mask is 100x150 pixels, not the 200x300 of its image: save it at"),
    "height and width exchanged": (ellipse().T.copy(), {}, "the mask is 300x200 pixels"),
}  # fmt: skip


def case(tmp_path, pixels, options, **about) -> Case:
    image = saved(tmp_path / "image.png", np.random.default_rng(0).integers(20, 60, (HEIGHT, WIDTH), dtype=np.uint8))
    path = tmp_path / ("mask.jpg" if options else "mask.png")
    Image.fromarray(pixels).save(path, **options)
    return Case("a", "benign", "a", image, (path,), **about)


@pytest.mark.parametrize("what", USED)
def test_a_mask_that_means_an_area_is_that_area(tmp_path, what):
    pixels, options, doubt = USED[what]
    found = read_case(one := case(tmp_path, pixels, options))
    assert found.unusable == []
    (mask,) = on_one_grid(found, one)
    overlap = np.count_nonzero(mask & AREA) / np.count_nonzero(mask | AREA)
    assert overlap > (0.95 if doubt == "" else 0.9)
    if doubt is not None:
        assert len(found.doubts) == bool(doubt)
        assert all(doubt in told for told in found.doubts)


@pytest.mark.parametrize("what", REFUSED)
def test_a_mask_that_may_mean_several_things_is_refused_with_how_to_convert_it(tmp_path, what):
    pixels, options, reason = REFUSED[what]
    (told,) = read_case(case(tmp_path, pixels, options)).unusable
    assert reason in told
    assert "mask.jpg: " in told or "mask.png: " in told


def test_an_outline_beside_an_area_is_filled_and_the_area_stays(tmp_path):
    found = read_case(one := case(tmp_path, np.maximum(ellipse(1), OTHER * np.uint8(255)), {}))
    (mask,) = on_one_grid(found, one)
    assert np.count_nonzero(mask ^ (AREA | OTHER)) < 0.03 * np.count_nonzero(AREA)
    (told,) = found.doubts
    assert "some of the mask is a thin line" in told


def test_a_thick_ring_is_used_as_it_is_and_said(tmp_path):
    found = read_case(one := case(tmp_path, ellipse(15), {}))
    (mask,) = on_one_grid(found, one)
    assert np.array_equal(mask, ellipse(15) > 0)
    (told,) = found.doubts
    assert "surrounds more than it marks" in told


def test_a_line_that_does_not_close_is_used_as_it_is_and_said(tmp_path):
    for outlined in (False, True):
        found = read_case(one := case(tmp_path, ellipse(2, 200), {}, outlined=outlined))
        (mask,) = on_one_grid(found, one)
        assert np.array_equal(mask, ellipse(2, 200) > 0)
        (told,) = found.doubts
        assert OPEN in told


@pytest.mark.parametrize("drawn", [
    np.array([[0, 1, 1, 0], [1, 1, 1, 1], [0, 1, 1, 0]]), np.ones((2, 30)), np.ones((1, 1)), np.eye(4),
], ids=["a small lesion", "a long thin one", "a pixel", "a short diagonal"])  # fmt: skip
def test_a_small_or_narrow_lesion_is_no_outline(tmp_path, drawn):
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[100 : 100 + drawn.shape[0], 50 : 50 + drawn.shape[1]] = drawn * 255
    found = read_case(one := case(tmp_path, pixels, {}))
    (mask,) = on_one_grid(found, one)
    assert np.array_equal(mask, pixels > 0)
    assert found.doubts == []


def test_a_set_whose_masks_are_outlines_needs_no_doubt_for_those_that_close(tmp_path):
    found = read_case(one := case(tmp_path, ellipse(1), {}, outlined=True))
    (mask,) = on_one_grid(found, one)
    assert np.count_nonzero(mask ^ AREA) < 0.03 * np.count_nonzero(AREA)
    assert found.doubts == []


def test_a_mask_in_a_palette_is_told_by_its_colours_and_not_by_their_numbers(tmp_path):
    image = Image.fromarray(np.where(OTHER, 2, AREA).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "mask.png")
    with pytest.raises(Unreadable, match="several colours, red and green"):
        decode_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (255, 0, 0)], ids=["black", "white", "red"])
def test_a_mask_whose_palette_shows_all_in_one_colour_is_refused(tmp_path, colour):
    """Read as it is shown, it would mark nothing or everything."""
    image = Image.fromarray(AREA.astype(np.uint8), "P")
    image.putpalette(colour * 2)
    image.save(tmp_path / "mask.png")
    with pytest.raises(Unreadable, match="its palette shows all its values in one colour"):
        decode_mask(tmp_path / "mask.png")
