"""Reads the layout of Mini-DDSM (Lekamlage, Afzal, Westerberg, Cheddad: "Mini-DDSM: Mammography-based Automatic Age
Estimation", 2020; Kaggle, cheddad/miniddsm). We inferred the layout from public code that reads it. We could not try
this module on the data set.

The data set has two editions, MINI-DDSM-Complete-JPEG-8 and -PNG-16. An edition has a folder for each status and in it
a folder for each patient: `Benign/0029/C_0029_1.LEFT_CC.jpg` with `C_0029_1.LEFT_CC_Mask.jpg`, and `_MASK2.jpg` if a
second lesion was drawn. DataWMask.xlsx, in the folder of the JPEG edition, has a row for each image. Its paths have
backslashes and end in .jpg, for both editions. Data-MoreThanTwoMasks, a folder beside the editions, has a sheet with up
to six contours for an image.
"""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import Any
from zipfile import ZipFile

from common.data.case import Case
from common.data.decode import read_size, same_shape
from common.data.listing import MOST_FOLDERS, is_of_system, plain_name
from common.data.open_image import Unreadable
from common.errors import BadInput
from common.plural import counted

SHEET = "DataWMask.xlsx"
LABELS = {"Normal": "normal", "Benign": "benign", "Cancer": "malignant"}  # from a status to its class
COLUMNS = ("fullPath", "fileName", "Status", "Tumour_Contour", "Tumour_Contour2")
_MORE = "Data-MoreThanTwoMasks"
_ENDINGS = (".jpg", ".jpeg", ".png")
_DEPTH = 4  # levels of folders that are searched for an edition
# Limits of a workbook.
_UNPACKED = 20_000_000  # bytes in all; the sheet of 9,684 rows has about 2 million
_ABOUT = 1_000_000  # bytes of each part that holds neither cells nor their texts, such as styles and lists of sheets
_ROWS = 100_000  # openpyxl also makes the rows that a sheet leaves out, and their numbers may be huge
_CELL = 4_096  # characters of a cell: the longest path
_NAME = re.compile(r"^[A-Za-z]+_(?P<patient>\d+)_\d+\.")


@dataclass(frozen=True)
class _Row:
    """A row of a sheet, for one image.

    number: as Excel shows it.
    file: the path of the image, as it is written in the sheet.
    contours: the paths of its masks, as they are written in the sheet.
    """

    number: int
    file: str
    status: str
    contours: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name of the image's file without folder and ending, which both editions share: C_0029_1.LEFT_CC."""
        return PureWindowsPath(self.file).stem


def edition_in(folder: Path) -> Path | None:
    """The folder of an edition: `folder` or one below it. It holds folders of statuses, and the sheet is in it, in the
    folder above or in an edition beside it. If there is no such folder, one that holds only the sheet; if there is none
    of these, None. Of two editions JPEG-8 is taken."""
    if not folder.is_dir():
        return None
    whole = (
        place for place in _places(folder) if LABELS.keys() & {path.name for path in _folders(place)} and _sheet(place)
    )
    return next(whole, None) or next((place for place in _places(folder) if (place / SHEET).is_file()), None)


def _places(folder: Path) -> Iterator[Path]:
    """This folder and those up to three levels below it, 1,000 at most: archives unpack into several nested folders."""
    level, left = [folder], MOST_FOLDERS
    for _ in range(_DEPTH):
        yield from level
        left -= len(level)
        level = list(islice((path for place in level for path in _folders(place)), left))


