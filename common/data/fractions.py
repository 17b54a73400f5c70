"""How much of each image is tumour. This is all that is needed, without images, to score a predictor that has learned
nothing.

The table of BUSI is committed. A line of it holds the pixel counts of one case at a few sides (heights and widths in
pixels), with its masks merged in one way. A case with one mask is the same in every way and has one line. To make the
table again from a folder: `python -m common.data.fractions FOLDER > common/data/busi.fractions.csv`.

Counts at other sides are estimated from those in the table. Resizing takes four pixels of the original for each new
one, without antialiasing. So each count is a sample of the same share of the image, whatever the side. The shares at
the committed sides are averaged, weighted by their pixels. We measured the error on BUSI, at fourteen sides from 32 to
1024 pixels, against the counts of the resized masks. Over all images, no score of a predictor that has learned nothing
(accuracy, IoU of the background, cross-entropy of the constant prevalence) is off by more than 0.00008, and from 160
pixels on by more than 0.00002. The share of a single image is off by 0.0005 on average at 64 pixels and 0.0001 at 512,
and at worst by 0.004 and 0.0008.
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from common.data.busi import index
from common.data.prepare import Need, Prepared, prepare
from common.errors import BadInput
from common.files import in_tmpdir
from common.text import for_csv, print_line

# The ways to merge several masks (`Recipe.masks`). Every case has a line for the first of them.
MERGED, *OTHERS = ("merged", "first", "union=2", "mean=2")

COLUMNS = ("zero", "one", "tumour", "total")


@dataclass(frozen=True)
class Fractions:
    """Pixel counts of the masks of all cases, as arrays with one entry for each case, in the order of the data set.

    case, label: str, the id and the class.
    side: height and width of the resized mask, in pixels.
    zero, one: float64, the number of pixels at which the resized mask is exactly 0, or exactly 1.
    tumour: float64, the number of pixels at which it is at least one half.
    total: float64, the sum of the mask over all pixels, each 0 to 1. (One recipe rounds masks to four decimals. This
        changes the sum by at most 0.00005 for each interpolated pixel, and two in a thousand pixels are interpolated.)

    zero, one and tumour are whole numbers at a committed side. At other sides all are estimates.
    """

    case: np.ndarray
    label: np.ndarray
    side: int
    zero: np.ndarray
    one: np.ndarray
    tumour: np.ndarray
    total: np.ndarray

    def __len__(self) -> int:
        return len(self.case)

    def hard(self) -> "Fractions":
        """The counts after each pixel is set to 1 from one half on, else to 0 (`Recipe.truth`)."""
        background = self.side**2 - self.tumour
        return Fractions(self.case, self.label, self.side, background, self.tumour, self.tumour, self.tumour)

    def only(self, classes: Sequence[str]) -> "Fractions":
        """The counts of the cases of these classes."""
        chosen = np.isin(self.label, list(classes))
        arrays = {name: getattr(self, name)[chosen] for name in ("case", "label", *COLUMNS)}
        return Fractions(side=self.side, **arrays)


@cache
def load_fractions(name: str, side: int, masks: str) -> Fractions:
    """The fractions of a data set at any side. masks: as in `Recipe.masks`.

    Raises BadInput if no table is committed for this data set, or if the table lacks this way to merge masks.
    """
    path = files("common.data") / f"{name}.fractions.csv"
    if not path.is_file():
        raise BadInput(f"The tumour fractions of {name} are not known: there is no {path.name}.")
    if masks not in (MERGED, *OTHERS):
        known = ", ".join((MERGED, *OTHERS))
        raise BadInput(f"The tumour fractions of {name} are known for masks = {known}, not {masks}.")
    with path.open(encoding="ascii") as file:
        lines = [line for line in csv.DictReader(file) if line["masks"] in (MERGED, masks)]
    by_case = {line["case"]: line for line in lines if line["masks"] == MERGED}
    by_case |= {line["case"]: line for line in lines if line["masks"] == masks}
    sides = committed_sides(lines[0])
    used = [side] if side in sides else sides
    scale = side**2 / sum(each**2 for each in used)
    counts = {
        column: np.array([sum(int(line[f"{column} {each}"]) for each in used) for line in by_case.values()]) * scale
        for column in COLUMNS
    }
    counts["total"] = counts["total"] / 255  # the table has the sum of the mask's bytes, a whole number
    case, label = (np.array([line[what] for line in by_case.values()]) for what in ("case", "label"))
    return Fractions(case, label, side, **counts)


def committed_sides(line: dict[str, str]) -> list[int]:
    """The sides at which a line of the table has counts."""
    return [int(column.removeprefix("zero ")) for column in line if column.startswith("zero ")]


def count_pixels(prepared: Prepared) -> dict[str, dict[str, int]]:
    """The COLUMNS of each case by its id, as `count_mask` returns them."""
    return {case.id: count_mask(mask) for case, mask in zip(prepared.cases, prepared.masks, strict=True)}


def count_mask(mask: np.ndarray) -> dict[str, int]:
    """The COLUMNS of a resized mask, uint8. `total` is the sum of its bytes."""
    return {
        "zero": np.count_nonzero(mask == 0),
        "one": np.count_nonzero(mask == 255),
        "tumour": np.count_nonzero(mask >= 128),
        "total": int(mask.sum(dtype=np.int64)),
    }


def make_table(folder: Path, sides: Sequence[int], cache: Path) -> list[dict[str, str | int]]:
    """The table of a folder in BUSI's layout. The resized masks are those that a training reads (`prepare`)."""
    cases = index(folder)
    several = [case for case in cases if len(case.masks) > 1]
    table = []
    for masks, some in ((MERGED, cases), *((other, several) for other in OTHERS)):
        counted = {side: count_pixels(prepare(some, folder.name, Need(side, 3, masks), cache)) for side in sides}
        for case in some:
            numbers = {f"{name} {side}": counted[side][case.id][name] for side in sides for name in COLUMNS}
            table.append({"case": case.id, "label": case.label, "masks": masks, **numbers})
    return table


if __name__ == "__main__":
    with in_tmpdir() as temporary:
        table = make_table(Path(sys.argv[1]), (128, 196, 224, 256), temporary)
    for line in for_csv([table[0], *(line.values() for line in table)]).splitlines():
        print_line(line)
