"""Parts of sentences that several pages share: names and values of printed numbers, lists, and numbers of repeats."""

from collections.abc import Iterable

from common.evidence.definition import Definition
from common.evidence.verdict import MOST_REPEATS
from common.readings import as_shown
from common.reported import Reported


def like(cell: Reported, value: float, more: int = 0) -> str:
    """A value in the unit of a printed number and with as many decimals as that has.

    At least two decimals and at most four; of a percentage one or two; of a count one. more: how many further
    decimals."""
    if Definition.parse(cell.definition).metric in ("count", "epochs"):
        return f"{value:.{1 + more}f}"
    percent = "%" in cell.as_printed
    digits = len(cell.value.removesuffix("%").strip().partition(".")[2])
    digits = min(max(digits, 1), 2) if percent else min(max(digits, 2), 4)
    return f"{100 * value:.{digits + more}f}%" if percent else f"{value:.{digits + more}f}"


def say_widths(cell: Reported, *widths: float) -> list[str]:
    """Differences in the unit of a printed number: "0.0539", or "10 points" if it is a percentage.

    They have as many decimals as it takes to tell them apart, up to three more than the printed number."""
    for more in range(4):
        said = [like(cell, width, more) for width in widths]
        if len(set(said)) == len(said):
            break
    return [f"{float(each.removesuffix('%')):g} points" if "%" in each else each for each in said]


def name_number(cell: Reported) -> str:
    """Name and value, such as "test IoU 0.5667"; with readings if it is not of the paper's own network."""
    return f"{name_metric(cell)} {cell.as_printed}"


def name_metric(cell: Reported) -> str:
    """The name alone: "test IoU", "test IoU (network=cmunext)"."""
    split = "training" if cell.split == "train" else cell.split
    return " ".join([split, cell.name, *(f"({each})" for each in as_shown(cell.readings))])


def name_place(cell: Reported) -> str:
    """The first place that prints a number: "Table 1" if these are "Table 1, abstract"."""
    return cell.where.split(",")[0]


def name_spot(cell: Reported) -> str:
    """The first place that prints a number, and whose it is there: "Table V, fold 3", "Table IX, single image II",
    "Table X, UNet [21]" of a quoted one."""
    return ", ".join(filter(None, [name_place(cell), name_line(cell), cell.quoted]))


def name_line(cell: Reported) -> str:
    """What a number is of in its table: "standard deviation", "fold 3", "single image II"; "" for a number of all
    test images or the mean of all folds."""
    deviation = "standard deviation" if cell.statistic == "deviation" else ""
    fold = f"fold {cell.fold}" if cell.fold else ""
    return deviation or fold or (f"single image {cell.image}" if cell.image else "")


def listed(phrases: Iterable[str]) -> str:
    """ "a, b and c". Raises ValueError for no phrases."""
    *most, last = phrases
    return f"{', '.join(most)} and {last}" if most else last


def say_needed(needed: int, unit: str, purpose: str, would: str) -> str:
    """A sentence on the number of repeats that would decide: "It would take about 5 repeats to tell.".

    needed: as `verdict.repeats_to_decide` gives it. unit: what one would run more of (`run_values.name_repeats`).
    purpose, would: such as "to tell" and "tell"."""
    if needed == 0:
        return f"No number of {unit} would {would}: they vary too much."
    number = f"more than {MOST_REPEATS}" if needed > MOST_REPEATS else f"about {needed}"
    return f"It would take {number} {unit} {purpose}."
