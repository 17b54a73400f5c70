"""Where the marks of a number lie on its axis."""

from pathlib import Path

import pytest

from common.evidence.answers import answers
from common.evidence.assess import assess
from common.report.marks import axis_of, marks_of
from tests.evidence.made import DICE, LOSS, cell, paper, record


def answer_of(value: str, results=(), **changes):
    about = paper(cell(value), data_named=False)
    assessed = [assess(about, made, [made], Path("nowhere")) for made in [record(results, **changes)] if results]
    (found,) = answers(about, assessed)
    return found


@pytest.mark.parametrize(
    ("definition", "values", "ends"),
    [
        (DICE, [0.45, 0.7], (0.0, 1.0)),
        (DICE, [0.55, 0.7], (0.5, 1.0)),
        (DICE, [0.97, 0.985], (0.9, 1.0)),
        (DICE, [-0.2, 0.7], (0.0, 1.0)),
        (LOSS, [0.24, 0.32], (0.0, 0.4)),
        (LOSS, [0.0154], (0.0, 0.02)),
        ("squared-dice-loss|fg|batch=16|soft|s=1", [0.07, -0.08], (-0.1, 0.08)),
        ("count|class=benign>malignant|case", [2.0, 29.0], (0.0, 40.0)),
    ],
)
def test_an_axis_has_the_perfect_score_at_one_end_and_all_values_on_it(definition, values, ends):
    low, high = axis_of(definition, values)
    assert (low, high) == pytest.approx(ends)
    assert str(low) != "-0.0"


def test_marks_are_in_per_cent_of_the_axis():
    found = marks_of(answer_of("0.80", [0.6, 0.7, 0.8]))
    assert (found.low, found.high) == (0.0, 1.0)
    assert (found.printed, found.mean) == (80, 70)
    low, high = found.ours
    assert 0 <= low < 70 < high == 100, "an interval beyond the range of the metric is cut there"


def test_a_number_without_runs_is_a_mark_alone():
    found = marks_of(answer_of("0.80"))
    assert (found.mean, found.ours) == (None, None)
