"""How likely random numbers are found: the share of the plausible range that intervals cover."""

import numpy as np
import pytest

from common.evidence.chance import chance_of, percent, plausible_range
from common.evidence.compare import rows
from common.evidence.trivial import BACKGROUND, PREVALENCE
from tests.evidence.made import cell, paper, record, record_of

ACCURACY, LOSS = "accuracy|pixel|pooled|t=0.5", "dice-loss|fg|batch=2|soft|s=1e-6"


def union(boxes: list[list[tuple[float, float]]]) -> float:
    """The share of the unit cube that boxes cover, by counting points of a fine grid."""
    axes = np.meshgrid(*[(np.arange(200) + 0.5) / 200] * len(boxes[0]))
    covered = [np.all([(low <= x) & (x <= high) for x, (low, high) in zip(axes, box, strict=True)], 0) for box in boxes]
    return float(np.mean(np.any(covered, axis=0)))


@pytest.mark.parametrize(
    "boxes",
    [
        [[(0.2, 0.3)]],
        [[(0.2, 0.5)], [(0.4, 0.6)], [(0.1, 0.9)]],  # overlapping, and one within another
        [[(-0.5, 0.1)], [(0.95, 2.0)]],  # beyond the range, where no number can be
        [[(0.2, 0.5), (0.1, 0.4)], [(0.4, 0.6), (0.2, 0.9)], [(0.45, 0.55), (0.3, 0.35)]],
    ],
)
def test_the_chance_is_the_share_of_the_range_that_the_intervals_cover(boxes):
    chance = chance_of(boxes, [0.0] * len(boxes[0]), (0.0, 1.0))
    assert chance == pytest.approx(union(boxes), rel=0.03)
    scaled = [[(2 + 3 * low, 2 + 3 * high) for low, high in box] for box in boxes]
    assert chance_of(scaled, [0.0] * len(boxes[0]), (2.0, 5.0)) == pytest.approx(chance)


def test_the_chance_grows_with_every_box():
    boxes = [[(low, low + 0.1)] for low in (0.3, 0.35, 0.3, 0.8)]
    grown = [chance_of(boxes[:tried], [0.0], (0.0, 1.0)) for tried in range(1, 5)]
    assert grown == pytest.approx([0.1, 0.15, 0.15, 0.25], rel=0.03)
    assert grown == sorted(grown)


def test_a_coarsely_printed_number_fits_more_often():
    assert chance_of([[(0.5, 0.6)]], [0.05], (0.0, 1.0)) == pytest.approx(0.2)


def test_a_tiny_chance_is_not_lost():
    box = [(0.5, 0.51)] * 4
    assert chance_of([box], [0.0] * 4, (0.0, 1.0)) == pytest.approx(1e-8)


def range_of(value: str, definition: str, nothing: float):
    computed = record([0.97, 0.96, 0.95], definition, nothing=nothing)
    return plausible_range(computed, rows(paper(cell(value, definition)), computed))


def test_the_range_goes_from_knowing_nothing_to_a_perfect_score():
    assert range_of("0.95", ACCURACY, 0.92) == pytest.approx((0.92, 1.0))
    assert range_of("0.07", LOSS, 0.9) == pytest.approx((0.0, 0.1))  # of the two predictors the better one counts


def test_a_printed_number_worse_than_knowing_nothing_widens_it():
    assert range_of("0.80", ACCURACY, 0.92) == (pytest.approx(0.795), 1.0)


def test_of_epochs_it_goes_to_the_most_that_were_seen():
    epochs = "epochs|training|run"
    nothing = {"test": {BACKGROUND: {}, PREVALENCE: {}}}
    seen = record_of([{"metrics": {}, "trivial": nothing, "epochs": each} for each in (40, 60)])
    about = rows(paper(cell("47", epochs)), seen)
    assert plausible_range(seen, about) == (1.0, 60.0)


@pytest.mark.parametrize(("chance", "shown"), [(0.28, "28%"), (0.0134, "1.3%"), (0.0009, "less than 0.1%")])
def test_a_chance_is_shown_with_the_digits_that_matter(chance, shown):
    assert percent(chance) == shown
