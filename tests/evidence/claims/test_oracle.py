"""The judgements that mlscorecheck (Kovács & Fazekas 2023) makes too: whether one confusion matrix of p positive and n
negative cases gives some rounded rates, and whether stratified folds give some rounded means. Both answer alike, on the
tables of Paudel and on generated ones, half of them altered.

Their answers differ by intent in two places, which are kept out of the comparison. The tolerance of mlscorecheck for
floating-point numbers is 1e-6 by default and is set to ours, 1e-9. And a rate that is 0/0 agrees with any number there,
while here it agrees with none: so each table has a positive that is called, and a positive and a negative case.
"""

import logging
from itertools import product

import numpy as np
import pytest

from common import papers
from common.evidence import claims
from common.evidence.claims.cells import cells_of
from common.evidence.claims.fold_means import some_folds_have, stratified_folds
from common.evidence.claims.matrix import Constraint, satisfied
from common.reported import Cases
from tests.evidence.claims.tables import cell, paper, rounded

binary = pytest.importorskip("mlscorecheck.check.binary", reason="mlscorecheck, with pulp, is not installed")

TOLERANCE = 1e-9
# By the name in mlscorecheck: the ratio of a matrix, of which class, and its definition in a paper.
RATES = {
    "acc": ("accuracy", False, "accuracy|class|case"),
    "sens": ("recall", False, "recall|class=a|case"),
    "spec": ("recall", True, "recall|class=b|case"),
    "ppv": ("precision", False, "precision|class=a|case"),
    "npv": ("precision", True, "precision|class=b|case"),
    "f1": ("dice", False, "dice|class=a|case"),
}


