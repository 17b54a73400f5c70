"""Every way in which an image or a mask can be wrong: it is read right, or refused in one line that names the file and
says why. The three tables are the specification."""

import time

import numpy as np
import pytest
from PIL import Image

from common.data.busi import index
from common.data.case import Case, read_case
from common.data.decode import decode_image, read_size
from common.data.prepare import Need, Prepared, prepare
from common.errors import BadInput
from tests.faults.input import corpus
from tests.faults.input.corpus import DataSet, drawn, photo, saved

REPAIR = "Replace or remove them."
# What the image's file holds, and what is said of it.
IMAGES = {
    "no bytes": (b"", "there are no bytes in it"),
    "text": (b"not an image", "not an image"),
    "a web page instead of a download": (b"<!DOCTYPE html><title>404</title>", "not an image"),
    "bytes before the image": (b"\0\0" + corpus.cut_before(7), "not an image"),
    "a PostScript file, which Pillow would give to Ghostscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
    "a GIF": (saved(photo(), "GIF"), "GIF, which is not read: convert it to PNG"),
    "a picture of a phone, renamed": (b"\0\0\0\x18ftypheic", "HEIC, which is not read: convert it to PNG"),
    "a DICOM file, renamed": (bytes(128) + b"DICM", "DICOM, which is not read: convert it to PNG"),
    "a JPEG 2000": (saved(photo(), "JPEG2000"), "JPEG 2000, which is not read: convert it to PNG"),
    "an animated WebP": (
        saved(photo(), "WEBP", save_all=True, append_images=[Image.fromarray(255 - photo())]),
        "holds several pictures",
    ),
    "a PNG cut to its signature": (corpus.SIGNATURE, "not an image"),
    **{f"a PNG cut before chunk {n}": (corpus.cut_before(n), "damaged") for n in range(7)},
    **{f"a PNG cut within chunk {n}": (corpus.cut_within(n), "damaged") for n in range(7)},
    **{f"a PNG with a wrong checksum in chunk {n}": (corpus.wrong_checksum(n), "damaged") for n in range(6)},
    "a PNG of nonsense with the right checksum": (
        corpus.png(corpus.header(), (b"IDAT", b"\x12\x34" * 40), (b"IEND", b"")),
        "broken data stream",
    ),
    "a PNG of which a chunk of pixels is missing": (corpus.png(*corpus.chunks()[:4], *corpus.chunks()[5:]), "damaged"),
    "a PNG without pixels": (corpus.png(corpus.header(), (b"IEND", b"")), "damaged"),
    "a PNG of no width": (corpus.png(corpus.header(width=0), *corpus.chunks()[1:]), "damaged"),
    "a PNG of 3 bits a pixel": (corpus.png(corpus.header(depth=3), *corpus.chunks()[1:]), "damaged"),
    "a PNG of an unknown kind of colour": (corpus.png(corpus.header(colour=7), *corpus.chunks()[1:]), "damaged"),
    "a PNG whose palette is missing": (corpus.png(corpus.header(colour=3), *corpus.chunks()[3:]), "damaged"),
    "20,000 x 20,000 pixels in 50 kB": (corpus.blank(20_000, 20_000), "more than 50 million pixels"),
    "7,100 x 7,100 pixels": (corpus.blank(7_100, 7_100), "more than 50 million pixels, the most that an image may"),
    "2 billion x 2 billion pixels claimed": (
        corpus.png(corpus.header(2**31 - 1, 2**31 - 1), *corpus.chunks()[1:]),
        "more than 50 million pixels",
    ),
    "a comment that unpacks to 30 MB": (corpus.bomb_of_text(30_000_000), "Decompressed data too large"),
    "an animated PNG": (
        saved(photo(), "PNG", save_all=True, append_images=[Image.fromarray(255 - photo())]),
        "holds several pictures",
    ),
    "a TIFF of two pages": (
        saved(photo(), "TIFF", save_all=True, append_images=[Image.fromarray(photo())]),
        "holds several pictures",
    ),
    "a CMYK JPEG": (saved(Image.fromarray(photo()).convert("CMYK"), "JPEG"), "its colours are CMYK, not RGB or grey"),
    "a JPEG cut in the middle": (saved(photo(), "JPEG")[:-20], "image file is truncated"),
    "a BMP cut in the middle": (saved(photo(), "BMP")[:1200], "truncated"),
    "a TIFF cut in the middle": (saved(photo(), "TIFF")[:500], "damaged"),
    "RGBA with transparent pixels": (saved(corpus.transparent("RGB"), "PNG"), "it has transparent pixels"),
    "grey with transparent pixels": (saved(corpus.transparent("L"), "PNG"), "it has transparent pixels"),
    "a palette with a transparent colour in use": (
        saved(Image.fromarray(photo()).convert("P"), "PNG", transparency=int(photo()[0, 0])),
        "it has transparent pixels",
    ),
    "16 bits with a transparent grey": (
        saved(photo().astype(np.uint16), "PNG", transparency=40),
        "it has transparent pixels",
    ),
    "floating point": (saved(photo().astype(np.float32) / 255, "TIFF"), "not grey of 8 or 16 bits"),
    "numbers below 0": (saved(photo().astype(np.int32) - 100, "TIFF"), "not grey of 8 or 16 bits"),
}

