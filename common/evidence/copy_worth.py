"""What a copy of a test image among the training images is worth to this image.

The means of a random and of a grouped split (`leakage`) also differ because their test images and their weights differ.
So a few repeats rarely tell what copies are worth. Here each image is compared with itself, and what images without
copies gain from one split to the other is taken off.

The premise: without a copy in training, images that have copies would gain as much as images that have none.
`CopyWorth.idle` checks it.
"""

from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

import numpy as np

from common.data.duplicates import copies_of
from common.evidence import learned
from common.evidence.counts import Rows, concatenate
from common.evidence.kept_counts import rows_of
from common.evidence.metrics import TUMOUR_DICE, dice_of_images
from common.evidence.schema import Record
from common.evidence.statistics import LEAST_FOR_INTERVAL, PairedDifference, paired_bootstrap_ratios


class CopyWorth(NamedTuple):
    """By how much a copy among the training images raises the Dice of a test image, from two records. Only images with
    a tumour count.

    profile: of the two records.
    gain: the mean gain of the images that were tested with such a copy and, in the other record, without one; less the
        mean gain of the images that have no copy. The interval is over images; copies of each other are drawn together.
        It takes the trainings as they are: others may give more or less.
    half: the median gain of these images.
    idle: as `gain`, without an interval, of images that have copies of which none was among the training images. It is
        near 0 if the premise holds; None if there is no such image.
    images, others: the numbers of images behind `gain`.
    share: the share of the test images that have a copy among the training images, 0 to 1, over all runs with a random
        split."""

    profile: str
    gain: PairedDifference
    half: float
    idle: float | None
    images: int
    others: int
    share: float

    @property
    def sentence(self) -> str:
        value, low, high = self.gain.value, self.gain.low, self.gain.high
        unclear = "" if self.gain.certain else " This can't be told from nothing."
        return (
            f"Image by image ({self.profile} profile): with a copy among the training images, a test image has on "
            f"average {abs(value):.3f} {'more' if value >= 0 else 'less'} Dice than without one (95 % over images: "
            f"{low:+.3f} to {high:+.3f}; other trainings may give more or less).{unclear} What {self.others} images "
            f"without copies gain is taken off. Half of the {self.images} images with copies gain {self.half:.3f} or "
            f"less. {self.share:.0%} of the test images have a copy in training, which makes {self.share * value:+.3f} "
            "of the mean Dice."
        )


def copy_worth(results: Path, random: Record, grouped: Record) -> CopyWorth | None:
    """Compares the test images of two records that differ only in their split.

    None if no copies are known in the data set, if a network did not learn, if the counts of a training are not kept,
    and if there are fewer than LEAST_FOR_INTERVAL images to compare, with or without copies."""
    copies = copies_of(random.dataset.fingerprint)
    if not copies or learned.unusable(TUMOUR_DICE, random, grouped):
        return None
    tests, trained = ([rows_of(results, random, run, part) for run in random.runs] for part in ("test", "train"))
    clean = [rows_of(results, grouped, run, "test") for run in grouped.runs]
    if None in (*tests, *trained, *clean):
        return None
    tests = list(map(_with_tumour, tests))
    rows, without = concatenate(tests), _dice_of_cases(_with_tumour(concatenate(clean)))
    copied = np.concatenate(
        [_have_copies(test.case, train.case, copies) for test, train in zip(tests, trained, strict=True)]
    )
    unlike = ~np.isin(rows.case, [*copies])
    gains, controls, idle = (_gains(rows.take(which), without) for which in (copied, unlike, ~copied & ~unlike))
    groups = [min(case, *copies[case]) for case in gains]
    if min(len({*groups}), len(controls)) < LEAST_FOR_INTERVAL:
        return None
    units = {name: number for number, name in enumerate(dict.fromkeys([*groups, *controls]))}
    one, other = (
        _by_unit([units[name] for name in names], of, len(units))
        for names, of in ((groups, gains), (controls, controls))
    )
    (gain,) = paired_bootstrap_ratios(one, other)
    return CopyWorth(
        random.profile,
        gain,
        median(gains.values()),
        fmean(idle.values()) - fmean(controls.values()) if idle else None,
        len(gains),
        len(controls),
        float(copied.mean()),
    )


def _with_tumour(rows: Rows) -> Rows:
    tp, _, fn, _ = rows.overlap(0.5)
    return rows.take(tp + fn > 0)


def _have_copies(test: np.ndarray, train: np.ndarray, copies: dict[str, list[str]]) -> np.ndarray:
    """Whether each test image has a copy among the training images, bool (test images,). test, train: ids of cases."""
    trained = {*train.tolist()}
    return np.array([not trained.isdisjoint(copies.get(case, ())) for case in test.tolist()], bool)


def _gains(rows: Rows, without: dict[str, float]) -> dict[str, float]:
    """By how much the Dice of each case exceeds the one in `without`, for the cases that both have."""
    found = _dice_of_cases(rows)
    return {case: found[case] - without[case] for case in found if case in without}


def _dice_of_cases(rows: Rows) -> dict[str, float]:
    """The mean Dice of each case, with a tumour, over the runs in which it was tested."""
    found: dict[str, list[float]] = {}
    for case, value in zip(rows.case.tolist(), dice_of_images(rows).tolist(), strict=True):
        found.setdefault(case, []).append(value)
    return {case: fmean(values) for case, values in found.items()}


def _by_unit(units: list[int], gains: dict[str, float], number: int) -> tuple[np.ndarray, np.ndarray]:
    """The sum of the gains in each unit and their number, float64 (number, 1) each. units: the unit of each gain."""
    return tuple(np.bincount(units, weights, number)[:, None] for weights in ([*gains.values()], np.ones(len(gains))))
