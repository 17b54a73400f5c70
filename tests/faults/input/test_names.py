"""Folders as archives, scanners and other systems leave them: every image counts whatever it is called, one name is one
name, and what is passed over is counted by kind. Sources: tests/faults/SOURCES.md."""

import errno
import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data import fetch
from common.errors import BadInput
from common.predict.inputs import find_inputs
from tests.faults.input import corpus
from tests.faults.input.corpus import drawn, photo, save_mask
from tests.faults.input.scene import File, scene
from tests.faults.input.test_mini_ddsm_outlines import mini_ddsm
from tests.predict.made import written

NFC, NFD = (unicodedata.normalize(form, "Pérez_Müller") for form in ("NFC", "NFD"))
DESCRIPTION = "images: {}\nmasks: {}\npattern: '(?P<group>.+)'\nclasses: benign\n"


def found(place: Path, at: Path) -> fetch.Found:
    return fetch.find(str(place), at / "data", at / "runs")


def described(at: Path, images="images", masks="masks", name="{}.png", number=3, more="") -> Path:
    """A set of so many pairs, and its description."""
    for folder, content in ((images, photo()), (masks, drawn().astype(np.uint8) * 255)):
        (at / folder).mkdir(parents=True, exist_ok=True)
        for each in range(number):
            Image.fromarray(content).save(at / folder / name.format(f"p{each}"), "PNG")
    (at / "set.yaml").write_text(DESCRIPTION.format(images, masks) + more)
    return at / "set.yaml"


ENDINGS = {
    ".jfif": "JPEG", ".jpe": "JPEG", ".JPEG": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP",
    ".PNG": "PNG", ".dib": "BMP", ".dat": "PNG", ".img": "TIFF", ".jpg_large": "JPEG", ".png_": "PNG", "": "PNG",
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending or "none")
def test_an_image_counts_whatever_its_ending(tmp_path, ending):
    Image.fromarray(photo()).save(tmp_path / f"a{ending}", ENDINGS[ending])
    meant = find_inputs([str(tmp_path)])
    assert [item.path.name for item in meant.items] == [f"a{ending}"]
    assert meant.left_out == ""
    made = described(tmp_path / "set", number=2)
    for folder, pixels in (("images", photo()), ("masks", drawn().astype(np.uint8) * 255)):
        Image.fromarray(pixels).save(tmp_path / "set" / folder / f"x{ending}", ENDINGS[ending])
    assert len(found(made, tmp_path).cases) == 3


DICOM = {"a.dcm": {}, "a.DCM": {}, "a.dicom": {}, "IM0001": {}, "1.2.840.10008": {}, "a.ima": {}, "a.txt": {}}


@pytest.mark.parametrize("name", DICOM)
def test_so_does_a_dicom_file(tmp_path, name):
    written(tmp_path / name, scene(40, 220))
    without_a_head = File(scene(40, 220), patch=lambda content: content[132:])
    without_a_head.write(tmp_path / f"{name}-2")
    assert len(find_inputs([str(tmp_path)]).items) == 2


