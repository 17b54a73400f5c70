"""A printed number in the cells of a table: as printed, ours beside it, what a guess scores, the verdict."""

from collections.abc import Iterable

from common.evidence import learned
from common.evidence.answers import Answer, Runs
from common.evidence.claims.relations import within_range
from common.evidence.columns import is_count
from common.evidence.compared import Compared
from common.evidence.definition import Definition
from common.evidence.phrases import like, name_metric, say_widths
from common.evidence.schema import Record
from common.evidence.statistics import Prediction
from common.evidence.verdict import DID_NOT_LEARN, best_of
from common.plural import counted


def describe_printed(answer: Answer) -> str:
    """A number as the paper prints it: "0.5667"; for a column, with its place among the folds: "98.08%, mean of 10
    folds"."""
    head, folds = answer.head, sum(cell.fold is not None for cell in answer.cells)
    value = head.as_printed
    if len(answer.cells) == 1:
        return value
    return f"{value}, {head.statistic if head.statistic == 'mean' else f'fold {head.fold}'} of {folds} folds"


def describe_ours(answer: Answer, runs: Runs | None = None) -> str:
    """Our mean, its interval and the number of repeats: "0.60 (0.55 to 0.65, 3 small repeats)".

    For a number of a single image, our images are counted instead of repeats; for a cell of a confusion matrix, our
    folds. If the network did not learn, there is no interval. Without a mean: "undefined in 1 of 10 folds" if that is
    why, else "-". runs: by default those that stand beside the number (`Answer.ours`)."""
    runs = runs or answer.ours
    if runs is None or not runs.has_measured:
        return "-"
    if runs.row.undefined:
        about = ["small" if runs.assessed.record.profile == "small" else "", *_doubts(runs)]
        in_brackets = f" ({', '.join(filter(None, about))})" if any(about) else ""
        return f"undefined {runs.row.undefined}{in_brackets}"
    interval = "" if is_unlearned(runs) else _interval(runs.row)
    about = [interval and f"{interval}{_of_a_mean(answer)}", *_behind(answer, runs)]
    return f"{like(runs.row.cell, runs.row.reproduced.mean)} ({', '.join(filter(None, about))})"


def describe_width(answer: Answer, runs: Runs) -> str:
    """How far our runs vary, and how far they may vary for a hint. The runs have an interval and a margin.

    Such as "0.68, give or take 0.07 (3 small repeats); a hint needs at most 0.05". If the interval is cut at an end of
    the metric's range, it is given in place of "give or take"."""
    cell, found = runs.row.cell, runs.row.reproduced
    half, margin = say_widths(cell, (found.high - found.low) / 2, runs.row.margin)
    needed = f"a hint needs at most {margin}"
    if within_range(found, Definition.parse(cell.definition)) != found:
        return f"{describe_ours(answer, runs)}; {needed} to either side"
    behind = ", ".join(filter(None, _behind(answer, runs)))
    return f"{like(cell, found.mean)}, give or take {half}{_of_a_mean(answer)} ({behind}); {needed}"


def is_unlearned(runs: Runs) -> bool:
    """Whether a network behind our value did not learn, so that the value says nothing about the paper."""
    return bool(learned.unusable(runs.row.cell.definition, runs.assessed.record))


def describe_nothing(answer: Answer) -> str:
    """What the best predictor that has learned nothing scores on 95 % of random splits: "0.45 to 0.47"; "-" if that is
    not known."""
    if answer.nothing is None:
        return "-"
    _, scored = answer.nothing
    low, high = (like(answer.head, end) for end in (scored.low, scored.high))
    return low if low == high else f"{low} to {high}"


def say_in_cells(row: Compared, nothing: Iterable[Prediction]) -> tuple[str, str, str, str, str]:
    """A row of a small table: the name of the number; its value as printed; ours with its interval; the score of the
    best predictor that has learned nothing; the verdict, or what small runs hint at.

    nothing: the scores of these predictors over random splits. If it is empty, their scores on the splits of the runs
    are used."""
    scored = list(nothing) or [Prediction(1, mean) for mean in row.trivial.values()]
    cell, mean, best = row.cell, row.reproduced.mean, best_of(row.cell.definition, scored)
    two = row.reproduced.n == 2  # the interval of two repeats is so wide that it says nothing
    interval = "" if two or not _interval(row) else f" ({_interval(row)})"
    return (
        name_metric(cell),
        cell.as_printed,
        "-" if mean is None else f"{like(cell, mean)}{interval}",
        "-" if best is None else like(cell, best.mean),
        f"hint: {row.hint}" if row.hint else row.verdict,
    )


def count_repeats(record: Record, number: int) -> str:
    """The number of repeats, such as "3 repeats" or "1 cross-validation"."""
    return counted(number, _repeat_of(record))


def _repeat_of(record: Record) -> str:
    return "cross-validation" if record.folds else "repeat"


def _behind(answer: Answer, runs: Runs) -> list[str]:
    """What a value of ours is from: "3 small repeats", "10 folds" or "78 images", then as `_doubts`."""
    record = runs.assessed.record
    unit = "image" if answer.head.image else "fold" if is_count(answer.head) else _repeat_of(record)
    small = "small " if record.profile == "small" else ""
    return [counted(runs.row.reproduced.n, f"{small}{unit}"), *_doubts(runs)]


def _doubts(runs: Runs) -> list[str]:
    """ "did not learn" and "stale", or "" for each of these that does not apply."""
    return [DID_NOT_LEARN if is_unlearned(runs) else "", "" if runs.assessed.fresh else "stale"]


def _of_a_mean(answer: Answer) -> str:
    """ " for a mean of 3 runs" if the paper prints such a mean, else "". For a single run, the interval is wider."""
    return f" for a mean of {answer.head.mean_of} runs" if answer.head.mean_of > 1 else ""


def _interval(row: Compared) -> str:
    found = within_range(row.reproduced, Definition.parse(row.cell.definition))
    return "" if found.low is None else f"{like(row.cell, found.low)} to {like(row.cell, found.high)}"
