"""From files to arrays: resizing, merging, filling, equalising, the cache, and files that can't be used."""

import hashlib
import os
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from common import papers
from common.data import manifest
from common.data.busi import index
from common.data.case import Case
from common.data.decode import decode_mask
from common.data.masks import merge
from common.data.outlines import fill_outline
from common.data.prepare import Need, prepare
from common.errors import BadInput
from common.recipe import Recipe
from tests.data.pictures import saved


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
    assert np.array_equal(merge(three, "union=2") == 255, upper | lower)
    assert np.array_equal(merge(three, "first") == 255, upper)
    mean = merge([upper, lower], "mean=2")
    assert set(mean[upper & lower]) == {255}
    assert set(mean[upper ^ lower]) == {128}, "a lesion that only one mask covers is at one half"
    assert set(merge([upper], "mean=2")[upper]) == {255}, "a single mask is not halved"
    assert np.array_equal(merge(three, "mean=2"), mean), "the third does not count"


def test_of_any_number_the_first_n_are_merged():
    rows = masks_that((0, 1, 0, 4), (0, 2, 0, 4), (0, 3, 0, 4), (0, 4, 0, 4))
    assert merge(rows, "union=3")[:, 0].tolist() == [255, 255, 255, 0]
    assert merge(rows, "mean=3")[:, 0].tolist() == [255, 170, 85, 0]
    assert merge(rows, "mean=4")[:, 0].tolist() == [255, 191, 128, 64], "one half is 128, and counts as tumour"
    assert np.array_equal(merge(rows, "union=9"), merge(rows, "merged"))
    assert np.array_equal(merge(rows, "mean=9"), merge(rows, "mean=4"))


@pytest.mark.parametrize("masks", ["two", "halved", "union", "union=1", "mean=0", "mean=02", "first=2", "mean=2.5"])
def test_another_reading_of_masks_is_no_setting(masks):
    settings = papers.load("cheng").plain_recipe().model_dump()
    assert Recipe(**settings | {"masks": "union=12"}).masks == "union=12"
    with pytest.raises(ValidationError, match="masks"):
        Recipe(**settings | {"masks": masks})


def test_all_three_masks_of_benign_195_count(busi_folder, tmp_path):
    case = next(case for case in index(busi_folder) if case.id == "benign (195)")
    masks = [decode_mask(path)[0] for path in case.masks]
    areas = [np.count_nonzero(merge(masks, reading)) for reading in ("first", "union=2", "merged")]
    assert areas[0] < areas[1] < areas[2]


def test_resizing_is_that_of_tf_image_resize(tmp_path, grey, drawn):
    """Bilinear, half-pixel centres, no antialiasing: keras.ops.image.resize computes it in floating point."""
    case = Case("a", "benign", "a", saved(tmp_path / "a.png", grey), (saved(tmp_path / "m.png", drawn),))
    prepared = prepare([case], "test", Need(17, 1, "merged"), tmp_path / "cache")
    expected = keras.ops.image.resize(grey[..., None].astype("float32"), (17, 17), antialias=False)
    assert np.abs(prepared.images[0] - np.asarray(expected)).max() <= 1, "within the rounding to whole grey values"
    mask = keras.ops.image.resize(drawn[..., None].astype("float32"), (17, 17), antialias=False)
    assert np.abs(prepared.masks[0] / 255 - np.asarray(mask)[..., 0]).max() <= 1 / 255


def test_preparing_twice_decodes_once(phantom_folder, tmp_path, monkeypatch):
    cases = index(phantom_folder)
    first = prepare(cases, "phantom", Need(32, 3, "merged"), tmp_path)
    monkeypatch.setattr("common.data.case.read_case", lambda case: pytest.fail("decoded again"))
    again = prepare(cases, "phantom", Need(32, 3, "merged"), tmp_path)
    assert np.array_equal(first.images, again.images)
    assert first.fingerprint == again.fingerprint
    assert first.images.shape == (30, 32, 32, 3)
    assert first.masks.shape == (30, 32, 32)


def test_a_changed_file_is_noticed(phantom_folder, tmp_path):
    folder = shutil.copytree(phantom_folder, tmp_path / "copy")
    before = prepare(index(folder), "copy", Need(32, 1, "merged"), tmp_path / "cache")
    image = folder / "benign" / "benign (1).png"
    saved(image, 255 - np.asarray(Image.open(image)))
    after = prepare(index(folder), "copy", Need(32, 1, "merged"), tmp_path / "cache")
    assert before.fingerprint != after.fingerprint
    assert not np.array_equal(before.images[0], after.images[0])


def test_masks_of_two_persons_do_not_share_a_cache(tmp_path, grey):
    """Names, sizes and times of modification agree: the files differ in their folder alone."""
    image, masks = saved(tmp_path / "a.png", grey), []
    for person, rows in (("one", slice(4, 8)), ("two", slice(20, 30))):
        (tmp_path / person).mkdir()
        masks.append(_drawn_at(tmp_path / person / "a.bmp", grey.shape, rows))
    assert masks[0].stat().st_size == masks[1].stat().st_size
    cases = [Case("a", "", "a", image, (mask,)) for mask in masks]
    one, two = (prepare([case], "scans", Need(32, 1, "merged"), tmp_path / "cache") for case in cases)
    assert one.fingerprint != two.fingerprint
    assert not np.array_equal(one.masks, two.masks)