def index(folder: Path) -> tuple[list[Case], list[str]]:
    """The cases of an edition, in the order of its sheet, and a line for each row that can't be used, with its number
    in the sheet, the file and the reason. Only the heads of image files are read.

    folder: as `edition_in` returns it. The group of a case is the patient. A normal image has no mask. A mask of
    another size must have the proportions of its image and is taken to show the whole film. (Public readers of the set
    disagree: one pads the mask instead.)

    Raises BadInput if the sheet is missing or lacks a column, or if no row can be used.
    """
    sheet = _sheet(folder)
    if sheet is None:
        raise BadInput(f"{folder}: {SHEET} is neither in it nor beside it.")
    more = next((place / f"{_MORE}.xlsx" for place in _around(folder, _MORE)), None)
    rows = list(_rows(sheet))
    further = {row.id: row.contours for row in _rows(more)} if more and more.is_file() else {}
    rows = [replace(row, contours=max(row.contours, further.get(row.id, ()), key=len)) for row in rows]
    places = [folder, *_around(folder, _MORE)]
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.id, row.number)
    listing = cache(_listing)  # lists each folder only once, though it has four or more files

    def read(row: _Row) -> Case | str:
        place = f"{sheet.name}, row {row.number}: {row.file or '(no file)'}: "
        if first[row.id] != row.number:
            return f"{place}the same image as row {first[row.id]}"
        case = _case(row, places, listing)
        return place + case if isinstance(case, str) else case

    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(read, rows))
    cases = [outcome for outcome in outcomes if isinstance(outcome, Case)]
    unusable = [outcome for outcome in outcomes if isinstance(outcome, str)]
    if not cases:
        shown = unusable[:5] or ["it has no row below the columns' names"]
        raise BadInput.listing(
            f"None of {counted(len(rows), 'row')} of {sheet} can be used:",
            shown,
            f"Its paths are looked for in {folder}.",
        )
    return cases, unusable


def _case(row: _Row, places: list[Path], listing: Any) -> Case | str:
    """The case of a row, or the reason why the row can't be used. places: the folders in which its files may lie.
    listing: `_listing`, cached."""
    label = LABELS.get(row.status)
    if label is None:
        return f"unknown status '{row.status}', not one of {', '.join(LABELS)}"
    if label == "normal" and row.contours:
        return f"{row.status}, but with the contour {row.contours[0]}"
    if label != "normal" and not row.contours:
        return f"{row.status}, but without a contour"
    name = _NAME.match(row.id + ".")
    if not name:
        return "no patient's number in its name, as C_0029_1.LEFT_CC.jpg has it"
    image, *masks = (_find(written, places, listing) for written in (row.file, *row.contours))
    if image is None:
        return "there is no such image"
    if None in masks:
        return f"there is no such contour: {row.contours[masks.index(None)]}"
    try:
        for mask in masks:
            drawn, taken = read_size(mask), read_size(image)
            if not same_shape(drawn, taken):
                size, its = ("{}x{}".format(*each) for each in (drawn, taken))
                return f"{mask.name} is {size} pixels, not of the proportions {its} of its image"
    except Unreadable as error:
        return str(error)
    return Case(row.id, label, name["patient"], image, tuple(masks), scaled=True, outlined=True)


def _find(written: str, places: list[Path], listing: Any) -> Path | None:
    """The file that a sheet names, or None. The written path has backslashes; capitals may differ from the file's name,
    and the ending may be that of the other edition."""
    path = PureWindowsPath(written.lstrip("\\/"))
    if path.drive or not path.name or ".." in path.parts:  # nothing outside the set
        return None
    *folders, name = path.parts
    stem = _key(path.stem)
    for place in places:
        for part in folders:
            place = listing(place).get(_key(part), place / part)
        files = listing(place)
        found = (files.get(ending) for ending in (_key(name), *(stem + ending for ending in _ENDINGS)))
        if file := next(filter(None, found), None):
            return file
    return None


def _listing(folder: Path) -> dict[str, Path]:
    """What is in a folder, by `_key`; {} if there is no such folder."""
    return {_key(name): folder / name for name in os.listdir(folder)} if folder.is_dir() else {}


def _key(name: str) -> str:
    """A name in lower case and one form of Unicode, for comparing."""
    return plain_name(name).lower()


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not is_of_system(path))
    except PermissionError:  # such as of the folder above, which the person did not name
        return []


