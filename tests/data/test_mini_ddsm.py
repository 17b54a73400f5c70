"""Mini-DDSM's published layout, on a folder made in it: both editions, outlines and areas, and every unusable row."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from openpyxl import Workbook
from PIL import Image

from common.data import mini_ddsm
from common.data.mini_ddsm import COLUMNS, edition_in, index
from common.data.prepare import Need, prepare
from common.errors import BadInput

JPEG, PNG = "MINI-DDSM-Complete-JPEG-8", "MINI-DDSM-Complete-PNG-16"
HEIGHT, WIDTH = 160, 96
# Further columns of the published sheet, between which those that are read stand.
HEAD = ["fullPath", "fileName", "View", "Side", "Status", "Tumour_Contour", "Tumour_Contour2", "Age", "Density"]


def disc(row: int, column: int, radius: int) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def half(mask: np.ndarray, as_outline: bool) -> np.ndarray:
    """The mask at half the image's size, white on black, as a line or as an area."""
    small = cv2.resize(mask.astype(np.uint8), (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(small), contours, -1, 255, 1 if as_outline else cv2.FILLED)


ONE, TWO, THREE = disc(50, 40, 16), disc(110, 60, 12), disc(130, 20, 10)
IMAGES = {  # status, patient, image and the lesions drawn, as outlines or areas
    ("Benign", "0029", "C_0029_1.LEFT_CC"): [(ONE, True)],
    ("Benign", "0029", "C_0029_1.LEFT_MLO"): [(ONE, False)],
    ("Cancer", "3065", "B_3065_1.RIGHT_CC"): [(ONE, True), (TWO, False)],
    ("Cancer", "3065", "B_3065_1.RIGHT_MLO"): [(ONE, True), (TWO, True)],
    ("Normal", "1932", "A_1932_1.LEFT_CC"): [],
}


def write(root: Path, extra_rows=()) -> Path:
    """Both editions, DataWMask.xlsx in the JPEG one; the images are grey ramps of 8 and of 16 bits."""
    ramp = np.linspace(0, 65535, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).round().astype(np.uint16)
    eight = ((ramp + np.uint32(128)) // 257).astype(np.uint8)
    rows = []
    for (status, patient, name), lesions in IMAGES.items():
        for edition, pixels, ending in ((JPEG, eight, "jpg"), (PNG, ramp, "png")):
            folder = root / edition / status / patient
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{name}.{ending}")
            (folder / f"{name}.OVERLAY").write_text("TOTAL_ABNORMALITIES 1")
            for (lesion, as_outline), suffix in zip(lesions, ("Mask", "MASK2"), strict=False):
                Image.fromarray(half(lesion, as_outline)).save(folder / f"{name}_{suffix}.{ending}")
        contours = [f"{status}\\{patient}\\{name}_{suffix}.jpg" for suffix in ("Mask", "Mask2")[: len(lesions)]]
        rows.append(row(f"{status}\\{patient}\\{name}.jpg", status, *contours))
    sheet(root / JPEG / mini_ddsm.SHEET, HEAD, [*rows, *extra_rows])
    return root / JPEG


def row(path: str, status: str, first: str | None = "-", second: str | None = "-") -> list:
    return [path, path.rpartition("\\")[2], "CC", "LEFT", status, first, second, 57, 3]


def sheet(path: Path, head: list[str], rows: list[list], title: str = "Data") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = Workbook()
    book.active.title = title
    for cells in (head, *rows):
        book.active.append(cells)
    book.save(path)


@pytest.fixture
def edition(tmp_path) -> Path:
    return write(tmp_path)


def test_status_patient_and_contours_come_from_the_sheet(edition):
    cases, unusable = index(edition)
    assert unusable == []
    assert {case.id: (case.label, case.group, len(case.masks)) for case in cases} == {
        "C_0029_1.LEFT_CC": ("benign", "0029", 1),
        "C_0029_1.LEFT_MLO": ("benign", "0029", 1),
        "B_3065_1.RIGHT_CC": ("malignant", "3065", 2),
        "B_3065_1.RIGHT_MLO": ("malignant", "3065", 2),
        "A_1932_1.LEFT_CC": ("normal", "1932", 0),
    }
    assert cases[0].image == edition / "Benign" / "0029" / "C_0029_1.LEFT_CC.jpg"


def test_names_are_found_in_whatever_case_they_are_written(edition):
    """The sheet was made on Windows: here it has Mask2 where the file is called MASK2."""
    assert [path.name for path in index(edition)[0][2].masks] == [
        "B_3065_1.RIGHT_CC_Mask.jpg", "B_3065_1.RIGHT_CC_MASK2.jpg"
    ]  # fmt: skip


def test_the_png_edition_is_read_by_the_sheet_of_the_jpeg_edition_beside_it(edition):
    png = edition_in(edition.parent / PNG)
    assert png == edition.parent / PNG
    cases, unusable = index(png)
    assert unusable == []
    assert [case.id for case in cases] == [case.id for case in index(edition)[0]]
    assert {path.suffix for case in cases for path in (case.image, *case.masks)} == {".png"}


def test_outlines_are_filled_merged_and_scaled_to_the_image_in_both_editions(edition, tmp_path):
    whole = [ONE, ONE, ONE | TWO, ONE | TWO, np.zeros_like(ONE)]
    images = []
    for folder in (edition, edition.parent / PNG):
        prepared = prepare(index(folder)[0], "mini-ddsm", Need(64, 1, "merged"), tmp_path / "cache")
        for truth, mask in zip(whole, prepared.masks > 127, strict=True):
            expected = cv2.resize(truth.astype(np.uint8) * 255, (64, 64)) > 127
            assert (mask ^ expected).sum() <= 0.1 * expected.sum(), "half the size, so an edge may move by a pixel"
        images.append(prepared.images.astype(int))
    assert np.abs(images[0] - images[1]).max() <= 4, "8 bits with the losses of JPEG, and 16 bits"


def test_both_editions_are_found_jpeg_first_and_other_folders_are_none(edition, tmp_path, phantom_folder):
    assert edition_in(tmp_path) == edition_in(edition) == edition
    assert edition_in(phantom_folder) is None
    assert edition_in(tmp_path / "nowhere") is None


def test_a_sheet_above_the_editions_will_do(edition):
    shutil.move(edition / mini_ddsm.SHEET, edition.parent / mini_ddsm.SHEET)
    assert edition_in(edition.parent) == edition
    assert len(index(edition)[0]) == 5


def test_more_than_two_masks_come_from_the_sheet_of_the_extra_folder(edition, tmp_path):
    """For the images that it lists with more; its further contours may lie in that folder too."""
    extra = tmp_path / "Data-MoreThanTwoMasks"
    name = "B_3065_1.RIGHT_CC"
    paths = [f"Cancer\\3065\\{name}_{suffix}.jpg" for suffix in ("Mask", "MASK2", "MASK3")]
    (extra / "Cancer" / "3065").mkdir(parents=True)
    Image.fromarray(half(THREE, True)).save(extra / "Cancer" / "3065" / f"{name}_MASK3.jpg")
    further = [f"Tumour_Contour{number}" for number in range(3, 7)]
    listed = row(f"Cancer\\3065\\{name}.jpg", "Cancer", *paths[:2])
    sheet(extra / "Data-MoreThanTwoMasks.xlsx", [*HEAD, *further], [[*listed, paths[2], "-", "-", None]])
    cases, unusable = index(edition)
    assert unusable == []
    assert [len(case.masks) for case in cases] == [1, 1, 3, 2, 0]
    assert cases[2].masks[2].parent == extra / "Cancer" / "3065"


def test_every_row_that_cannot_be_used_is_told_with_its_number_and_the_reason(tmp_path):
    folder = write(tmp_path, [
        row("Benign\\0030\\C_0030_1.LEFT_CC.jpg", "Benign", "Benign\\0030\\C_0030_1.LEFT_CC_Mask.jpg"),
        row("Cancer\\3065\\B_3065_1.LEFT_CC.jpg", "Cancer"),
        row("Cancer\\3065\\B_3065_1.LEFT_CC.jpg", "Cancer", None, None),
        row("Benign\\0029\\C_0029_2.LEFT_CC.jpg", "Benign without callback"),
        row("Normal\\1933\\A_1933_1.LEFT_CC.jpg", "Normal", "Normal\\1933\\A_1933_1.LEFT_CC_Mask.jpg"),
        row("Benign\\0029\\C_0029_1.LEFT_CC.jpg", "Benign", "Benign\\0029\\C_0029_1.LEFT_CC_Mask.jpg"),
        row("Normal\\1932\\picture.jpg", "Normal"),
    ])  # fmt: skip
    (folder / "Cancer" / "3065" / "B_3065_1.RIGHT_CC_MASK2.jpg").unlink()
    Image.new("L", (WIDTH, WIDTH)).save(folder / "Benign" / "0029" / "C_0029_1.LEFT_MLO_Mask.jpg")
    (folder / "Cancer" / "3065" / "B_3065_1.RIGHT_MLO_Mask.jpg").write_bytes(b"?")
    cases, unusable = index(folder)
    assert [case.id for case in cases] == ["C_0029_1.LEFT_CC", "A_1932_1.LEFT_CC"]
    expected = [
        (3, "LEFT_MLO.jpg", "C_0029_1.LEFT_MLO_Mask.jpg is 96x96 pixels, not of the proportions 96x160 of its image"),
        (4, "RIGHT_CC.jpg", r"there is no such contour: Cancer\3065\B_3065_1.RIGHT_CC_Mask2.jpg"),
        (5, "RIGHT_MLO.jpg", "B_3065_1.RIGHT_MLO_Mask.jpg: not an image"),
        (7, "C_0030_1.LEFT_CC.jpg", "there is no such image"),
        (8, "B_3065_1.LEFT_CC.jpg", "Cancer, but without a contour"),
        (9, "B_3065_1.LEFT_CC.jpg", "the same image as row 8"),
        (10, "C_0029_2.LEFT_CC.jpg", "unknown status 'Benign without callback', not one of Normal, Benign, Cancer"),
        (11, "A_1933_1.LEFT_CC.jpg", "Normal, but with the contour"),
        (12, "C_0029_1.LEFT_CC.jpg", "the same image as row 2"),
        (13, "picture.jpg", "no patient's number in its name"),
    ]
    assert len(unusable) == len(expected)
    for line, (number, file, reason) in zip(unusable, expected, strict=True):
        assert line.startswith(f"DataWMask.xlsx, row {number}: ")
        assert file in line
        assert reason in line


def test_empty_rows_and_short_ones_are_no_fault(tmp_path):
    folder = write(tmp_path, [[], [None] * 9, ["Normal\\1932\\A_1932_1.LEFT_MLO.jpg", None, "MLO", "LEFT", "Normal"]])
    shutil.copy(folder / "Normal/1932/A_1932_1.LEFT_CC.jpg", folder / "Normal/1932/A_1932_1.LEFT_MLO.jpg")
    cases, unusable = index(folder)
    assert cases[-1].id == "A_1932_1.LEFT_MLO"
    assert unusable == []


def test_a_sheet_without_the_columns_is_told_what_it_has_instead(edition):
    sheet(edition / mini_ddsm.SHEET, ["Path", "fileName", "Status", "Tumour_Contour"], [["a", "b", "Normal", "-"]])
    with pytest.raises(BadInput) as refused:
        index(edition)
    message = str(refused.value)
    assert f"no sheet with the columns {', '.join(COLUMNS)}" in message
    assert "sheet 'Data': Path, fileName, Status, Tumour_Contour" in message


def test_the_columns_may_be_on_another_sheet_of_the_workbook(edition):
    book = Workbook()
    book.active.append(["about", "this file"])
    book.create_sheet("Data").append(HEAD)
    book["Data"].append(row("Normal\\1932\\A_1932_1.LEFT_CC.jpg", "Normal"))
    book.save(edition / mini_ddsm.SHEET)
    assert [case.id for case in index(edition)[0]] == ["A_1932_1.LEFT_CC"]


def test_a_file_that_is_no_workbook_is_refused_by_name(edition):
    (edition / mini_ddsm.SHEET).write_text("fullPath,fileName")
    with pytest.raises(BadInput, match=r"DataWMask\.xlsx is not an \.xlsx file"):
        index(edition)


def test_where_no_row_can_be_used_the_first_reasons_are_shown(edition):
    for status in ("Benign", "Cancer", "Normal"):
        shutil.rmtree(edition / status)
    with pytest.raises(BadInput) as refused:
        index(edition)
    assert "None of 5 rows" in str(refused.value)
    assert "row 2: Benign\\0029\\C_0029_1.LEFT_CC.jpg: there is no such image" in str(refused.value)
    sheet(edition / mini_ddsm.SHEET, HEAD, [])
    with pytest.raises(BadInput, match="None of 0 rows"):
        index(edition)
