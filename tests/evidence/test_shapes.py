"""Outlines and lesions: small masks counted by hand, all masks by brute force, and reference values of MONAI."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import label

from common.evidence.shapes import (
    LEAST_IOU,
    compare_shapes,
    count_near_outlines,
    distances_between_outlines,
    match_regions,
)
from tests.evidence.pixels import outline

MASKS = hnp.arrays(bool, st.tuples(st.just(8), st.just(9)))
TOLERANCES = st.floats(0, 12)


def drawn(*lines):
    """A mask from text: # is marked."""
    return np.array([[sign == "#" for sign in line] for line in lines])


def surface_dice(one, other, tolerance=2):
    number, near = count_near_outlines(*distances_between_outlines(one, other), tolerance)
    return near / number if number else np.nan


def matched(marked, truth, least_area=0):
    found = match_regions(marked, truth, least_area)
    return tuple(found[name] for name in ("lesions", "lesions_found", "regions", "regions_matched"))


# Lesions by hand


TWO = drawn("##....", "##....", "......", "....##", "....##")


def test_of_two_lesions_one_is_found():
    assert matched(drawn("##....", "##....", "......", "......", "......"), TWO) == (2, 1, 1, 1)


def test_a_mark_elsewhere_finds_nothing_and_matches_nothing():
    assert matched(drawn("....##", "....##", "......", "......", "......"), TWO) == (2, 0, 1, 0)


def test_regions_that_touch_at_a_corner_are_one():
    corner = drawn("##..", "##..", "..##", "..##")
    assert matched(corner, corner) == (1, 1, 1, 1)


def test_a_column_between_them_makes_two():
    apart = drawn("##.##", "##.##")
    assert matched(apart, apart) == (2, 2, 2, 2)


def test_one_region_may_find_two_lesions():
    # 4 of 10 pixels are shared with each
    assert matched(drawn("#####", "#####"), drawn("##.##", "##.##")) == (2, 2, 1, 1)


def test_two_regions_may_match_one_lesion():
    assert matched(drawn("##.##", "##.##"), drawn("#####", "#####")) == (1, 1, 2, 2)


@pytest.mark.parametrize(("marked", "found"), [(1, 0), (2, 1)])
def test_an_iou_of_exactly_the_least_is_not_above_it(marked, found):
    """One or two of ten pixels."""
    assert LEAST_IOU == 0.1
    truth, prediction = np.ones((1, 10), bool), np.zeros((1, 10), bool)
    prediction[0, :marked] = True
    assert matched(prediction, truth) == (1, found, 1, found)


def test_without_a_lesion_every_region_is_a_false_one():
    assert matched(drawn("#..#", "....", "##.."), np.zeros((3, 4), bool)) == (0, 0, 3, 0)


def test_where_all_is_marked_one_region_holds_every_lesion_but_matches_only_large_ones():
    assert matched(np.ones((5, 6), bool), TWO) == (2, 2, 1, 1), "4 of 30 pixels each"
    assert matched(np.ones((50, 60), bool), np.pad(TWO, ((0, 45), (0, 54)))) == (2, 0, 1, 0), "4 of 3,000"


def test_specks_are_small_and_match_no_lesion():
    marked = drawn("#.....#", "......#", ".......", "#......")
    truth = drawn("#......", ".......", ".......", ".......")
    assert matched(marked, truth) == (1, 1, 3, 1)
    specks = [match_regions(marked, truth, least)["specks"] for least in (1, 2, 3)]
    assert specks == [0, 1, 2], "the pixel that finds the lesion is no speck at any size"


def test_a_speck_has_less_than_a_thousandth_of_the_whole_image():
    marked = np.zeros((60, 50), bool)
    marked[0, :2] = marked[9, :3] = True
    assert compare_shapes(marked, np.zeros_like(marked))["specks"] == 1, "2 of 3,000 pixels; 3 are enough"


def test_a_stray_piece_of_the_truth_is_no_lesion_and_matches_nothing():
    truth = drawn("#.....", "......", "...##.", "...##.")
    found = match_regions(drawn("#.....", "......", "...##.", "......"), truth, 0, least_lesion=2)
    assert found == {"lesions": 1, "lesions_found": 1, "regions": 2, "regions_matched": 1, "specks": 0}
    whole = np.pad(truth, ((0, 6), (0, 4)))
    lesions = [compare_shapes(whole, whole, share)["lesions"] for share in (0, 0.01, 0.011, 0.041)]
    assert lesions == [2, 2, 1, 1], "one and four of a hundred pixels; the largest piece always counts"


# Outlines by hand


def test_everything_marked_has_the_outline_of_the_image():
    truth = np.zeros((5, 5), bool)
    truth[2, 2] = True
    found = compare_shapes(np.ones((5, 5), bool), truth)
    assert found["outline"] == 16 + 1
    # The middle of each side is 2 away from the one pixel of the truth, and that is 2 away from them.
    assert found["outline_near"] == 4 + 1


