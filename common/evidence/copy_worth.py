"""What a copy of a test image among the training images is worth to this image.

The means of a random and of a grouped split (`leakage`) also differ because their test images and their weights differ.
So a few repeats rarely tell what copies are worth. Here each image is compared with itself, and what images without
copies gain from one split to the other is taken off."""

from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np

from common.data.duplicates import copies_of
from common.evidence import learned
from common.evidence.counts import Rows, concatenate
from common.evidence.kept_counts import rows_of
from common.evidence.metrics import value_of_each_image
from common.evidence.schema import Record
from common.evidence.statistics import PairedDifference, paired_bootstrap_ratios

_DICE = "dice|fg|image|t=0.5|empty=skip"


class CopyWorth(NamedTuple):
    """By how much a copy among the training images raises the Dice of a test image, from two records.

    gain: the mean over the images that were tested with such a copy and, in the other record, without one; less the
        same mean over the images of which there is no copy. The interval is over images; those that are copies of each
        other are drawn together. The trainings are taken as they are.
    images, others: the numbers of images behind the two means.
    share: the share of the test images that have such a copy, 0 to 1, over all runs with a random split."""

    gain: PairedDifference
    images: int
    others: int
    share: float

    @property
    def sentence(self) -> str:
        value, low, high = self.gain.value, self.gain.low, self.gain.high
        unclear = "" if self.gain.certain else " So it can't be told from nothing."
        return (
            "Image by image: a copy among the training images changes the Dice of a test image by "
            f"{value:+.3f} (95 %: {low:+.3f} to {high:+.3f}; {self.images} images, tested with and without one, less "
            f"what {self.others} images without copies gain).{unclear} {self.share:.0%} of the test images have one, "
            f"which makes {self.share * value:+.3f} of their mean Dice."
        )


def copy_worth(results: Path, random: Record, grouped: Record) -> CopyWorth | None:
    """Compares the test images of two records that differ only in their split.

    None if no copies are known in the data set, if a network did not learn, if the counts of a training are not kept,
    and if there are no images to compare."""
    copies = copies_of(random.dataset.fingerprint)
    if not copies or learned.unusable(_DICE, random, grouped):
        return None
    tests, trained = ([rows_of(results, random, run, part) for run in random.runs] for part in ("test", "train"))
    clean = [rows_of(results, grouped, run, "test") for run in grouped.runs]
    if None in (*tests, *trained, *clean):
        return None
    pairs = zip(tests, trained, strict=True)
    copied = np.concatenate([_have_copies(test.case, train.case, copies) for test, train in pairs])
    rows, without = concatenate(tests), _dice_of_cases(concatenate(clean))
    gains = _gains(rows.take(copied), without)
    controls = _gains(rows.take(~np.isin(rows.case, [*copies])), without)
    if not gains or not controls:
        return None
    groups = [min(case, *copies[case]) for case in gains]
    units = {name: number for number, name in enumerate(dict.fromkeys([*groups, *controls]))}
    one, other = (
        _by_unit([units[name] for name in names], of, len(units))
        for names, of in ((groups, gains), (controls, controls))
    )
    (gain,) = paired_bootstrap_ratios(one, other)
    return CopyWorth(gain, len(gains), len(controls), float(copied.mean()))


def _have_copies(test: np.ndarray, train: np.ndarray, copies: dict[str, list[str]]) -> np.ndarray:
    """Whether each test image has a copy among the training images, bool (test images,). test, train: ids of cases."""
    trained = {*train.tolist()}
    return np.array([not trained.isdisjoint(copies.get(case, ())) for case in test.tolist()])


def _gains(rows: Rows, without: dict[str, float]) -> dict[str, float]:
    """By how much the Dice of each case exceeds the one in `without`, for the cases that both have."""
    found = _dice_of_cases(rows)
    return {case: found[case] - without[case] for case in found if case in without}


def _dice_of_cases(rows: Rows) -> dict[str, float]:
    """The mean Dice of each case over the runs in which it was tested. Cases without tumour and mark are left out."""
    found: dict[str, list[float]] = {}
    dice = value_of_each_image(rows, [_DICE])[_DICE] if len(rows) else np.empty(0)
    for case, value in zip(rows.case.tolist(), dice.tolist(), strict=True):
        found.setdefault(case, []).append(value)
    return {case: mean for case, values in found.items() if isfinite(mean := fmean(values))}


def _by_unit(units: list[int], gains: dict[str, float], number: int) -> tuple[np.ndarray, np.ndarray]:
    """The sum of the gains in each unit and their number, float64 (number, 1) each. units: the unit of each gain."""
    return tuple(np.bincount(units, weights, number)[:, None] for weights in ([*gains.values()], np.ones(len(gains))))
