"""The numbers that a paper reports, as printed, and the short form in which `paper.yaml` writes down its tables."""

import re
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

Split = Literal["train", "validation", "test"]
Unit = Literal["", "%"]

# What a cell of a table may look like: a number, or a mean with its standard deviation.
_CELL = re.compile(r"(-?\d+(?:\.\d+)?)(?:±(\d+(?:\.\d+)?))?")


def printed(value: str, cut_off: bool = False) -> tuple[float, float]:
    """The numbers that a printed one stands for: "0.95" for 0.945 to 0.955, "95.7 %" for 0.9565 to 0.9575.

    cut_off: whether it may also have lost its further digits without rounding: "0.95" then is 0.945 to 0.96.
    Raises ValueError for what is no printed number.
    """
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?) ?(%?)", value)
    if not match:
        raise ValueError(f"'{value}' is not a number as printed, like 0.95 or 95.7 %")
    middle = Decimal(match[1])
    half = Decimal(5).scaleb(middle.as_tuple().exponent - 1)
    scale = 100 if match[2] else 1
    below, above = (half, half) if not cut_off else (half * 2, half) if middle < 0 else (half, half * 2)
    return float((middle - below) / scale), float((middle + above) / scale)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainingPass(_Record):
    """By which pass over the training images a paper measured its numbers of them. One answers for all of them, so that
    no row of a table mixes two.

    value: "running", the averages over the batches of the evaluated epoch that `fit` prints, while the weights still
    change and with dropout on; or "evaluated", one evaluation afterwards with the final weights. The first is what a
    paper has at hand without doing anything for it, and so the default. Where a gap is to be explained, the other one
    is tried (`common.evidence.explain`).
    """

    value: Literal["running", "evaluated"] = "running"
    why: str = ""
    quote: str | None = None


class Reported(_Record):
    """One number as printed: a string, so that trailing zeros, and with them the precision, survive.

    unit: "%" where the sign stands in the head of the table and not beside the number.
    readings: those under which it was measured, where they are not the defaults: a baseline's network.
    table: the name of the table whose row it stands in, "" for the text alone.
    statistic: "value" of one training, or "mean" or "deviation" (standard) over the folds of a cross-validation.
    fold: the one that it is of, counted from 1 as papers do; image: the one that it is of, as the paper calls it.
    quoted: the network that it is of, with the source that the paper gives, where the paper quotes it from elsewhere.
    smoothed: how much higher the formula as printed may come out than the definition, which leaves a constant out that
        the paper adds to numerator or denominator.
    premise: what is taken to be so, and not stated, where it is set beside numbers that don't rest on the same: that
        its table is of the test part.
    same_as: the id of the first entry for this printed number, where it is entered again under another definition.
    """

    id: str
    split: Split
    name: str
    value: str
    unit: Unit = ""
    where: str
    definition: str
    readings: dict[str, Any] = {}
    why: str | None = None
    table: str = ""
    statistic: Literal["value", "mean", "deviation"] = "value"
    fold: int | None = None
    image: str | None = None
    quoted: str = ""
    smoothed: float = 0.0
    premise: str = ""
    same_as: str = ""


class Column(_Record):
    """What the cells of one column have in common. `{class}` and `{other}` in name and definition are those of the
    row, in a table that has a line for each of two classes."""

    id: str
    name: str
    split: Split
    unit: Unit = ""
    definition: str
    why: str | None = None
    smoothed: float = 0.0


class Row(_Record):
    """One printed line: its numbers, in the order of the columns, with blanks between. `98.36±0.62` is two numbers, a
    mean over the folds and a standard deviation.

    where: the places that print it, where they are more than the table. classes: the class that the line is about, and
    the other one; both fill in the columns. fold, image, quoted: as in `Reported`.
    """

    values: str
    where: str | None = None
    classes: tuple[str, str] | None = None
    fold: int | None = None
    image: str | None = None
    quoted: str = ""


class Table(_Record):
    """A printed table. Its cells are called by table, row and column: V-mean-test-loss, VI-3-malignant-recall.

    premise: as in `Reported`, of all its cells."""

    table: str
    where: str
    premise: str = ""
    columns: list[Column]
    rows: list[Row]

    @model_validator(mode="after")
    def _rectangular(self) -> "Table":
        for row in self.rows:
            tokens = row.values.split()
            if len(tokens) != len(self.columns):
                raise ValueError(f"table {self.table}: {len(self.columns)} columns, but {row.values!r}")
            if bad := [token for token in tokens if not _CELL.fullmatch(token)]:
                raise ValueError(f"table {self.table}: {', '.join(bad)} is no printed number, like 0.95 or 98.36±0.62")
        return self

    def cells(self) -> list[Reported]:
        """Every number of the table, line by line; a standard deviation follows its mean."""
        return [
            cell
            for row in self.rows
            for column, token in zip(self.columns, row.values.split(), strict=True)
            for cell in self._cells(row, column, token)
        ]

    def _cells(self, row: Row, column: Column, token: str) -> list[Reported]:
        value, deviation = _CELL.fullmatch(token).groups()
        words = dict(zip(("class", "other"), row.classes or ("", ""), strict=True))
        common = column.model_dump(include={"split", "unit", "why", "smoothed"}) | row.model_dump(
            include={"fold", "image", "quoted"}
        )
        common |= {"name": column.name.format(**words), "definition": column.definition.format(**words)}
        common |= {"table": self.table, "where": row.where or self.where, "premise": self.premise}
        source = re.sub(r"\W+", "-", row.quoted.partition(" (")[0].replace("+", "p")).strip("-").lower()
        of_row = [str(row.fold) if row.fold else "", row.image or "", source]

        def cell(value: str, statistic: str) -> Reported:
            kind = "" if statistic == "value" else statistic
            label = "-".join(part for part in (self.table, kind, *of_row, words["class"], column.id) if part)
            return Reported(id=label, value=value, statistic=statistic, **common)

        return [cell(value, "mean"), cell(deviation, "deviation")] if deviation else [cell(value, "value")]


class Claim(_Record):
    """Another way to read some cells, under which the arithmetic of the printed numbers is checked once more.

    cells: by id, the fields of `Reported` that are other then. premise: the reading in words, to follow "if".
    """

    cells: dict[str, dict[str, Any]]
    premise: str


class Cases(_Record):
    """How many cases a paper works on, where it scores whole cases: of each class and, for each part, every number
    that its words allow. stratified: whether we read, though the paper does not say it, that every part has
    the classes in proportion. `quote`: those words."""

    classes: dict[str, int]
    parts: dict[Split, list[int]]
    stratified: bool = False
    quote: str