NAN = np.where(drawn(), np.float32("nan"), 0)
# The same for the mask's file.
MASKS = {
    "no bytes": (b"", "there are no bytes in it"),
    "another size": (saved(drawn()[:20], "PNG"), "the mask is 32x20 pixels, not the 32x24 of its image"),
    "height and width exchanged": (saved(drawn().T.copy(), "PNG"), "the mask is 24x32 pixels, not the 32x24"),
    "the mask of a turned image, not turned with it": (corpus.turned(drawn(), "PNG", 6), "the mask is 24x32 pixels"),
    "one pixel": (saved(drawn()[:1, :1], "PNG"), "the mask is 1x1 pixels"),
    "the image itself": (saved(photo(), "PNG"), "not a mask: "),
    "lesions numbered 1 and 2": (corpus.labelled(1, 2), "a mask of several values, 1, 2: draw all lesions in white"),
    "lesions of 128 and 255": (corpus.labelled(128, 255), "a mask of several values, 128, 255"),
    "transparent where there is no lesion": (saved(corpus.transparent("L"), "PNG"), "it has transparent pixels"),
    "not a number": (saved(NAN, "TIFF"), "the pixels are not grey of 8 or 16 bits"),
}

ON_BLACK = np.where(drawn()[..., None], (200, 0, 0), 0).astype(np.uint8)
GREY_ALPHA = Image.fromarray(photo()).convert("LA")
# Files that look odd and are read as the plain one is. First the image's, then the mask's.
SAME_IMAGE = {
    "one of 16 bits": saved(photo().astype(np.uint16) * 257, "PNG"),
    "one of colours of 16 bits": corpus.colours_16_bits(),
    "one with a palette": saved(Image.fromarray(photo()).convert("P"), "PNG"),
    "a palette with a transparent colour that is not in use": saved(
        Image.fromarray(photo()).convert("P"), "PNG", transparency=255
    ),
    "grey with an opaque alpha": saved(GREY_ALPHA, "PNG"),
    "RGBA, all opaque": saved(Image.fromarray(photo()).convert("RGBA"), "PNG"),
    "a BMP called .png": saved(photo(), "BMP"),
    "a TIFF called .png": saved(photo(), "TIFF"),
    "a compressed TIFF": saved(photo(), "TIFF", compression="tiff_lzw"),
    "a JPEG called .png": saved(photo(), "JPEG", quality=100),
    "a JPEG turned by its EXIF orientation": corpus.turned(np.rot90(photo()).copy(), "JPEG", 6),
    "a PNG turned by its EXIF orientation": corpus.turned(np.rot90(photo()).copy(), "PNG", 6),
    "a PNG turned by a chunk behind its pixels": corpus.turned_by_its_last_chunk(2, photo()[:, ::-1].copy()),
    "a TIFF turned by its orientation": corpus.turned(np.rot90(photo()).copy(), "TIFF", 6),
    "a mirrored PNG": corpus.turned(photo()[:, ::-1].copy(), "PNG", 2),
    "an EXIF orientation that does not exist": corpus.turned(photo(), "PNG", 77),
    "bytes after the end": corpus.png(*corpus.chunks()) + b"trailing",
    "more pixels than lines": corpus.too_many_pixels(30_000_000),
    "a wrong checksum at the end of a whole PNG": corpus.wrong_checksum(6),
}
SAME_MASK = {
    "0 and 1": saved(drawn().astype(np.uint8), "PNG"),
    "0 and 128": saved(drawn().astype(np.uint8) * 128, "PNG"),
    "0 and 65535": saved(drawn().astype(np.uint16) * 65535, "PNG"),
    "16 bits, 0 and 1": saved(drawn().astype(np.uint16), "PNG"),
    "1 bit": saved(Image.fromarray(drawn()), "PNG"),
    "red on black": saved(ON_BLACK, "PNG"),
    "a palette of black and red": saved(Image.fromarray(ON_BLACK).quantize(2), "PNG"),
    "RGBA, all opaque": saved(Image.fromarray(ON_BLACK).convert("RGBA"), "PNG"),
    "antialiased": corpus.antialiased(),
    "a JPEG, hazy round the edges": saved(drawn().astype(np.uint8) * 255, "JPEG", quality=85),
}
# Files that can be used, and may not be what was meant: only the person can tell.
DOUBTED_MASK = {
    "an inverted mask": (~drawn(), "75% of the image is marked, most of its border too. Is the mask inverted?"),
    "all is marked": (np.ones_like(drawn()), "100% of the image is marked, most of its border too."),
    "nothing is marked": (np.zeros_like(drawn()), "nothing is marked, though the class is benign."),
}


