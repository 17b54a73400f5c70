"""`reproductions.predict` and `evaluate`: the same pixels and scores as the commands, without files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

import reproductions as repro_api
from common.data import phantom
from tests.faults.input.test_greys import coloured

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
    (alone,) = repro_api.predict(Image.fromarray(pixels), colour)
    assert (from_pillow.probability == from_array.probability).all()
    assert (alone.probability == from_array.probability).all()


def clear(pixels: Image.Image) -> Image.Image:
    """The same with a corner that can be seen through."""
    pixels.putpixel((0, 0), (*pixels.getpixel((0, 0))[:-1], 0))
    return pixels


def turned(pixels: Image.Image) -> Image.Image:
    pixels.getexif()[ExifTags.Base.Orientation] = 6
    return pixels


COLOURS = Image.fromarray(np.stack([GREY[:80], GREY[:80] // 2, 255 - GREY[:80]], axis=-1))
DEEP = GREY[:80].astype(np.uint16) * 257
# By a name with the ending of the file that holds it.
FROM_PILLOW = {
    "palette.png": lambda: COLOURS.quantize(16),
    "palette with opacity.tif": lambda: COLOURS.quantize(16).convert("PA"),
    "two levels.png": lambda: COLOURS.convert("1"),
    "opaque grey.png": lambda: COLOURS.convert("LA"),
    "opaque colours.png": lambda: COLOURS.convert("RGBA"),
    "as video has it.tif": lambda: COLOURS.convert("YCbCr"),
    "deep grey.png": lambda: Image.fromarray(DEEP),
    "12 bits of 16.tif": lambda: Image.fromarray(DEEP // 16),
    "32 bits.tif": lambda: Image.fromarray(DEEP.astype(np.int32)),
    "turned.png": lambda: turned(COLOURS.copy()),
    "turned.jpg": lambda: turned(COLOURS.copy()),
    "turned.tif": lambda: turned(COLOURS.copy()),
    "turned grey that Pillow would map into memory.tif": lambda: turned(Image.fromarray(GREY[:80])),
}
REFUSED = {
    "for print.tif": lambda: COLOURS.convert("CMYK"),
    "of the eye.tif": lambda: ImageCms.applyTransform(COLOURS, ImageCms.buildTransform(*PROFILES, "RGB", "LAB")),
    "fractions.tif": lambda: Image.fromarray(GREY[:80] / np.float32(255)),
    "clear grey.png": lambda: clear(COLOURS.convert("LA")),
    "clear colours.webp": lambda: clear(COLOURS.convert("RGBA")),
}
PROFILES = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")


@pytest.mark.parametrize("name", FROM_PILLOW)
def test_an_image_of_pillow_is_read_as_its_file_is(colour, tmp_path, name):
    made, path = FROM_PILLOW[name](), tmp_path / name
    made.save(path, exif=made.getexif())
    with Image.open(path) as opened:
        known = dict(opened.info)
        from_file, from_opened, again, from_made = repro_api.predict([path, opened, opened, made], colour)
        assert opened.info == known, "it stays as it was"
    for other in (from_opened, again, *([] if path.suffix == ".jpg" else [from_made])):
        assert (other.probability == from_file.probability).all()
        assert other.doubts == from_file.doubts


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_of_pillow_is_refused_as_its_file_is(colour, tmp_path, name):
    made, path = REFUSED[name](), tmp_path / name
    made.save(path)
    with Image.open(path) as opened, pytest.raises(repro_api.BadInput) as refused:
        repro_api.predict([path, opened, made], colour)
    _, from_file, *others = str(refused.value).split("\n")
    assert others == [from_file.replace(str(path), f"images[{number}]") for number in (1, 2)]


def test_colours_of_16_bits_are_not_cut_to_8_in_silence(colour, tmp_path):
    """Pillow keeps the upper 8 bits, of which an image of 12 bits uses four. Its file is scaled."""
    path = tmp_path / "deep.png"
    path.write_bytes(coloured(DEEP // 16))
    (from_file,) = repro_api.predict([path], colour)
    assert from_file.mask.shape == DEEP.shape
    with Image.open(path) as opened, pytest.raises(repro_api.BadInput, match="give the path of its file"):
        repro_api.predict([opened], colour)


def test_of_several_pictures_in_pillow_nobody_knows_which_is_meant(colour, tmp_path):
    COLOURS.save(tmp_path / "two.tif", save_all=True, append_images=[COLOURS])
    with Image.open(tmp_path / "two.tif") as two, pytest.raises(repro_api.BadInput, match="holds several pictures"):
        repro_api.predict([two], colour)


def test_an_image_of_pillow_that_cant_be_decoded_is_named(colour, tmp_path):
    path = tmp_path / "whole.png"
    COLOURS.save(path)
    path.write_bytes(path.read_bytes()[:2000])
    others = [Image.new("HSV", (9, 9)), Image.new("La", (9, 9)), Image.new("L", (9, 0))]
    with Image.open(path) as cut, pytest.raises(repro_api.BadInput, match=r"images\[1\]: a damaged file") as refused:
        repro_api.predict([COLOURS, cut, *others], colour)
    assert "images[2]: its colours are HSV, not RGB or grey" in str(refused.value)
    assert "images[3]: its colours are La, not RGB or grey" in str(refused.value)
    assert "images[4]: it has no pixels" in str(refused.value)


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
