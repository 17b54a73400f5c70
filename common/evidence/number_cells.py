"""A printed number in the cells of a table: as printed, ours beside it, what learns nothing, the verdict."""

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
from common.reported import Reported


def describe_printed(answer: Answer) -> str:
    """A number as the paper prints it; of a column also what it is of the folds: "98.08%, mean of 10 folds"."""
    head, folds = answer.head, sum(cell.fold is not None for cell in answer.cells)
    value = head.as_printed
    if len(answer.cells) == 1:
        return value
    return f"{value}, {head.statistic if head.statistic == 'mean' else f'fold {head.fold}'} of {folds} folds"


def describe_ours(answer: Answer, runs: Runs | None = None) -> str:
    """Mean, interval and repeats: "0.60 (0.55 to 0.65, 3 small repeats)"; of a single image, our images; of a cell of a
    confusion matrix, our folds; "-" for none. Of networks that did not learn there is no interval. runs: without these,
    those that stand beside the number."""
    runs = runs or answer.ours
    if runs is None or runs.row.reproduced.mean is None:
        return "-"
    interval = "" if is_unlearned(runs) else _interval(runs.row)
    about = [interval and f"{interval}{_of_a_mean(answer)}", *_behind(answer, runs)]
    return f"{like(runs.row, runs.row.reproduced.mean)} ({', '.join(filter(None, about))})"


def describe_width(answer: Answer, runs: Runs) -> str:
    """How far our runs vary, and how far they may for a hint: "0.68, give or take 0.07 (3 small repeats), and a hint
    needs 0.05". Where the interval is cut at an end of the metric's range, the interval as it is. For runs with an
    interval and a margin."""
    row, found = runs.row, runs.row.reproduced
    half, needed = say_widths(row, (found.high - found.low) / 2, row.margin)
    if within_range(found, Definition.parse(row.definition)) != found:
        return f"{describe_ours(answer, runs)}, and a hint needs {needed} to either side"
    behind = ", ".join(filter(None, _behind(answer, runs)))
    return f"{like(row, found.mean)}, give or take {half}{_of_a_mean(answer)} ({behind}), and a hint needs {needed}"


def is_unlearned(runs: Runs) -> bool:
    """Whether our value is of networks that did not learn, so that it says nothing about the paper."""
    return bool(learned.unusable(runs.row.definition, runs.assessed.record))


def describe_nothing(answer: Answer) -> str:
    """What the best predictor that has learned nothing scores on 95 % of random splits: "0.45 to 0.47"."""
    if answer.nothing is None:
        return "-"
    _, scored = answer.nothing
    low, high = (like(answer.head, end) for end in (scored.low, scored.high))
    return low if low == high else f"{low} to {high}"


def say_in_cells(cell: Reported, row: Compared, nothing: Iterable[Prediction]) -> tuple[str, str, str, str, str]:
    """A row of a small table: the number; as printed; ours with its interval; the best of what learns nothing; the
    verdict, or what small runs hint at. nothing: the scores of each such predictor; empty where only those on the
    splits of the runs are known."""
    scored = list(nothing) or [Prediction(1, mean) for mean in row.trivial.values()]
    best, mean = best_of(row.definition, scored), row.reproduced.mean
    two = row.reproduced.n == 2  # whose interval goes from end to end
    interval = "" if two or not _interval(row) else f" ({_interval(row)})"
    return (
        name_metric(cell),
        row.as_printed,
        "-" if mean is None else f"{like(row, mean)}{interval}",
        "-" if best is None else like(row, best.mean),
        f"hint: {row.hint}" if row.hint else row.verdict,
    )


def count_repeats(record: Record, number: int, kind: str = "") -> str:
    """Such as "3 small repeats", "1 cross-validation"."""
    return counted(number, f"{kind}{'cross-validation' if record.folds else 'repeat'}")


def _behind(answer: Answer, runs: Runs) -> list[str]:
    """What stands behind a value of ours: how many repeats, whether they did not learn, whether they are stale."""
    record, number = runs.assessed.record, runs.row.reproduced.n
    small = "small " if record.profile == "small" else ""
    repeats = count_repeats(record, number, small)
    if answer.head.image or is_count(answer.head):
        repeats = counted(number, f"{small}{'image' if answer.head.image else 'fold'}")
    return [repeats, DID_NOT_LEARN if is_unlearned(runs) else "", "" if runs.assessed.fresh else "stale"]


def _of_a_mean(answer: Answer) -> str:
    """What an interval is of where the paper prints the mean of several runs. Of a single run it would be wider."""
    return f" for a mean of {answer.head.mean_of} runs" if answer.head.mean_of > 1 else ""


def _interval(row: Compared) -> str:
    found = within_range(row.reproduced, Definition.parse(row.definition))
    return "" if found.low is None else f"{like(row, found.low)} to {like(row, found.high)}"