def test_what_is_passed_over_is_counted_by_kind(tmp_path):
    (tmp_path / "a.png").write_bytes(corpus.saved(photo(), "PNG"))
    for name in ("notes.txt", "b.txt", "table.csv", "README", ".hidden.png", "._a.png", ".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"some text")
    (tmp_path / "moving.gif").write_bytes(corpus.saved(photo(), "GIF"))
    (tmp_path / "volume.nii").write_bytes(b"\x5c\x01\0\0" + bytes(400))
    (tmp_path / "scan.jp2").write_bytes(corpus.saved(photo(), "JPEG2000"))
    (tmp_path / "a_mask.png").write_bytes(corpus.saved(drawn(), "PNG"))
    meant = find_inputs([str(tmp_path)])
    assert [item.path.name for item in meant.items] == ["a.png"]
    for told in ("2 .txt", "1 .csv", "1 without an ending", "1 as hidden", "1 GIF (not read)", "1 NIfTI (not read)",
                 "1 JPEG 2000 (not read)", "1 as masks of images"):  # fmt: skip
        assert told in meant.left_out


def test_so_it_is_of_a_data_set(tmp_path):
    made = corpus.write(tmp_path / "set")
    made.beside("notes.csv").write_text("text")
    (made.folder / "README.txt").write_text("text")
    (made.folder / "cyst").mkdir()
    for name in (".DS_Store", "._benign (1).png", ".benign (9).png"):
        made.beside(name).write_text("text")
    assert found(made.folder, tmp_path).left_out == f"1 .txt, 1 .csv, 1 hidden, the folder {made.folder / 'cyst'}"
    description = described(tmp_path / "other", more="ignore: [p2.png]\n")
    (tmp_path / "other" / "images" / "Thumbs.db").write_text("text")
    (tmp_path / "other" / "images" / "list.xlsx").write_text("text")
    assert found(description, tmp_path).left_out == "2 .png, 1 .xlsx"


def test_the_command_says_what_it_left_out(repro, tmp_path):
    made = corpus.write(tmp_path / "set")
    made.beside("notes.csv").write_text("text")
    status, printed, _ = repro("data", "fetch", made.folder)
    assert status == 0
    assert "2 cases. Left out (not images of this data set): 1 .csv." in printed


@pytest.mark.parametrize(("image", "mask"), [(NFC, NFD), (NFD, NFC), (NFD, NFD), (NFC, NFC)])
def test_both_forms_of_a_letter_are_one_name(tmp_path, image, mask):
    description = described(tmp_path / "set", number=2)
    Image.fromarray(photo()).save(tmp_path / "set" / "images" / f"{image}.png")
    save_mask(tmp_path / "set" / "masks" / f"{mask}.png", drawn())
    cases = found(description, tmp_path).cases
    assert {case.id for case in cases} == {"p0", "p1", NFC}


@pytest.mark.parametrize(("in_the_text", "on_the_disk"), [(NFC, NFD), (NFD, NFC)])
def test_so_they_are_of_folders_patterns_classes_and_what_is_ignored(tmp_path, in_the_text, on_the_disk):
    described(tmp_path / on_the_disk, images=f"{on_the_disk}-a", masks="masks", number=2)
    folder = tmp_path / on_the_disk
    for name in (f"{on_the_disk}-x.png", "left.png"):
        Image.fromarray(photo()).save(folder / f"{on_the_disk}-a" / name)
        save_mask(folder / "masks" / name, drawn())
    (folder / "masks" / "left.png").unlink()
    Image.fromarray(photo()).save(folder / f"{on_the_disk}-a" / f"{on_the_disk}-left.png")
    (folder / f"{on_the_disk}-a" / "left.png").unlink()
    (folder / "set.yaml").write_text(
        f"images: {in_the_text}-a\nmasks: masks\npattern: '^(?P<group>(?P<class>p|{in_the_text}).*)'\n"
        f"classes: {{p: benign, {in_the_text}: malignant}}\nignore: ['{in_the_text}-left.png']\n"
    )
    cases = found(tmp_path / in_the_text / "set.yaml", tmp_path).cases
    assert [case.label for case in cases if "rez" in case.id] == ["malignant"]
    assert len(cases) == 3


def test_two_files_whose_names_look_the_same_are_named(tmp_path):
    description = described(tmp_path / "set", number=2)
    for name in (NFC, NFD):
        Image.fromarray(photo()).save(tmp_path / "set" / "images" / f"{name}.png")
    save_mask(tmp_path / "set" / "masks" / f"{NFC}.png", drawn())
    if len(list((tmp_path / "set" / "images").iterdir())) == 4:  # a disk that keeps them apart
        with pytest.raises(BadInput, match=r"is called '.*' too. Rename one of the two"):
            found(description, tmp_path)


def test_a_word_of_the_command_may_be_in_either_form(tmp_path):
    Image.fromarray(photo()).save(tmp_path / f"{NFD}.png")
    assert len(find_inputs([str(tmp_path / f"{NFC}.png")]).items) == 1


def test_and_so_may_what_a_sheet_lists(tmp_path):
    folder = mini_ddsm(tmp_path / "set", patients=[(NFC, NFD)])
    assert len(found(folder, tmp_path).cases) == 1


@pytest.mark.parametrize("below", ["x", "x/x", "archive/Dataset_BUSI_with_GT/Dataset_BUSI_with_GT", "a/b/c"])
def test_a_set_that_was_unpacked_into_folders_in_folders_is_found(tmp_path, below):
    made = corpus.write(tmp_path / "plain")
    (tmp_path / "nested" / below).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(made.folder, tmp_path / "nested" / below)
    (tmp_path / "nested" / "__MACOSX" / "benign").mkdir(parents=True)
    assert found(tmp_path / "nested", tmp_path).folder == tmp_path / "nested" / below


def test_of_several_the_person_chooses(tmp_path):
    made = corpus.write(tmp_path / "plain")
    for part in ("train", "val", "test"):
        shutil.copytree(made.folder, tmp_path / "set" / part)
    with pytest.raises(BadInput) as refused:
        found(tmp_path / "set", tmp_path)
    assert all(str(tmp_path / "set" / part) in str(refused.value) for part in ("train", "val", "test"))


def test_so_is_a_described_set_and_mini_ddsm(tmp_path):
    described(tmp_path / "set", images="images/images", masks="masks/masks")
    (tmp_path / "set" / "set.yaml").write_text(DESCRIPTION.format("images", "masks"))
    assert len(found(tmp_path / "set" / "set.yaml", tmp_path).cases) == 3
    mini_ddsm(tmp_path / "kaggle" / "MINI-DDSM" / "MINI-DDSM")
    assert len(found(tmp_path / "kaggle", tmp_path).cases) == 2


def test_a_truncated_image_a_missing_mask_and_a_wrong_size_are_named_in_one_go(tmp_path):
    made = corpus.write(tmp_path / "set")
    made.image.write_bytes(made.image.read_bytes()[:-40])
    save_mask(made.beside("benign (2)_mask.png"), drawn()[:10])
    made.beside("benign (3).png").write_bytes(b"not an image")
    with pytest.raises(BadInput) as refused:
        found(made.folder, tmp_path)
    for told in ("benign (1).png: not an image in", "benign (2)_mask.png: the mask is 32x10", "benign (3).png: no mask",
                 "benign (3).png: not an image"):  # fmt: skip
        assert told in str(refused.value)
    description = described(tmp_path / "other")
    (tmp_path / "other" / "images" / "p0.png").write_bytes(b"not an image")
    (tmp_path / "other" / "masks" / "p1.png").unlink()
    with pytest.raises(BadInput) as refused:
        found(description, tmp_path)
    assert "p0.png: not an image" in str(refused.value)
    assert "p1.png: no mask" in str(refused.value)


MASKS = ("x_mask", "x_Mask", "x_MASK2", "x_mask_1", "x-mask", "x mask", "x_seg", "x_segmentation", "x_GT", "x_label")


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_beside_its_image_is_not_predicted_on(tmp_path, name):
    for each in ("x", name, "unmasked"):
        Image.fromarray(photo()).save(tmp_path / f"{each}.png")
    meant = find_inputs([str(tmp_path)])
    assert [item.path.stem for item in meant.items] == ["unmasked", "x"]
    assert meant.left_out == "1 as masks of images"


def test_links_lead_to_folders_and_not_round_in_a_circle(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    Image.fromarray(photo()).save(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "scans").mkdir()
    for name, target in (("linked", "../elsewhere"), ("again", "../elsewhere"), ("round", "."), ("nowhere.png", "no")):
        (tmp_path / "scans" / name).symlink_to(target)
    meant = find_inputs([str(tmp_path / "scans")])
    assert [item.path.name for item in meant.items] == ["nowhere.png", "a.png"]


def test_a_folder_that_can_not_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "scans" / "closed").mkdir(parents=True)
    Image.fromarray(photo()).save(tmp_path / "scans" / "a.png")
    scandir = os.scandir

    def closed(place):
        if Path(place).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", closed)
    meant = find_inputs([str(tmp_path / "scans")])
    assert len(meant.items) == 1
    assert meant.missing == [f"{tmp_path / 'scans' / 'closed'}: Permission denied"]


@pytest.mark.parametrize("word", ["~nobody-at-all/a.png", "a" * 5000, "a\0b", "", "-"])
def test_a_word_that_can_be_no_file_is_told_so(tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    meant = find_inputs([word])
    assert meant.items == []
    assert len(meant.missing) == 1


def test_a_hidden_folder_is_counted(tmp_path):
    (tmp_path / ".hidden").mkdir()
    Image.fromarray(photo()).save(tmp_path / ".hidden" / "a.png")
    assert find_inputs([str(tmp_path)]).left_out == "1 as a hidden folder"


def test_verify_says_what_it_left_out(repro, tmp_path):
    made = corpus.write(tmp_path / "set")
    made.beside("notes.txt").touch()
    _, printed, _ = repro("data", "verify", made.folder)
    assert "Left out (not images of this data set): 1 .txt" in printed


def test_verify_says_it_too(repro, tmp_path):
    made = corpus.write(tmp_path / "set")
    made.image.write_bytes(made.image.read_bytes()[:-40])
    made.beside("benign (2)_mask.png").unlink()
    status, _, complaint = repro("data", "verify", made.folder)
    assert status == 2
    assert "benign (1).png: not an image in" in complaint
    assert "benign (2).png: no mask beside it" in complaint
