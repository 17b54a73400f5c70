"""Two networks on the same test images: by how much one is better, in each repeat and over all repeats.

Within a repeat, both networks have the same training and test images. So each image is a pair, and what makes an image
hard for both cancels out. Over several repeats, the images can't be the sample: the test parts overlap, and all images
of a repeat share the two trained networks. So there the splits are the pairs (`corrected_t`). Repeats on the same split
count as one, with their mean. Each fold of a cross-validation is a split of its own (the corrected repeated k-fold
test, Bouckaert & Frank 2004, PAKDD: 3-12). So one cross-validation of each network can decide.
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

# We never advise to run more repeats than this.
MOST = 1000


@dataclass(frozen=True)
class OfImages:
    """How the values of single images spread, for a metric between 0 and 1.

    one, other: for each network, the standard deviation over images, as a share of the greatest standard deviation that
    the network's mean m allows: √(m·(1 - m)) (Bhatia & Davis 2000, American Mathematical Monthly 107: 353-357). The
    share is from 0 to 1. Unlike the standard deviation itself, it can be used for networks with another mean.
    correlation: of the two networks' values, from -1 to 1."""

    one: float
    other: float
    correlation: float


@dataclass(frozen=True)
class Pair:
    """Both networks in one repeat or fold.

    repeat, split, fold: their numbers, from 0; fold is None without a cross-validation.
    difference: the metric of the first network less that of the second.
    images: the number of test images; 0 if `low`, `high` and `of_images` are not known. That is so if the counts of the
        images are not kept, for a metric over batches, and for a single test image.
    low, high: the 95 % interval of the difference over samples of the test images (`paired_bootstrap`).
    of_images: how single images spread; None also for a metric that does not lie between 0 and 1, and if a network has
        the same value in every image."""

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
    """Two networks in all repeats that both have. pairs: in the order of repeats, then of folds. test_per_train: the
    number of test images for each training image."""

    pairs: tuple[Pair, ...]
    test_per_train: float

    @property
    def by_split(self) -> list[list[float]]:
        """The differences, grouped by split and fold: one for each repeat on it."""
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
        """The number of folds of a cross-validation; 0 without one."""
        return len({pair.fold for pair in self.pairs if pair.fold is not None})

    @property
    def repeats(self) -> int:
        """The number of repeats. A cross-validation is one repeat."""
        return len({pair.repeat for pair in self.pairs})

    @property
    def of_images(self) -> OfImages | None:
        """The mean of `Pair.of_images` over the pairs that have one; None if none has."""
        known = [pair.of_images for pair in self.pairs if pair.of_images]
        fields = ("one", "other", "correlation")
        return OfImages(*(mean(getattr(each, field) for each in known) for field in fields)) if known else None


def pair_up(paper: Paper, one: Record, other: Record, part: str, definition: str, results: Path | None) -> Paired:
    """Pairs of trainings, from each repeat in which both records have the metric, and in which no fold failed.

    one, other: records of the same conditions, splits and folds. part: a key of `Repeat.metrics`. definition: a
    signature. results: the folder with the counts behind the records, None if there is none. Only test images have
    counts there."""
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
    """The pair with what the counts of its test images tell; as it is if they tell nothing of single images."""
    if "|batch" in definition or len(one) < 2 or not np.array_equal(one.case, other.case):
        return pair
    found: PairedDifference = paired_bootstrap(one, other, [definition])[definition]
    single = np.array([value_of_each_image(definition, rows) for rows in (one, other)])
    single = single[:, np.isfinite(single).all(axis=0)]
    alike = _spread_of_images(single) if from_0_to_1(definition) else None
    return replace(pair, images=len(one), low=found.low, high=found.high, of_images=alike)


def _spread_of_images(values: np.ndarray) -> OfImages | None:
    """How single images spread. values: of both networks, float64 (2, images), from 0 to 1.

    None for fewer than two images, and if a network has the same value in every image."""
    if values.shape[1] < 2 or not values.std(axis=1).all():
        return None
    means = values.mean(axis=1)
    shares = values.std(axis=1) / np.sqrt(means * (1 - means))
    return OfImages(*map(float, shares), float(np.corrcoef(values)[0, 1]))


def say_pairs(paired: Paired, one: str, other: str) -> list[str]:
    """Two sentences on the difference: in each repeat or fold, with its interval over the test images; and over all
    repeats. one, other: the networks' names."""
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
    """How many repeats, with those at hand, it would take until the interval excludes 0, if mean and spread of the
    differences stay as they are. None if not even MOST are enough.

    differences: for each split, one for each repeat on it; at least two splits. test_per_train: as in `corrected_t`.
    fixed: whether further repeats are on the same splits again; else each draws a new split.

    More repeats do not always help. However many splits are drawn of one set of images, the interval of `corrected_t`
    does not shrink below ±1.96·s·√(n₂/n₁). On fixed splits, it does not shrink below the one that the spread over
    splits alone gives.

    Raises ValueError for fewer than two splits, and for fixed splits with one repeat each, because then the spread over
    splits can't be told from the spread over initial weights.
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
    """One sentence on how many repeats would tell which network is better (`repeats_to_tell`). fixed: as there."""
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
    # The repeats at hand do not tell, so it takes at least one more, or one more on each of the given splits.
    needed = max(-(-needed // each), have + (len(splits) if fixed else 1))
    number = f"{needed} cross-validations of each network" if paired.folds else f"{needed} {where}"
    return f"About {number} would tell, if mean and spread stay as in {f'these {have}' if have > 1 else 'this one'}."
