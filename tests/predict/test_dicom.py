"""DICOM files as a viewer would show them, and how large their pixels are. Each file is written and read for real."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import convert_color_space

from common.data.open_image import Unreadable
from common.errors import BadInput
from common.evidence.boxes import Box
from common.predict import dicom
from common.predict.reading import read_picture
from tests.predict.made import region, written

# Every value from 0 to 4095 in steps, 8 rows of 16.
RAMP = (np.arange(128) * 32).reshape(8, 16).astype(np.uint16)


def grey(path):
    """The grey values, once it is seen that all three channels have them."""
    pixels = dicom.read_dicom(path).pixels
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.repeat(pixels[..., :1], 3, axis=-1))
    return pixels[..., 0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "IM0001"


def test_eight_bits_without_a_window_stay_as_they_are(path):
    pixels = np.arange(128, dtype=np.uint8).reshape(8, 16)
    assert np.array_equal(grey(written(path, pixels)), pixels)


def test_more_bits_without_a_window_are_spread_from_the_darkest_to_the_brightest(path):
    shown = grey(written(path, RAMP + 100, bits=13))
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.array_equal(shown, np.rint(RAMP / RAMP.max() * 255))


def test_monochrome1_is_inverted(path):
    pixels = np.arange(128, dtype=np.uint8).reshape(8, 16)
    assert np.array_equal(grey(written(path, pixels, "MONOCHROME1")), 255 - pixels)


def test_the_window_is_honoured(path):
    """From the standard, PS3.3 C.11.2.1.2.1: black up to 1023.5 - 511, white above 1023.5 + 511."""
    shown = grey(written(path, RAMP, bits=12, WindowCenter=1024, WindowWidth=1023))
    assert (shown[RAMP <= 512] == 0).all()
    assert (shown[RAMP >= 1535] == 255).all()
    between = (RAMP > 512) & (RAMP < 1535)
    assert np.abs(shown[between] - ((RAMP[between] - 1023.5) / 1022 + 0.5) * 255).max() <= 0.5


def test_of_several_windows_the_first_is_shown(path):
    several = grey(written(path, RAMP, bits=12, WindowCenter=[1024, 3000], WindowWidth=[1023, 100]))
    assert np.array_equal(several, grey(written(path, RAMP, bits=12, WindowCenter=1024, WindowWidth=1023)))


def test_the_window_is_of_rescaled_values(path):
    """As in CT: stored 0..4095 are -1024..3071, and the window speaks of those."""
    rescaled = {"RescaleSlope": 1, "RescaleIntercept": -1024}
    shown = grey(written(path, RAMP, bits=12, WindowCenter=0, WindowWidth=1023, **rescaled))
    assert np.array_equal(shown, grey(written(path, RAMP, bits=12, WindowCenter=1024, WindowWidth=1023)))


def test_an_inverted_window_of_monochrome1(path):
    window = {"WindowCenter": 1024, "WindowWidth": 1023, "bits": 12}
    shown = grey(written(path, RAMP, "MONOCHROME1", **window))
    assert np.array_equal(shown, 255 - grey(written(path, RAMP, **window)))


def test_a_sigmoid_window_goes_through_the_middle_grey_at_its_centre(path):
    shown = grey(written(path, RAMP, bits=12, WindowCenter=1024, WindowWidth=512, VOILUTFunction="SIGMOID"))
    assert shown[RAMP == 1024] == pytest.approx(128, abs=1)
    assert (shown.min(), shown.max()) == (0, 255)


def test_a_voi_table_is_honoured(path):
    """A table for the values 0..7 that squares them, of 10 bits."""
    table = Dataset()
    table.LUTDescriptor = [8, 0, 10]
    table.LUTData = np.uint16([value * value * 1023 // 49 for value in range(8)]).tobytes()
    pixels = np.arange(16, dtype=np.uint8).reshape(2, 8) % 8
    shown = grey(written(path, pixels, VOILUTSequence=[table]))
    assert np.abs(shown - (pixels / 7.0) ** 2 * 255).max() <= 1


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
def test_colours_come_as_rgb(path, kind):
    colours = np.random.default_rng(0).integers(40, 200, (6, 10, 3), dtype=np.uint8)
    stored = colours if kind == "RGB" else convert_color_space(colours, "RGB", "YBR_FULL")
    shown = dicom.read_dicom(written(path, stored, kind)).pixels
    assert np.abs(shown.astype(int) - colours).max() <= (0 if kind == "RGB" else 2)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm"])
def test_compressed_colours(name):
    """Files of pydicom's own tests, in JPEG and run lengths: bands of colour, the first of them red."""
    red, green, blue = dicom.read_dicom(Path(get_testdata_file(name, download=False))).pixels[1, 1].astype(int)
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.skipif(find_spec("gdcm") is not None, reason="gdcm is installed, which decodes it")
def test_a_compression_that_needs_another_package_names_that():
    lossless = Path(get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False))
    with pytest.raises(Unreadable, match=r"JPEG Lossless.*requires gdcm"):
        dicom.read_dicom(lossless)


def test_a_palette_is_looked_up():
    shown = dicom.read_dicom(Path(get_testdata_file("examples_palette.dcm", download=False)))
    assert shown.pixels.shape == (350, 800, 3)
    assert np.ptp(shown.pixels.astype(int), axis=-1).max() > 50  # the blue bar above the scan


