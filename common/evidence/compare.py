"""Each number that a paper reports beside the runs of one record, judged by the rules of `common.evidence.verdict`."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, mean, stdev

import numpy as np

from common.evidence import claims, learned, verdict
from common.evidence.claims import Finding
from common.evidence.counts import Rows
from common.evidence.definition import Definition
from common.evidence.metrics import value_of_each_image
from common.evidence.results import Compared, Record, Repeat
from common.evidence.run_values import by_repeat, by_split, is_on_published_splits, part_of, values
from common.evidence.statistics import (
    Expected,
    Interval,
    Prediction,
    expect,
    expect_from_folds,
    expect_on_same_splits,
    prediction,
)
from common.evidence.trivial import NOTHING
from common.evidence.verdict import Hint, Verdict
from common.paper import Paper
from common.reported import Reported, printed

# By the id of a number, then by predictor, what a predictor that has learned nothing scores over random splits.
Nothing = Mapping[str, Mapping[str, Prediction]]


@dataclass(frozen=True)
class Outlook:
    """What our runs let one expect of a number.

    fewest: how many repeats decide. more: what so many repeats would let one expect, if mean and spread stayed as they
    are; None where the runs at hand can't tell. step: further repeats come in so many at once."""

    expected: Expected
    fewest: int = verdict.RUNS
    more: Callable[[int], Expected] | None = None
    step: int = 1

    @property
    def further(self) -> range:
        """The numbers of repeats, up to the most that are counted, that there may be beyond those at hand."""
        return range((self.expected.n // self.step + 1) * self.step, verdict.MOST_REPEATS + 1, self.step)


@dataclass(frozen=True)
class Compare:
    """What is judged at once: one number, or a column of a fold table (folds, mean and standard deviation).

    shown: the least and the greatest value that it stands for; of a column, its mean over the folds."""

    cells: list[Reported]
    shown: Interval
    outlook: Outlook
    margin: float | None
    verdict: Verdict | None
    note: str

    @property
    def head(self) -> Reported:
        return head_of(self.cells)


def rows(paper: Paper, record: Record, nothing: Nothing | None = None, images: Rows | None = None) -> list[Compared]:
    """One row for each number that the paper reports of the network of this record: its own, or the baseline that the
    record's readings choose. A paper may print none of a baseline.

    nothing: scores of predictors that have learned nothing; without them, those of the record's own splits give the
        margin, and question b is not asked.
    images: the counts of the test images of one repeat; numbers of single images are shown beside them.
    Raises ValueError for a definition or a value that can't be read.
    """
    network, findings = paper.network_of(record.readings), claims.check(paper)
    cells = [cell for cell in paper.reported if paper.network_of(cell.readings) == network]
    judged = [_compare(paper, record, group, findings, nothing or {}) for group in _columns(cells)]
    asked = [each for each in judged if each.verdict is None and each.outlook.expected.n and not each.head.same_as]
    p_values = {id(each): _p_value(each, record.profile == "small") for each in asked}
    differs = dict(zip(p_values, verdict.differing([*p_values.values()]), strict=True))
    others = {id(each): [p for key, p in p_values.items() if key != id(each)] for each in judged}
    by_cell = {
        cell.id: _row(paper, record, cell, each, differs.get(id(each), False), others[id(each)], images)
        for each in judged
        for cell in each.cells
    }
    return [by_cell[cell.id] for cell in cells]


def _p_value(judged: Compare, small: bool) -> float:
    """1 for a number that cannot be called higher or lower, whatever its distance: it is practically the same, rests on
    too few repeats, or on small runs that vary too much for a hint. It still counts as one that was asked."""
    expected, margin = judged.outlook.expected, judged.margin
    found = expected.prediction
    callable_ = expected.n >= judged.outlook.fewest and found.low is not None
    if not callable_ or verdict.is_within(judged.shown, found, margin):
        return 1.0
    if small and verdict.varies_too_much(found, margin):
        return 1.0
    return expected.p_value(judged.shown)


def rows_without_runs(paper: Paper, cells: Iterable[Reported], nothing: Nothing) -> list[Compared]:
    """The rows of numbers whose network has no runs: what can be said of them before any run."""
    findings, judged = claims.check(paper), []
    for group in _columns(cells):
        head = head_of(group)
        scored = list(nothing.get(head.id, {}).values())
        answer, note = _before_runs(paper, head, group, findings, shown_of(group), scored)
        margin = verdict.margin_of(head.definition, scored)
        answer = answer or ("not run" if paper.data_named else "other data")
        judged += [_compared(paper, cell, Prediction(0), {}, margin, answer, note=note) for cell in group]
    return judged


def judged_together(paper: Paper) -> list[list[Reported]]:
    """All numbers that the paper reports: the cells of one column of a fold table together, every other one alone."""
    return _columns(paper.reported)


def _columns(cells: Iterable[Reported]) -> list[list[Reported]]:
    groups: dict[tuple, list[Reported]] = {}
    for cell in cells:
        groups.setdefault(column_of(cell) or (cell.id,), []).append(cell)
    return list(groups.values())


def column_of(cell: Reported) -> tuple[str, ...] | None:
    """The column of a fold table that a number is judged with; None for a number that is judged alone."""
    if cell.quoted or cell.image or (cell.fold is None and cell.statistic == "value"):
        return None
    return cell.table, cell.split, cell.name, cell.definition


def _compare(paper: Paper, record: Record, cells: list[Reported], findings: list[Finding], nothing: Nothing) -> Compare:
    head = head_of(cells)
    scored = list(nothing.get(head.id, {}).values())
    of_runs = [prediction(values(record, head.split, head.definition, who)) for who in NOTHING]
    outlook, shown = _expect(paper, record, cells), shown_of(cells)
    answer, note = _before_runs(paper, head, cells, findings, shown, scored)
    if answer == "quoted" and outlook.expected.n and learned.why_unlearned(_runs_behind(record, head), head.definition):
        note += "; the network did not learn here"
    elif not answer:
        answer, note = _without_verdict(paper, record, head)
    margin = verdict.margin_of(head.definition, scored or of_runs)
    return Compare(cells, shown, outlook, margin, answer, note)


def _expect(paper: Paper, record: Record, cells: list[Reported]) -> Outlook:
    """What our runs let one expect of these cells."""
    head = head_of(cells)
    if head.image or (head.quoted and not head.readings):
        return Outlook(Expected(0))
    part = part_of(paper, head.split)
    if is_count(head):  # of one fold, since a mean of counts is no count; its folds are no repeats and decide nothing
        repeats = by_repeat(record, part, head.definition).values()
        folds = [value for each in repeats for value in each]
        return Outlook(expect(folds), len(folds) + 1 if len(repeats) < verdict.RUNS else verdict.RUNS)
    if is_column(cells) and (found := expect_cross_validation(record, part, head.definition, _deviation(cells))):
        return found
    splits, published = by_split(paper, record, part, head.definition), is_on_published_splits(paper, record)
    if published and len(splits) == head.mean_of and all(len(each) > 1 for each in splits):
        return Outlook(expect_on_same_splits(splits), more=partial(expect_on_same_splits, splits), step=len(splits))
    means = list(map(mean, splits))  # repeats on one split share its images, so that they count as one
    told = means, head.mean_of, _number(head.deviation, head) if head.deviation else None
    can_tell = len(means) >= verdict.RUNS and not published  # further repeats are on the published splits again
    return Outlook(expect(*told), more=partial(expect, *told) if can_tell else None)


def expect_cross_validation(
    record: Record, part: str, definition: str, deviation: float | None = None
) -> Outlook | None:
    """What one or two cross-validations let one expect of another, from the spread of their folds; None for none and
    for more, whose means tell how far they vary. deviation: the one over the paper's folds."""
    repeats = list(by_repeat(record, part, definition).values())
    if not 0 < len(repeats) < verdict.RUNS or len(repeats[0]) < 2:
        return None
    ratio = _test_to_train(record)

    def more(number: int) -> Expected:
        if number < verdict.RUNS:
            return expect_from_folds(repeats, ratio, deviation, number)
        one = expect_from_folds(repeats, ratio, repeats=1)  # its error is that of ours and theirs, which vary alike
        return Expected(number, one.mean, one.error * math.sqrt((1 / number + 1) / 2), number - 1)

    return Outlook(expect_from_folds(repeats, ratio, deviation), 1, more)


def is_count(cell: Reported) -> bool:
    """Whether a number is one of a confusion matrix."""
    return Definition.parse(cell.definition).metric == "count"


def is_column(cells: list[Reported]) -> bool:
    return column_of(cells[0]) is not None and not is_count(cells[0])


def head_of(cells: Sequence[Reported]) -> Reported:
    """The number that stands for a column: its mean where the paper prints it."""
    return next((cell for cell in cells if cell.statistic == "mean"), cells[0])


def shown_of(cells: Sequence[Reported]) -> Interval:
    """The least and the greatest value that a number stands for; of a column without a mean, the mean of its folds."""
    head = head_of(cells)
    if head.statistic == "mean" or len(cells) == 1:
        return printed(head.value + head.unit)
    ends = [printed(cell.value + cell.unit) for cell in cells if cell.statistic == "value"]
    return fmean(low for low, _ in ends), fmean(high for _, high in ends)


def _deviation(cells: list[Reported]) -> float | None:
    """The standard deviation over the paper's folds: as printed, or of the folds that it prints."""
    as_printed = next((cell for cell in cells if cell.statistic == "deviation"), None)
    if as_printed:
        return _number(as_printed.value, as_printed)
    folds = [_number(cell.value, cell) for cell in cells if cell.fold is not None]
    return stdev(folds) if len(folds) > 1 else None


def _number(value: str, cell: Reported) -> float:
    return fmean(printed(value + cell.unit))


def _before_runs(
    paper: Paper, head: Reported, cells: list[Reported], findings: list[Finding], shown: Interval, nothing: list
) -> tuple[Verdict | None, str]:
    """The answers of questions a and b, which need no run, and a note."""
    if head.quoted:
        return "quoted", head.quoted
    if found := claims.impossible(findings).get(head.id):
        return "impossible", found.text
    ids = {cell.id for cell in cells} | _printed_again(paper, head)
    if found := next((each for each in findings if each.is_certain and ids & set(each.cells)), None):
        return "contradicted", found.text
    if paper.data_named and not head.image and verdict.says_nothing(shown, head.definition, nothing):
        return "says nothing", ""
    return None, ""


def _printed_again(paper: Paper, cell: Reported) -> set[str]:
    """The ids of the same number of the same quantity in the same place, such as a Dice beside an F1: a check names one
    of them."""
    what = ("split", "definition", "value", "unit", "table", "statistic", "fold", "image", "quoted", "readings")
    alike = {name: getattr(cell, name) for name in what}
    same = (each for each in paper.reported if all(getattr(each, name) == value for name, value in alike.items()))
    return {each.id for each in same}


def _without_verdict(paper: Paper, record: Record, cell: Reported) -> tuple[Verdict | None, str]:
    """Why question c cannot be asked of these runs, None where it can."""
    if not paper.data_named:
        return "other data", "the paper does not name its data"
    if not paper.is_own_data(record.dataset.name) or record.profile == "smoke":
        return "other data", ""
    if unlearned := learned.why_unlearned(_runs_behind(record, cell), cell.definition):
        return "did not learn", unlearned
    return ("not decided", "one image that the paper does not name") if cell.image else (None, "")


def _row(
    paper: Paper,
    record: Record,
    cell: Reported,
    judged: Compare,
    differs: bool,
    others: list[float],
    images: Rows | None,
) -> Compared:
    """differs: whether it is called so. others: the p-values of the numbers that were asked together with it."""
    outlook, note = judged.outlook, judged.note
    reproduced = outlook.expected.prediction
    if cell.image and images is not None:
        reproduced = _range_over_images(images, cell.definition)
    answer, hint, needed = judged.verdict, "", None
    question = judged.shown, outlook.expected, judged.margin, differs, outlook.fewest
    if record.profile == "small" and answer in ("did not learn", "not decided"):
        answer = "not run"
    elif answer is None and not outlook.expected.n:
        answer = "not run"  # or not scored under this definition
    elif answer is None:
        small = record.profile == "small"
        answer, hint = ("not run", verdict.hint_of(*question)) if small else (verdict.decide(*question), "")
        is_open = answer == "not decided" or (small and not hint)
        if is_open and outlook.more and judged.margin is not None:
            told = judged.shown, outlook.more, outlook.further, judged.margin, small, others
            needed = verdict.repeats_to_decide(*told)
    trivial = {who: prediction(values(record, cell.split, cell.definition, who)).mean for who in NOTHING}
    return _compared(paper, cell, reproduced, trivial, judged.margin, answer, hint, needed, note)


def _compared(
    paper: Paper,
    cell: Reported,
    reproduced: Prediction,
    trivial: dict[str, float | None],
    margin: float | None,
    answer: Verdict,
    hint: Hint = "",
    needed: int | None = None,
    note: str = "",
) -> Compared:
    about = cell.model_dump(include={"id", "split", "name", "value", "unit", "where", "definition"})
    return Compared(
        **about,
        part=part_of(paper, cell.split),
        reproduced=reproduced,
        trivial=trivial,
        margin=margin,
        verdict=answer,
        hint=hint,
        needed=needed,
        note=note,
    )


def _test_to_train(record: Record) -> float:
    """Test images of a fold over its training images."""
    return fmean(run.split["test"] / run.split["train"] for run in record.runs)


def _runs_behind(record: Record, cell: Reported) -> list[Repeat]:
    """The trainings that a cell is compared with. A single image is compared with those of the first repeat. A repeat
    with a failed fold has no mean and is left out."""
    failed = {(failure.seed, failure.repeat) for failure in record.failed}
    first = {record.runs[0].repeat} if cell.image and record.runs else {run.repeat for run in record.runs}
    return [run for run in record.runs if run.repeat in first and (run.seed, run.repeat) not in failed]


def is_of_repeats(cell: Reported) -> bool:
    """Whether a number is compared by itself with whole repeats: it is not in the column of a fold table, of one image,
    or quoted from elsewhere of a network that is not trained here."""
    elsewhere = cell.quoted and not cell.readings
    return not (elsewhere or cell.image or (column_of(cell) and cell.statistic != "mean"))


def _range_over_images(images: Rows, signature: str) -> Prediction:
    """The range of the middle 95 % of single images, without those where the metric is undefined."""
    values = value_of_each_image(images, [signature])[signature]
    values = values[np.isfinite(values)]
    if not len(values):
        return Prediction(n=0)
    low, high = np.percentile(values, [2.5, 97.5])
    return Prediction(n=len(values), mean=float(values.mean()), low=float(low), high=float(high))
