"""`repro evaluate --predicted DIR`: masks that another program predicted."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import reproductions
from common.predict.ready_masks import DEFINITIONS
from tests.predict.made import SIDE, save


@pytest.fixture
def own(tmp_path):
    """Four images of bright squares for a network that marks what is bright, their true masks, and in marks/ what this
    network marks, as another program would write it: one right, one half right, one missed, one blank that is
    marked."""
    square = np.full((SIDE, SIDE), 20, np.uint8)
    square[4:20, 4:20] = 250
    dark, lesion = np.full_like(square, 20), np.uint8(255) * (square > 100)
    half = lesion.copy()
    half[12:] = 0
    for name, image, true in (
        ("right", square, lesion), ("half", square, half), ("missed", dark, lesion), ("blank", square, 0 * lesion)
    ):  # fmt: skip
        save(tmp_path / "scans" / f"{name}.png", image)
        save(tmp_path / "masks" / f"{name}_mask.png", true)
        save(tmp_path / "marks" / f"{name}.png", (image > 100).astype(np.uint8))  # 0 and 1, as nnU-Net writes them
    return "--images", "scans", "--masks", "masks"


def as_json(repro, *words):
    status, printed, complaint = repro("evaluate", *words, "--json")
    assert (status, complaint) == (0, "")
    return json.loads(printed)["networks"]


def test_the_masks_of_a_network_score_as_the_network(repro, saved, own):
    """At the size of the images, which is that of the network here, the two are the same."""
    network, masks = as_json(repro, "--model", saved["colour"], "--predicted", "marks", *own)
    assert masks["metrics"] == {each: network["metrics"][each] for each in DEFINITIONS}
    assert masks["headline"] == network["headline"]
    assert masks["clinical"] == network["clinical"]
    assert {each["value"] for each in masks["less_the_first"].values()} == {0}
    assert (masks["about"], masks["grid"], masks["trained_on_this_data"]) == (None, "own size", None)


def test_only_what_masks_decide_is_scored(repro, own):
    (masks,) = as_json(repro, "--predicted", "marks", *own)
    assert list(masks["metrics"]) == DEFINITIONS
    assert not any(word in each for each in DEFINITIONS for word in ("soft", "keras-raw", "bce", "t=0.3", "t=0.7"))
    _, printed, _ = repro("evaluate", "--predicted", "marks", *own, "--all")
    said = " ".join(printed.split())
    assert "marks: masks that another program predicted." in said
    assert "Definitions that need probabilities have no value for them." in said
    assert "pixels of the size at which the images are evaluated: own size." in said
    assert "Whether the program that predicted these masks was trained on these images is not known." in said


def test_each_image_counts_at_its_own_size(repro, tmp_path):
    """In a definition over all pixels the larger image counts more, and in one over images both count alike."""
    for name, side in (("small", 10), ("large", 100)):
        image, true = np.full((side, 2 * side), 90, np.uint8), np.zeros((side, 2 * side), np.uint8)
        true[: side // 2] = 255
        marked = true if name == "large" else 255 - true
        for folder, pixels in (("scans", image), ("masks", true), ("marks", marked)):
            save(tmp_path / folder / f"{name}.png", pixels)
    words = "--predicted", "marks", "--images", "scans", "--masks", "masks"
    (masks,) = as_json(repro, *words)
    assert masks["metrics"]["dice|fg|image|t=0.5|empty=one"]["value"] == 1 / 2
    shared, true, marked = 100 * 100, 100 * 100 + 10 * 10, 100 * 100 + 10 * 10
    assert masks["metrics"]["dice|fg|pooled|t=0.5"]["value"] == pytest.approx(2 * shared / (true + marked))
    assert masks["clinical"][0]["name"] == "normalised surface Dice at 2 pixels (each image at its own size)"
    repro("evaluate", *words, "-o", "out")
    rows = {row["file"]: row for row in csv.DictReader((tmp_path / "out" / "images.csv").open())}
    assert rows["small.png"]["true_px_at_own_size"] == "100"
    assert [path.name for path in sorted((tmp_path / "out" / "worst").glob("*.jpg"))] == ["01-dice-0.000-small.jpg"]


def test_stray_pixels_of_a_true_mask_are_no_lesion(repro, tmp_path):
    """Masks of BUSI have some. At the size of a network they vanish."""
    true = np.zeros((300, 300), np.uint8)
    true[100:200, 100:200] = 255
    marked, (true[0, :4], true[9, :5]) = true.copy(), (255, 255)
    for folder, pixels in (("scans", true // 2), ("masks", true), ("marks", marked)):
        save(tmp_path / folder / "a.png", pixels)
    (masks,) = as_json(repro, "--predicted", "marks", "--images", "scans", "--masks", "masks")
    missed = masks["headline"][1]
    assert (missed["name"], missed["n"]) == ("lesions missed", "1 of 2"), "five of 90,000 pixels count, four do not"


def test_a_small_lesion_without_a_larger_one_is_a_lesion(repro, tmp_path):
    true = np.zeros((400, 400), np.uint8)
    true[7, 7:9] = 255
    for folder, pixels in (("scans", true // 2), ("masks", true), ("marks", 0 * true)):
        save(tmp_path / folder / "a.png", pixels)
    (masks,) = as_json(repro, "--predicted", "marks", "--images", "scans", "--masks", "masks")
    assert masks["headline"][1]["n"] == "1 of 1"


def test_a_predicted_mask_is_scored_as_it_is(repro, own, tmp_path):
    """A ring that a person drew means the area inside. One that a program predicted means itself."""
    ring = np.zeros((SIDE, SIDE), np.uint8)
    ring[4:20, 4:20] = 1
    ring[5:19, 5:19] = 0
    save(tmp_path / "marks" / "right.png", ring)
    repro("evaluate", "--predicted", "marks", *own, "-o", "out")
    rows = {row["file"]: row for row in csv.DictReader((tmp_path / "out" / "images.csv").open())}
    assert float(rows["right.png"]["dice"]) == pytest.approx(2 * 60 / (60 + 256), abs=1e-6)


def test_between_masks_and_a_network_only_single_images_are_compared(repro, saved, own):
    """In a pooled score the two weigh the images otherwise; between two folders of masks they don't."""
    _, masks = as_json(repro, "--model", saved["colour"], "--predicted", "marks", *own)
    assert {each.split("|")[2] for each in masks["less_the_first"]} == {"image"}
    assert not any("hd95" in each or "assd" in each for each in masks["less_the_first"])
    _, again = as_json(repro, "--predicted", "marks", "--predicted", "marks", *own)
    assert list(again["less_the_first"]) == DEFINITIONS


