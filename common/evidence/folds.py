"""What a cross-validation looks like fold by fold, and a test set image by image: laid out as Paudel's Tables V, VI,
VII and IX are."""

from itertools import zip_longest
from statistics import fmean, stdev

import numpy as np

from common.evidence import compare, learned
from common.evidence.counts import Rows
from common.evidence.metrics import value_of_each_image
from common.evidence.results import Record, Repeat

# Table V has accuracy and loss of each part. Whether the loss is that of the classification or, as Keras prints it of
# two outputs, the sum of both, is not said.
PER_PART = {"accuracy": "accuracy|class|case", "loss": "bce|class|case", "sum of losses": "bce|class+pixel|sum"}

# Table VI. Of two classes, the specificity of one is the sensitivity of the other; "Sens" and "Rec" are one quantity.
PER_CLASS = {
    "specificity": "recall|class={other}|case",
    "sensitivity, recall": "recall|class={name}|case",
    "precision": "precision|class={name}|case",
    "F1": "dice|class={name}|case",
}

# The columns of Table IX.
PER_IMAGE = {
    "accuracy": "accuracy|pixel|pooled|t=0.5|truth=hard",
    "precision": "precision|fg|image|t=0.5|empty=skip",
    "specificity": "recall|bg|image|t=0.5|empty=skip",
    "F1 (Dice)": "dice|fg|image|t=0.5|empty=skip",
    "recall": "recall|fg|image|t=0.5|empty=skip",
    "IoU": "iou|fg|image|t=0.5|empty=skip",
}

QUANTILES = {"worst": 0, "lower quartile": 25, "median": 50, "upper quartile": 75, "best": 100}


def accuracy_and_loss(record: Record) -> list[list[str]]:
    """Table V: header, a line for each fold, mean and standard deviation (of a sample). A record of an older protocol
    may lack a loss."""
    columns = {
        f"{part} {name}": [run.metrics[part].get(signature) for run in record.runs]
        for part in record.runs[0].split
        for name, signature in PER_PART.items()
    }
    return _lines(record.runs, columns)


def of_classes(record: Record) -> list[list[str]]:
    """Table VI, on the test images: header, a line for each fold, mean and standard deviation (of a sample). Of a class
    that the data do not have there is nothing to say."""
    first, second = record.runs[0].confusion["test"]
    columns = {
        f"{name} {what}": [run.metrics["test"].get(form.format(name=name, other=other)) for run in record.runs]
        for name, other in ((first, second), (second, first))
        for what, form in PER_CLASS.items()
    }
    return _lines(record.runs, columns)


def confusions(record: Record) -> list[list[str]]:
    """Table VII: for each fold, and for all together, the test images by class and by what they are called."""
    tables = [run.confusion["test"] for run in record.runs]
    names = list(tables[0])
    header = ["fold", *(f"{actual}, called {called}" for actual in names for called in names)]
    cells = np.array([[table[actual][called] for actual in names for called in names] for table in tables])
    named = zip([_name(run) for run in record.runs] + ["all"], [*cells, cells.sum(axis=0)], strict=True)
    return _marked(record.runs, [header, *([name, *map(str, row)] for name, row in named)])


def images(rows: Rows) -> list[list[str]]:
    """Table IX, of all test images: header, and a line for each image in the order of evaluation. As with `empty=skip`,
    an image counts 0 where only the truth or only the prediction is empty, and has no value where both are."""
    values = np.transpose(list(_of_images(rows).values()))
    return [["image", *PER_IMAGE], *_numbered(rows.case.tolist(), values)]


def per_image(rows: Rows) -> list[list[str]]:
    """What `images` has, in short: header, and a line for each of QUANTILES, each column by itself."""
    values = []
    for column in _of_images(rows).values():
        defined = column[np.isfinite(column)]
        values.append(np.percentile(defined, list(QUANTILES.values())) if len(defined) else [np.nan] * len(QUANTILES))
    return [["of the test images", *PER_IMAGE], *_numbered(QUANTILES, np.transpose(values))]


def _of_images(rows: Rows) -> dict[str, np.ndarray]:
    """By column of Table IX, one value for each image, float64 (n,), NaN where it is undefined."""
    values = value_of_each_image(rows, list(PER_IMAGE.values()))
    return {column: values[signature] for column, signature in PER_IMAGE.items()}


def _lines(runs: list[Repeat], columns: dict[str, list[float | None]]) -> list[list[str]]:
    known = [[value for value in column if value is not None] for column in columns.values()]
    mean = [fmean(column) if column else np.nan for column in known]
    deviation = [stdev(column) if len(column) > 1 else np.nan for column in known]
    rows = [*zip(*columns.values(), strict=True), mean, deviation]
    return _marked(runs, [["fold", *columns], *_numbered([*map(_name, runs), "mean", "standard deviation"], rows)])


def _marked(runs: list[Repeat], lines: list[list[str]]) -> list[list[str]]:
    """With a column for what did not learn, where that is so of any run. lines: header, one for each run, others."""
    unlearned = [", ".join(learned.signs_of(run)) for run in runs]
    if not any(unlearned):
        return lines
    column = [compare.DID_NOT_LEARN, *unlearned]
    return [[*line, mark] for line, mark in zip_longest(lines, column, fillvalue="")]


def _numbered(names, rows) -> list[list[str]]:
    return [
        [name, *("-" if value is None or np.isnan(value) else f"{value:.4f}" for value in row)]
        for name, row in zip(names, rows, strict=True)
    ]


def _name(run: Repeat) -> str:
    return f"{run.fold + 1}" if run.repeat == 0 else f"{run.fold + 1} (repeat {run.repeat + 1})"
