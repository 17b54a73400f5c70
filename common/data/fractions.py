"""How much of each image is tumour: all that is needed to score a predictor that has learned nothing, without images.

Committed for BUSI and made again from its folder by
`python -m common.data.fractions FOLDER > common/data/busi.fractions.csv`. A line holds the pixel counts of one case at
one side, with its masks merged in one way; a case with one mask, which every way leaves as it is, stands there once.
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
from common.data.prepare import Prepared, prepare
from common.errors import BadInput

# The sides, in pixels, at which the papers' own profiles and readings look at BUSI.
SIDES = (128, 196, 224, 256)

# The ways to make one mask of several (`Recipe.masks`), the one that every case is listed with first.
MERGED, *OTHERS = ("merged", "first", "two", "halved")

COLUMNS = ("zero", "one", "tumour", "total")


@dataclass(frozen=True)
class Fractions:
    """The truth of every case, as arrays with one entry a case, in the order of the data set.

    case, label: str: id and class. side: of the resized mask, in pixels, so that an image has side * side of them.
    zero, one: int, pixels whose resized mask is exactly 0, exactly 1. tumour: int, pixels of at least one half.
    total: float64, the sum of the mask over the pixels. (Masks rounded to four decimals, as one recipe has them, sum to
    0.00005 times the interpolated pixels more or less, which are two in a thousand.)
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
        rest = {"zero": background, "one": self.tumour, "tumour": self.tumour, "total": self.tumour.astype(np.float64)}
        return Fractions(self.case, self.label, self.side, **rest)

    def only(self, classes: Sequence[str]) -> "Fractions":
        """The cases of these classes."""
        kept = np.isin(self.label, list(classes))
        arrays = {name: getattr(self, name)[kept] for name in ("case", "label", *COLUMNS)}
        return Fractions(side=self.side, **arrays)


@cache
def load(name: str, side: int, masks: str) -> Fractions:
    """The committed fractions of a data set; masks: as in `Recipe.masks`.

    Raises BadInput where none are committed for this data set, or not at this side.
    """
    path = files("common.data") / f"{name}.fractions.csv"
    if not path.is_file():
        raise BadInput(f"The tumour fractions of {name} are not known: there is no {path.name}.")
    with path.open(encoding="ascii") as file:
        lines = [line for line in csv.DictReader(file) if line["masks"] in (MERGED, masks)]
    if f"zero {side}" not in lines[0]:
        raise BadInput(f"The tumour fractions of {name} are known at sides {', '.join(map(str, SIDES))}, not {side}.")
    by_case = {line["case"]: line for line in lines if line["masks"] == MERGED}
    by_case |= {line["case"]: line for line in lines if line["masks"] == masks}
    numbers = {column: np.array([int(line[f"{column} {side}"]) for line in by_case.values()]) for column in COLUMNS}
    numbers["total"] = numbers["total"] / 255  # kept as the sum of the mask's bytes, which is exact
    case, label = (np.array([line[what] for line in by_case.values()]) for what in ("case", "label"))
    return Fractions(case, label, side, **numbers)


def of(prepared: Prepared) -> dict[str, dict[str, int]]:
    """From the id of each case to its COLUMNS, counted in its resized mask; `total` is the sum of the mask's bytes."""
    return {
        case.id: {
            "zero": np.count_nonzero(mask == 0),
            "one": np.count_nonzero(mask == 255),
            "tumour": np.count_nonzero(mask >= 128),
            "total": int(mask.sum(dtype=np.int64)),
        }
        for case, mask in zip(prepared.cases, prepared.masks, strict=True)
    }


def lines(folder: Path, cache: Path) -> list[dict[str, str | int]]:
    """The table of a folder in BUSI's layout; the resized masks are the very ones that a training sees."""
    cases = index(folder)
    several = [case for case in cases if len(case.masks) > 1]
    table = []
    for masks, some in ((MERGED, cases), *((other, several) for other in OTHERS)):
        counted = {side: of(prepare(some, folder.name, side, 3, masks, cache)) for side in SIDES}
        for case in some:
            numbers = {f"{name} {side}": counted[side][case.id][name] for side in SIDES for name in COLUMNS}
            table.append({"case": case.id, "label": case.label, "masks": masks, **numbers})
    return table


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        table = lines(Path(sys.argv[1]), Path(temporary))
    writer = csv.DictWriter(sys.stdout, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