def test_lesions_are_compared_only_if_both_count_the_same(repro, saved, tmp_path):
    """Two lesions of an image that touch at the size of the network are apart at the size of the image."""
    true = np.zeros((10 * SIDE, 10 * SIDE), np.uint8)
    true[:60, :60] = true[:60, 63:130] = 255
    for folder in ("scans", "masks", "marks"):
        save(tmp_path / folder / "a.png", true)
    words = "--model", saved["colour"], "--predicted", "marks", "--images", "scans", "--masks", "masks"
    network, masks = as_json(repro, *words)
    assert [each["headline"][1]["n"] for each in (network, masks)] == ["0 of 1", "0 of 2"]
    _, printed, _ = repro("evaluate", *words)
    (line,) = [line for line in printed.splitlines() if line.startswith("lesions missed")]
    assert line.split()[-1] == "-"


def test_a_fault_in_the_masks_is_told_before_a_network_runs(repro, own, monkeypatch):
    monkeypatch.setattr("common.predict.evaluate.evaluate", lambda *_: pytest.fail("the network was evaluated"))
    status, _, complaint = repro("evaluate", "--model", "tang-small", "--predicted", "none", *own)
    assert (status, "none: there is no such folder" in complaint) == (2, True)


def test_the_names_of_the_files_count_where_an_id_is_another(repro, own, tmp_path):
    """The ids of a description are parts of the names."""
    for path in [*(tmp_path / "scans").iterdir(), *(tmp_path / "masks").iterdir(), *(tmp_path / "marks").iterdir()]:
        path.rename(path.with_name(f"p1_{path.name}"))
    (tmp_path / "own.yaml").write_text(
        "images: scans\nmasks: masks\npattern: '^p1_(?P<id>[a-z]+)'\nmask_pattern: '^p1_(?P<id>[a-z]+)_mask'\n"
    )
    assert repro("evaluate", "--predicted", "marks", "--data", "own.yaml")[0] == 0
    for path in (tmp_path / "marks").iterdir():
        path.rename(path.with_name(path.name.removeprefix("p1_")))
    assert repro("evaluate", "--predicted", "marks", "--data", "own.yaml")[0] == 0, "the ids count too"


