"""Tables of results that are truly consistent raise no alarm; of single cells that were altered, those are found which
an independent search by brute force calls impossible at that rounding."""

from functools import cache

import numpy as np
import pytest

from common.evidence import claims
from common.reported import Cases
from tests.evidence.claims.tables import cell, paper, rounded

FORMS = {
    "accuracy": "accuracy|{all}",
    "precision": "precision|{of}",
    "recall": "recall|{of}",
    "F1": "dice|{of}",
    "IoU": "iou|{of}",
    "other recall": "recall|{other}",
    "mean IoU": "iou|mean2|pooled|t=0.5",
}
OF_CASES = ("accuracy", "precision", "recall", "F1", "other recall")
OF_PIXELS = (*OF_CASES, "IoU")
CASES = {"all": "class|case", "of": "class=a|case", "other": "class=b|case"}
PIXELS = {"all": "pixel|pooled|t=0.5|truth=hard", "of": "fg|pooled|t=0.5", "other": "bg|pooled|t=0.5"}
IMAGES = {"of": "fg|image|t=0.5|empty=skip"}


# Consistent tables, printed with 2 to 4 digits


def ratios(tp, fp, fn, tn) -> dict[str, np.ndarray]:
    """Of one confusion matrix, or of arrays of them."""
    with np.errstate(invalid="ignore", divide="ignore"):
        iou, of_background = tp / (tp + fp + fn), tn / (tn + fp + fn)
        return {
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "F1": 2 * tp / (2 * tp + fp + fn),
            "other recall": tn / (tn + fp),
            "IoU": iou,
            "mean IoU": (iou + of_background) / 2,
        }


def cells(values: dict[str, str], place: dict[str, str], **about) -> list:
    """The cells of a line; place: what is filled into the forms of the definitions."""
    suffix = "".join(f"-{each}" for each in about.values())
    return [
        cell(name, value, FORMS[name].format(**place), id=f"{name}{suffix}", **about) for name, value in values.items()
    ]


def some_digits(random) -> int:
    return int(random.integers(2, 5))


def of_cases(random):
    """A line about some dozens of cases, its digits, and their number."""
    n, digits = int(random.integers(30, 71)), some_digits(random)
    positive = int(random.integers(8, n - 8))
    tp, tn = int(random.integers(1, positive + 1)), int(random.integers(1, n - positive + 1))
    values = ratios(tp, n - positive - tn, positive - tp, tn)
    return {name: rounded(values[name], digits) for name in OF_CASES}, digits, n


def of_pixels(random, names=OF_PIXELS):
    """A line about the pixels of a test set, tumour 3 to 30 % of them, and its digits."""
    digits = some_digits(random)
    prevalence, recall, precision = random.uniform(0.03, 0.3), random.uniform(0.3, 0.99), random.uniform(0.3, 0.99)
    tp = prevalence * recall
    fp = min(tp * (1 - precision) / precision, 0.9 - prevalence)
    values = ratios(tp, fp, prevalence - tp, 1 - prevalence - fp)
    return {name: rounded(values[name], digits) for name in names}, digits


