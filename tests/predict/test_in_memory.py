"""`reproductions.predict` and `evaluate`: the same pixels and scores as the commands, without files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reproductions as repro_api
from common.data import phantom

GREY = phantom.draw("benign", 1, side=96)[0]


@pytest.fixture(scope="module")
def colour(saved):
    return repro_api.load_model(saved["colour"])


@pytest.fixture
def scans(tmp_path):
    """Grey and colour, of different sizes."""
    pictures = {"grey": GREY, "colour": np.stack([GREY[:80], GREY[:80], GREY[:80] // 2], axis=-1)}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return pictures


@pytest.mark.parametrize("name", ["colour", "classifier"])
def test_arrays_and_files_give_the_pixels_that_the_command_writes(repro, saved, scans, tmp_path, name):
    files = [tmp_path / f"{each}.png" for each in scans]
    status, _, _ = repro("predict", "--model", saved[name], *files, "-o", "out")
    assert status == 0
    lines = [json.loads(line) for line in Path("out/predictions.jsonl").read_text().splitlines()]
    written = [np.asarray(Image.open(Path("out", line["mask"]))) > 0 for line in lines]
    network = repro_api.load_model(saved[name])
    for images in (list(scans.values()), files, list(map(str, files))):
        predicted = repro_api.predict(images, network)
        for found, mask, line in zip(predicted, written, lines, strict=True):
            assert (found.mask == mask).all()
            assert found.mask.any()
            assert ((found.probability > 0.5) == mask).all()
            assert found.class_probability == line["class_probability"]


def test_one_image_and_a_loaded_network_need_no_list_and_no_file(colour):
    (one,) = repro_api.predict(GREY, colour)
    (first, second) = repro_api.predict(np.stack([GREY, GREY])[..., None].repeat(3, -1), colour)
    assert (one.probability == first.probability).all()
    assert (one.probability == second.probability).all()
    assert one.mask.shape == GREY.shape
    assert one.doubts == ()


def test_an_image_of_pillow_is_taken_as_its_array_is(colour):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    from_pillow, from_array = repro_api.predict([Image.fromarray(pixels), pixels], colour)
    assert (from_pillow.probability == from_array.probability).all()


def test_every_image_that_cant_be_used_is_named(colour, tmp_path):
    wrong = [GREY, GREY / 255, tmp_path / "none.png", GREY[None, None], np.zeros((0, 3), np.uint8)]
    with pytest.raises(repro_api.BadInput) as refused:
        repro_api.predict(wrong, colour)
    assert "images[1]: float64 (" in str(refused.value)
    assert "none.png" in str(refused.value)
    for number in (3, 4):
        assert f"images[{number}]: uint8 (" in str(refused.value)
    assert "images[0]" not in str(refused.value)


def test_an_image_that_is_almost_black_has_a_doubt(colour):
    (found,) = repro_api.predict(GREY // 64, colour)
    assert "almost black" in found.doubts[0]


def test_a_network_that_is_given_the_mask_is_refused(saved):
    with pytest.raises(repro_api.BadInput, match="a leak"):
        repro_api.predict(GREY, saved["leak"])


def test_the_scores_are_those_of_the_command(repro, saved, phantom_folder, tmp_path):
    files = [saved["colour"], saved["grey"]]
    words = [word for file in files for word in ("--model", file)]
    status, printed, _ = repro("evaluate", *words, "--data", phantom_folder, "--json")
    assert status == 0
    rows = repro_api.evaluate(files, phantom_folder, runs=tmp_path / "runs")
    for file, expected in zip(files, json.loads(printed)["networks"], strict=True):
        of_file = [row for row in rows if row["model"] == str(file)]
        assert [row["definition"] for row in of_file] == list(expected["metrics"])
        for row in of_file:
            assert {key: row[key] for key in ("value", "low", "high")} == expected["metrics"][row["definition"]]
            change = expected["less_the_first"].get(row["definition"])
            assert row["less_first"] == (change and change["value"])
            assert row["seen"] is False


def test_folders_of_images_and_masks_give_a_row_an_image(saved, tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in (1, 2):
        pixels, (lesion,) = phantom.draw("malignant", number, side=96)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(lesion.astype(np.uint8) * 255).save(tmp_path / "masks" / f"{number}.png")
    (tmp_path / "images" / "notes.txt").write_text("of the scanner")
    folders = {name: tmp_path / name for name in ("images", "masks")}
    said = []
    rows = repro_api.evaluate(saved["colour"], **folders, each_image=True, runs=tmp_path / "runs", say=said.append)
    assert said == ["images: 2 cases. Left out (not images of this data set): 1 .txt."]
    assert [Path(row["file"]).name for row in rows] == ["1.png", "2.png"]
    assert all(0 <= row["dice"] <= 1 and row["model"] == str(saved["colour"]) for row in rows)
    with pytest.raises(repro_api.BadInput, match="which images with masks are meant"):
        repro_api.evaluate(saved["colour"], images=tmp_path)
    with pytest.raises(repro_api.BadInput, match="No network is named"):
        repro_api.evaluate([], **folders)