def test_files_of_another_kind_are_named(repro, own, tmp_path):
    (tmp_path / "marks" / "half.png").unlink()
    (tmp_path / "marks" / "half.nii.gz").write_bytes(b"\x1f\x8b")
    _, _, complaint = repro("evaluate", "--predicted", "marks", *own)
    assert "Left out: 1 NIfTI (not read)." in complaint
    for path in (tmp_path / "marks").glob("*.png"):
        path.unlink()
    _, _, complaint = repro("evaluate", "--predicted", "marks", *own)
    assert "there are no masks in it. Known endings: .png" in complaint


def test_masks_may_be_called_with_a_word_and_lie_in_the_folders_of_the_images(repro, own, tmp_path):
    plain = as_json(repro, "--predicted", "marks", *own)
    for folder in ("scans", "masks", "marks"):
        for path in sorted((tmp_path / folder).iterdir()):
            patient = tmp_path / folder / ("p1" if path.name[0] in "rh" else "p2")
            patient.mkdir(exist_ok=True)
            path.rename(patient / (f"{path.stem}_seg.png" if folder == "marks" else path.name))
    nested = as_json(repro, "--predicted", "marks", *own)
    assert nested[0]["metrics"] == plain[0]["metrics"]
    for path in (tmp_path / "marks").glob("p?/*"):
        path.rename(tmp_path / "marks" / path.name)
    flat = as_json(repro, "--predicted", "marks", *own)
    assert flat[0]["metrics"] == plain[0]["metrics"]


def test_a_set_with_classes_keeps_them(repro, saved, own, tmp_path):
    """Without a network all classes count; beside a network those that it was trained on."""
    for label, name in (("benign", "right"), ("malignant", "half"), ("malignant", "missed"), ("normal", "blank")):
        for folder, ending in (("scans", ""), ("masks", "_mask")):
            target = tmp_path / "set" / label / f"{label} ({len(name)}){ending}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tmp_path / folder / f"{name}{ending}.png", target)
        (tmp_path / "marks" / f"{name}.png").rename(tmp_path / "marks" / f"{label} ({len(name)}).png")
    (masks,) = as_json(repro, "--predicted", "marks", "--data", "set")
    names = [each["name"] for each in masks["clinical"]]
    assert {"Dice of images with benign lesions", "Dice of images with malignant lesions"} <= {*names}
    assert masks["metrics"]["dice|fg|image|t=0.5|empty=zero"]["value"] == pytest.approx((1 + 2 / 3 + 0 + 0) / 4)
    network, masks = as_json(repro, "--model", saved["classifier"], "--predicted", "marks", "--data", "set")
    assert masks["metrics"]["dice|fg|image|t=0.5|empty=zero"]["value"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert masks["headline"] == network["headline"]


@pytest.mark.parametrize(("spoil", "told"), [
    (lambda marks: (marks / "half.png").unlink(), "half.png: no mask is called 'half'"),
    (lambda marks: (marks / "half.png").rename(marks / "other.png"), "other.png: no image is called 'other'"),
    (lambda marks: shutil.copy(marks / "half.png", marks / "half_mask.png"), "is a mask of 'half' too"),
    (
        lambda marks: [shutil.copy(marks / "half.png", marks / f"right_{n}.png") for n in "12"],
        "right_1.png: no image is called 'right_1'",
    ),
    (lambda marks: save(marks / "half.png", np.zeros((SIDE, 9), np.uint8)), "not the 32x32 of its image"),
    (lambda marks: save(marks / "half.png", np.uint8([[0, 1, 2, 3]] * 4).repeat(8, 0).repeat(8, 1)), "several values"),
    (lambda marks: (marks / "half.png").write_bytes(b"no picture"), "half.png: "),
    (lambda marks: shutil.rmtree(marks), "there is no such folder"),
])  # fmt: skip
def test_masks_that_do_not_fit_the_images_are_refused_by_name(repro, own, tmp_path, spoil, told):
    spoil(tmp_path / "marks")
    status, printed, complaint = repro("evaluate", "--predicted", "marks", *own, "-o", "out")
    assert (status, printed) == (2, "")
    assert told in " ".join(complaint.split())
    assert not (tmp_path / "out").exists()


def test_the_true_masks_are_no_prediction(repro, own, tmp_path):
    """Their Dice is 1. A copy of them can't be told from a perfect prediction."""
    (tmp_path / "linked").symlink_to("masks")
    for folder in ("masks", "linked"):
        status, printed, complaint = repro("evaluate", "--predicted", folder, *own)
        assert (status, printed) == (2, "")
        assert f"{folder}/half_mask.png: this is the file of the true mask, here or by a link" in complaint
        assert "blank" not in complaint


@pytest.mark.parametrize(("ending", "white"), [(".png", 255), (".tif", 1.0)])
def test_maps_of_probabilities_are_refused(repro, own, tmp_path, ending, white):
    """The greatest probability of an image would be its white: half of 0.1 would mark a lesion."""
    for path in sorted((tmp_path / "marks").iterdir()):
        marked, greatest = np.asarray(Image.open(path)), 0.1 if path.stem == "blank" else 1
        path.unlink()
        save(path.with_suffix(ending), (marked * greatest * white).astype(np.uint8 if white == 255 else np.float32))
    status, printed, complaint = repro("evaluate", "--predicted", "marks", *own)
    assert (status, printed) == (2, "")
    said = " ".join(complaint.split())
    assert f"not the same in all predicted masks: - {25 if white == 255 else 0.1} in {tmp_path}/marks/blank" in said
    assert "They may be probabilities" in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.uint8(1), np.uint8(2)),
        (np.uint8([128, 0, 0]), np.uint8([0, 128, 0])),
        (np.float32(1), np.float32(0.9999999)),
    ],
    ids=["labels", "colours of labels", "probabilities close to 1"],
)
def test_files_of_different_whites_are_refused_and_each_is_named(repro, own, tmp_path, one, other):
    for path in sorted((tmp_path / "marks").iterdir()):
        marked, white = np.asarray(Image.open(path)), one if path.stem == "right" else other
        path.unlink()
        save(path.with_suffix(".tif"), np.multiply.outer(marked, white).astype(white.dtype))
    status, printed, complaint = repro("evaluate", "--predicted", "marks", *own)
    assert (status, printed) == (2, "")
    said = " ".join(complaint.split())
    for white, name in ((one, "right"), (other, "blank")):
        value = ", ".join(f"{each:.7g}" for each in np.atleast_1d(white))
        assert f"- {value} in {tmp_path}/marks/{name}.tif" in said


