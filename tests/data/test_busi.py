"""BUSI's layout, as published and as people's folders really look."""

import shutil
from collections import Counter

import pytest

from common.data.busi import index
from common.errors import BadInput


def test_the_published_busi_has_780_images_and_798_masks(busi_folder):
    cases = index(busi_folder)
    assert Counter(case.label for case in cases) == {"benign": 437, "malignant": 210, "normal": 133}
    assert sum(len(case.masks) for case in cases) == 454 + 211 + 133
    several = {case.id: len(case.masks) for case in cases if len(case.masks) > 1}
    assert len(several) == 17
    assert several["benign (195)"] == 3


def test_cases_come_by_class_and_number_with_their_masks_in_order(phantom_folder):
    cases = index(phantom_folder)
    assert [case.id for case in cases[:2]] == ["benign (1)", "benign (2)"]
    numbers = [int(case.id.split("(")[1][:-1]) for case in cases if case.label == "benign"]
    assert numbers == sorted(numbers), "2 before 10"
    for case in cases:
        names = [path.name for path in case.masks]
        assert names == [f"{case.id}_mask.png", f"{case.id}_mask_1.png", f"{case.id}_mask_2.png"][: len(names)]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere.*no such folder"):
        index(tmp_path / "nowhere")


def test_an_empty_folder_is_told_what_is_expected(tmp_path):
    with pytest.raises(BadInput, match=r"no image found. Expected benign/benign \(1\).png"):
        index(tmp_path)


def test_every_image_without_mask_and_every_mask_without_image_is_named_at_once(tmp_path, phantom_folder):
    folder = shutil.copytree(phantom_folder, tmp_path / "copy")
    (folder / "benign" / "benign (1)_mask.png").unlink()
    (folder / "benign" / "benign (3)_mask.png").unlink()
    (folder / "normal" / "normal (1).png").unlink()
    with pytest.raises(BadInput) as caught:
        index(folder)
    for offender in ("benign (1).png: no mask", "benign (3).png: no mask", "normal (1)_mask.png: no image"):
        assert offender in str(caught.value)


def test_other_files_in_the_folder_are_left_alone(tmp_path, phantom_folder):
    folder = shutil.copytree(phantom_folder, tmp_path / "copy")
    (folder / "benign" / "Thumbs.db").write_bytes(b"?")
    (folder / "readme.txt").write_text("hello")
    assert len(index(folder)) == len(index(phantom_folder))
