"""How large a pixel is: a file that says it wrongly, half or twice keeps its picture, and no measure is made up.
Sources: tests/faults/SOURCES.md."""

from functools import partial

import pytest
from pydicom.dataset import Dataset

from common.evidence.boxes import Box
from common.predict import dicom
from tests.faults.input.scene import UNSCALED, File, raw, scene, without
from tests.predict.made import region

PLAIN = scene(40, 220)
WHOLE = Box(0, 0, 64, 64, 64 * 64)
OVERLAP = "regions of it that overlap"
INCOMPLETE, NOTHING, UNUSABLE, NONSENSE = "incomplete or nonsense", "no region of it says", "can't be used", "nonsense"


def spaced(*values, keyword="PixelSpacing", **elements) -> File:
    return File(PLAIN, {keyword: list(values), **elements})


def regions(*items: Dataset, **elements) -> File:
    return File(PLAIN, {"SequenceOfUltrasoundRegions": list(items), **elements})


whole = partial(region, 0, 0, 63, 63)


def less(keyword: str) -> File:
    item = whole(0.01, 0.01)
    del item[keyword]
    return regions(item)


def empty(keyword: str) -> File:
    item = whole(0.01, 0.01)
    item[keyword].value = None
    return regions(item)


def in_a_group(data: Dataset) -> None:
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = [0.1, 0.1]
    group.PixelMeasuresSequence = [measures]
    data.SharedFunctionalGroupsSequence = [group]


def comma(content: bytes) -> bytes:
    return content.replace(b"0.123\\0.123 ", b"0,123\\0,123 ")


PARTS = ("RegionSpatialFormat", "PhysicalUnitsXDirection", "PhysicalUnitsYDirection", "RegionLocationMinX0",
         "RegionLocationMaxX1", "RegionLocationMaxY1", "PhysicalDeltaX", "PhysicalDeltaY")  # fmt: skip
# The file, mm² of a pixel, what is said.
FILES = {
    "a spacing": (spaced(0.1, 0.1), 0.01, ""),
    "no spacing": (File(PLAIN), None, UNSCALED),
    "a spacing left empty": (File(PLAIN, change=raw(0x00280030, "DS", None)), None, UNSCALED),
    "one number": (spaced(0.1), None, UNUSABLE),
    "three numbers": (spaced(0.2, 0, 0.2), None, UNUSABLE),
    "a comma": (File(PLAIN, {"PixelSpacing": [0.123, 0.123]}, patch=comma), None, UNUSABLE),
    "zero": (spaced(0, 0), None, NONSENSE),
    "zero in one direction": (spaced(0.1, 0), None, NONSENSE),
    "below zero": (spaced(-0.1, 0.1), None, NONSENSE),
    "a metre": (spaced(1000, 1000), None, NONSENSE),
    "next to nothing": (spaced("1e-9", "1e-9"), None, NONSENSE),
    "text of two numbers": (File(PLAIN, change=raw(0x00280030, "UT", "0.1\\0.1")), 0.01, ""),
    "text of none": (File(PLAIN, change=raw(0x00280030, "UT", "unknown")), None, UNUSABLE),
    "not a number": (File(PLAIN, change=raw(0x00280030, "FD", [float("nan")] * 2)), None, UNUSABLE),
    "that of frames": (File(PLAIN, change=in_a_group), 0.01, ""),
    "of the detector": (spaced(0.1, 0.1, keyword="ImagerPixelSpacing"), 0.01, "areas may be smaller"),
    "of the detector, magnified": (
        spaced(0.1, 0.1, keyword="ImagerPixelSpacing", EstimatedRadiographicMagnificationFactor=2), 0.0025, "",
    ),
    "of the detector, magnified by nothing": (
        spaced(0.1, 0.1, keyword="ImagerPixelSpacing", EstimatedRadiographicMagnificationFactor=0), None, UNUSABLE,
    ),
    "of the detector, made smaller": (
        spaced(0.1, 0.1, keyword="ImagerPixelSpacing", EstimatedRadiographicMagnificationFactor=0.5), None, UNUSABLE,
    ),
    "a bad one beside that of the detector": (spaced(0.1, ImagerPixelSpacing=[0.1, 0.1]), None, UNUSABLE),
    "of a film": (spaced(0.05, 0.05, keyword="NominalScannedPixelSpacing"), 0.0025, ""),
    "a region": (regions(whole(0.01, 0.01)), 0.01, ""),
    **{f"a region without {part}": (less(part), None, INCOMPLETE) for part in PARTS},
    **{f"a region with an empty {part}": (empty(part), None, INCOMPLETE) for part in PARTS},
    "a region of nothing": (regions(Dataset()), None, INCOMPLETE),
    "a region of nothing, and a spacing": (regions(Dataset(), PixelSpacing=[0.1, 0.1]), None, INCOMPLETE),
    "no region, and a spacing": (regions(PixelSpacing=[0.1, 0.1]), 0.01, ""),
    "a trace over time, and a spacing": (
        regions(whole(0.01, 0.01, kind=2, units=4), PixelSpacing=[0.1, 0.1]), None, NOTHING,
    ),
    "seconds": (regions(whole(0.01, 0.01, units=4)), None, NOTHING),
    "a region of no size": (regions(whole(0, 0)), None, INCOMPLETE),
    "a region of metres": (regions(whole(100, 100)), None, INCOMPLETE),
    "a region from right to left": (regions(region(63, 0, 0, 63, 0.01, 0.01)), None, INCOMPLETE),
    "a region that reaches beyond the image": (regions(region(0, 0, 9999, 9999, 0.01, 0.01)), 0.01, ""),
    "a region that ends within": (regions(region(0, 0, 40, 63, 0.01, 0.01)), None, ""),
    "counted downwards": (regions(whole(-0.01, 0.01)), 0.01, ""),
    "the same region twice": (regions(whole(0.01, 0.01), whole(0.01, 0.01)), 0.01, ""),
    "two scales for one place": (regions(whole(0.01, 0.01), whole(0.02, 0.02)), None, OVERLAP),
    "an enlarged part within the image": (
        regions(whole(0.01, 0.01), region(10, 10, 20, 20, 0.005, 0.005)), None, OVERLAP,
    ),
    "two numbers with nothing between": (File(PLAIN, change=raw(0x00280030, "LO", "0.1\\\\0.2")), None, UNUSABLE),
    "a whole region beside an incomplete one": (regions(whole(0.01, 0.01), Dataset()), 0.01, INCOMPLETE),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_calibration_never_takes_the_picture_and_never_invents_a_measure(tmp_path, what):
    file, mm2, doubt = FILES[what]
    picture = dicom.read_dicom(file.write(tmp_path / "IM"))
    assert (picture.pixels[..., 0] == PLAIN).all()
    assert picture.mm2(WHOLE) == (mm2 and pytest.approx(mm2))
    assert len(picture.doubts) == bool(doubt)
    assert all(doubt in told for told in picture.doubts)


def test_where_a_spacing_is_missing_other_elements_may_be_too(tmp_path):
    """What a file needs not have does not keep it from being shown: names, dates, kinds."""
    change = without("SOPClassUID", "SOPInstanceUID")
    (doubt,) = dicom.read_dicom(File(PLAIN, change=change).write(tmp_path / "IM")).doubts
    assert doubt == f"{UNSCALED}: no area in mm² is told."
