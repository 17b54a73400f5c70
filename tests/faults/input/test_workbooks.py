"""The sheet of Mini-DDSM, a zip of XML files, as it should not be."""

import io
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook
from PIL import Image

from common.data import fetch, mini_ddsm
from common.errors import BadInput

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))
    + b"]><worksheet>&m;</worksheet>"
)


def workbook(*rows) -> bytes:
    book, buffer = Workbook(), io.BytesIO()
    book.active.append(mini_ddsm.COLUMNS)
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def with_part(name: str, content: bytes) -> bytes:
    """The workbook with one of its files in another's place."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook())) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == name else old.read(info))
    return buffer.getvalue()


def edition(base: Path, sheet: bytes) -> Path:
    """An edition of one image."""
    folder = base / "MINI-DDSM-Complete-JPEG-8"
    (folder / "Normal" / "1000").mkdir(parents=True)
    Image.new("L", (30, 40)).save(folder / "Normal" / "1000" / "A_1000_1.LEFT_CC.jpg")
    (folder / mini_ddsm.SHEET).write_bytes(sheet)
    return folder


FIRST_SHEET = "xl/worksheets/sheet1.xml"
REFUSED = {
    "no bytes": b"",
    "text": b"fullPath,fileName,Status\n",
    "an older Excel file": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "cut in the middle": workbook()[:2_000],
    "a zip of nothing": b"PK\5\6" + bytes(18),
    "a sheet that unpacks to 210 MB": with_part(FIRST_SHEET, bytes(210_000_000)),
    "a sheet that is not XML": with_part(FIRST_SHEET, b"<worksheet"),
    "a sheet whose entities multiply": with_part(FIRST_SHEET, LAUGHS),
    "a book that is not XML": with_part("xl/workbook.xml", b"\xff\xfe"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_sheet_that_can_not_be_read_is_named(tmp_path, what):
    folder = edition(tmp_path, REFUSED[what])
    with pytest.raises(BadInput) as refused:
        fetch.find(str(folder), tmp_path, tmp_path)
    assert f"{folder / mini_ddsm.SHEET} is not an .xlsx file, or a damaged one" in str(refused.value)
    assert "Download it again." in str(refused.value)


@pytest.mark.parametrize("written", [
    "..\\..\\A_1000_1.LEFT_CC.jpg", "Normal\\..\\..\\A_1000_1.LEFT_CC.jpg", "C:\\A_1000_1.LEFT_CC.jpg",
    "\\\\server\\share\\A_1000_1.LEFT_CC.jpg",
])  # fmt: skip
def test_a_path_that_leads_out_of_the_set_is_not_followed(tmp_path, written):
    folder = edition(tmp_path, workbook([written, "A_1000_1.LEFT_CC.jpg", "Normal", "-", "-"]))
    Image.new("L", (30, 40)).save(tmp_path / "A_1000_1.LEFT_CC.jpg")
    Image.new("L", (30, 40)).save(tmp_path.parent / "A_1000_1.LEFT_CC.jpg")
    with pytest.raises(BadInput, match="there is no such image"):
        fetch.find(str(folder), tmp_path, tmp_path)
