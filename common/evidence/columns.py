"""Which printed numbers are judged together. All numbers in a column of a fold table are; every other number is judged
alone."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from common.evidence.definition import Definition
from common.evidence.statistics import Interval
from common.paper import Paper
from common.reported import Reported


def judged_together(cells: Iterable[Reported]) -> list[list[Reported]]:
    """Groups of cells: one for each column of a fold table, and one for each other cell."""
    groups: dict[tuple, list[Reported]] = {}
    for cell in cells:
        groups.setdefault(column_of(cell) or (cell.id,), []).append(cell)
    return list(groups.values())


def column_of(cell: Reported) -> tuple[str, ...] | None:
    """A key that all numbers of one column of a fold table share; None for a number that is judged alone."""
    if cell.quoted or cell.image or (cell.fold is None and cell.statistic == "value"):
        return None
    return cell.table, cell.split, cell.name, cell.definition


def is_count(cell: Reported) -> bool:
    """Whether a number is a count in a confusion matrix."""
    return Definition.parse(cell.definition).metric == "count"


def is_column(cells: list[Reported]) -> bool:
    return column_of(cells[0]) is not None and not is_count(cells[0])


def head_of(cells: Sequence[Reported]) -> Reported:
    """The number that stands for a column: its mean if the paper prints it, else the first."""
    return next((cell for cell in cells if cell.statistic == "mean"), cells[0])


def interval_of(cells: Sequence[Reported]) -> Interval:
    """The least and the greatest value that the head of a column may be rounded from. If a column prints no mean, these
    are of the mean of its folds."""
    head = head_of(cells)
    if head.statistic == "mean" or len(cells) == 1:
        return head.interval
    ends = [cell.interval for cell in cells if cell.statistic == "value"]
    return fmean(low for low, _ in ends), fmean(high for _, high in ends)


def printed_again(paper: Paper, cell: Reported) -> set[str]:
    """The ids of all numbers that print the same value of the same quantity in the same table, the cell's own too.

    For example, the sensitivity of one class is the specificity of the other. A check names only one of them."""
    what = ("split", "definition", "value", "unit", "table", "statistic", "fold", "image", "quoted", "smoothed")
    alike = {name: getattr(cell, name) for name in (*what, "readings")}
    same = (each for each in paper.reported if all(getattr(each, name) == value for name, value in alike.items()))
    return {each.id for each in same}


def is_compared(cell: Reported) -> bool:
    """Whether a number is compared with our runs. It is not if it is of a single image, or quoted and of a network that
    is not trained here."""
    return not (cell.image or (cell.quoted and not cell.readings))


def is_of_repeats(cell: Reported) -> bool:
    """Whether a number is compared by itself with whole repeats.

    It is not if it is not compared (`is_compared`), of a single fold, or the standard deviation of a fold table. The
    mean of a fold table is compared with whole repeats."""
    return is_compared(cell) and (column_of(cell) is None or cell.statistic == "mean")
