"""Parts of sentences that several pages share: printed numbers by name and value, lists, and numbers of repeats."""

from collections.abc import Iterable

from common.evidence.compared import Compared
from common.evidence.definition import Definition
from common.evidence.verdict import MOST_REPEATS
from common.readings import as_shown
from common.reported import Reported


def like(cell: Reported | Compared, value: float, more: int = 0) -> str:
    """A value with as many digits as the printed number has, two to four, and in its unit; one digit of a count. more:
    how many further digits."""
    if Definition.parse(cell.definition).metric in ("count", "epochs"):
        return f"{value:.{1 + more}f}"
    percent = "%" in cell.as_printed
    digits = len(cell.value.removesuffix("%").strip().partition(".")[2])
    digits = min(max(digits, 1), 2) if percent else min(max(digits, 2), 4)
    return f"{100 * value:.{digits + more}f}%" if percent else f"{value:.{digits + more}f}"


def say_widths(cell: Reported | Compared, *widths: float) -> list[str]:
    """By how much numbers differ, in the unit of a printed number: "0.0539", or "10 points" of a percentage. Widths
    have as many digits as it takes to tell them apart."""
    for more in range(4):
        said = [like(cell, width, more) for width in widths]
        if len(set(said)) == len(said):
            break
    return [f"{float(each.removesuffix('%')):g} points" if "%" in each else each for each in said]


def name_number(cell: Reported) -> str:
    """Such as "test IoU 0.5667"; with its readings where it is not of the paper's own network."""
    return f"{name_metric(cell)} {cell.as_printed}"


def name_metric(cell: Reported) -> str:
    """The same without the value: "test IoU", "test IoU (network=cmunext)"."""
    split = "training" if cell.split == "train" else cell.split
    return " ".join([split, cell.name, *(f"({each})" for each in as_shown(cell.readings))])


def name_place(cell: Reported) -> str:
    """The first place that prints a number: "Table 1" of "Table 1, abstract"."""
    return cell.where.split(",")[0]


def listed(phrases: Iterable[str]) -> str:
    """a, b and c."""
    *most, last = phrases
    return f"{', '.join(most)} and {last}" if most else last


def say_needed(needed: int, unit: str, purpose: str, would: str) -> str:
    """A sentence on `verdict.repeats_to_decide`: "It would take about 5 repeats to tell.". unit: of what one would run
    more (`run_values.name_repeats`). purpose, would: such as "to tell" and "tell"."""
    if needed == 0:
        return f"No number of {unit} would {would}: they vary too much."
    number = f"more than {MOST_REPEATS}" if needed > MOST_REPEATS else f"about {needed}"
    return f"It would take {number} {unit} {purpose}."
