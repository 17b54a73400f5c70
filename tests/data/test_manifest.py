"""The manifest: digests of decoded pixels, equal for equal pixels however they are stored, and those of BUSI."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data import manifest
from common.data.busi import index
from common.data.decode import decode_image, decode_mask


@pytest.fixture
def image():
    return np.repeat(np.random.default_rng(0).integers(0, 256, (5, 8, 1), dtype=np.uint8), 3, axis=2)


@pytest.fixture
def masks():
    return list(np.random.default_rng(1).random((2, 5, 8)) > 0.5)


def test_how_the_pixels_are_stored_does_not_matter(tmp_path, image, masks):
    grey, mask = image[..., 0], masks[0]
    Image.fromarray(image).save(tmp_path / "rgb.png")
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(mask).save(tmp_path / "1-bit.png")
    Image.fromarray(mask.astype(np.uint8) * 255).convert("RGBA").save(tmp_path / "rgba.png")
    digests = {
        manifest.case_digest(decode_image(tmp_path / stored).pixels, [decode_mask(tmp_path / drawn)[0]])
        for stored in ("rgb.png", "grey.png")
        for drawn in ("1-bit.png", "rgba.png")
    }
    assert digests == {manifest.case_digest(image, [mask])}


def test_every_pixel_the_shape_and_the_order_of_the_masks_matter(image, masks):
    brighter = image.copy()
    brighter[4, 7, 2] ^= 1
    fewer = [masks[0], masks[1].copy()]
    fewer[1][0, 0] ^= True
    different = [
        manifest.case_digest(image, masks),
        manifest.case_digest(brighter, masks),
        manifest.case_digest(image.reshape(8, 5, 3), masks),
        manifest.case_digest(image, fewer),
        manifest.case_digest(image, masks[::-1]),
        manifest.case_digest(image, masks[:1]),
    ]
    assert len(set(different)) == len(different)


def test_the_fingerprint_does_not_depend_on_the_order_of_the_cases():
    digests = {"benign (1)": "a-b", "benign (2)": "c-d"}
    assert manifest.fingerprint(digests) == manifest.fingerprint(dict(reversed(digests.items())))
    assert manifest.fingerprint(digests) != manifest.fingerprint({"benign (1)": "c-d", "benign (2)": "a-b"})


def test_the_manifest_of_busi_has_780_different_cases():
    busi = manifest.published()
    assert Counter(case.split()[0] for case in busi) == {"benign": 437, "malignant": 210, "normal": 133}
    assert all(len(digest) == 33 for digest in busi.values())


def test_verify_names_each_kind_of_difference():
    digests = dict(manifest.published())
    assert manifest.verify(digests) == []
    del digests["normal (133)"]
    digests["benign (438)"] = digests["benign (1)"]
    digests["benign (10)"] = "0" * 16 + digests["benign (10)"][16:]
    digests["benign (9)"] = "0" * 16 + digests["benign (9)"][16:]
    digests["benign (4)"] = digests["benign (4)"][:17] + "0" * 16
    assert manifest.verify(digests) == [
        "missing: normal (133)",
        "not in busi: benign (438)",
        "image with other pixels: benign (9), benign (10)",
        "masks with other pixels: benign (4)",
    ]


def test_verify_does_not_list_hundreds():
    (line,) = manifest.verify({})
    assert line.startswith("missing: benign (1), benign (2), ")
    assert line.endswith(" and 772 more")


@pytest.fixture
def busi():
    if "REPRO_DATA" not in os.environ:
        pytest.skip("REPRO_DATA, the folder that has busi/ in it, is not set")
    return index(Path(os.environ["REPRO_DATA"]) / "busi")


def test_a_sixth_of_busi_decodes_to_what_the_manifest_says(busi):
    expected = manifest.published()
    assert manifest.digest_all(busi[::6]) == {case.id: expected[case.id] for case in busi[::6]}


@pytest.mark.long
def test_all_of_busi_decodes_to_what_the_manifest_says(busi):
    digests = manifest.digest_all(busi)
    assert manifest.verify(digests) == []
    assert manifest.fingerprint(digests) == manifest.fingerprint(manifest.published())
