"""Mini-DDSM's outlines as its files have them: thin, as JPEG, some with a gap."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from openpyxl import Workbook
from PIL import Image

from common.data import fetch
from common.data.prepare import Need, prepare


def mini_ddsm(folder: Path, patients=(("0000", "0000"), ("0001", "0001")), gap: int = 0) -> Path:
    """An edition with an outline of one pixel for each of these patients, by their names in the sheet and on the disk;
    gap: in degrees, of every second one."""
    home = folder / "MINI-DDSM-Complete-JPEG-8"
    book = Workbook()
    book.active.append(["fullPath", "fileName", "Status", "Tumour_Contour", "Tumour_Contour2"])
    for number, (listed, there) in enumerate(patients):
        place = home / "Cancer" / there
        place.mkdir(parents=True)
        image, line = np.full((300, 200), 40, np.uint8), np.zeros((300, 200), np.uint8)
        cv2.ellipse(image, (100, 150), (50, 70), 0, 0, 360, 200, cv2.FILLED)
        cv2.ellipse(line, (100, 150), (50, 70), 0, 0, 360 - gap * (number % 2), 255, 1)
        name = f"C_{number:04}_1.LEFT_CC"
        Image.fromarray(image).save(place / f"{name}.jpg")
        Image.fromarray(line).save(place / f"{name}_Mask.jpg", quality=75)
        path = f"Cancer\\{listed}\\{name}"
        book.active.append([f"{path}.jpg", f"{name}.jpg", "Cancer", f"{path}_Mask.jpg", "-"])
    book.save(home / "DataWMask.xlsx")
    return folder


@pytest.mark.parametrize("gap", [0, 3, 10])
def test_an_outline_is_the_area_within_and_a_gap_is_said(tmp_path, gap):
    found = fetch.find(str(mini_ddsm(tmp_path / "set", gap=gap)), tmp_path, tmp_path)
    prepared = prepare(found.cases, found.name, Need(300, 1, "merged"), tmp_path / "cache")
    assert np.abs((prepared.masks > 127).mean(axis=(1, 2)) - 0.185).max() < 0.01
    if gap:
        (told,) = prepared.doubts
        assert told.startswith("C_0001_1.LEFT_CC: the mask is a thin line with gaps")
    else:
        assert prepared.doubts == ()
