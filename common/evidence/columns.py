"""Which printed numbers are judged together: a column of a fold table is one, every other number stands alone."""

from collections.abc import Iterable, Sequence
from statistics import fmean

from common.evidence.definition import Definition
from common.evidence.statistics import Interval
from common.paper import Paper
from common.reported import Reported


def judged_together(cells: Iterable[Reported]) -> list[list[Reported]]:
    """The cells of one column of a fold table together, every other one alone."""
    groups: dict[tuple, list[Reported]] = {}
    for cell in cells:
        groups.setdefault(column_of(cell) or (cell.id,), []).append(cell)
    return list(groups.values())


def column_of(cell: Reported) -> tuple[str, ...] | None:
    """The column of a fold table that a number is judged with; None for a number that is judged alone."""
    if cell.quoted or cell.image or (cell.fold is None and cell.statistic == "value"):
        return None
    return cell.table, cell.split, cell.name, cell.definition


def is_count(cell: Reported) -> bool:
    """Whether a number is one of a confusion matrix."""
    return Definition.parse(cell.definition).metric == "count"


def is_column(cells: list[Reported]) -> bool:
    return column_of(cells[0]) is not None and not is_count(cells[0])


def head_of(cells: Sequence[Reported]) -> Reported:
    """The number that stands for a column: its mean where the paper prints it."""
    return next((cell for cell in cells if cell.statistic == "mean"), cells[0])


def interval_of(cells: Sequence[Reported]) -> Interval:
    """The least and the greatest value that a number stands for; of a column without a mean, the mean of its folds."""
    head = head_of(cells)
    if head.statistic == "mean" or len(cells) == 1:
        return head.interval
    ends = [cell.interval for cell in cells if cell.statistic == "value"]
    return fmean(low for low, _ in ends), fmean(high for _, high in ends)


def printed_again(paper: Paper, cell: Reported) -> set[str]:
    """The ids of the same number of the same quantity in the same place, such as the sensitivity of one class beside
    the specificity of the other: a check names one of them."""
    what = ("split", "definition", "value", "unit", "table", "statistic", "fold", "image", "quoted", "smoothed")
    alike = {name: getattr(cell, name) for name in (*what, "readings")}
    same = (each for each in paper.reported if all(getattr(each, name) == value for name, value in alike.items()))
    return {each.id for each in same}


def is_of_repeats(cell: Reported) -> bool:
    """Whether a number is compared by itself with whole repeats: it is not in the column of a fold table, of one image,
    or quoted from elsewhere of a network that is not trained here."""
    elsewhere = cell.quoted and not cell.readings
    return not (elsewhere or cell.image or (column_of(cell) and cell.statistic != "mean"))