def test_a_file_that_was_replaced_is_noticed_though_its_size_and_time_of_modification_are_the_same(tmp_path, grey):
    """As `cp -p` does it, and programs that unpack."""
    case = Case("a", "", "a", saved(tmp_path / "a.png", grey), (tmp_path / "a.bmp",))
    prepared = []
    for rows in (slice(4, 8), slice(20, 30)):
        _drawn_at(case.masks[0], grey.shape, rows)
        prepared.append(prepare([case], "scans", Need(32, 1, "merged"), tmp_path / "cache"))
    assert prepared[0].fingerprint != prepared[1].fingerprint


def _drawn_at(path: Path, shape: tuple[int, int], rows: slice) -> Path:
    """A mask that marks these rows, last modified at a time that is always the same."""
    pixels = np.zeros(shape, np.uint8)
    pixels[rows, 4:16] = 255
    saved(path, pixels)
    os.utime(path, (1e9, 1e9))
    return path


def test_the_fingerprint_tells_the_published_busi_by_its_pixels(phantom_folder, tmp_path):
    prepared = prepare(index(phantom_folder), "busi", Need(32, 1, "merged"), tmp_path)
    assert manifest.true_name("busi", prepared.fingerprint) == "busi, changed"
    assert manifest.true_name("my copy", manifest.fingerprint(manifest.published())) == "busi"


def test_every_broken_file_and_mask_of_another_size_is_named_and_nothing_is_left_behind(phantom_folder, tmp_path):
    folder = shutil.copytree(phantom_folder, tmp_path / "copy")
    (folder / "benign" / "benign (2).png").write_bytes(b"not an image")
    truncated = folder / "malignant" / "malignant (1)_mask.png"
    truncated.write_bytes(truncated.read_bytes()[:60])
    saved(folder / "normal" / "normal (1)_mask.png", np.zeros((10, 20), np.uint8))
    with pytest.raises(BadInput) as caught:
        prepare(index(folder), "copy", Need(32, 1, "merged"), tmp_path / "cache")
    message = str(caught.value)
    assert "benign (2).png: not an image" in message
    assert "malignant (1)_mask.png" in message
    assert "normal (1)_mask.png: the mask is 20x10 pixels, not the" in message
    assert os.listdir(tmp_path / "cache") == []


def test_all_bad_files_of_one_case_are_named(tmp_path, grey, drawn):
    masks = [saved(tmp_path / f"m{number}.png", drawn) for number in range(3)]
    image = saved(tmp_path / "a.png", grey)
    for broken in (image, *masks[:2]):
        broken.write_bytes(b"?")
    with pytest.raises(BadInput) as caught:
        prepare([Case("a", "benign", "a", image, tuple(masks))], "test", Need(16, 1, "merged"), tmp_path / "cache")
    assert [name for name in ("a.png", "m0.png", "m1.png", "m2.png") if name in str(caught.value)] == [
        "a.png", "m0.png", "m1.png"
    ]  # fmt: skip


def one(tmp_path, image, *masks, side=40, **details):
    """The prepared image and mask, uint8 (side, side), of a single case."""
    paths = [saved(tmp_path / f"m{number}.png", mask) for number, mask in enumerate(masks)]
    case = Case("a", "benign", "a", saved(tmp_path / "a.png", image), tuple(paths), **details)
    prepared = prepare([case], "test", Need(side, 1, "merged"), tmp_path / "cache")
    return prepared.images[0, ..., 0], prepared.masks[0]


def test_without_a_mask_the_truth_is_empty(tmp_path, grey):
    image, mask = one(tmp_path, grey)
    assert image.any()
    assert not mask.any()


@pytest.mark.parametrize("reading", ["merged", "first", "union=2", "mean=2"])
def test_no_mask_is_an_empty_truth_in_every_reading_of_several_masks(tmp_path, grey, reading):
    case = Case("a", "normal", "a", saved(tmp_path / "a.png", grey), ())
    assert not prepare([case], "test", Need(16, 1, reading), tmp_path / "cache").masks.any()


def test_a_smaller_mask_covers_the_whole_image_all_the_same(tmp_path):
    image, small = np.zeros((400, 400), np.uint8), np.zeros((50, 50), bool)
    small[10:25, 20:45] = True
    assert np.array_equal(one(tmp_path, image, small, side=100, scaled=True)[1], cv2.resize(
        small.astype(np.uint8) * 255, (100, 100), interpolation=cv2.INTER_LINEAR
    ))  # fmt: skip


