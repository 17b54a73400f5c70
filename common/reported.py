"""What a paper prints: its numbers, its tables in the short form of `paper.yaml`, its figures, and what it claims in
words."""

import re
from decimal import Decimal
from statistics import fmean
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from common.plural import counted

Split = Literal["train", "validation", "test"]
Unit = Literal["", "%"]

# A cell of a table: a number, or a mean with its standard deviation.
_CELL = re.compile(r"(-?\d+(?:\.\d+)?)(?:±(\d+(?:\.\d+)?))?")


def printed(value: str, cut_off: bool = False) -> tuple[float, float]:
    """The least and the greatest value that a printed number stands for: "0.95" stands for 0.945 to 0.955, "95.7 %" for
    0.9565 to 0.9575.

    cut_off: whether further digits may also have been cut off without rounding. "0.95" then stands for 0.945 to 0.96.
    Raises ValueError for text that is no printed number.
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
    """How a paper measured its numbers of the training images. One `value` holds for all of them, so that no row of a
    table mixes two.

    value: "running": the averages that `fit` prints for the evaluated epoch, while the weights still change and dropout
        is on. "evaluated": an evaluation afterwards, with the final weights. The default is "running", because a paper
        gets it without extra work. If our number differs, the other is tried (`common.evidence.elsewhere`).
    why: the reason for this value. quote: the paper's words, if it says so.
    """

    value: Literal["running", "evaluated"] = "running"
    why: str = ""
    quote: str | None = None


class Reported(_Record):
    """One number as printed. `value` is a string, so that trailing zeros, and with them the precision, survive.

    unit: "%" if the sign is in the head of the table and not beside the number.
    where: the place in the paper. definition: the signature of the metric (`common.evidence.definition`). why: the
        reason for this definition.
    readings: the readings under which it was measured, if not the defaults: for example a baseline's network.
    table: the name of its table; "" for a number in the text.
    statistic: the "value" of one training, or the "mean" or standard "deviation" over the folds of a cross-validation.
    fold: its fold, counted from 1 as papers do. image: its image, as the paper calls it.
    mean_of: the number of runs, each with its own split, whose mean it is. deviation: their standard deviation as
        printed, in the unit of the value; "" if none is printed.
    quoted: if the paper quotes the number from another work: the network and the source that it names. If the readings
        choose a network that is trained here, our value of the same definition is shown beside it, without a verdict.
    smoothed: the most by which the printed formula can exceed the definition. Some papers add a constant to numerator
        or denominator, which the definition leaves out.
    premise: an assumption that the paper does not state, for example that its table is of the test part. A comparison
        with numbers that don't rest on it names it.
    same_as: if this printed number is entered again under another definition: the id of its first entry.
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
    mean_of: int = 1
    deviation: str = ""
    quoted: str = ""
    smoothed: float = 0.0
    premise: str = ""
    same_as: str = ""

    @property
    def as_printed(self) -> str:
        """The number with its unit, such as "0.95" and "95.74%"."""
        return self.value + self.unit

    @property
    def interval(self) -> tuple[float, float]:
        """The least and the greatest value that the number stands for (`printed`)."""
        return printed(self.as_printed)

    @property
    def middle(self) -> float:
        """The middle of its `interval`: 0.957 for 95.7 %."""
        return fmean(self.interval)


class Column(_Record):
    """What the cells of one column have in common. In a table with a line for each of two classes, `{class}` and
    `{other}` in name and definition stand for the class of the line and the other class."""

    id: str
    name: str
    split: Split
    unit: Unit = ""
    definition: str
    why: str | None = None
    smoothed: float = 0.0


class Row(_Record):
    """One line of a printed table.

    values: its numbers in the order of the columns, separated by blanks. `98.36±0.62` is two numbers: a mean over the
        folds and its standard deviation.
    where: all places that print the line, if not only the table does. classes: the class of the line, and the other
        class. fold, image, quoted, readings: as in `Reported`.
    """

    values: str
    where: str | None = None
    classes: tuple[str, str] | None = None
    fold: int | None = None
    image: str | None = None
    quoted: str = ""
    readings: dict[str, Any] = {}


class Table(_Record):
    """A printed table. The ids of its cells are made of table, row and column: V-mean-test-loss,
    VI-3-malignant-recall. Our folds are shown in the same columns (`common.evidence.folds`).

    table: its name. where, premise: as in `Reported`, for all its cells."""

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
                raise ValueError(
                    f"table {self.table} has {counted(len(self.columns), 'column')}, but its line '{row.values}' has "
                    f"{counted(len(tokens), 'number')}"
                )
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
            include={"fold", "image", "quoted", "readings"}
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
    """Another way to read some cells. The arithmetic of the printed numbers is checked once more under it.

    cells: by the id of a cell, the fields of `Reported` that change. premise: this way in words that follow "if".
    """

    cells: dict[str, dict[str, Any]]
    premise: str


class Cases(_Record):
    """The numbers of cases of a paper that scores whole cases.

    classes: the number of cases of each class. parts: for each part, every number of cases that the words of `quote`
        allow. stratified: whether we assume, although the paper does not say so, that every part has the classes in
        proportion.
    """

    classes: dict[str, int]
    parts: dict[Split, list[int]]
    stratified: bool = False
    quote: str


class Worded(_Record):
    """A claim in words that a run can test. It is about one metric: `definition`, on the images of `split`.

    quote: the paper's words; or restated: the claim in ours, to follow "it claims that", if we do not have the paper's
        text. why: how we read it.
    readings: those of the network that is claimed to be better, if it is not the paper's own.
    images: the number of test images behind the printed numbers, in one of the test sets if there are several; None if
        it is not known.
    Exactly one of two kinds is claimed:
    above: the metric is above this number.
    over: the metric is better than another one. (A loss or a distance is better if it is lower.) The other one is that
        of the network that these readings choose; "quoted": of the networks that are quoted in the table of the paper's
        own network; or "train": of the same network on its training images.
    """

    id: str
    quote: str | None = None
    restated: str | None = None
    where: str
    split: Split
    definition: str
    why: str
    readings: dict[str, Any] = {}
    images: int | None = None
    above: float | None = None
    over: dict[str, Any] | Literal["quoted", "train"] | None = None

    @model_validator(mode="after")
    def _one_claim(self) -> "Worded":
        if (self.above is None) == (not self.over):
            raise ValueError(f"{self.id} claims `above` a number or `over` something, one of the two")
        if (self.quote is None) == (self.restated is None):
            raise ValueError(f"{self.id} has a `quote` of the paper, or is `restated` in our words, one of the two")
        return self

    @property
    def words(self) -> str:
        """What is claimed, as tables show it."""
        return self.quote or self.restated


class Figure(_Record):
    """A figure of a paper, or a table of images, and what of ours takes its place on the pages.

    name: such as "Figure 4". shows: what is seen in it, in a few words. note: what to know about ours.
    ours: "curves": the training curves whose titles are in `of`. "cases": images of the data set with their masks; `of`
        has their ids. "enhanced": an image before and after CLAHE. "predictions": `count` test images with what is
        marked in them. "boxes": the same with boxes round what is marked. "outside": of the test images in which most
        of the tumour is marked, the one with the most marked outside of it. "numbers": the plot at the top of the page.
        "network": the network, layer by layer. "scheme": the figure is a scheme of the method; nothing takes its place.
    """

    name: str
    shows: str
    ours: Literal["curves", "cases", "enhanced", "predictions", "boxes", "outside", "numbers", "network", "scheme"]
    of: list[str] = []
    count: int = 3
    note: str = ""
