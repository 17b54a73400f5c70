"""How far a number varies over splits, and how far over initial weights ("luck").

A repeat draws its split and its initial weights. If several repeats share each split, the variance over splits can be
told from the variance over initial weights within a split, by a one-way analysis of variance with random effects. A
split is a class there (Searle, Casella & McCulloch 1992, Variance Components, section 3.3 for classes of one size, 3.6
for others). Such a design is a run with `--splits`, or one with more repeats than published splits.

"Luck" is all that the seed of a repeat decides except its split: initial weights, order of the batches, augmentation
and dropout. All splits are of one data set, and they overlap. So the spread over splits is about splits of this data
set. Over new patients, it is wider.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtri, fdtri  # scipy.stats has them too, but takes a second to import

from common.evidence import learned
from common.evidence.assess import Assessment
from common.evidence.run_values import by_split
from common.evidence.schema import Record
from common.paper import Paper


@dataclass(frozen=True)
class Component:
    """A standard deviation. low, high: its 95 % interval. freedom: the degrees of freedom of its mean square.

    Three splits give 2 degrees of freedom. Then the interval of the spread over splits ends above six times the
    estimate, and often begins at 0."""

    sd: float
    low: float
    high: float
    freedom: int


@dataclass(frozen=True)
class Spread:
    """How far one metric varies: over splits alone, and over initial weights within a split.

    mean: of the means of the splits. splits, repeats: how many the values are from. left_out: the number of further
    repeats, in which a network did not learn."""

    mean: float
    splits: int
    repeats: int
    over_splits: Component
    over_initialisations: Component
    left_out: int = 0

    @property
    def of_a_repeat(self) -> float:
        """The standard deviation of a repeat that has its own split and its own initial weights."""
        return math.hypot(self.over_splits.sd, self.over_initialisations.sd)


def analyse_variance(groups: Sequence[Sequence[float]]) -> Spread | None:
    """The spread over splits and the spread within splits.

    groups: one for each split, with one finite value for each repeat. None unless there are at least two splits, and at
    least one split has two repeats.

    Let there be k groups and N values, with mean squares MSA between the groups and MSE within them. The variance
    within splits is MSE. The variance over splits is (MSA - MSE) / n0, with n0 = (N - Σn²/N) / (k - 1), which is the
    size of the groups if they all have one size. If the difference is negative, the variance is 0. That happens by
    chance if splits matter little.

    The interval of the spread within splits is exact for normal values (χ² with N - k degrees of freedom). For the
    spread over splits, the lower end is that of Williams (1962, Biometrika 49: 278-281). The upper end is that of the
    variance of the means of the splits, which luck can only increase. So it is exact without luck, and else a little
    wide. For groups of several sizes, n0 takes the place of the size.
    """
    groups = [np.asarray(group, float) for group in groups if len(group)]
    k, sizes = len(groups), np.array([len(group) for group in groups])
    total = int(sizes.sum()) if k else 0
    between, within = k - 1, total - k
    if between < 1 or within < 1:
        return None
    means = np.array([group.mean() for group in groups])
    middle = float(sizes @ means / total)
    ss_between = float(sizes @ (means - middle) ** 2)
    ss_within = float(sum(((group - group.mean()) ** 2).sum() for group in groups))
    size = (total - float((sizes**2).sum()) / total) / between
    ms_between, ms_within = ss_between / between, ss_within / within
    # chdtri(df, p) is exceeded with probability p; fdtri(df1, df2, p) is not exceeded with probability p.
    upper, lower = float(chdtri(between, 0.025)), float(chdtri(between, 0.975))
    above = float(fdtri(between, within, 0.975))
    split = Component(
        _root((ms_between - ms_within) / size),
        _root((ss_between - between * ms_within * above) / (size * upper)),
        _root(ss_between / (size * lower)),
        between,
    )
    luck = Component(
        _root(ms_within),
        _root(ss_within / float(chdtri(within, 0.025))),
        _root(ss_within / float(chdtri(within, 0.975))),
        within,
    )
    return Spread(float(means.mean()), k, total, split, luck)


def _root(variance: float) -> float:
    """The standard deviation; 0 for a negative estimate of a variance."""
    return math.sqrt(max(0.0, variance))


def spread_of_record(paper: Paper, record: Record, part: str, definition: str) -> Spread | None:
    """The spread of one metric in one record. part: a key of `Repeat.metrics`. definition: a signature.

    None if no split has two repeats, or there is only one split. Repeats in which a network behind the metric did not
    learn are left out. A cross-validation is one repeat, with the mean of its folds (`run_values.values`)."""
    unlearned = {(run.seed, run.repeat) for run in record.runs if learned.why_unlearned([run], definition)}
    kept = [run for run in record.runs if (run.seed, run.repeat) not in unlearned]
    found = analyse_variance(by_split(paper, record.model_copy(update={"runs": kept}), part, definition))
    return found and replace(found, left_out=len(unlearned))


def find_spread(paper: Paper, record: Record, others: Iterable[Record], part: str, definition: str) -> Spread | None:
    """The spread of a metric of `record`: from this record, or from one that differs from it only in the reading
    `splits` (`repro run --splits`). None if no such design was run. others: all records of the paper."""
    alike = (each for each in others if (each.choices, each.conditions) == (record.choices, record.conditions))
    found = (spread_of_record(paper, each, part, definition) for each in (record, *alike))
    return next(filter(None, found), None)


def spread_lines(paper: Paper, record: Record, wanted: Iterable[tuple[str, str]]) -> list[list[str]]:
    """A table as text: a header, and a line for each part and definition that the record has a spread of.

    [] if it has none. wanted: pairs of part and definition."""
    lines = []
    for part, definition in dict.fromkeys(wanted):
        found = spread_of_record(paper, record, part, definition)
        if found:
            design = f"{found.splits} splits, {found.repeats} repeats"
            if found.left_out:
                design += f" ({found.left_out} more did not learn)"
            spreads = map(_shown, (found.over_splits, found.over_initialisations))
            lines.append([part, definition, f"{found.mean:.4f}", *spreads, design])
    header = ["part", "definition", "mean", "SD over splits", "SD over initial weights", "from"]
    return [header, *lines] if lines else []


def split_and_luck(assessed: Assessment) -> list[list[str]]:
    """The `spread_lines` of the paper's numbers that are compared with whole repeats; [] if repeats share no split."""
    wanted = [(row.part, row.cell.definition) for row in assessed.own_rows]
    return spread_lines(assessed.paper, assessed.record, wanted)


def _shown(component: Component) -> str:
    """Such as "0.0123 [0.0040, 0.0912], df 2"."""
    return f"{component.sd:.4f} [{component.low:.4f}, {component.high:.4f}], df {component.freedom}"