PIXELS = np.zeros((20, 30), np.uint8)
WHOLE = Box(0, 0, 30, 20, 1)


@pytest.mark.parametrize(
    ("elements", "mm2"),
    [
        ({}, None),
        ({"PixelSpacing": [0.2, 0.1]}, 0.02),
        ({"ImagerPixelSpacing": [0.1, 0.1]}, 0.01),
        ({"ImagerPixelSpacing": [0.1, 0.1], "EstimatedRadiographicMagnificationFactor": 2}, 0.0025),
        ({"PixelSpacing": [0.2, 0.1], "ImagerPixelSpacing": [1, 1]}, 0.02),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, 0.0025),
        ({"PixelSpacing": [0, 0]}, None),
    ],
    ids=["none", "pixel", "detector", "magnified", "pixel before detector", "film", "nonsense"],
)
def test_the_size_of_a_pixel(path, elements, mm2):
    assert dicom.read_dicom(written(path, PIXELS, **elements)).mm2(WHOLE) == (mm2 and pytest.approx(mm2))


def test_each_field_of_an_ultrasound_image_has_its_own_scale(path):
    """Two scans side by side, and a trace over time below, which has no area."""
    fields = [region(0, 0, 14, 9, 0.01, 0.02), region(15, 0, 29, 9, 0.1, -0.1), region(0, 10, 29, 19, 1, 1, kind=2)]
    shown = dicom.read_dicom(written(path, PIXELS, SequenceOfUltrasoundRegions=fields))
    assert shown.mm2(Box(0, 0, 15, 10, 1)) == pytest.approx(0.02)
    assert shown.mm2(Box(15, 0, 15, 10, 1)) == pytest.approx(1.0)
    assert shown.mm2(Box(14, 0, 2, 2, 1)) is None, "reaches from one into the other"
    assert shown.mm2(Box(0, 10, 5, 5, 1)) is None, "outside both"


def test_seconds_are_no_centimetres(path):
    field = region(0, 0, 29, 19, 0.01, 0.01, units=4)
    assert dicom.read_dicom(written(path, PIXELS, SequenceOfUltrasoundRegions=[field])).mm2(WHOLE) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: written(path, np.zeros((5, 20, 30), np.uint8), NumberOfFrames=5), "a clip of 5 frames"),
        (lambda path: path.write_bytes(written(path, PIXELS).read_bytes()[:-200]), "can't decode it"),
        (lambda path: written(path, PIXELS, "PALETTE COLOR"), "a palette that it does not have"),
        (lambda path: path.write_bytes(bytes(128) + b"DICM" + b"junk" * 9), "can't decode it|without an image"),
    ],
    ids=["a clip", "cut off", "a palette that is missing", "nothing behind the head"],
)
def test_what_can_not_be_shown_is_named_with_the_reason(path, make, message):
    make(path)
    with pytest.raises(Unreadable, match=message) as refused:
        read_picture(path)
    assert str(path) in str(refused.value)


def test_a_file_without_an_image_says_what_it_is():
    with pytest.raises(Unreadable, match=r"without an image \(RT Plan Storage\)"):
        read_picture(Path(get_testdata_file("rtplan.dcm", download=False)))


MAMMOGRAM = "1.2.840.10008.5.1.4.1.1.1.2"  # whose name does not end in "Image Storage"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:160] + bytes(len(content) - 160), "without an image, damaged or of no known kind"),
        (lambda content: content[:132] + b"\r\n" + content[132:], "without an image, damaged or of no known kind"),
        (lambda content: b"", "there are no bytes in it"),
    ],
    ids=["overwritten by zeros", "two bytes that do not belong there", "empty"],
)
def test_a_damaged_file_is_not_taken_for_one_without_an_image(path, damage, message):
    path.write_bytes(damage(written(path, PIXELS).read_bytes()))
    with pytest.raises(Unreadable, match=message) as refused:
        read_picture(path)
    assert not isinstance(refused.value, dicom.NoPicture)


def test_nor_is_a_mammogram_that_has_lost_its_pixels_and_its_size(path):
    data = dcmread(written(path, PIXELS))
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = MAMMOGRAM
    del data.PixelData, data.Rows
    data.save_as(path)
    with pytest.raises(Unreadable, match="pixels are missing or cut off") as refused:
        read_picture(path)
    assert not isinstance(refused.value, dicom.NoPicture)


def test_a_missing_pydicom_is_named_with_the_command_that_installs_it(path, monkeypatch):
    written(path, PIXELS)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(BadInput, match="pip install pydicom"):
        read_picture(path)


def test_other_images_are_decoded_as_for_training_and_have_no_scale(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", dpi=(300, 300))
    picture = read_picture(tmp_path / "a.png")
    assert np.array_equal(picture.pixels, pixels)
    assert picture.mm2(Box(0, 0, 9, 7, 63)) is None


@pytest.mark.parametrize(("stated", "told"), [("YES", True), ("NO", False), (None, False)])
def test_text_that_is_burnt_into_the_pixels_is_doubted(path, stated, told):
    written(path, np.zeros((4, 4), np.uint8), PixelSpacing=[0.1, 0.1], BurnedInAnnotation=stated)
    assert any("text is burnt into it" in doubt for doubt in dicom.read_dicom(path).doubts) == told