def _sheet(folder: Path) -> Path | None:
    return next((place / SHEET for place in _around(folder) if (place / SHEET).is_file()), None)


def _around(folder: Path, name: str | None = None) -> list[Path]:
    """Without a name: this folder, the one above it, and the folders of editions beside it. With a name: the folders of
    this name in it and beside it."""
    above = folder.resolve().parent
    beside = [path for path in _folders(above) if path != folder.resolve()]
    if name is None:
        return [folder, above, *(path for path in beside if path.name.lower().startswith("mini-ddsm-complete"))]
    return [path for path in (*_folders(folder), *beside) if path.name == name]


def _rows(path: Path) -> Iterator[_Row]:
    """The rows of the first sheet that has the columns. Raises BadInput if no sheet has them, or if the file is no
    workbook."""
    try:
        yield from _read(path)
    except BadInput:
        raise
    except Exception as error:  # of any kind: a workbook is a zip of XML, and both can be broken in many ways
        reason = str(error) or type(error).__name__
        raise BadInput(f"{path} is not an .xlsx file, or a damaged one: {reason}. Download it again.") from error


def _read(path: Path) -> Iterator[_Row]:
    """Like `_rows`. Raises further exceptions of any kind for a file that is no workbook or exceeds a limit."""
    from openpyxl import load_workbook  # takes long to import, and no other data set needs it

    with ZipFile(path) as packed:
        if path.stat().st_size > _UNPACKED or sum(part.file_size for part in packed.infolist()) > _UNPACKED:
            raise ValueError(f"it unpacks to more than {_UNPACKED / 1e6:.0f} MB")
        for part in packed.infolist():
            if part.file_size > _ABOUT and not part.filename.startswith(("xl/worksheets/", "xl/sharedStrings.xml")):
                raise ValueError(f"its part {part.filename} unpacks to more than {_ABOUT / 1e6:.0f} MB")
    with closing(load_workbook(path, read_only=True, data_only=True)) as book:
        seen = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # some programs write wrong ones
            head = [_text(cell) for cell in next(sheet.iter_rows(values_only=True), ())]
            if set(COLUMNS) <= set(head):
                drawn = [place for place, column in enumerate(head) if column.startswith("Tumour_Contour")]
                columns = [head.index(column) for column in COLUMNS[:3]]
                # Without max_col, openpyxl makes every cell up to the last one, which may be far to the right.
                rows = sheet.iter_rows(min_row=2, max_col=max(*columns, *drawn) + 1, values_only=True)
                for number, cells in enumerate(rows, 2):
                    if number > _ROWS:
                        raise ValueError(f"it has a row beyond {_ROWS:,}")
                    if any(cells):
                        yield _row(number, cells, columns, drawn)
                return
            seen.append(f"sheet '{sheet.title}': {', '.join(filter(None, head)) or 'empty'}")
        expected = ", ".join(COLUMNS)
        raise BadInput.listing(
            f"{path} has no sheet with the columns {expected}. Found instead:", seen, "They belong in its first row."
        )


def _row(number: int, cells: tuple, columns: list[int], drawn: list[int]) -> _Row:
    """columns: the positions of path, file name and status among the cells. drawn: those of the contours."""
    texts = [_text(cell) for cell in cells]
    texts += [""] * (max(*columns, *drawn) + 1 - len(texts))  # a sheet may leave out empty cells at the end of a row
    full, name, status = (texts[column] for column in columns)
    return _Row(number, full or name, status, tuple(texts[place] for place in drawn if texts[place] not in ("", "-")))


def _text(cell: Any) -> str:
    """The text of a cell, "" if it is empty. Raises ValueError if it is too long."""
    text = "" if cell is None else str(cell).strip()
    if len(text) > _CELL:
        raise ValueError(f"it has a cell of {len(text):,} characters")
    return text
