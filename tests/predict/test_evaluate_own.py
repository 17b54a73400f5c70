"""`repro evaluate --images DIR --masks DIR`: a person's own images, and what is shown and written about them."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data import fetch, manifest
from common.evidence import metrics
from common.training import model_file
from tests.predict.made import SIDE, about, bright, save

BRIGHT = slice(4, 20)


@pytest.fixture
def own(tmp_path):
    """Six images for a network that marks what is bright: three right, one half right, one missed, and a blank one in
    which a bright square is no lesion. The masks hold 0 and 1."""
    square = np.full((SIDE, SIDE), 20, np.uint8)
    square[BRIGHT, BRIGHT] = 250
    lesion = (square > 100).astype(np.uint8)
    half = lesion.copy()
    half[12:] = 0
    dark = np.full_like(square, 20)
    for name, image, mask in (
        ("a", square, lesion), ("b", square, lesion), ("c", square, lesion), ("half", square, half),
        ("missed", dark, lesion), ("=blank", square, 0 * lesion),
    ):  # fmt: skip
        save(tmp_path / "scans" / f"{name}.png", image)
        save(tmp_path / "masks" / f"{name}_mask.png", mask)
    return "--images", tmp_path / "scans", "--masks", tmp_path / "masks"


def cells(printed: str, start: str) -> list[str]:
    (line,) = [line for line in printed.splitlines() if line.startswith(start)]
    return re.split(r"\s{2,}", line.strip())


def test_the_headline_comes_first_and_needs_no_class(repro, saved, own, tmp_path):
    status, printed, complaint = repro("evaluate", "--model", saved["colour"], *own)
    assert (status, complaint) == (0, "")
    dice = (3 * 1 + 2 * 128 / (128 + 256) + 0) / 5
    assert cells(printed, "Dice")[:2] == ["Dice (mean of 5 images with a lesion)", f"{dice:.3f}"]
    missed = ["lesions missed (in 5 images with a lesion)", "1 of 5 (20%)"]
    assert cells(printed, "lesions missed") == missed
    assert cells(printed, "blank images marked") == ["blank images marked", "1 of 1 (100%)"]
    said = " ".join(printed.split())
    assert f"6 images of scans ({own[1]}). Of fewer than 20 images with a lesion, a 95 % interval would be" in said
    assert "too few images for an interval" in said
    assert "iou|" not in printed
    assert "--all" in printed
    assert not {"out", "images.csv"} & {path.name for path in tmp_path.iterdir()}, "without -o nothing is written"


def test_all_shows_every_definition_but_those_of_unknown_classes(repro, saved, own):
    _, printed, _ = repro("evaluate", "--model", saved["classifier"], *own, "--all")
    for signature in metrics.STANDARD:
        assert signature in printed
    assert not re.search(r"\|class|class=", printed)
    assert "What clinicians ask for" in printed
    assert "in pixels" in printed
    assert f"in pixels of the size at which the images are evaluated: {SIDE}x{SIDE}." in printed


def test_what_a_marked_blank_image_counts_is_told(repro, saved, own):
    """0 in a Dice of the definitions and nothing in that of the headline."""
    words = "evaluate", "--model", saved["colour"], *own
    (network,) = json.loads(repro(*words, "--json")[1])["networks"]
    assert network["metrics"]["dice|fg|image|t=0.5|empty=skip"]["value"] == pytest.approx((3 + 2 / 3 + 0 + 0) / 6)
    assert network["headline"][0]["value"] == pytest.approx((3 + 2 / 3 + 0) / 5)
    _, printed, _ = repro(*words, "--all")
    assert (
        "Each definition is of all 6 images, with a lesion or without. "
        "A blank image in which something is marked counts as 0 in dice|fg|image|t=0.5, and not at all in the Dice of "
        "the first table."
    ) in " ".join(printed.split())


def test_two_networks_are_compared(repro, saved, own):
    _, printed, _ = repro("evaluate", "--model", saved["colour"], "--model", saved["grey"], *own)
    assert cells(printed, "Dice")[-1] == "+0.0000", "they mark the same"
    assert "B - A" in printed


def test_the_table_has_a_line_an_image_with_units(repro, saved, own, tmp_path):
    repro("evaluate", "--model", saved["colour"], *own, "-o", "out")
    text = (tmp_path / "out" / "images.csv").read_text()
    document = (Path(__file__).parents[2] / "docs" / "describe-data.md").read_text(encoding="utf-8")
    assert all(f"`{name.replace(f'{SIDE}x{SIDE}', 'SxS')}`" in document for name in text.splitlines()[0].split(","))
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(text))}
    assert rows.keys() == {"a.png", "b.png", "c.png", "half.png", "missed.png", "'=blank.png"}, "from the named folder"
    assert rows["a.png"]["dice"] == "1.0"
    half = rows["half.png"]
    assert (half["dice"], half["iou"]) == ("0.666667", "0.5")
    assert (half[f"true_px_at_{SIDE}x{SIDE}"], half[f"predicted_px_at_{SIDE}x{SIDE}"]) == ("128", "256")
    assert half[f"hd95_px_at_{SIDE}x{SIDE}"] == "8.0"
    assert [rows["missed.png"][each] for each in ("dice", "lesions", "found", "missed")] == ["0.0", "1", "0", "1"]
    assert rows["missed.png"][f"assd_px_at_{SIDE}x{SIDE}"] == "", "there is no outline to measure to"
    assert [rows["'=blank.png"][each] for each in ("lesions", "false_regions")] == ["0", "1"]


def test_the_worst_are_drawn_with_both_outlines(repro, saved, own, tmp_path):
    repro("evaluate", "--model", saved["colour"], *own, "-o", "out")
    worst = tmp_path / "out" / "worst"
    names = sorted(path.name for path in worst.iterdir())
    assert names == [
        "01-dice-0.000-_blank.jpg", "02-dice-0.000-missed.jpg", "03-dice-0.667-half.jpg", "legend.txt"
    ]  # fmt: skip
    legend = (worst / "legend.txt").read_text().splitlines()
    assert legend[0].startswith("Orange: what is predicted. Blue: the mask.")
    assert legend[3] == "03-dice-0.667-half.jpg: half.png, Dice 0.667, 0 of 1 lesion missed"
    blank, missed, half = (np.asarray(Image.open(worst / name)).astype(int) for name in names[:3])

    def has(pixels, colour):
        return bool((np.abs(pixels - colour).max(axis=-1) < 40).sum() > 20)

    orange, blue = (230, 159, 0), (86, 180, 233)
    assert [has(missed, orange), has(missed, blue)] == [False, True]
    assert [has(blank, orange), has(blank, blue)] == [True, False]
    assert [has(half, orange), has(half, blue)] == [True, True]


def test_only_its_own_files_are_replaced(repro, saved, own, tmp_path):
    worst = tmp_path / "out" / "worst"
    worst.mkdir(parents=True)
    (worst / "09-dice-0.100-old.jpg").write_text("of an earlier evaluation")
    (worst / "mine.jpg").write_text("mine")
    repro("evaluate", "--model", saved["colour"], *own, "-o", "out")
    assert (worst / "mine.jpg").read_text() == "mine"
    assert not (worst / "09-dice-0.100-old.jpg").exists()


def test_what_another_number_of_networks_left_is_replaced_too(repro, saved, own, tmp_path):
    two, out = ("--model", saved["colour"], "--model", saved["grey"]), tmp_path / "out"
    overlay = "01-dice-0.100-old.jpg"
    for folder in ("worst", "worst-D"):
        (out / folder).mkdir(parents=True)
        (out / folder / overlay).write_text("an overlay")
    (out / "worst" / "legend.txt").write_text(
        "Orange: what the network marks. Blue: the mask. The worst image comes first."
    )
    repro("evaluate", *two, *own, "-o", "out")
    assert sorted(path.name for path in out.iterdir()) == [
        "images-A.csv", "images-B.csv", "worst-A", "worst-B", "worst-D"
    ]  # fmt: skip
    assert (out / "worst-D" / overlay).exists(), "without a legend of ours it is a person's own"
    (out / "worst-B" / "mine.jpg").write_text("mine")
    (out / "images-C.csv").write_text("a table of my own")
    repro("evaluate", *two[:2], *own, "-o", "out")
    assert sorted(path.name for path in out.iterdir()) == [
        "images-C.csv", "images.csv", "worst", "worst-B", "worst-D"
    ]  # fmt: skip
    assert [path.name for path in (out / "worst-B").iterdir()] == ["mine.jpg"]


@pytest.mark.parametrize("output", ["scans", "scans/out", "masks/out"])
@pytest.mark.parametrize("described", [False, True])
def test_nothing_is_written_into_the_folders_that_are_read(repro, own, tmp_path, output, described):
    (tmp_path / "own.yaml").write_text("images: scans\nmasks: masks\n")
    before = sorted(tmp_path.rglob("*"))
    words = ("--data", tmp_path / "own.yaml") if described else own
    status, _, complaint = repro("evaluate", *words, "-o", output)
    assert status == 2
    assert f"{output} is in {tmp_path / output.partition('/')[0]}, which is read." in complaint
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def two_lesions(tmp_path):
    """The network "first.keras", which took the first mask of each image in its training, as Tang does of BUSI's, and
    an image with two lesions and a mask of each, which are described as malignant in own.yaml."""
    model_file.save(bright(3), about(masks="first"), tmp_path / "first.keras")
    image = np.full((SIDE, SIDE), 20, np.uint8)
    image[4:10], image[20:26] = 250, 250
    save(tmp_path / "scans" / "a.png", image)
    for number, rows in ((1, slice(4, 10)), (2, slice(20, 26))):
        mask = np.zeros_like(image)
        mask[rows] = 255
        save(tmp_path / "masks" / f"a_mask_{number}.png", mask)
    (tmp_path / "own.yaml").write_text("images: scans\nmasks: masks\nclasses: malignant\n")


@pytest.mark.parametrize("data", [["--images", "scans", "--masks", "masks"], ["--data", "own.yaml"]])
def test_all_masks_of_an_image_count_whatever_the_network_was_trained_with(repro, two_lesions, data):
    """The masks of other people are of several lesions, whether their class is known or not."""
    _, printed, _ = repro("evaluate", "--model", "first.keras", *data)
    assert cells(printed, "Dice")[1] == "1.000"
    assert cells(printed, "lesions missed")[1] == "0 of 2 (0%)"


def test_the_masks_of_the_published_busi_are_read_as_in_the_papers(repro, two_lesions, tmp_path, monkeypatch):
    """Networks whose papers read them in two ways are held against one truth all the same."""
    found = fetch.find("own.yaml", tmp_path, tmp_path)
    monkeypatch.setattr(manifest, "published", lambda: manifest.digest_all(found.cases))
    _, printed, _ = repro("evaluate", "--model", "first.keras", "--data", "own.yaml")
    assert cells(printed, "lesions missed")[1] == "0 of 1 (0%)"
    assert "1 image of busi" in printed
    model_file.save(bright(3), about(masks="merged"), tmp_path / "merged.keras")
    _, printed, _ = repro("evaluate", "--model", "first.keras", "--model", "merged.keras", "--data", "own.yaml")
    assert cells(printed, "lesions missed")[1:3] == ["0 of 2 (0%)", "0 of 2 (0%)"]
    assert "The networks were trained with different readings of several masks of an image" in " ".join(printed.split())


@pytest.mark.parametrize("words", [
    [], ["--images", "scans"], ["--masks", "masks"], ["--images", "scans", "--masks", "masks", "--data", "busi"],
])  # fmt: skip
def test_one_way_of_naming_images_is_needed(repro, own, words):
    status, _, complaint = repro("evaluate", "--model", "x.keras", *words)
    assert status == 2
    assert "Expected --images DIR and --masks DIR, or --data" in complaint


@pytest.mark.parametrize(("pixels", "told"), [
    (np.zeros((SIDE, SIDE // 2), np.uint8), "the mask is 16x32 pixels"),
    (np.zeros((SIDE // 2, SIDE // 2), np.uint8), "the mask is 16x16 pixels, not the 32x32 of its image"),
    (np.repeat(np.uint8([0, 1, 2, 3]), SIDE * SIDE // 4).reshape(SIDE, SIDE), "a mask of several values, 1, 2, 3"),
])  # fmt: skip
def test_a_mask_that_does_not_suit_its_image_is_named(repro, saved, own, tmp_path, pixels, told):
    save(tmp_path / "masks" / "half_mask.png", pixels)
    status, printed, complaint = repro("evaluate", "--model", saved["colour"], *own, "-o", "out")
    assert (status, printed) == (2, "")
    assert "half_mask.png: " in complaint
    assert told in complaint
    assert not (tmp_path / "out").exists()
