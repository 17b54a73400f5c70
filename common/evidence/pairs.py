"""Two networks on the same test images: by how much one is better, repeat by repeat, and over all of them.

Within a repeat both networks have the same training and test images. So the images are pairs, and what makes an image
hard for both cancels out. Over several repeats the images are no sample of their own: the test parts overlap, and all
images of a repeat share the two trained networks. There the splits are the pairs (`corrected_t`); repeats on the same
split count as one, with their mean. Each fold of a cross-validation is a split of its own (Bouckaert & Frank 2004,
PAKDD: 3-12, the corrected repeated k-fold test), so that one cross-validation of each network can decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from scipy.special import stdtrit

from common.evidence import spread
from common.evidence.claims.relations import from_0_to_1
from common.evidence.counts import Rows
from common.evidence.kept_counts import rows_of
from common.evidence.mean_differences import MeanDifference, corrected_t
from common.evidence.metrics import value_of_each_image
from common.evidence.run_values import by_repeat, split_of_each_repeat, split_ratio, value_of_run
from common.evidence.schema import Record
from common.evidence.statistics import PairedDifference, paired_bootstrap
from common.paper import Paper
from common.plural import counted

# So many repeats are the most that anybody is advised to run.
MOST = 1000


@dataclass(frozen=True)
class OfImages:
    """How the values of single images spread, of a metric between 0 and 1.

    one, other: the standard deviation over images of each network, as a share of the greatest that its mean m allows,
    √(m·(1 - m)) (Bhatia & Davis 2000, American Mathematical Monthly 107: 353-357): from 0 to 1. So it can be carried
    over to a mean that leaves more or less room. correlation: of the two networks' values, from -1 to 1."""

    one: float
    other: float
    correlation: float


@dataclass(frozen=True)
class Pair:
    """Both networks in one repeat or fold. difference: the metric of one less that of the other.

    split, fold: their numbers, from 0; fold is None without a cross-validation. images: number of test images, 0 where
    their counts are not kept; then `low` and `high`, the 95 % interval of the difference over samples of the test
    images (`paired_bootstrap`), and `of_images` are None. They are None too for a metric over batches, which are no
    images, for a single test image, and `of_images` for a metric with another scale than from 0 to 1."""

    repeat: int
    split: int
    difference: float
    fold: int | None = None
    images: int = 0
    low: float | None = None
    high: float | None = None
    of_images: OfImages | None = None


@dataclass(frozen=True)
class Paired:
    """pairs: by repeat, then by fold. test_per_train: test images for each training image."""

    pairs: tuple[Pair, ...]
    test_per_train: float

    @property
    def by_split(self) -> list[list[float]]:
        """The differences on each split, or on each fold of one."""
        groups: dict[tuple[int, int | None], list[float]] = {}
        for pair in self.pairs:
            groups.setdefault((pair.split, pair.fold), []).append(pair.difference)
        return list(groups.values())

    @property
    def over_splits(self) -> MeanDifference:
        """The mean of the differences of the splits, with its interval."""
        return corrected_t([mean(each) for each in self.by_split], self.test_per_train)

    @property
    def folds(self) -> int:
        """Of a cross-validation; 0 without one."""
        return len({pair.fold for pair in self.pairs if pair.fold is not None})

    @property
    def repeats(self) -> int:
        """A cross-validation is one repeat."""
        return len({pair.repeat for pair in self.pairs})

    @property
    def of_images(self) -> OfImages | None:
        """The means over the repeats."""
        known = [pair.of_images for pair in self.pairs if pair.of_images]
        fields = ("one", "other", "correlation")
        return OfImages(*(mean(getattr(each, field) for each in known) for field in fields)) if known else None


def pair_up(paper: Paper, one: Record, other: Record, part: str, definition: str, results: Path | None) -> Paired:
    """Every training of a repeat that both records have whole. They are of the same conditions, splits and folds. part:
    a key of `Repeat.metrics`. definition: a signature. results: the folder with the counts behind the records, which
    are of the test part."""
    whole = [by_repeat(record, part, definition).keys() for record in (one, other)]
    split_of = split_of_each_repeat(paper, one)
    others = {(run.seed, run.repeat, run.fold): run for run in other.runs}
    pairs = []
    for run in one.runs:
        key = run.seed, run.repeat
        if not all(key in repeats for repeats in whole):
            continue
        both = [(one, run), (other, others[*key, run.fold])]
        first, second = (value_of_run(each, part, definition) for _, each in both)
        pair = Pair(run.repeat, split_of[key][1], first - second, run.fold)
        rows = [rows_of(results, *each, "test") for each in both] if results and part == "test" else []
        pairs.append(_with_images(pair, definition, *rows) if rows and None not in rows else pair)
    return Paired(tuple(pairs), split_ratio(one))


