"""Images and masks paired by their names alone, plain or in nnU-Net's layout, and every name that leaves a doubt."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data import fetch, pairing, splits
from common.errors import BadInput


def write(folder: Path, *names: str, value: int = 255, side: int = 40) -> Path:
    """Pictures of one grey square each."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((side, side), np.uint8)
        pixels[5:15, 5:15] = value
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture
def pairs(tmp_path):
    """The masks of each image, by name, of these images and masks."""

    def find(images, masks):
        found = fetch.find_pairs(write(tmp_path / "scans", *images), write(tmp_path / "masks", *masks))
        assert {case.label for case in found.cases} == {""}
        assert not splits.names_groups(found.cases)
        return {case.id: [path.name for path in case.masks] for case in found.cases}

    return find


@pytest.fixture
def refusal(pairs):
    def call(images, masks):
        with pytest.raises(BadInput) as refused:
            pairs(images, masks)
        return str(refused.value)

    return call


@pytest.mark.parametrize("mask", [
    "a.png", "a.tif", "a_mask.png", "a-mask.png", "a_segmentation.png", "a_seg.bmp", "a mask 1.png", "a_gt_2.png",
    "a_Label-1.png",
])  # fmt: skip
def test_a_mask_is_called_as_its_image_or_has_a_word_behind_the_name(pairs, mask):
    assert pairs(["a.png"], [mask]) == {"a": [mask]}


def test_a_file_that_is_not_read_is_told_beside_the_partner_that_misses_it(refusal, tmp_path):
    Image.new("L", (40, 40)).save(write(tmp_path / "scans", "b.png") / "a.gif")
    said = refusal(["b.png"], ["a.png", "b.png"])
    assert "a.png: no image is called 'a'" in said
    assert "Left out: 1 GIF (not read)." in said


def test_files_that_are_not_read_are_told_if_there_are_no_others(refusal, tmp_path):
    (tmp_path / "masks").mkdir()
    Image.new("L", (40, 40)).save(tmp_path / "masks" / "a.gif")
    assert "Left out: 1 GIF (not read)." in refusal(["a.png"], [])


def test_several_masks_are_several_lesions_of_one_image(pairs):
    assert pairs(["a.png", "a_1.png"], ["a_mask_1.png", "a_mask_2.png", "a_1.png"]) == {
        "a": ["a_mask_1.png", "a_mask_2.png"],
        "a_1": ["a_1.png"],
    }


def test_folders_below_tell_images_of_one_name_apart(pairs):
    found = pairs(["p1/a.png", "p2/a.png"], ["p1/a.png", "p2/a_mask.png"])
    assert found == {"p1/a": ["a.png"], "p2/a": ["a_mask.png"]}


def test_masks_may_all_lie_in_one_folder(pairs):
    assert pairs(["p1/a.png", "p2/b.png"], ["a.png", "b.png"]) == {"a": ["a.png"], "b": ["b.png"]}


@pytest.mark.parametrize(("images", "masks", "ids"), [
    (["p1/a.png", "p1/b.png"], ["p1/a.png", "p1/b.png"], ["a", "b"]),  # one patient
    (["a.png"], ["unpacked/a.png"], ["a"]),
    (["unpacked/a.png", "unpacked/b.png"], ["a.png", "b.png"], ["a", "b"]),
    (["scans/a.png"], ["masks/a.png"], ["a"]),  # as archives unpack into a folder of their own name
    (["set/p1/a.png", "set/p2/a.png"], ["p1/a.png", "p2/a.png"], ["p1/a", "p2/a"]),
    (["scans/p1/a.png", "scans/p2/a.png"], ["masks/p1/a.png", "masks/p2/a.png"], ["p1/a", "p2/a"]),
    (["set/p1/a.png", "set/p2/a.png"], ["set/p1/a.png", "set/p2/a.png"], ["p1/a", "p2/a"]),
    (["a.png", "p1/a.png"], ["a.png", "p1/a.png"], ["a", "p1/a"]),
])  # fmt: skip
def test_folders_that_say_nothing_are_left_out_of_the_names(pairs, images, masks, ids):
    assert pairs(images, masks) == {id: [f"{id[-1]}.png"] for id in ids}


@pytest.mark.parametrize(("images", "masks", "told"), [
    (["p1/a.png", "p1/b.png"], ["p1/a.png", "p2/b.png"], ["'p1/b'", "'p2/b'"]),
    (["p1/a.png", "p2/b.png"], ["p1/a.png", "p1/b.png"], ["'p2/b'", "'p1/b'"]),
    (["p1/a.png"], ["p2/a.png"], ["'p1/a'", "'p2/a'"]),
    (["p1/x/a.png", "p1/y/b.png"], ["p2/x/a.png", "p2/y/b.png"], ["'p1/x/a'", "'p2/y/b'"]),
    (["set/p1/a.png"], ["p2/a.png"], ["'p1/a'", "'p2/a'"]),
])  # fmt: skip
def test_the_mask_of_another_patient_does_not_replace_one_that_is_missing(refusal, images, masks, told):
    message = refusal(images, masks)
    assert all(f"no {kind} is called {id}" in message for kind, id in zip(("mask", "image"), told, strict=True))
    assert "Where they say nothing, name a lower one" in message


