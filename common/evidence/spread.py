"""How much of a number is split and how much is luck.

A repeat draws its split and its initial weights. Where several repeats share each split, the variance over splits can
be told from the variance over initial weights within a split: by a one-way analysis of variance with random effects,
in which a split is a class (Searle, Casella & McCulloch 1992, Variance Components, section 3.3 for classes of one size,
3.6 for others). Such a design is a run with `--splits`, or with published splits and more repeats than these.

"Luck" is all that the seed of a repeat decides but its split: initial weights, order of the batches, augmentation and
dropout. The images of the splits come from one data set and overlap, so the spread over splits is that of splits of
this data set and not of new patients, over whom it is wider.
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
    """A standard deviation. low, high: its 95 % interval. freedom: the degrees of freedom of the mean square that it
    comes from. Three splits give 2: then the interval of the spread over splits reaches to more than six times the
    estimate, and often from 0."""

    sd: float
    low: float
    high: float
    freedom: int


@dataclass(frozen=True)
class Spread:
    """The standard deviations of one number of a repeat: over splits alone, and over initial weights within a split.

    mean: over the splits, each counted once. splits, repeats: how many of them the numbers are from. left_out: further
    repeats, with a network that did not learn."""

    mean: float
    splits: int
    repeats: int
    over_splits: Component
    over_initialisations: Component
    left_out: int = 0

    @property
    def of_a_repeat(self) -> float:
        """The standard deviation of a repeat with a split and initial weights of its own."""
        return math.hypot(self.over_splits.sd, self.over_initialisations.sd)


def analyse_variance(groups: Sequence[Sequence[float]]) -> Spread | None:
    """The two spreads of values in groups, one group for each split, with one value for each repeat. None unless there
    are two splits and one of them has two repeats. Values are finite.

    With mean squares MSA between k groups and MSE within them, of N values in all: the variance within is MSE, and that
    between is (MSA - MSE) / n0, with n0 = (N - Σn²/N) / (k - 1), the size of the groups where they have one size. It is
    0 where the difference is negative, which happens by chance if splits matter little.

    The interval of the first is exact for normal values (χ² with N - k degrees of freedom). The lower end of the second
    is of Williams (1962, Biometrika 49: 278-281). Its upper end is that of the variance of the means of the splits,
    which luck makes no smaller: exact for no luck, else a little wide. n0 is the size of groups of several sizes there.
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
    # chdtri and fdtri: the value that is exceeded, or not reached, with the given probability.
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
    return math.sqrt(max(0.0, variance))


def spread_of_record(paper: Paper, record: Record, part: str, definition: str) -> Spread | None:
    """The spreads of one metric in one record. part: a key of `Repeat.metrics`; definition: a signature.

    None where no split has two repeats or there is one split only. Repeats with a network that did not learn are left
    out. The folds of a cross-validation are one repeat with their mean (`run_values.values`)."""
    unlearned = {(run.seed, run.repeat) for run in record.runs if learned.why_unlearned([run], definition)}
    kept = [run for run in record.runs if (run.seed, run.repeat) not in unlearned]
    found = analyse_variance(by_split(paper, record.model_copy(update={"runs": kept}), part, definition))
    return found and replace(found, left_out=len(unlearned))


def find_spread(paper: Paper, record: Record, others: Iterable[Record], part: str, definition: str) -> Spread | None:
    """The spreads that belong to a number of `record`: its own, or those of a record that differs from it in `splits`
    alone (`repro run --splits`). None where no such design was run. others: all records of the paper.

    `over_splits.sd` and `over_initialisations.sd` of the answer are the two standard deviations of one repeat."""
    alike = (each for each in others if (each.choices, each.conditions) == (record.choices, record.conditions))
    found = (spread_of_record(paper, each, part, definition) for each in (record, *alike))
    return next(filter(None, found), None)


def spread_lines(paper: Paper, record: Record, wanted: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The lines of a table: a header, and one line for each part and definition that the record has spreads of. []
    where it has none. wanted: pairs of part and definition."""
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
    """The same of the numbers that whole repeats answer; [] where the repeats of a record do not share splits."""
    wanted = [(row.part, row.definition) for row in assessed.own_rows]
    return spread_lines(assessed.paper, assessed.record, wanted)


def _shown(component: Component) -> str:
    """0.0123 [0.0040, 0.0912], df 2"""
    return f"{component.sd:.4f} [{component.low:.4f}, {component.high:.4f}], df {component.freedom}"
