"""Distances between outlines, against all pairs of pixels and against what can be seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from common.evidence.shapes import compare_shapes
from tests.evidence.pixels import outline

MASKS = hnp.arrays(bool, st.tuples(st.just(7), st.just(9)))


def surface_distances(one, other):
    found = compare_shapes(one, other)
    return found["hd95"], found["assd"]


def square(top, left, side, size=20):
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


@given(MASKS, MASKS)
def test_they_are_those_of_all_pairs_of_outline_pixels(one, other):
    hd95, average = surface_distances(one, other)
    if not (one.any() and other.any()):
        assert np.isnan(hd95)
        assert np.isnan(average)
        return
    pairs = np.linalg.norm(outline(one)[:, None] - outline(other)[None], axis=-1)
    there, back = pairs.min(axis=1), pairs.min(axis=0)
    assert hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert average == pytest.approx(np.concatenate([there, back]).mean())


@given(MASKS, MASKS)
def test_neither_mask_is_the_first(one, other):
    assert surface_distances(one, other) == pytest.approx(surface_distances(other, one), nan_ok=True)


def test_a_square_that_is_moved_is_as_far_as_it_was_moved():
    assert surface_distances(square(5, 5, 6), square(5, 5, 6)) == (0, 0)
    hd95, average = surface_distances(square(5, 5, 6), square(5, 8, 6))
    assert hd95 == 3
    assert 0 < average < 3


def test_a_ring_of_two_pixels_more_is_two_away_from_the_sides():
    hd95, _ = surface_distances(square(5, 5, 6), square(3, 3, 10))
    assert hd95 == pytest.approx(np.hypot(2, 2), abs=0.5)


def test_one_pixel_to_one_pixel():
    assert surface_distances(square(0, 0, 1), square(3, 4, 1)) == (5, 5)
