"""What one confusion matrix can give: against formulas, a linear program, and loops over whole matrices."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from common.evidence.claims.matrix import MOST_CASES, Constraint, matrices, possible, satisfied, span

HALF = 0.0005


def about(ratio: str, value: float, **kind) -> Constraint:
    return Constraint(ratio, value - HALF, value + HALF, **kind)


counts = st.integers(1, 1000)


@given(counts, counts, counts, counts)
def test_the_numbers_of_a_matrix_are_possible_together(tp, fp, fn, tn):
    iou, of_background = tp / (tp + fp + fn), tn / (tn + fp + fn)
    assert possible(
        [
            about("precision", tp / (tp + fp)),
            about("recall", tp / (tp + fn)),
            about("dice", 2 * tp / (2 * tp + fp + fn)),
            about("iou", iou),
            about("iou", of_background, swapped=True),
            about("iou", (iou + of_background) / 2, mean=True),
            about("recall", tn / (tn + fp), swapped=True),
            about("accuracy", (tp + tn) / (tp + fp + fn + tn)),
        ]
    )


@pytest.mark.parametrize(
    "cells",
    [
        [about("precision", 0.8), about("recall", 0.6), about("dice", 0.70)],  # it is 0.686
        [about("iou", 0.5), about("dice", 0.7)],  # it is 0.667
        [about("accuracy", 0.9), about("recall", 0.95), about("recall", 0.97, swapped=True)],  # between both
        [about("accuracy", 0.92), about("iou", 0.45, mean=True)],  # at least 0.46
        [about("accuracy", 0.92), about("iou", 0.86, mean=True)],  # at most 0.852
        [about("recall", 0.9), about("recall", 0.8)],
        [about("recall", 1.2)],
        # All of the other class, where the first has no errors: not met by a matrix without the other class.
        [
            about("recall", 1.0),
            about("precision", 0.8, swapped=True),
            about("recall", 0.6, swapped=True),
            about("dice", 0.7, swapped=True),
        ],
    ],
)
def test_what_no_matrix_gives_is_not_possible(cells):
    assert not possible(cells)


def test_what_is_left_for_a_number_given_others():
    low, high = span([about("precision", 0.8), about("recall", 0.6)], Constraint("dice", 0, 1))
    assert low == pytest.approx(2 * 0.7995 * 0.5995 / (0.7995 + 0.5995), abs=1e-6)
    assert high == pytest.approx(2 * 0.8005 * 0.6005 / (0.8005 + 0.6005), abs=1e-6)
    assert span([about("recall", 0.9), about("recall", 0.8)], Constraint("dice", 0, 1)) is None


def by_linear_program(constraints: list[Constraint], asked: Constraint) -> tuple[float, float] | None:
    """The same, each matrix scaled so that the denominator is 1 and the ratio is the numerator (Charnes & Cooper)."""
    numerator, denominator = asked.weights
    rows = [row for c in constraints for n, d in [c.weights] for row in (c.low * d - n, n - c.high * d)]
    about = {"A_ub": rows, "b_ub": [0] * len(rows), "A_eq": [denominator], "b_eq": [1]}
    found = [linprog(sign * numerator, **about, options={"primal_feasibility_tolerance": 1e-9}) for sign in (1, -1)]
    return (found[0].fun, -found[1].fun) if found[0].status == 0 else None


def test_what_is_left_is_what_a_linear_program_says():
    """Of four numbers of a matrix, every second time with one that may be too far from the others."""
    random, ratios, outcomes = np.random.default_rng(0), ["precision", "recall", "iou", "accuracy", "share"], set()
    for off in (0, 0.1) * 8:
        matrix, constraints = random.dirichlet([1, 1, 1, 1]), []
        for ratio, less in zip(random.choice(ratios, 4, replace=False), (off, 0, 0, 0), strict=True):
            numerator, denominator = Constraint(ratio, 0, 1).weights
            constraints.append(about(ratio, numerator @ matrix / (denominator @ matrix) - less))
        outcomes.add(possible(constraints))
        for ratio, swapped in (("dice", False), ("recall", True), ("most soft dice", False)):
            asked = Constraint(ratio, 0, 1, swapped)
            expected, found = by_linear_program(constraints, asked), span(constraints, asked)
            assert found == (expected and pytest.approx(expected, abs=1e-6))
    assert outcomes == {True, False}


def test_accuracy_and_iou_leave_a_share_of_the_tumour():
    """Errors e = 1 - accuracy and overlap IoU: the union is e/(1 - IoU), and the tumour between it and the overlap."""
    low, high = span([about("accuracy", 0.95), about("iou", 0.6)], Constraint("share", 0, 1))
    assert low == pytest.approx(0.0495 / (1 - 0.5995) * 0.5995, abs=1e-4)
    assert high == pytest.approx(0.0505 / (1 - 0.6005), abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_matrix_of_n_cases_is_listed_once(n):
    listed = {tuple(row) for row in matrices(n).tolist()}
    assert len(listed) == len(matrices(n)) == math.comb(n + 3, 3)
    assert all(sum(row) == n and min(row) >= 0 for row in listed)


def test_many_cases_are_not_listed():
    with pytest.raises(ValueError, match="too many"):
        matrices(MOST_CASES + 1)


@pytest.mark.parametrize("ratio", ["iou", "dice", "precision", "recall", "accuracy"])
@pytest.mark.parametrize("kind", [{}, {"swapped": True}])
def test_which_whole_matrices_satisfy_a_cell(ratio, kind):
    def value(tp, fp, fn, tn):
        if kind:
            tp, fp, fn, tn = tn, fn, fp, tp
        part, whole = {
            "iou": (tp, tp + fp + fn),
            "dice": (2 * tp, 2 * tp + fp + fn),
            "precision": (tp, tp + fp),
            "recall": (tp, tp + fn),
            "accuracy": (tp + tn, 9),
        }[ratio]
        return part / whole if whole else None

    wanted = Constraint(ratio, 0.4, 0.7, **kind)
    by_hand = [(v := value(*row)) is not None and 0.4 <= v <= 0.7 for row in matrices(9).tolist()]
    assert np.array_equal(satisfied(wanted, 9), by_hand)
