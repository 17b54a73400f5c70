"""`repro predict` on images whose right answer is known: a network that marks what is brighter than half."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data.busi import index
from common.data.prepare import Need, prepare
from common.evidence.boxes import PREDICTED
from common.predict import pipeline
from common.predict.inputs import Input
from common.predict.results import describe_line
from common.training import model_file
from common.training.evaluate import evaluate
from common.training.logits import beside_probabilities
from tests.predict.made import PREPROCESSING, SIDE, about, bright, region, written


def rectangle(height=120, width=160, rows=(30, 60), columns=(40, 100)):
    """uint8, dark grey but for one white rectangle."""
    pixels = np.full((height, width), 30, np.uint8)
    pixels[slice(*rows), slice(*columns)] = 255
    return pixels


def lines(folder):
    return [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]


def opened(path):
    return np.asarray(Image.open(path))


@pytest.fixture
def scan(tmp_path):
    Image.fromarray(rectangle()).save(tmp_path / "scan.png")
    return tmp_path / "scan.png"


def test_a_network_that_is_given_the_mask_is_refused(repro, saved, scan):
    status, _, complaint = repro("predict", "--model", saved["leak"], scan, "-o", "out")
    assert status == 2
    assert "can't be used on images without a mask: it was trained with input=image+mask, a leak" in complaint
    assert not Path("out").exists()


def test_the_marked_area_is_found_where_it_is(repro, saved, scan):
    status, printed, complaint = repro("predict", "--model", saved["colour"], scan, "-o", "out")
    assert (status, complaint) == (0, "")
    assert "1 of 1 image:" in printed
    (line,) = lines(Path("out"))
    assert line["input"] == str(scan)
    assert (line["width"], line["height"]) == (160, 120)
    (found,) = line["regions"]
    truth = {"x": 40, "y": 30, "width": 60, "height": 30, "area_pixels": 1800}
    pixel = 160 / SIDE  # of the network, in those of the image
    for name in ("x", "y", "width", "height"):
        assert abs(found[name] - truth[name]) <= pixel, name
    assert found["area_pixels"] == pytest.approx(truth["area_pixels"], rel=0.15)
    assert found["area_pixels"] == line["area_pixels"]
    assert 0.9 < found["probability"] <= 1
    assert line["area_mm2"] is None
    assert found["area_mm2"] is None
    assert line["class_probability"] is None


def test_the_mask_has_the_image_s_own_size_and_the_area_that_is_told(repro, saved, scan):
    repro("predict", "--model", saved["grey"], scan, "-o", "out")
    (line,) = lines(Path("out"))
    mask = opened(Path("out", line["mask"]))
    assert (mask.shape, mask.dtype) == ((120, 160), np.uint8)
    assert set(np.unique(mask)) == {0, 255}
    assert np.count_nonzero(mask) == line["area_pixels"]
    assert mask[45, 70] == 255


def test_the_overlay_is_the_image_with_an_outline(repro, saved, scan):
    repro("predict", "--model", saved["grey"], scan, "-o", "out")
    (line,) = lines(Path("out"))
    overlay, image = opened(Path("out", line["overlay"])), rectangle()
    outline = np.abs(overlay.astype(int) - PREDICTED).max(axis=-1) < 30
    assert outline.sum() >= 2 * (60 + 30) * 0.8
    changed = np.abs(overlay.astype(int) - image[..., None]).max(axis=-1) > 8
    assert not changed[45:50, 60:80].any(), "the inside stays visible"
    assert not changed[80:].any()


def test_the_area_in_mm2_of_a_dicom_file(repro, saved, tmp_path):
    written(tmp_path / "IM1", rectangle(), PixelSpacing=[0.3, 0.2])
    fields = [region(0, 0, 159, 119, 0.01, 0.02)]
    written(tmp_path / "IM2", rectangle(), SequenceOfUltrasoundRegions=fields)
    written(tmp_path / "IM3", 255 - rectangle(), "MONOCHROME1")
    status, _, complaint = repro("predict", "--model", saved["colour"], "IM1", "IM2", "IM3", "-o", "out")
    assert (status, complaint) == (0, "")
    spaced, calibrated, unknown = lines(Path("out"))
    assert spaced["area_mm2"] == pytest.approx(spaced["area_pixels"] * 0.06)
    assert spaced["regions"][0]["area_mm2"] == pytest.approx(spaced["regions"][0]["area_pixels"] * 0.06)
    assert calibrated["area_mm2"] == pytest.approx(calibrated["area_pixels"] * 0.02)
    assert unknown["area_mm2"] is None
    assert spaced["area_pixels"] == calibrated["area_pixels"] == unknown["area_pixels"] > 0


def test_each_of_a_few_images_has_a_line_that_says_what_is_marked(repro, saved, tmp_path):
    two = rectangle()
    two[80:110, 20:50] = 255
    for name, pixels in {"one": rectangle(), "two": two, "none": rectangle(rows=(0, 0))}.items():
        Image.fromarray(pixels).save(f"{name}.png")
    written(tmp_path / "IM1", rectangle(), PixelSpacing=[0.3, 0.2])
    names = ["one.png", "two.png", "none.png", "IM1"]
    _, printed, _ = repro("predict", "--model", saved["colour"], *names, "-o", "out")
    one, two, _, spaced = lines(Path("out"))
    assert printed.splitlines()[-4:] == [
        f"- one.png: 1 region, {one['area_pixels']:,} of 19,200 pixels",
        f"- two.png: 2 regions, {two['area_pixels']:,} of 19,200 pixels",
        "- none.png: nothing is marked",
        f"- IM1: 1 region, {spaced['area_mm2']:.2f} mm²",
    ]


def test_marks_that_are_too_small_for_a_region_are_called_specks():
    line = {"input": "a.png", "width": 400, "height": 300, "area_pixels": 7, "area_mm2": None, "regions": []}
    assert describe_line(line | {"class_probability": None}) == "a.png: only specks, 7 of 120,000 pixels"


def test_the_line_of_a_network_that_classifies_has_the_probability_of_the_class(repro, saved):
    Image.fromarray(rectangle()).save("a.png")
    _, printed, _ = repro("predict", "--model", saved["classifier"], "a.png", "-o", "out")
    (line,) = lines(Path("out"))
    assert printed.splitlines()[-1].endswith(f" pixels; malignant: {line['class_probability']['malignant']:.0%}")


def test_of_many_images_only_the_number_is_printed(repro, saved, tmp_path):
    for number in range(11):
        Image.fromarray(rectangle(rows=(30, 60) if number else (0, 0))).save(f"{number:02}.png")
    _, printed, _ = repro("predict", "--model", saved["colour"], *(f"{n:02}.png" for n in range(11)), "-o", "out")
    assert printed.splitlines()[-1] == "Something is marked in 10 of them. predictions.jsonl says in which."
    assert "01.png" not in printed


def test_the_class_of_a_network_that_also_classifies(repro, saved, tmp_path):
    for name, grey in (("dark", 0), ("light", 255)):
        Image.fromarray(np.full((50, 40), grey, np.uint8)).save(tmp_path / f"{name}.png")
    repro("predict", "--model", saved["classifier"], tmp_path, "-o", tmp_path / "out")
    dark, light = lines(tmp_path / "out")
    assert dark["class_probability"] == {"malignant": pytest.approx(0.5)}
    assert light["class_probability"] == {"malignant": pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)}
    assert dark["regions"] == []
    assert light["area_pixels"] == 50 * 40


@pytest.mark.parametrize("settings", PREPROCESSING.values(), ids=PREPROCESSING)
def test_the_network_is_given_what_training_gives_it(tmp_path, settings):
    """Pixel for pixel the masks of `evaluate`, for images of the network's own size."""
    (tmp_path / "busi" / "benign").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise, start=1):
        stem = tmp_path / "busi" / "benign" / f"benign ({number})"
        Image.fromarray(pixels).save(f"{stem}.png")
        Image.fromarray(pixels[..., 0] // 128 * 255).save(f"{stem}_mask.png")
    cases, record = index(tmp_path / "busi"), about(**settings)
    recipe, model = record.recipe, bright(settings["channels"])
    prepared = prepare(cases, "noise", Need(SIDE, recipe.channels, "merged", recipe.clahe), tmp_path / "cache")
    _, expected = evaluate(beside_probabilities(model), prepared, np.arange(20), recipe)
    items = [Input(case.image, str(number)) for number, case in enumerate(cases)]
    outcome = pipeline.predict_all(model, record, items, tmp_path / "out", lambda done: None)
    assert outcome == pipeline.Outcome(lines(tmp_path / "out"), [], [], [], 0)
    assert [line["area_pixels"] for line in outcome.lines] == expected.sum((1, 2)).tolist()
    got = [opened(tmp_path / "out" / "masks" / f"{number}.png") > 0 for number in range(20)]
    assert np.array_equal(got, expected)
    assert 0.1 < expected.mean() < 0.9


def test_unreadable_files_are_listed_at_the_end_and_the_others_are_done(repro, saved, tmp_path):
    """Forty images, more than two batches, with bad ones at the start, in between and at the end."""
    for number in range(40):
        Image.fromarray(rectangle()).save(tmp_path / f"{number:02}.png")
    bad = [tmp_path / f"{number:02}.png" for number in (0, 17, 39)]
    for path in bad:
        path.write_bytes(path.read_bytes()[:60])
    status, printed, complaint = repro("predict", "--model", saved["grey"], tmp_path, "nowhere.png", "-o", "out")
    assert status == 2
    assert "37 of 40 images" in printed
    for path in (*bad, "nowhere.png"):
        assert f"  - {path}: " in complaint
    assert len(complaint.splitlines()) == 2 + 4
    names = [Path(line["input"]).name for line in lines(Path("out"))]
    assert names == [f"{number:02}.png" for number in range(40) if number not in (0, 17, 39)]


@pytest.mark.parametrize(
    ("name", "shape", "why"),
    [
        ("wide", (60, 66_000), "66000 x 60 pixels are too many for a .jpg file"),
        ("n" * 245, (60, 60), "its name is too long for the file that is made of it"),
    ],
    ids=["wider than a JPEG can be", "a long name"],
)
def test_an_image_that_can_t_be_written_about_is_listed_and_the_others_are_done(
    repro, saved, scan, tmp_path, name, shape, why
):
    Image.fromarray(np.full(shape, 30, np.uint8)).save(tmp_path / f"{name}.png")
    status, printed, complaint = repro("predict", "--model", saved["grey"], f"{name}.png", scan, "-o", "out")
    assert status == 2
    assert "1 of 2 images" in printed
    assert f"{name}.png: {why}" in complaint.replace("\n", "")
    assert [line["input"] for line in lines(Path("out"))] == [str(scan)]
    written_files = [path.name for path in Path("out").rglob("*") if path.is_file()]
    assert sorted(written_files) == ["about.json", "predictions.jsonl", "scan.jpg", "scan.png"]


def test_nothing_to_predict_on_is_said_before_anything_is_written(repro, saved):
    status, _, complaint = repro("predict", "--model", saved["grey"], "nowhere", "-o", "out")
    assert status == 2
    assert "nowhere: there is no such file" in complaint
    assert not Path("out").exists()


def test_where_no_image_can_be_used_nothing_else_is_claimed(repro, saved, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    status, printed, complaint = repro("predict", "--model", saved["grey"], "notes.txt", "nowhere.png", "-o", "out")
    assert status == 2
    headline, *named = complaint.splitlines()
    assert headline == "No image could be used:"
    assert [line.partition(": ")[0] for line in named] == ["  - nowhere.png", "  - notes.txt"]
    assert printed.splitlines()[-1] == pipeline.DISCLAIMER


def test_a_network_that_is_not_there_is_told_with_the_one_that_always_is(repro, scan):
    status, _, complaint = repro("predict", "--model", "nonsuch", scan, "-o", "out")
    assert status == 2
    assert complaint.startswith("nonsuch: there is no such network. Expected tang-small, which comes with the suite;")


def test_an_output_that_is_a_file_is_refused(repro, saved, scan):
    status, _, complaint = repro("predict", "--model", saved["grey"], scan, "-o", scan)
    assert status == 2
    assert f"{scan} is a file. Expected a folder" in complaint


def test_names_in_brackets_are_printed_as_they_are(repro, saved, scan):
    status, printed, _ = repro("predict", "--model", saved["grey"], scan, "-o", "[/bold] out")
    assert status == 0
    assert "are in [/bold] out." in printed


def test_a_file_that_is_no_network_is_refused(repro, scan):
    status, _, complaint = repro("predict", "--model", scan, scan, "-o", "out")
    assert status == 2
    assert f"{scan}: expected a file whose name ends in .keras" in complaint
    assert not Path("out").exists()


def test_equal_names_do_not_overwrite_each_other(repro, saved, tmp_path):
    for place, rows in (("a/x.png", (10, 20)), ("b/x.png", (50, 90)), ("b/x.tif", (100, 110))):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        Image.fromarray(rectangle(rows=rows)).save(tmp_path / place)
    repro("predict", "--model", saved["grey"], "a/x.png", "b", "-o", "out")
    told = {line["input"]: line for line in lines(Path("out"))}
    assert len({line["mask"] for line in told.values()}) == len({line["overlay"] for line in told.values()}) == 3
    for line in told.values():
        assert np.count_nonzero(opened(Path("out", line["mask"]))) == line["area_pixels"]


def test_hostile_names_stay_within_the_output_and_within_their_line(repro, saved, tmp_path):
    name = 'a\n{"input": "x"}"; rm -rf .png'
    (tmp_path / "in").mkdir()
    Image.fromarray(rectangle()).save(tmp_path / "in" / name)
    repro("predict", "--model", saved["grey"], "in", "-o", "out")
    (line,) = lines(Path("out"))
    assert Path(line["input"]).name == name
    assert Path("out", line["mask"]).resolve().is_relative_to(Path("out").resolve())
    assert Path("out", line["mask"]).exists()


def test_it_says_once_that_it_is_no_medical_device_and_which_network_it_was(repro, saved, scan):
    _, printed, _ = repro("predict", "--model", saved["colour"], scan, "-o", "out")
    assert printed.count("not a medical device") == 1
    assert printed.count("cheng, 32x32 pixels, RGB, trained on busi (seed 0, repeat 1)") == 1
    kept = json.loads(Path("out", "about.json").read_text())
    assert "not a medical device" in kept["warning"]
    assert model_file.About.model_validate(kept["network"]) == model_file.load(saved["colour"])[1]