@pytest.mark.parametrize("masks", [
    ["p1/a_mask_1.png", "p2/a_mask_2.png"], ["p1/a.png", "p2/a.png"], ["p1/a.png", "p2/a_mask.png"],
    ["a.png", "p2/a_mask.png"],
])  # fmt: skip
def test_masks_of_one_image_in_two_folders_are_refused(refusal, masks):
    message = refusal(["a.png"], masks)
    assert message.count("Which one is meant?") == 1
    assert "is a mask of 'a' too, in another folder" in message


def test_images_and_masks_may_lie_in_one_folder(tmp_path):
    both = write(tmp_path / "both", "a.png", "a_mask.png", "b.png", "b_mask.png")
    assert [case.id for case in fetch.find_pairs(both, both).cases] == ["a", "b"]


def test_a_link_to_the_folder_of_the_images_is_the_same_folder(tmp_path):
    """Else each image would be its own mask."""
    scans = write(tmp_path / "scans", "p1/a.png", "p2/b.png")
    (tmp_path / "link").symlink_to(scans)
    with pytest.raises(BadInput, match=r"scans: there are no masks in it"):
        fetch.find_pairs(scans, tmp_path / "link")
    write(scans, "p1/a_mask.png", "p2/b_mask.png")
    found = fetch.find_pairs(scans, tmp_path / "link")
    assert [[path.name for path in (case.image, *case.masks)] for case in found.cases] == [
        ["a.png", "a_mask.png"],
        ["b.png", "b_mask.png"],
    ]


@pytest.mark.parametrize("join", [Path.symlink_to, Path.hardlink_to])
def test_an_image_that_is_its_own_mask_is_refused(tmp_path, join):
    write(tmp_path / "scans", "a.png", "b.png")
    join(write(tmp_path / "masks", "a.png") / "b.png", tmp_path / "scans" / "b.png")
    with pytest.raises(BadInput, match=r"scans/b\.png: .*masks/b\.png, its mask, is the same file\n"):
        fetch.find_pairs(tmp_path / "scans", tmp_path / "masks")


def test_the_masks_may_lie_below_the_images(tmp_path):
    write(tmp_path / "set", "a.png", "masks/a.png")
    (case,) = fetch.find_pairs(tmp_path / "set", tmp_path / "set" / "masks").cases
    assert case.image == tmp_path / "set" / "a.png"


def test_all_without_a_partner_are_named_at_once(refusal):
    """A number over the rest would be silently of other images than the person means."""
    message = refusal(["a.png", "b.png", "c.png"], ["a.png", "d_mask.png"])
    assert message.count("no mask is called") == 2
    assert "scans/b.png: no mask is called 'b'" in message
    assert "masks/d_mask.png: no image is called 'd'" in message
    assert "for an image without a lesion, one that is black all over" in message


@pytest.mark.parametrize(("images", "masks", "told"), [
    (["a.png", "a.tif"], ["a.png"], "scans/a.png is called 'a' too. Rename one of the two."),
    (["p1/a.png", "p2/a.png"], ["a.png"], "scans/p1/a.png is called 'a' too. Rename one of the two."),
    (["a.png"], ["a.png", "a.tif"], "a.tif: a.png is a mask of 'a' too. Which one is meant?"),
    (["a.png"], ["a.png", "a_mask.png"], "a_mask.png: a.png is a mask of 'a' too. Which one is meant?"),
    (["a.png"], ["a_mask.png", "a_mask.tif"], "a_mask.tif: a_mask.png is a mask of 'a' too."),
    (["a.png", "a_mask.png"], ["a.png"], "a_mask.png: no mask is called 'a_mask'"),
])  # fmt: skip
def test_a_name_that_leaves_a_choice_is_refused(refusal, images, masks, told):
    assert told in refusal(images, masks)