def of_folds(random):
    """Accuracies of folds of n cases, with mean and standard deviation, of a sample or of a population."""
    k, digits, n = int(random.integers(3, 11)), some_digits(random), int(random.integers(40, 200))
    values = random.integers(n // 2, n + 1, k) / n
    shown = {f"fold-{i}": rounded(value, digits) for i, value in enumerate(values, 1)}
    spread = values.std(ddof=int(random.integers(2)))
    return shown | {"mean": rounded(values.mean(), digits), "deviation": rounded(spread, digits)}, digits, n


def cases(n: int) -> Cases:
    return Cases(classes={"a": 300, "b": 300}, parts={"test": [n]}, quote="")


def table_of_folds(values: dict[str, str], **about):
    kinds = {name: {"statistic": name} if name in ("mean", "deviation") else {"fold": int(name[5:])} for name in values}
    definition = "accuracy|class|case"
    return paper(
        *(cell("accuracy", value, definition, id=name, **kinds[name]) for name, value in values.items()), **about
    )


def consistent_cases(random):
    values, _, n = of_cases(random)
    loss = (1 - float(values["accuracy"])) * random.uniform(1, 3) + 0.01
    return paper(*cells(values, CASES), cell("loss", rounded(loss, 2), "bce|class|case"), cases=cases(n))


def consistent_pixels(random):
    return paper(*cells(of_pixels(random)[0], PIXELS))


def consistent_mean_iou(random):
    return paper(*cells(of_pixels(random, ("accuracy", "mean IoU", "recall"))[0], PIXELS))


def consistent_images(random):
    """Some images, and the mean over them."""
    k, digits = int(random.integers(3, 7)), some_digits(random)
    tp, fp, fn = random.integers(1, 4000, (3, k))
    values = ratios(tp, fp, fn, 65536 - tp - fp - fn)
    names = ("precision", "recall", "F1", "IoU")
    means = {name: rounded(values[name].mean(), digits) for name in names}
    lines = [cells({name: rounded(values[name][i], digits) for name in names}, IMAGES, image=str(i)) for i in range(k)]
    return paper(*(one for line in lines for one in line), *cells(means, IMAGES, statistic="mean"))


def consistent_folds(random):
    values, _, n = of_folds(random)
    return table_of_folds(values, cases=cases(n))


KINDS = [consistent_cases, consistent_pixels, consistent_mean_iou, consistent_images, consistent_folds]


@pytest.mark.parametrize("kind", KINDS)
def test_no_alarm_on_200_consistent_tables_of_each_kind(kind):
    random = np.random.default_rng(KINDS.index(kind))
    for _ in range(200):
        table = kind(random)
        assert claims.check(table) == [], [(one.id, one.value) for one in table.reported]


# One altered cell. Which alterations can be told from a consistent table is searched by brute force.


def altered(random, values: dict[str, str], digits: int) -> tuple[dict[str, str], str]:
    """Up to 29 of the last digit more or less in one cell, and its name."""
    name = str(random.choice(list(values)))
    step = int(random.integers(1, 30)) * int(random.choice([-1, 1]))
    return values | {name: rounded(float(values[name]) + step * 10**-digits, digits)}, name


def some_print(values: dict[str, str], digits: int, of_many: dict[str, np.ndarray]) -> bool:
    """Whether a line, of many, has all these numbers when it is rounded; either way where it is at a half."""
    half = 0.5 * 10**-digits + 1e-9
    return bool(
        np.logical_and.reduce([np.abs(of_many[name] - float(value)) <= half for name, value in values.items()]).any()
    )


@cache
def whole_matrices(n: int) -> dict[str, np.ndarray]:
    """The ratios of every confusion matrix of n cases."""
    tp, fp, fn = (each.ravel() for each in np.meshgrid(*[np.arange(n + 1)] * 3, indexing="ij"))
    kept = tp + fp + fn <= n
    tp, fp, fn = tp[kept], fp[kept], fn[kept]
    return ratios(tp, fp, fn, n - tp - fp - fn)


def dense_matrices(values: dict[str, str], digits: int) -> dict[str, np.ndarray]:
    """The ratios of a dense grid of matrices: precision, recall and accuracy over what the printed ones stand for."""
    half = 0.5 * 10**-digits
    ends = [(float(values[name]) - half, float(values[name]) + half) for name in ("precision", "recall", "accuracy")]
    axes = (np.linspace(max(low, 1e-6), min(high, 1 - 1e-6), 41) for low, high in ends)
    precision, recall, accuracy = np.meshgrid(*axes, indexing="ij")
    prevalence = (1 - accuracy) / (1 - recall + recall * (1 - precision) / precision)
    tp = prevalence * recall
    fp = tp * (1 - precision) / precision
    tn = 1 - prevalence - fp
    return {name: each.ravel() for name, each in ratios(tp, fp, prevalence - tp, np.where(tn > 0, tn, np.nan)).items()}


def dense_folds(random, values: dict[str, str], digits: int) -> dict[str, np.ndarray]:
    """Mean and deviations of many lists of folds that are printed so: random ones, with many folds at an end."""
    folds = np.array([float(value) for name, value in values.items() if name.startswith("fold")])
    shape = 4000, len(folds)
    moves = np.concatenate([random.uniform(-1, 1, shape), random.choice([-1, 0, 1], shape), [[1] * len(folds)]])
    lists = folds + 0.5 * 10**-digits * np.concatenate([moves, -moves])
    return {"mean": lists.mean(axis=1), "sample": lists.std(axis=1, ddof=1), "population": lists.std(axis=1)}


# How many detectable alterations: a sample each time, and more where time does not matter.
SOME = pytest.mark.parametrize("some", [40, pytest.param(200, marks=pytest.mark.long)])


def found(table, name: str) -> bool:
    return any(name in finding.cells for finding in claims.check(table))


@SOME
def test_altered_cells_of_a_line_of_cases_are_found(some):
    random, outcomes = np.random.default_rng(10), []
    while len(outcomes) < some:
        values, digits, n = of_cases(random)
        values, name = altered(random, values, digits)
        if not some_print(values, digits, whole_matrices(n)):
            outcomes.append(found(paper(*cells(values, CASES), cases=cases(n)), name))
    assert np.mean(outcomes) >= 0.9


@SOME
def test_altered_cells_of_a_line_of_pixels_are_found(some):
    random, outcomes = np.random.default_rng(11), []
    while len(outcomes) < some:
        values, digits = of_pixels(random)
        values, name = altered(random, values, digits)
        if not some_print(values, digits, dense_matrices(values, digits)):
            outcomes.append(found(paper(*cells(values, PIXELS)), name))
    assert np.mean(outcomes) >= 0.9


@SOME
def test_altered_cells_of_a_list_of_folds_are_found(some):
    random, outcomes = np.random.default_rng(12), []
    while len(outcomes) < some:
        values, digits, _ = of_folds(random)
        values, name = altered(random, values, digits)
        many = dense_folds(random, values, digits)
        as_printed = [
            some_print({"mean": values["mean"]}, digits, many),
            any(some_print({kind: values["deviation"]}, digits, many) for kind in ("sample", "population")),
        ]
        if not all(as_printed):
            outcomes.append(found(table_of_folds(values), name))
    assert np.mean(outcomes) >= 0.9
