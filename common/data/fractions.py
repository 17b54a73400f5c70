"""How much of each image is tumour: all that is needed to score a predictor that has learned nothing, without images.

Committed for BUSI. A line of the table holds the pixel counts of one case at a few sides, with its masks merged in one
way; a case with one mask is the same in every way and stands there once. The table is made again from a folder by
`python -m common.data.fractions FOLDER > common/data/busi.fractions.csv`.

Other sides need no images either. Resizing takes four pixels of the original for each new one, without antialiasing, so
that each count is a sample of the same share of the image, whatever the side. The shares of the committed sides are
averaged, weighted by their pixels. Measured on BUSI at fourteen sides from 32 to 1024 pixels against the counts of the
resized masks: over all images, no score of a predictor that has learned nothing (accuracy, IoU of the background,
cross-entropy of the constant prevalence) is off by more than 0.00008, and from 160 pixels on by more than 0.00002. The
share of a single image is off by 0.0005 on average at 64 pixels and 0.0001 at 512, at worst by 0.004 and 0.0008.
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from common.data.busi import index
from common.data.prepare import Need, Prepared, prepare
from common.errors import BadInput
from common.text import for_csv, print_line

# The ways to make one mask of several (`Recipe.masks`); every case is listed with the first.
MERGED, *OTHERS = ("merged", "first", "union=2", "mean=2")

COLUMNS = ("zero", "one", "tumour", "total")


@dataclass(frozen=True)
class Fractions:
    """The truth of every case, as arrays with one entry a case, in the order of the data set.

    case, label: str, id and class. side: of the resized mask, in pixels; an image has side * side of them.
    zero, one: float64, pixels whose resized mask is exactly 0, exactly 1. tumour: float64, pixels of at least one half.
    total: float64, the sum of the mask over the pixels, 0 to 1 each. (Masks rounded to four decimals, as one recipe has
    them, sum to at most 0.00005 more or less for each interpolated pixel, which are two in a thousand.)
    All counts are whole numbers at a committed side, and estimates at others.
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
        """The same with each pixel set to 0 or 1 at one half (`Recipe.truth`)."""
        background = self.side**2 - self.tumour
        return Fractions(self.case, self.label, self.side, background, self.tumour, self.tumour, self.tumour)

    def only(self, classes: Sequence[str]) -> "Fractions":
        """The cases of these classes."""
        chosen = np.isin(self.label, list(classes))
        arrays = {name: getattr(self, name)[chosen] for name in ("case", "label", *COLUMNS)}
        return Fractions(side=self.side, **arrays)


@cache
def load_fractions(name: str, side: int, masks: str) -> Fractions:
    """The fractions of a data set at any side. masks: as in `Recipe.masks`.

    Raises BadInput where none are committed for this data set, or not for this way to merge masks.
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
    counts["total"] = counts["total"] / 255  # the table has the sum of the mask's bytes, which is exact
    case, label = (np.array([line[what] for line in by_case.values()]) for what in ("case", "label"))
    return Fractions(case, label, side, **counts)


def committed_sides(line: dict[str, str]) -> list[int]:
    """The sides of a line of the table."""
    return [int(column.removeprefix("zero ")) for column in line if column.startswith("zero ")]


def count_pixels(prepared: Prepared) -> dict[str, dict[str, int]]:
    """From the id of each case to its COLUMNS; `total` is the sum of the resized mask's bytes."""
    return {case.id: count_mask(mask) for case, mask in zip(prepared.cases, prepared.masks, strict=True)}


def count_mask(mask: np.ndarray) -> dict[str, int]:
    """The COLUMNS of a resized mask, uint8."""
    return {
        "zero": np.count_nonzero(mask == 0),
        "one": np.count_nonzero(mask == 255),
        "tumour": np.count_nonzero(mask >= 128),
        "total": int(mask.sum(dtype=np.int64)),
    }


def make_table(folder: Path, sides: Sequence[int], cache: Path) -> list[dict[str, str | int]]:
    """The table of a folder in BUSI's layout; the resized masks are the very ones that a training sees."""
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
    with TemporaryDirectory() as temporary:
        table = make_table(Path(sys.argv[1]), (128, 196, 224, 256), Path(temporary))
    for line in for_csv([table[0], *(line.values() for line in table)]).splitlines():
        print_line(line)