@pytest.fixture
def made(tmp_path) -> DataSet:
    return corpus.write(tmp_path / "set")


@pytest.fixture
def plain(tmp_path) -> Prepared:
    return prepared(corpus.write(tmp_path / "plain"), tmp_path)


def prepared(made: DataSet, at) -> Prepared:
    """At the images' own width, so that no interpolation hides a pixel."""
    started = time.process_time()
    result = prepare(index(made.folder), made.folder.name, Need(corpus.WIDTH, 1, "merged"), at / "cache")
    assert time.process_time() - started < 5
    return result


def complaint(made: DataSet, at) -> str:
    with pytest.raises(BadInput) as refused:
        prepared(made, at)
    assert str(refused.value).endswith(REPAIR)
    return str(refused.value)


@pytest.mark.parametrize("what", IMAGES)
def test_an_image_that_can_not_be_read_is_refused_by_name(made, tmp_path, what):
    content, reason = IMAGES[what]
    made.image.write_bytes(content)
    named, _, told = complaint(made, tmp_path).splitlines()[1].partition(".png: ")
    assert f"{named}.png" == f"  - {made.image}"
    assert reason in told
    assert told


@pytest.mark.parametrize("what", MASKS)
def test_a_mask_that_can_not_be_used_is_refused_by_name(made, tmp_path, what):
    content, reason = MASKS[what]
    made.mask.write_bytes(content)
    assert f"  - {made.mask}: {reason}" in complaint(made, tmp_path)


@pytest.mark.parametrize("what", SAME_IMAGE)
def test_an_odd_image_is_read_as_the_plain_one(made, plain, tmp_path, what):
    made.image.write_bytes(SAME_IMAGE[what])
    images = prepared(made, tmp_path).images.astype(int)
    lossy = "JPEG" in what
    assert np.abs(images - plain.images).max() <= (2 if lossy else 0)


@pytest.mark.parametrize("what", SAME_MASK)
def test_an_odd_mask_is_read_as_the_plain_one(made, plain, tmp_path, what):
    made.mask.write_bytes(SAME_MASK[what])
    result = prepared(made, tmp_path)
    assert np.array_equal(result.masks, plain.masks)
    assert result.doubts == ()


@pytest.mark.parametrize("what", DOUBTED_MASK)
def test_a_doubtful_mask_is_used_and_said(made, tmp_path, what):
    mask, doubt = DOUBTED_MASK[what]
    corpus.save_mask(made.mask, mask)
    (told,) = prepared(made, tmp_path).doubts
    assert told.startswith(f"benign (1): {doubt}")
    assert prepared(made, tmp_path).doubts == (told,), "also when read from the cache"


