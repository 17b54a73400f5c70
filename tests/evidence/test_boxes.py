"""Bounding boxes round the regions of a mask, against regions found by hand and by a search pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from common.evidence.boxes import Box, boxes


def drawn(*lines: str) -> np.ndarray:
    """A mask from a picture of it: # is tumour."""
    return np.array([[pixel == "#" for pixel in line] for line in lines])


def test_a_region_has_one_box_with_its_corner_its_sides_and_its_own_area():
    mask = drawn(
        "......",
        ".###..",
        ".#....",
        "......",
    )
    assert boxes(mask, 0) == [Box(x=1, y=1, width=3, height=2, area=4)]


def test_pixels_that_touch_at_a_corner_are_one_region():
    falling = drawn("#..", ".#.", "..#")
    assert boxes(falling, 0) == boxes(falling[:, ::-1], 0) == [Box(x=0, y=0, width=3, height=3, area=3)]


def test_regions_a_pixel_apart_have_a_box_each():
    assert boxes(drawn("#.#"), 0) == [Box(0, 0, 1, 1, 1), Box(2, 0, 1, 1, 1)]


def test_the_largest_region_comes_first_and_of_equal_ones_the_upper_then_the_left():
    mask = drawn(
        "....#.",
        "#.....",
        "...#..",
        ".#....",
        "...###",
        "##....",
    )
    first, *others = boxes(mask, 0)
    assert first == Box(x=3, y=4, width=3, height=1, area=3)
    assert [(box.area, box.y, box.x) for box in others] == [(2, 5, 0), (1, 0, 4), (1, 1, 0), (1, 2, 3), (1, 3, 1)]


def test_boxes_may_overlap_and_lie_inside_each_other():
    ring = drawn("#####", "#...#", "#.#.#", "#...#", "#####")
    assert boxes(ring, 0) == [Box(0, 0, 5, 5, 16), Box(2, 2, 1, 1, 1)]


def test_an_empty_mask_has_no_box_and_a_full_one_has_the_whole_image():
    assert boxes(np.zeros((4, 7), bool), 0) == []
    assert boxes(np.ones((4, 7), bool), 0) == [Box(x=0, y=0, width=7, height=4, area=28)]


@pytest.mark.parametrize(("least_area", "areas"), [(0, [4, 2, 1]), (2, [4, 2]), (2.5, [4]), (4, [4]), (4.1, [])])
def test_regions_below_the_least_area_are_left_out(least_area, areas):
    mask = drawn("##..#", "##...", "....#", "....#")
    assert [box.area for box in boxes(mask, least_area)] == areas


def test_a_mask_that_is_a_view_is_read_as_it_is():
    mask = np.zeros((8, 8), bool)
    mask[2:6, 4] = True
    assert boxes(mask[::2, ::2].T, 0) == [Box(x=1, y=2, width=2, height=1, area=2)]


@pytest.mark.parametrize(
    "mask",
    [np.zeros((4, 4)), np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4), bool), np.zeros((0, 4), bool)],
    ids=lambda mask: f"{mask.dtype}{mask.shape}",
)
def test_anything_but_a_bool_image_is_refused(mask):
    with pytest.raises(ValueError, match=r"expected bool \(H, W\)"):
        boxes(mask, 0)


@pytest.mark.parametrize("least_area", [-1, float("nan")])
def test_a_least_area_that_is_none_is_refused(least_area):
    with pytest.raises(ValueError, match="least_area"):
        boxes(drawn("#"), least_area)


def by_search(mask: np.ndarray) -> list[Box]:
    """The boxes by walking from pixel to pixel, in no special order."""
    left, found = set(zip(*np.nonzero(mask), strict=True)), []
    while left:
        region, border = set(), {left.pop()}
        while border:
            row, column = border.pop()
            region.add((row, column))
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            border |= near
            left -= near
        rows, columns = ([int(pixel[axis]) for pixel in region] for axis in (0, 1))
        width, height = max(columns) - min(columns) + 1, max(rows) - min(rows) + 1
        found.append(Box(min(columns), min(rows), width, height, len(region)))
    return found


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)), st.integers(0, 6))
def test_the_boxes_are_those_of_a_search_pixel_by_pixel(mask, least_area):
    found = boxes(mask, least_area)
    expected = [box for box in by_search(mask) if box.area >= least_area]
    assert found == sorted(expected, key=lambda box: (-box.area, box.y, box.x))