def test_folders_that_are_missing_or_empty_are_named(tmp_path):
    scans = write(tmp_path / "scans", "a.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"none: there is no such folder"):
        fetch.find_pairs(scans, tmp_path / "none")
    with pytest.raises(BadInput, match=r"empty: there are no masks in it"):
        fetch.find_pairs(scans, tmp_path / "empty")
    with pytest.raises(BadInput, match=r"scans: there are no masks in it.*same folder .* Is that meant\?"):
        fetch.find_pairs(scans, scans)


def test_a_description_of_two_lines_pairs_by_names_too(tmp_path):
    write(tmp_path / "scans", "a.png", "b.png", "scale.png")
    write(tmp_path / "masks", "a_mask.png", "b.png")
    (tmp_path / "mine.yaml").write_text("images: scans\nmasks: masks\nignore: [scale.png]")
    found = fetch.find(str(tmp_path / "mine.yaml"), tmp_path, tmp_path)
    assert [(case.id, case.label) for case in found.cases] == [("a", ""), ("b", "")]
    assert found.left_out == "1 .png"


LABELS = {"background": 0, "tumour": 1}


@pytest.fixture
def nnunet(tmp_path):
    """A folder in nnU-Net's layout with two training cases."""

    def make(labels=LABELS, **others):
        folder = tmp_path / "Dataset120_Breast"
        write(folder / "imagesTr", "case_1_0000.png", "case_2_0000.png")
        write(folder / "labelsTr", "case_1.png", "case_2.png", value=1)
        about = {"channel_names": {"0": "US"}, "labels": labels, "numTraining": 2, "file_ending": ".png"} | others
        (folder / "dataset.json").write_text(json.dumps(about))
        return folder

    return make


def test_nnunets_layout_is_read_as_it_is(nnunet, tmp_path):
    folder = nnunet()
    write(folder / "imagesTs", "case_3_0000.png")
    found = fetch.find(str(folder), tmp_path, tmp_path)
    assert [case.id for case in found.cases] == ["case_1", "case_2"], "of imagesTs there are no labels"
    assert found.name == "Dataset120_Breast"
    assert [case.masks[0].name for case in found.cases] == ["case_1.png", "case_2.png"]


def test_nnunets_layout_is_read_in_any_thread_and_a_persons_pattern_in_the_main_one(nnunet, tmp_path):
    """A signal ends a pattern that takes too long, and only the main thread gets one."""
    folder = nnunet()
    (tmp_path / "mine.yaml").write_text(f"images: {folder.name}/imagesTr\nmasks: {folder.name}/labelsTr\npattern: a")
    with ThreadPoolExecutor(1) as other:
        found = other.submit(fetch.find, str(folder), tmp_path, tmp_path).result()
        assert [case.id for case in found.cases] == ["case_1", "case_2"]
        with pytest.raises(BadInput, match="read in the main thread of a program, and this is another one"):
            other.submit(fetch.find, str(tmp_path / "mine.yaml"), tmp_path, tmp_path).result()


def test_its_test_part_counts_where_it_has_labels_and_may_be_named_alone(nnunet, tmp_path):
    folder = nnunet()
    write(folder / "imagesTs", "case_3_0000.png")
    write(folder / "labelsTs", "case_3.png", value=1)
    assert len(fetch.find(str(folder), tmp_path, tmp_path).cases) == 3
    found = fetch.find_pairs(folder / "imagesTs", folder / "labelsTs")
    assert found.folder == folder / "imagesTs", "where the names in images.csv begin"
    (case,) = found.cases
    assert case.id == "case_3"
    write(folder / "imagesTs", "case_1_0000.png")
    write(folder / "labelsTs", "case_1.png", value=1)
    with pytest.raises(BadInput, match=r"in imagesTr and in imagesTs:\n  - case_1\n"):
        fetch.find(str(folder), tmp_path, tmp_path)


def test_labels_of_its_first_version_are_understood(nnunet, tmp_path):
    assert len(fetch.find(str(nnunet({"0": "background", "1": "tumour"})), tmp_path, tmp_path).cases) == 2


@pytest.mark.parametrize(("change", "told"), [
    (lambda folder: (folder / "dataset.json").unlink(), "dataset.json is missing"),
    (lambda folder: (folder / "dataset.json").write_text("[]"), 'has no "labels"'),
    (lambda folder: (folder / "dataset.json").write_text("{"), "dataset.json can't be read"),
    (lambda folder: (folder / "labelsTr" / "case_1.nii.gz").touch(), "labelsTr: 1 volume, such as case_1.nii.gz"),
    (lambda folder: write(folder / "imagesTr", "case_1_0001.png"), "several channels in files of their own"),
    (lambda folder: write(folder / "imagesTr", "case_3_0000.png"), "no mask is called 'case_3'"),
])  # fmt: skip
def test_what_is_no_set_of_images_with_one_label_is_refused(nnunet, tmp_path, change, told):
    folder = nnunet()
    change(folder)
    with pytest.raises(BadInput) as refused:
        fetch.find(str(folder), tmp_path, tmp_path)
    assert told in str(refused.value)


@pytest.mark.parametrize("labels", [
    {"background": 0, "benign": 1, "malignant": 2}, {"background": 0, "whole": [1, 2], "core": 2}, {"background": 0},
])  # fmt: skip
def test_several_labels_are_listed(nnunet, tmp_path, labels):
    with pytest.raises(BadInput) as refused:
        fetch.find(str(nnunet(labels)), tmp_path, tmp_path)
    named = ", ".join(f"{name} = {value}" for name, value in labels.items() if value) or "none"
    assert f"dataset.json has these labels: {named}." in str(refused.value)


def test_a_name_that_is_only_a_word_for_masks_is_no_mask_of_another():
    for name in ("_mask", " seg", "-gt", "_label", "p1/_mask", "._mask", "p1/.._mask"):
        assert pairing.image_of_mask(name) == name
    assert pairing.image_of_mask("p1/__mask") == "p1/_"
    assert pairing.masks_among([Path("_mask.png"), Path("a.png"), Path("a_mask.png")]) == [Path("a_mask.png")]