def test_masks_of_different_sizes_are_merged_on_the_grid_of_their_image(tmp_path):
    image, upper, right = np.zeros((80, 80), np.uint8), np.zeros((40, 40), bool), np.zeros((20, 20), bool)
    upper[:10] = True
    right[:, 15:] = True
    expected = np.zeros((80, 80), bool)
    expected[:20] = expected[:, 60:] = True
    assert np.array_equal(one(tmp_path, image, upper, right, side=80, scaled=True)[1] == 255, expected)


def test_a_mask_of_other_proportions_is_refused_and_any_other_size_where_sizes_must_be_equal(tmp_path, grey, drawn):
    with pytest.raises(BadInput, match=r"m0\.png: the mask is 40x60 pixels, not of the proportions 60x40 of its image"):
        one(tmp_path, grey, drawn.T, scaled=True)
    with pytest.raises(BadInput, match=r"m0\.png: the mask is 30x20 pixels, not the 60x40 of its image"):
        one(tmp_path, grey, drawn[::2, ::2])


def outline(mask: np.ndarray, width: int) -> np.ndarray:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, width) > 0


def blob() -> np.ndarray:
    """Two regions, one of them at the border."""
    y, x = np.mgrid[:60, :90]
    return ((y - 30) ** 2 / 3 + (x - 40) ** 2 < 300 + 40 * np.sin(y)) | ((y - 5) ** 2 + (x - 85) ** 2 < 90)


def test_an_outline_is_filled_and_an_area_stays_as_it_is():
    area = blob()
    line = outline(area, 1)
    assert line.sum() < area.sum() / 3
    assert np.array_equal(fill_outline(line), area)
    assert np.array_equal(fill_outline(area), area)
    assert not fill_outline(np.zeros((5, 5), bool)).any()


def test_outlines_are_filled_where_the_case_says_so_each_before_they_are_merged(tmp_path):
    """One lesion's outline within another's, and across it: as one drawing, the parts between could not be told."""
    image = np.zeros((60, 90), np.uint8)
    area, across = blob(), np.zeros((60, 90), bool)
    across[25:35, 10:80] = True
    lines = [outline(area, 1), outline(across, 1)]
    truth = one(tmp_path, image, *lines, side=60, outlined=True)[1]
    assert np.array_equal(truth, one(tmp_path, image, area | across, side=60)[1])
    assert np.array_equal(truth, one(tmp_path, image, *lines, side=60)[1]), "and so they are elsewhere, with a doubt"


def test_a_contour_that_marks_nothing_is_refused(tmp_path, grey, drawn):
    with pytest.raises(BadInput, match=r"m0\.png: a contour that marks nothing"):
        one(tmp_path, grey, np.zeros_like(drawn), outlined=True)


def test_clahe_is_opencvs_of_the_grey_image_before_it_is_resized(tmp_path):
    image = np.random.default_rng(0).integers(90, 110, (80, 120), dtype=np.uint8)
    case = Case("a", "benign", "a", saved(tmp_path / "a.png", image), ())
    plain, weak, strong, fewer = (
        prepare([case], "test", Need(32, 1, "merged", clahe), tmp_path / "cache")
        for clahe in (None, (2.0, 8), (4.5, 8), (2.0, 4))
    )
    for prepared, limit, tiles in ((weak, 2.0, 8), (strong, 4.5, 8), (fewer, 2.0, 4)):
        expected = cv2.resize(cv2.createCLAHE(limit, (tiles, tiles)).apply(image), (32, 32))
        assert np.array_equal(prepared.images[0, ..., 0], expected)
    assert plain.images.std() < weak.images.std() < strong.images.std(), "each from its own cache"
    assert plain.fingerprint == strong.fingerprint, "which is of the files' own pixels"


def test_clahe_of_colour_images_is_refused(tmp_path):
    with pytest.raises(BadInput, match="needs channels=1, not 3"):
        prepare([], "test", Need(32, 3, "merged", (2.0, 8)), tmp_path)


def test_nothing_is_printed_where_there_is_no_terminal(phantom_folder, tmp_path, capsys):
    prepare(index(phantom_folder), "phantom", Need(32, 1, "merged"), tmp_path)
    assert capsys.readouterr() == ("", "")


# Of the arrays at 128 pixels made before other data sets were added (blake2b, 16 bytes).
BUSI_MASKS = "8f31a29a7535abd03e6666077bc84f17"
BUSI_IMAGES = {3: "9ea60d18a894f33525c70daab1453c20", 1: "0b659a32351b444c388e5132bc639c08"}


@pytest.mark.long
@pytest.mark.parametrize("channels", [1, 3])
def test_busi_is_prepared_to_the_same_bits_as_ever(busi_folder, tmp_path, channels):
    prepared = prepare(index(busi_folder), "busi", Need(128, channels, "merged"), tmp_path)
    hashed = [hashlib.blake2b(array, digest_size=16).hexdigest() for array in (prepared.images, prepared.masks)]
    assert hashed == [BUSI_IMAGES[channels], BUSI_MASKS]
    assert prepared.fingerprint == "601ee248e19b0ce6"