def _with_images(pair: Pair, definition: str, one: Rows, other: Rows) -> Pair:
    if "|batch" in definition or len(one) < 2 or not np.array_equal(one.case, other.case):
        return pair
    found: PairedDifference = paired_bootstrap(one, other, [definition])[definition]
    single = np.array([value_of_each_image(rows, [definition])[definition] for rows in (one, other)])
    single = single[:, np.isfinite(single).all(axis=0)]
    alike = _spread_of_images(single) if from_0_to_1(definition) else None
    return replace(pair, images=len(one), low=found.low, high=found.high, of_images=alike)


def _spread_of_images(values: np.ndarray) -> OfImages | None:
    """values: float64 (2, images), from 0 to 1. None where a network has the same value in every image."""
    if values.shape[1] < 2 or not values.std(axis=1).all():
        return None
    means = values.mean(axis=1)
    shares = values.std(axis=1) / np.sqrt(means * (1 - means))
    return OfImages(*map(float, shares), float(np.corrcoef(values)[0, 1]))


def say_pairs(paired: Paired, one: str, other: str) -> list[str]:
    """Two sentences: the difference in each repeat or fold, with its interval over the test images, and over all of
    them. one, other: the networks' names."""
    repeats = [
        f"{pair.difference:+.4f}{_interval(pair.low, pair.high)} on the "
        f"{f'{pair.images} ' if pair.images else ''}test images of "
        + (f"split {pair.split + 1}" if pair.fold is None else f"fold {pair.fold + 1}")
        for pair in paired.pairs
    ]
    over, splits = paired.over_splits, len(paired.by_split)
    told = f"{over.mean:+.4f}{_interval(over.low, over.high)}"
    how = f"of {len(paired.pairs)} repeats on {splits} splits, which share images"
    if splits == 1:
        how = f"of {counted(len(paired.pairs), 'repeat')} on 1 split"
    if paired.folds:
        whole = counted(paired.repeats, "cross-validation")
        how = f"of the {paired.folds} folds of {whole}, which share training images"
    return [f"{one} less {other}: {'; '.join(repeats)}.", f"Over all: {told}, {how}."]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f" [{low:+.4f}, {high:+.4f}]"


# How many more would tell


def repeats_to_tell(differences: Sequence[Sequence[float]], test_per_train: float, fixed: bool) -> int | None:
    """How many repeats, those at hand included, would have an interval without 0, if mean and spread of the differences
    stay as they are. None if not even MOST would.

    differences: by split, those of its repeats; at least two splits. test_per_train: as in `corrected_t`. fixed:
    whether the splits are given, so that further repeats are on the same ones; else each draws a new one.

    The interval of `corrected_t` does not shrink below ±1.96·s·√(n₂/n₁), however many splits are drawn of one set of
    images; and with given splits not below what the spread over splits alone leaves. Raises ValueError for fewer than
    two splits, and for given splits with one repeat each, where luck can't be told from split.
    """
    if len(differences) < 2:
        raise ValueError("the spread of one split is not known")
    means = [mean(each) for each in differences]
    middle = abs(mean(means))
    found = spread.analyse_variance(differences)
    if fixed and found is None:
        raise ValueError("luck can't be told from split: each split has one repeat")

    def decides(splits: int, variance: float) -> bool:
        half = stdtrit(splits - 1, 0.975) * np.sqrt(variance * (1 / splits + test_per_train))
        return bool(middle > half)

    if fixed:
        split, luck = found.over_splits.sd**2, found.over_initialisations.sd**2
        each = (times for times in range(1, MOST // len(means) + 1) if decides(len(means), split + luck / times))
        times = next(each, None)
        return None if times is None else times * len(means)
    variance = found.of_a_repeat**2 if found else stdev(means) ** 2
    return next((splits for splits in range(2, MOST + 1) if decides(splits, variance)), None)


def say_what_would_tell(paired: Paired, fixed: bool) -> str:
    """One sentence on `repeats_to_tell`. fixed: as there."""
    splits, have = paired.by_split, paired.repeats
    if len(splits) < 2:
        return f"How many repeats would tell can't be said from {counted(have, 'repeat')} on 1 split."
    try:
        needed = repeats_to_tell(splits, paired.test_per_train, fixed)
    except ValueError:
        return f"Whether more repeats on these {len(splits)} splits would tell can't be said before each has two."
    where = f"repeats on these {len(splits)} splits" if fixed else "repeats with a split each"
    each = paired.folds or 1  # pairs in a repeat
    if needed is None:
        why = "their own spread is too wide" if fixed else "they share their images, and more images are needed"
        most = f"{MOST // each} cross-validations" if paired.folds else f"{MOST} {where}"
        return f"Not even {most} would tell: {why}."
    needed = max(-(-needed // each), have + (len(splits) if fixed else 1))  # those at hand do not tell
    number = f"{needed} cross-validations of each network" if paired.folds else f"{needed} {where}"
    return f"About {number} would tell, if mean and spread stay as in {f'these {have}' if have > 1 else 'this one'}."
