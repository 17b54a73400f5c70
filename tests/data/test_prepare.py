"""From files to arrays: every form of file that BUSI holds, resizing, merging, the cache, and files that are broken."""

import os
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from common.data import manifest
from common.data.busi import index
from common.data.case import Case
from common.data.decode import Unreadable, read_image, read_mask
from common.data.prepare import merge, prepare
from common.errors import BadInput


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)


@pytest.fixture
def drawn():
    mask = np.zeros((40, 60), bool)
    mask[10:25, 20:45] = True
    return mask


def saved(path, pixels, mode=None):
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_grey_and_colour_files_of_the_same_pixels_give_the_same_image(tmp_path, grey, mode):
    image = read_image(saved(tmp_path / "image.png", grey, mode))
    assert image.dtype == np.uint8
    assert np.array_equal(image, np.stack([grey] * 3, axis=-1))


def test_coloured_overlays_stay_coloured(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(read_image(saved(tmp_path / "image.png", pixels)), pixels)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_masks_of_every_mode_of_busi_give_the_same_mask(tmp_path, drawn, mode):
    assert np.array_equal(read_mask(saved(tmp_path / "mask.png", drawn.astype(np.uint8) * 255, mode)), drawn)


@pytest.mark.parametrize("one", [1, 128, 255])
def test_a_mask_drawn_in_0_and_any_other_value_is_the_same_mask(tmp_path, drawn, one):
    assert np.array_equal(read_mask(saved(tmp_path / "mask.png", drawn.astype(np.uint8) * one)), drawn)


def test_an_all_black_mask_marks_nothing(tmp_path):
    assert not read_mask(saved(tmp_path / "mask.png", np.zeros((8, 8), np.uint8))).any()


@pytest.mark.parametrize("keep", [0, 20, 300])
def test_a_truncated_file_is_refused_by_name(tmp_path, grey, keep):
    path = saved(tmp_path / "image.png", grey)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Unreadable, match=r"image\.png"):
        read_image(path)


def masks_that(*boxes):
    """Masks of 4 x 4 pixels, one for each (rows, columns) given as slices' bounds."""
    masks = []
    for top, bottom, left, right in boxes:
        mask = np.zeros((4, 4), bool)
        mask[top:bottom, left:right] = True
        masks.append(mask)
    return masks


def test_the_readings_of_several_masks():
    upper, lower, corner = masks_that((0, 2, 0, 4), (1, 4, 0, 2), (3, 4, 3, 4))
    three = [upper, lower, corner]
    assert np.array_equal(merge(three, "merged") == 255, upper | lower | corner)
    assert np.array_equal(merge(three, "two") == 255, upper | lower)
    assert np.array_equal(merge(three, "first") == 255, upper)
    halved = merge([upper, lower], "halved")
    assert set(halved[upper & lower]) == {255}
    assert set(halved[upper ^ lower]) == {128}, "a lesion that only one mask covers is at one half"
    assert set(merge([upper], "halved")[upper]) == {255}, "a single mask is not halved"


def test_all_three_masks_of_benign_195_count(busi_folder, tmp_path):
    case = next(case for case in index(busi_folder) if case.id == "benign (195)")
    masks = [read_mask(path) for path in case.masks]
    areas = [np.count_nonzero(merge(masks, reading)) for reading in ("first", "two", "merged")]
    assert areas[0] < areas[1] < areas[2]


def test_resizing_is_that_of_tf_image_resize(tmp_path, grey, drawn):
    """Bilinear, half-pixel centres, no antialiasing: keras.ops.image.resize computes it in floating point."""
    case = Case("a", "benign", "a", saved(tmp_path / "a.png", grey), (saved(tmp_path / "m.png", drawn),))
    prepared = prepare([case], "test", 17, 1, "merged", tmp_path / "cache")
    expected = keras.ops.image.resize(grey[..., None].astype("float32"), (17, 17), antialias=False)
    assert np.abs(prepared.images[0] - np.asarray(expected)).max() <= 1, "within the rounding to whole grey values"
    mask = keras.ops.image.resize(drawn[..., None].astype("float32"), (17, 17), antialias=False)
    assert np.abs(prepared.masks[0] / 255 - np.asarray(mask)[..., 0]).max() <= 1 / 255


def test_preparing_twice_decodes_once(phantom_folder, tmp_path, monkeypatch):
    cases = index(phantom_folder)
    first = prepare(cases, "phantom", 32, 3, "merged", tmp_path)
    monkeypatch.setattr("common.data.prepare.read_image", lambda path: pytest.fail("decoded again"))
    again = prepare(cases, "phantom", 32, 3, "merged", tmp_path)
    assert np.array_equal(first.images, again.images)
    assert first.fingerprint == again.fingerprint
    assert first.images.shape == (30, 32, 32, 3)
    assert first.masks.shape == (30, 32, 32)


def test_a_changed_file_is_noticed(phantom_folder, tmp_path):
    folder = shutil.copytree(phantom_folder, tmp_path / "copy")
    before = prepare(index(folder), "copy", 32, 1, "merged", tmp_path / "cache")
    image = folder / "benign" / "benign (1).png"
    saved(image, 255 - np.asarray(Image.open(image)))
    after = prepare(index(folder), "copy", 32, 1, "merged", tmp_path / "cache")
    assert before.fingerprint != after.fingerprint
    assert not np.array_equal(before.images[0], after.images[0])


def test_the_fingerprint_tells_the_published_busi_by_its_pixels(phantom_folder, tmp_path):
    prepared = prepare(index(phantom_folder), "busi", 32, 1, "merged", tmp_path)
    assert manifest.true_name("busi", prepared.fingerprint) == "busi, changed"
    assert manifest.true_name("my copy", manifest.fingerprint(manifest.load())) == "busi"


def test_every_broken_file_and_mask_of_another_size_is_named_and_nothing_is_left_behind(phantom_folder, tmp_path):
    folder = shutil.copytree(phantom_folder, tmp_path / "copy")
    (folder / "benign" / "benign (2).png").write_bytes(b"not an image")
    truncated = folder / "malignant" / "malignant (1)_mask.png"
    truncated.write_bytes(truncated.read_bytes()[:60])
    saved(folder / "normal" / "normal (1)_mask.png", np.zeros((10, 20), np.uint8))
    with pytest.raises(BadInput) as caught:
        prepare(index(folder), "copy", 32, 1, "merged", tmp_path / "cache")
    message = str(caught.value)
    assert "benign (2).png: not an image" in message
    assert "malignant (1)_mask.png" in message
    assert "normal (1)_mask.png: the mask is 20x10 pixels, not the" in message
    assert os.listdir(tmp_path / "cache") == []