def test_grey_that_is_saved_as_a_colour_is_the_same_white(repro, own, tmp_path):
    path = tmp_path / "marks" / "right.png"
    save(path, np.multiply.outer(np.asarray(Image.open(path)), np.uint8([1, 1, 1])))
    assert repro("evaluate", "--predicted", "marks", *own)[0] == 0


def test_several_masks_of_one_image_are_refused(repro, own, tmp_path):
    marks = tmp_path / "marks"
    (marks / "half.png").rename(marks / "half_mask_1.png")
    shutil.copy(marks / "half_mask_1.png", marks / "half_mask_2.png")
    status, _, complaint = repro("evaluate", "--predicted", "marks", *own)
    assert status == 2
    assert "half_mask_2.png: half_mask_1.png is a mask of 'half' too" in " ".join(complaint.split())


@pytest.mark.parametrize("output", ["marks", "marks/out"])
def test_nothing_is_written_among_the_predicted_masks(repro, own, tmp_path, output):
    status, _, complaint = repro("evaluate", "--predicted", "marks", *own, "-o", output)
    assert status == 2
    assert "marks, which is read." in complaint
    assert len(list((tmp_path / "marks").rglob("*"))) == 4


def test_what_looks_like_a_mistake_is_doubted(repro, own, tmp_path):
    for path in (tmp_path / "marks").iterdir():
        save(path, 1 - np.asarray(Image.open(path)))
    _, printed, _ = repro("evaluate", "--predicted", "marks", *own)
    said = " ".join(printed.split())
    assert f"{tmp_path}/marks/missed.png" in said
    assert "Is the mask inverted?" in said


def test_a_packed_set_has_no_size_of_its_own(repro, own):
    assert repro("data", "pack", "phantom", "--profile", "smoke", "-o", "phantom.pack")[0] == 0
    status, _, complaint = repro("evaluate", "--predicted", "marks", "--data", "phantom.pack")
    assert status == 2
    assert "is a packed file. Ready masks are compared at the size of the images themselves." in complaint


def test_from_python(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = reproductions.evaluate(predicted="marks", images="scans", masks="masks", say=None)
    assert [row["definition"] for row in rows] == DEFINITIONS
    assert {(row["model"], row["paper"], row["seen"]) for row in rows} == {("marks", None, None)}
    images = reproductions.evaluate(predicted=["marks"], images="scans", masks="masks", each_image=True, say=None)
    assert {row["file"]: row["dice"] for row in images} == {
        "blank.png": 0, "half.png": 0.666667, "missed.png": 0, "right.png": 1
    }  # fmt: skip
