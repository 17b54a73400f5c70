"""Tables of our numbers fold by fold, with the columns of the paper's own tables, and of our test images one by one."""

from itertools import zip_longest
from statistics import fmean, stdev

import numpy as np

from common.evidence.counts import Rows
from common.evidence.metrics import value_of_each_image
from common.evidence.run_values import part_of, value_of_run
from common.evidence.schema import Record, Repeat
from common.evidence.verdict import DID_NOT_LEARN
from common.paper import Paper
from common.reported import Reported

# The metrics of every single image, for all papers. If only the truth or only the prediction of an image is empty, it
# counts 0; if both are, it has no value.
OF_AN_IMAGE = {
    "accuracy": "accuracy|pixel|pooled|t=0.5|truth=hard",
    "precision": "precision|fg|image|t=0.5|empty=skip",
    "specificity": "recall|bg|image|t=0.5|empty=skip",
    "F1 (Dice)": "dice|fg|image|t=0.5|empty=skip",
    "recall": "recall|fg|image|t=0.5|empty=skip",
    "IoU": "iou|fg|image|t=0.5|empty=skip",
}

QUANTILES = {"worst": 0, "lower quartile": 25, "median": 50, "upper quartile": 75, "best": 100}


def fold_tables(paper: Paper, record: Record) -> dict[str, list[list[str]]]:
    """Our folds in the layout of the paper's tables. By the name of a table ("Table 3"): a header, then lines of text.

    There is one for each table in which the paper prints numbers of this network; {} for a record without folds. The
    columns are those of the paper's table; the header adds part and definition. Each of our folds has a line. Lines
    with the mean and the standard deviation (of a sample) follow if the paper's table has them, and a line with sums if
    it has numbers of cases. Tables of single images are left out."""
    if not record.folds:
        return {}
    network = paper.network_of(record.readings)
    tables: dict[str, list[Reported]] = {}
    for cell in paper.reported:
        if cell.table and not cell.quoted and not cell.image and paper.network_of(cell.readings) == network:
            tables.setdefault(f"Table {cell.table}", []).append(cell)
    return {name: _fold_by_fold(paper, record.runs, cells) for name, cells in tables.items()}


def _fold_by_fold(paper: Paper, runs: list[Repeat], cells: list[Reported]) -> list[list[str]]:
    columns = list(dict.fromkeys((part_of(paper, cell.split), cell.name, cell.definition) for cell in cells))
    values = [[value_of_run(run, part, definition) for run in runs] for part, _, definition in columns]
    counted = [definition.startswith("count|") for _, _, definition in columns]
    known = [[value for value in column if value is not None] for column in values]
    printed = {cell.statistic for cell in cells}
    lines = [
        [fold_name(run), *(_text(column[i], 0 if whole else 4) for column, whole in zip(values, counted, strict=True))]
        for i, run in enumerate(runs)
    ]
    if "mean" in printed:
        lines.append(["mean", *(_text(fmean(column) if column else None) for column in known)])
    if "deviation" in printed:
        lines.append(["standard deviation", *(_text(stdev(column) if len(column) > 1 else None) for column in known)])
    if any(counted):
        sums = (_text(sum(column), 0) if whole else "" for column, whole in zip(known, counted, strict=True))
        lines.append(["all", *sums])
    header = ["fold", *(f"{part} {name}: {definition}" for part, name, definition in columns)]
    return _with_unlearned(runs, [header, *lines])


def _with_unlearned(runs: list[Repeat], lines: list[list[str]]) -> list[list[str]]:
    """Adds a column with the outputs that did not learn. If all have learned, the lines stay as they are.

    lines: a header, one line for each run, then others."""
    unlearned = [", ".join(run.unlearned) for run in runs]
    if not any(unlearned):
        return lines
    column = [DID_NOT_LEARN, *unlearned]
    return [[*line, mark] for line, mark in zip_longest(lines, column, fillvalue="")]


def fold_name(run: Repeat) -> str:
    """The number of a fold, or of a repeat without folds, from 1 as papers count: "3"; "3 (repeat 2)" for a fold of
    another repeat than the first."""
    if run.fold is None:
        return f"{run.repeat + 1}"
    return f"{run.fold + 1}" if run.repeat == 0 else f"{run.fold + 1} (repeat {run.repeat + 1})"


def images(paper: Paper, rows: Rows) -> list[list[str]]:
    """A table with a line for each test image, in the order of the rows: a header, then lines of text.

    The columns are OF_AN_IMAGE and what else the paper prints of single images."""
    columns = _of_images(paper, rows)
    lines = zip(rows.case.tolist(), *columns.values(), strict=True)
    return [["image", *columns], *([name, *map(_text, values)] for name, *values in lines)]


def quantiles_of_images(paper: Paper, rows: Rows) -> list[list[str]]:
    """A summary of the table `images`: a header, and a line for each of QUANTILES, taken of each column by itself."""
    columns = _of_images(paper, rows)
    lines = [["of the test images", *columns]]
    for name, percent in QUANTILES.items():
        defined = (column[np.isfinite(column)] for column in columns.values())
        lines.append([name, *(_text(np.percentile(column, percent) if len(column) else None) for column in defined)])
    return lines


def _of_images(paper: Paper, rows: Rows) -> dict[str, np.ndarray]:
    """The columns by name: one value for each image, float64 (n,), NaN where it is undefined."""
    columns = dict(OF_AN_IMAGE)
    for cell in paper.reported:
        if cell.image and not cell.quoted and cell.definition not in columns.values():
            columns[f"{cell.name}: {cell.definition}"] = cell.definition
    return {name: value_of_each_image(signature, rows) for name, signature in columns.items()}


def _text(value: float | None, digits: int = 4) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.{digits}f}"
