"""From image files to pixels: every form of file that BUSI and mammograms come in, and files that are broken."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from common.data.decode import decode_image, decode_mask, read_size, same_shape
from common.data.open_image import Unreadable
from tests.data.pictures import saved


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_grey_and_colour_files_of_the_same_pixels_give_the_same_image(tmp_path, grey, mode):
    image = decode_image(saved(tmp_path / "image.png", grey, mode)).pixels
    assert image.dtype == np.uint8
    assert np.array_equal(image, np.stack([grey] * 3, axis=-1))


def test_coloured_overlays_stay_coloured(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(decode_image(saved(tmp_path / "image.png", pixels)).pixels, pixels)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_masks_of_every_mode_of_busi_give_the_same_mask(tmp_path, drawn, mode):
    assert np.array_equal(decode_mask(saved(tmp_path / "mask.png", drawn.astype(np.uint8) * 255, mode))[0], drawn)


@pytest.mark.parametrize("one", [1, 128, 255])
def test_a_mask_drawn_in_0_and_any_other_value_is_the_same_mask(tmp_path, drawn, one):
    assert np.array_equal(decode_mask(saved(tmp_path / "mask.png", drawn.astype(np.uint8) * one))[0], drawn)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_an_image_of_many_lines_is_read_to_the_last(tmp_path, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (1300, 3), dtype=np.uint8)
    image = decode_image(saved(tmp_path / "image.png", pixels, mode)).pixels
    assert np.array_equal(image, np.stack([pixels] * 3, axis=-1))


@pytest.mark.parametrize(("orientation", "size"), [(1, (60, 40)), (3, (60, 40)), (6, (40, 60)), (8, (40, 60))])
@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_the_size_in_the_head_is_that_of_the_upright_image(tmp_path, grey, orientation, size, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(grey).save(tmp_path / f"image.{ending}", exif=exif)
    assert read_size(tmp_path / f"image.{ending}") == size
    decoded = decode_image(tmp_path / f"image.{ending}")
    assert (decoded.pixels.shape[1::-1], decoded.doubts, decoded.turned) == (size, [], orientation != 1)


@given(exif=st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda rest: b"Exif\0\0II*\0" + rest)))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest shows what `open_image` silences
def test_exif_data_that_cannot_be_read_say_nothing(tmp_path, grey, ending, exif):
    Image.fromarray(grey).save(tmp_path / f"image.{ending}", exif=exif)
    assert decode_image(tmp_path / f"image.{ending}").pixels.shape[:2] in (grey.shape, grey.shape[::-1])
    assert read_size(tmp_path / f"image.{ending}") in (grey.shape, grey.shape[::-1])


def test_an_all_black_mask_marks_nothing(tmp_path):
    assert not decode_mask(saved(tmp_path / "mask.png", np.zeros((8, 8), np.uint8)))[0].any()


@pytest.mark.parametrize("keep", [0, 20, 300])
def test_a_truncated_file_is_refused_by_name(tmp_path, grey, keep):
    path = saved(tmp_path / "image.png", grey)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Unreadable, match=r"image\.png"):
        decode_image(path)


def test_grey_of_16_bits_becomes_8_bits_rounded_and_not_clipped(tmp_path):
    deep = np.array([[0, 128, 129, 257], [385, 386, 65406, 65535]], np.uint16)
    expected = np.round(deep / 257).astype(np.uint8)
    assert expected.tolist() == [[0, 0, 1, 1], [1, 2, 254, 255]]
    for name in ("image.png", "image.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        image = decode_image(tmp_path / name).pixels
        assert image.dtype == np.uint8
        assert np.array_equal(image, np.stack([expected] * 3, axis=-1))


def test_16_bits_in_a_file_of_32_are_read_alike(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (9, 7))
    Image.fromarray(deep.astype(np.int32)).save(tmp_path / "32.tif")
    Image.fromarray(deep.astype(np.uint16)).save(tmp_path / "16.png")
    assert np.array_equal(decode_image(tmp_path / "32.tif").pixels, decode_image(tmp_path / "16.png").pixels)


@pytest.mark.parametrize("pixels", [np.full((4, 4), 70000, np.int32), np.full((4, 4), -1, np.int32),
                                    np.full((4, 4), 0.5, np.float32)])  # fmt: skip
def test_pixels_of_an_unknown_range_are_refused(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "image.tif")
    with pytest.raises(Unreadable, match=r"image\.tif: the pixels are not grey of 8 or 16 bits"):
        decode_image(tmp_path / "image.tif")


@pytest.mark.parametrize("one", [1, 255, 65535])
def test_masks_of_16_bits_are_masks(tmp_path, drawn, one):
    Image.fromarray(drawn.astype(np.uint16) * np.uint16(one)).save(tmp_path / "mask.png")
    assert np.array_equal(decode_mask(tmp_path / "mask.png")[0], drawn)


def test_a_mask_saved_as_jpeg_is_the_mask_without_the_haze_around_its_edges(tmp_path):
    mask = np.zeros((80, 80), bool)
    mask[20:60, 30:50] = True
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "mask.jpg", quality=75)
    assert np.array_equal(decode_mask(tmp_path / "mask.jpg")[0], mask)


def test_the_size_of_an_image_is_read_without_its_pixels(tmp_path, grey):
    path = saved(tmp_path / "image.png", grey)
    path.write_bytes(path.read_bytes()[:60])
    assert read_size(path) == (60, 40)
    path.write_bytes(b"not an image")
    with pytest.raises(Unreadable, match=r"image\.png: not an image"):
        read_size(path)


def test_sizes_of_the_same_area_have_the_same_proportions_up_to_rounding():
    assert same_shape((1000, 1000), (125, 125))
    assert same_shape((2997, 4995), (375, 624))
    assert not same_shape((1000, 1000), (1000, 900))
    assert not same_shape((3000, 5000), (5000, 3000)), "transposed"