def test_a_mask_of_a_turned_image_is_doubted(made, tmp_path):
    """A program that does not read the EXIF tag shows the image as it lies in the file."""
    made.image.write_bytes(corpus.turned(photo(), "PNG", 3))
    (told,) = prepared(made, tmp_path).doubts
    assert told.startswith("benign (1): its EXIF tag turns the image. Was the mask drawn on the turned image")
    made.image.write_bytes(corpus.turned(photo(), "PNG", 6))
    assert "the mask is 32x24 pixels, not the 24x32 of its image, which its EXIF tag turns" in complaint(made, tmp_path)


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG with the tag behind the pixels"])
def test_the_mask_of_a_turned_image_is_doubted_wherever_the_tag_stands(made, tmp_path, form):
    upside_down = corpus.turned(photo(), form, 3) if form in ("JPEG", "TIFF") else corpus.turned_by_its_last_chunk(3)
    made.image.write_bytes(upside_down)
    (told,) = prepared(made, tmp_path).doubts
    assert told.startswith("benign (1): its EXIF tag turns the image.")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_of_a_png_is_upright_where_the_tag_stands_behind_its_pixels(tmp_path, orientation):
    path = tmp_path / "x.png"
    path.write_bytes(corpus.turned_by_its_last_chunk(orientation))
    assert read_size(path) == decode_image(path).pixels.shape[1::-1]


def test_a_turned_image_without_a_mask_is_not_doubted(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(corpus.turned(photo(), "PNG", 3))
    found = read_case(Case("x", "normal", "x", path, ()))
    assert np.array_equal(found.image[..., 0], photo()[::-1, ::-1])
    assert found.doubts == []


def test_masks_of_one_area_are_doubted_and_those_of_two_are_not(made, tmp_path):
    corpus.save_mask(made.beside("benign (1)_mask_1.png"), np.roll(drawn(), 1, axis=0))
    (told,) = prepared(made, tmp_path).doubts
    assert told.startswith("benign (1): its masks cover much of the same area. Are they of several readers?")
    corpus.save_mask(made.beside("benign (1)_mask_1.png"), np.roll(drawn(), 8, axis=0))
    assert prepared(made, tmp_path).doubts == ()


def test_12_bits_in_a_file_of_16_are_used_and_said(made, tmp_path):
    made.image.write_bytes(saved(photo().astype(np.uint16) * 16, "PNG"))
    (told,) = prepared(made, tmp_path).doubts
    assert told == "benign (1): 16 bits a pixel, of which 12 are used: read as grey from 0 to 4095."


def test_an_image_of_one_pixel_is_an_image(made, tmp_path):
    made.image.write_bytes(saved(photo()[3:4, 5:6], "PNG"))
    made.mask.write_bytes(saved(np.ones((1, 1), np.uint8), "PNG"))
    result = prepared(made, tmp_path)
    assert np.unique(result.images[0]) == [photo()[3, 5]]
    assert np.unique(result.masks[0]) == [255]
    enhanced = prepare(index(made.folder), "set", Need(16, 1, "merged", (2.0, 8)), tmp_path / "cache")
    assert len(np.unique(enhanced.images[0])) == 1


def test_a_strip_of_one_line_is_an_image(made, tmp_path):
    made.image.write_bytes(saved(np.full((1, 40_000), 9, np.uint8), "PNG"))
    made.mask.write_bytes(saved(np.ones((1, 40_000), np.uint8), "PNG"))
    assert np.unique(prepared(made, tmp_path).images[0]) == [9]


def test_of_several_masks_each_bad_one_is_named(made, tmp_path):
    for number, content in enumerate((saved(drawn()[:5], "PNG"), b"?", saved(drawn(), "PNG")), 1):
        made.beside(f"benign (1)_mask_{number}.png").write_bytes(content)
    message = complaint(made, tmp_path)
    assert "benign (1)_mask_1.png: the mask is 32x5 pixels" in message
    assert "benign (1)_mask_2.png: not an image" in message
    assert "benign (1)_mask_3.png" not in message
    assert "benign (1)_mask.png" not in message


def test_all_bad_files_of_a_folder_are_listed_in_one_go(tmp_path):
    made = corpus.write(tmp_path / "set")
    for number, content in enumerate([each for each, _ in IMAGES.values()], 3):
        made.beside(f"benign ({number}).png").write_bytes(content)
        corpus.save_mask(made.beside(f"benign ({number})_mask.png"), drawn())
    assert complaint(made, tmp_path).count("\n  - ") == len(IMAGES)
