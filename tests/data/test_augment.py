"""Augmentation: image and mask move together, within the stated limits, and a seed says exactly how."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.data.augment import Augment
from common.recipe import Augmentation

KUMAR = Augment(Augmentation(rotation=15, zoom=0.1, flips=True, contrast=0.1))
SIDE = 96
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def picture():
    """A grey image and its mask: a bar off the centre, so that every flip and rotation of it differs."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[30:38, 20:66] = 255
    image = np.random.default_rng(0).integers(60, 200, (SIDE, SIDE, 3), dtype=np.uint8)
    for array in (mask, image):
        array.setflags(write=False)  # as the memory-mapped arrays that training reads
    return image, mask


def bits(pair):
    return [array.tobytes() for array in pair]


@pytest.mark.parametrize("channels", [1, 3])
def test_keeps_shapes_types_and_the_values_of_the_mask(picture, channels):
    image, mask = picture[0][..., :channels], picture[1]
    for seed in range(50):
        new_image, new_mask = KUMAR(image, mask, seed)
        assert (new_image.shape, new_image.dtype) == (image.shape, np.uint8)
        assert (new_mask.shape, new_mask.dtype) == (mask.shape, np.uint8)
        assert set(np.unique(new_mask)) == {0, 255}


def test_soft_edges_of_a_mask_are_moved_and_not_mixed(picture):
    soft = cv2.resize(np.array([[0, 0, 0], [0, 255, 0], [0, 0, 0]], np.uint8), (SIDE, SIDE))
    for seed in range(20):
        assert set(np.unique(KUMAR(picture[0], soft, seed)[1])) <= set(np.unique(soft))


def test_image_and_mask_move_alike(picture):
    mask = picture[1]
    for seed in range(50):
        image, moved = Augment(Augmentation(rotation=15, zoom=0.1, flips=True))(
            np.repeat(mask[..., None], 3, 2), mask, seed
        )
        drawn, truth = image[..., 0] > 127, moved > 0
        assert (drawn & truth).sum() / (drawn | truth).sum() > 0.95


def test_a_seed_gives_the_same_bits_whatever_was_called_before_and_in_whichever_thread(picture):
    in_order = [bits(KUMAR(*picture, seed)) for seed in range(40)]
    backwards = [bits(KUMAR(*picture, seed)) for seed in reversed(range(40))]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda seed: bits(KUMAR(*picture, seed)), range(40)))
    assert in_order == backwards[::-1] == threaded
    assert len({pair[0] for pair in in_order}) == 40
    assert bits(Augment(Augmentation(rotation=15, zoom=0.1, flips=True, contrast=0.1))(*picture, 7)) == in_order[7]


def test_the_two_flips_are_independent(picture):
    """albumentations starts all transforms of a Compose from one seed: both flips then always come together."""
    image, mask = picture
    kinds = {"neither": mask, "left-right": mask[:, ::-1], "top-bottom": mask[::-1], "both": mask[::-1, ::-1]}
    counts = dict.fromkeys(kinds, 0)
    for seed in range(400):
        _, flipped = Augment(Augmentation(flips=True))(image, mask, seed)
        counts[next(kind for kind, expected in kinds.items() if np.array_equal(flipped, expected))] += 1
    assert all(70 < count < 130 for count in counts.values()), counts


def test_rotates_by_up_to_15_degrees_either_way(picture):
    angles = []
    for seed in range(200):
        _, mask = Augment(Augmentation(rotation=15))(*picture, seed)
        rows, columns = np.nonzero(mask)
        angles.append(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))
    assert -16 < min(angles) < -13
    assert 13 < max(angles) < 16


def test_zooms_by_up_to_a_tenth_either_way_alike_in_both_directions(picture):
    sizes = np.array([[np.any(mask, axis=axis).sum() for axis in (0, 1)] for mask in zoomed(picture)]) / [46, 8]
    widths, heights = sizes.T
    assert widths.min() == pytest.approx(0.9, abs=0.03)
    assert widths.max() == pytest.approx(1.1, abs=0.03)
    assert np.abs(widths - heights).max() < 0.2  # a pixel of 8


def zoomed(picture):
    return [Augment(Augmentation(zoom=0.1))(*picture, seed)[1] for seed in range(200)]


def test_contrast_changes_the_spread_of_the_greys_by_up_to_a_tenth_and_not_their_mean_nor_the_mask(picture):
    image, mask = picture
    ratios = []
    for seed in range(200):
        changed, same = Augment(Augmentation(contrast=0.1))(image, mask, seed)
        assert np.array_equal(same, mask)
        assert changed.mean() == pytest.approx(image.mean(), abs=1)
        ratios.append(changed.std() / image.std())
    assert 0.89 < min(ratios) < 0.92
    assert 1.08 < max(ratios) < 1.11


def test_nothing_asked_for_nothing_changed(picture):
    assert bits(Augment(Augmentation())(*picture, 0)) == bits(picture)


def test_albumentations_is_imported_at_the_first_use_and_does_not_call_home():
    script = """
import sys, urllib.request, numpy as np
def call_home(*arguments, **options):
    print("called", arguments[1])
    raise OSError
urllib.request.OpenerDirector.open = call_home
from common.data.augment import Augment
from common.recipe import Augmentation
print("imported" if "albumentations" in sys.modules else "not imported")
Augment(Augmentation(rotation=15))(np.zeros((8, 8, 1), np.uint8), np.zeros((8, 8), np.uint8), 0)
print("imported" if "albumentations" in sys.modules else "not imported")
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["not imported", "imported"]
    assert ran.stderr == ""