def test_an_empty_truth_leaves_no_pixel_near():
    marked = drawn("....", ".##.", ".##.")
    found = compare_shapes(marked, np.zeros_like(marked))
    assert (found["outline"], found["outline_near"]) == (4, 0)
    assert np.isnan(found["hd95"])


def test_where_neither_marks_anything_there_is_nothing_to_count():
    empty = np.zeros((4, 4), bool)
    found = compare_shapes(empty, empty)
    assert all(np.isnan(found.pop(name)) for name in ("hd95", "assd"))
    assert set(found.values()) == {0}
    assert np.isnan(surface_dice(empty, empty))


def test_a_square_moved_by_the_tolerance_is_right_and_by_one_more_is_not():
    square = np.zeros((20, 20), bool)
    square[5:11, 5:11] = True
    assert surface_dice(square, np.roll(square, 2, axis=1)) == 1
    # Moved by 3, the inner side of each, corners excluded, has no outline within 2 pixels.
    assert surface_dice(square, np.roll(square, 3, axis=1)) < 1


ROW, COLUMN = np.mgrid[:48, :64]


def ellipse(row, column, height, width):
    return ((ROW - row) / height) ** 2 + ((COLUMN - column) / width) ** 2 <= 1


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (ellipse(20, 30, 10, 14), ellipse(22, 31, 11, 12), (0.393939, 0.681818, 1.0)),
        (
            ellipse(20, 30, 10, 14) | ellipse(5, 55, 3, 4),
            ellipse(24, 36, 12, 10),
            (0.194444, 0.326389, 0.5625),
        ),
        (ellipse(0, 0, 12, 9), ellipse(1, 0, 9, 9), (0.909091, 1.0, 1.0)),
    ],
    ids=["shifted", "with a second region", "at the edge of the image"],
)
def test_the_surface_dice_is_that_of_monai(one, other, expected):
    """compute_surface_dice of MONAI 1.6.1 at tolerances of 1, 2 and 5 pixels."""
    assert [surface_dice(one, other, tolerance) for tolerance in (1, 2, 5)] == pytest.approx(expected, abs=1e-6)


# What holds for all masks


@given(MASKS, MASKS, TOLERANCES)
def test_near_pixels_are_those_of_all_pairs_of_outline_pixels(one, other, tolerance):
    pairs = np.linalg.norm(outline(one)[:, None] - outline(other)[None], axis=-1)
    near = 0
    if pairs.size:
        near = np.count_nonzero(pairs.min(axis=1) <= tolerance) + np.count_nonzero(pairs.min(axis=0) <= tolerance)
    found = count_near_outlines(*distances_between_outlines(one, other), tolerance)
    assert found == (sum(pairs.shape), near)


@given(MASKS, MASKS, TOLERANCES, TOLERANCES)
def test_the_surface_dice_lies_between_0_and_1_has_no_first_mask_and_grows_with_the_tolerance(one, other, a, b):
    found = surface_dice(one, other, min(a, b))
    if np.isnan(found):
        assert not (one | other).any()
        return
    assert 0 <= found <= surface_dice(one, other, max(a, b)) <= 1
    assert found == surface_dice(other, one, min(a, b))
    assert found == 0 or (one.any() and other.any())


@given(MASKS, TOLERANCES)
def test_it_is_1_for_equal_masks(mask, tolerance):
    assert surface_dice(mask, mask, tolerance) == 1 or not mask.any()


@given(MASKS, MASKS)
def test_found_lesions_are_those_with_a_region_of_enough_iou(marked, truth):
    parts = []
    for mask in (truth, marked):
        labels, number = label(mask, structure=np.ones((3, 3)))
        parts.append([labels == i + 1 for i in range(number)])
    lesions, regions = parts
    match = np.zeros((len(lesions), len(regions)), bool)
    for i, lesion in enumerate(lesions):
        for j, region in enumerate(regions):
            match[i, j] = np.count_nonzero(lesion & region) / np.count_nonzero(lesion | region) > LEAST_IOU
    expected = len(lesions), match.any(axis=1).sum(), len(regions), match.any(axis=0).sum()
    assert matched(marked, truth) == expected
    small = np.array([region.sum() < 4 for region in regions], bool)
    assert match_regions(marked, truth, 4)["specks"] == np.count_nonzero(small & ~match.any(axis=0))


@given(MASKS, MASKS)
def test_exchanging_truth_and_prediction_exchanges_lesions_and_regions(marked, truth):
    lesions, found, regions, of_lesions = matched(marked, truth)
    assert matched(truth, marked) == (regions, of_lesions, lesions, found)


@given(MASKS, MASKS, st.integers(0, 5), st.integers(0, 5))
def test_more_background_around_changes_nothing_but_what_is_a_speck(marked, truth, before, after):
    around = [np.pad(mask, ((before, after), (after, before))) for mask in (marked, truth)]
    one, other = compare_shapes(marked, truth), compare_shapes(*around)
    del one["specks"], other["specks"]
    assert other == pytest.approx(one, nan_ok=True, rel=1e-12)