@pytest.fixture(autouse=True)
def silent():
    """mlscorecheck logs each step."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


def no_matrix_for_them(p: int, n: int, values: dict[str, float], half: float) -> bool:
    found = binary.check_1_testset_no_kfold(
        testset={"p": p, "n": n}, scores=values, eps=half, numerical_tolerance=TOLERANCE
    )
    return found["inconsistency"]


def no_matrix_for_us(p: int, n: int, values: dict[str, float], half: float) -> bool:
    share = Constraint("share", p / (p + n), p / (p + n))
    rates = [Constraint(RATES[name][0], value - half, value + half, RATES[name][1]) for name, value in values.items()]
    return not np.logical_and.reduce([satisfied(each, p + n) for each in (share, *rates)]).any()


def table(random, number: int, least: int = 30) -> tuple[int, int, int, dict[str, float]]:
    """p, n, digits and the rounded rates of a random matrix; of every second table, one rate is altered by up to 29
    units of its last digit. Any rates may be left out."""
    total, digits = int(random.integers(least, 71)), int(random.integers(2, 5))
    p = int(random.integers(8, total - 8))
    n = total - p
    tp, tn = int(random.integers(1, p + 1)), int(random.integers(1, n + 1))
    fp, fn = n - tn, p - tp
    exact = {
        "acc": (tp + tn) / total, "sens": tp / p, "spec": tn / n, "ppv": tp / (tp + fp), "npv": tn / (tn + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
    }  # fmt: skip
    values = {name: round(value, digits) for name, value in exact.items()}
    if number % 2:
        name = str(random.choice(list(values)))
        step = int(random.integers(1, 30)) * int(random.choice([-1, 1]))
        values[name] = round(values[name] + step * 10.0**-digits, digits)
    return p, n, digits, values


# One confusion matrix


@pytest.mark.parametrize("number", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_both_say_alike_whether_a_matrix_of_p_and_n_cases_gives_the_rates(number):
    random, found = np.random.default_rng(0), []
    for each in range(number):
        p, n, digits, values = table(random, each)
        values = {name: value for name, value in values.items() if random.random() < 0.7} or {"acc": values["acc"]}
        half = 0.5 * 10.0**-digits
        ours, theirs = no_matrix_for_us(p, n, values, half), no_matrix_for_them(p, n, values, half)
        assert ours == theirs, (p, n, digits, values)
        found.append(ours)
    assert 0.2 < np.mean(found) < 0.5, "half of them are altered, and some of these agree by chance"


@pytest.mark.parametrize("number", [4, pytest.param(100, marks=pytest.mark.long)])
def test_a_paper_contradicts_itself_where_they_find_no_matrix_for_any_number_of_positives(number):
    """A paper says how many cases it tests, and not how many of them are positive."""
    random, found = np.random.default_rng(1), []
    for each in range(number):
        p, n, digits, values = table(random, each)
        printed = [cell(name, rounded(value, digits), RATES[name][2]) for name, value in values.items()]
        known = Cases(classes={"a": 300, "b": 300}, parts={"test": [p + n]}, quote="")
        half = 0.5 * 10.0**-digits
        ours = bool(claims.check(paper(*printed, cases=known)))
        theirs = all(no_matrix_for_them(some, p + n - some, values, half) for some in range(1, p + n))
        assert ours == theirs, (p, n, digits, values)
        found.append(ours)
    assert any(found)
    assert not all(found)


PAUDEL = papers.load("paudel")
OF_FOLDS = [each for each in cells_of(PAUDEL) if each.reported.fold and each.reported.split == "test"]
NAMES = {"accuracy": "acc", "precision": "ppv", "dice": "f1"}


def rates_of_line(line: list, positive: str) -> list[dict[str, tuple[float, float]]]:
    """The rates of a printed fold, by the names of mlscorecheck, each with its value and half the unit of its last
    digit. Sensitivity and recall of one class are the same rate; a line has both, so that there is one dict with each.
    """
    rates: dict[str, list[tuple[float, float]]] = {}
    for each in line:
        of_positive = each.definition.target in ("class", f"class={positive}")
        if each.metric == "recall":
            name = "sens" if of_positive else "spec"
        elif of_positive and each.metric in NAMES:
            name = NAMES[each.metric]
        else:
            continue
        low, high = each.interval
        middle = float(each.reported.value) / 100
        rates.setdefault(name, []).append((middle, max(high - middle, middle - low)))
    return [dict(zip(rates, chosen, strict=True)) for chosen in product(*rates.values())]


@pytest.mark.parametrize(("malignant", "benign"), [(21, 44), pytest.param(21, 43, marks=pytest.mark.long)])
def test_both_say_alike_of_every_line_of_paudels_tables_v_and_vi(malignant, benign):
    """With the cases that a stratified fold has. Most lines contradict themselves, folds 5, 8 and 10 of Table VI do
    not."""
    found = {}
    for fold in range(1, 11):
        for name, positive in product(("V", "VI"), ("malignant", "benign")):
            line = [each for each in OF_FOLDS if each.reported.fold == fold and each.reported.table == name]
            p, n = (malignant, benign) if positive == "malignant" else (benign, malignant)
            for rates in rates_of_line([each for each in line if each.metric != "bce"], positive):
                values = {name: value for name, (value, _) in rates.items()}
                half = max(half for _, half in rates.values())
                ours = no_matrix_for_us(p, n, values, half)
                assert ours == no_matrix_for_them(p, n, values, half), (fold, positive, values)
                found[name, fold] = found.get((name, fold), False) or ours
    assert [fold for (name, fold), wrong in found.items() if name == "VI" and not wrong] == [5, 8, 10]
    assert all(wrong for (name, _), wrong in found.items() if name == "V")


# Means over folds


def no_folds_for_them(folds: list[tuple[int, ...]], values: dict[str, float], half: float) -> bool:
    """A lone sensitivity is an error in mlscorecheck 1.0.3 (UnboundLocalError). It is the accuracy of folds that have
    the cases of its class alone, one of which is called negative here, since there has to be one."""
    if len(values) == 1 and "acc" not in values:
        position = ("sens", "spec").index(*values)
        folds = [(fold[position] - 1, 1) for fold in folds]
        values = dict(zip(["acc"], values.values(), strict=True))
    found = binary.check_1_dataset_known_folds_mos(
        dataset={"p": sum(p for p, _ in folds), "n": sum(n for _, n in folds)},
        folding={"folds": [{"p": p, "n": n} for p, n in folds]},
        scores=values,
        eps=half,
        verbosity=0,
        numerical_tolerance=TOLERANCE,
    )
    return found["inconsistency"]


def no_folds_for_us(folds: list[tuple[int, ...]], values: dict[str, float], half: float) -> bool:
    accuracy = [(value - half, value + half) for name, value in values.items() if name == "acc"]
    recalls = [
        (position, (values[name] - half, values[name] + half))
        for position, name in enumerate(("sens", "spec"))
        if name in values
    ]
    return not some_folds_have(folds, accuracy, recalls)


@pytest.mark.parametrize("number", [30, pytest.param(1000, marks=pytest.mark.long)])
def test_both_say_alike_whether_stratified_folds_give_the_means(number):
    random, found = np.random.default_rng(2), []
    for each in range(number):
        k, digits = int(random.integers(2, 8)), int(random.integers(2, 4))
        folds = stratified_folds([int(one) for one in random.integers(2 * k, 60, 2)], k)
        p, n = np.array(folds).T
        tp, tn = random.integers(p // 2, p + 1), random.integers(n // 2, n + 1)
        exact = {"acc": (tp + tn) / (p + n), "sens": tp / p, "spec": tn / n}
        values = {name: round(float(value.mean()), digits) for name, value in exact.items() if random.random() < 0.7}
        values = values or {"acc": round(float(exact["acc"].mean()), digits)}
        if each % 2:
            name = str(random.choice(list(values)))
            step = int(random.integers(1, 30)) * int(random.choice([-1, 1]))
            # A mean above 1 is an error in mlscorecheck 1.0.3 (ValueError), and here the work of `check_range`.
            values[name] = min(1.0, max(0.0, round(values[name] + step * 10.0**-digits, digits)))
        half = 0.5 * 10.0**-digits
        ours, theirs = no_folds_for_us(folds, values, half), no_folds_for_them(folds, values, half)
        assert ours == theirs, (folds, values, half)
        found.append(ours)
    assert 0.1 < np.mean(found) < 0.5


def test_both_say_alike_of_paudels_means_over_ten_folds():
    """Half a unit of the last digit more for folds that were rounded before their mean was taken, as the claims do. No
    choice of the printed means agrees."""
    folds, half = stratified_folds([210, 437], 10), 1e-4
    printed = product((0.9808, 0.9908), (0.9993, 0.9877, 0.9777), (0.9841, 0.9953))
    for accuracy, malignant, benign in printed:
        values = {"acc": accuracy, "sens": malignant, "spec": benign}
        assert no_folds_for_us(folds, values, half)
        assert no_folds_for_them(folds, values, half)
    for name, value, wrong in (
        ("acc", 0.9808, True), ("acc", 0.9908, False), ("sens", 0.9993, True), ("sens", 0.9877, True),
        ("sens", 0.9777, True), ("spec", 0.9841, False), ("spec", 0.9953, False),
    ):  # fmt: skip
        assert no_folds_for_us(folds, {name: value}, half) == no_folds_for_them(folds, {name: value}, half) == wrong
