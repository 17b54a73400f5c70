"""Small parts of sentences: a value as a paper would print it, and lists."""

from collections.abc import Iterable

from common.evidence.definition import Definition
from common.evidence.results import Compared
from common.reported import Reported


def like(cell: Reported | Compared, value: float) -> str:
    """A value with as many digits as the printed number has, two to four, and in its unit; one digit of a count."""
    if Definition.parse(cell.definition).metric in ("count", "epochs"):
        return f"{value:.1f}"
    percent = "%" in cell.value + cell.unit
    digits = len(cell.value.removesuffix("%").strip().partition(".")[2])
    return f"{100 * value:.{min(max(digits, 1), 2)}f}%" if percent else f"{value:.{min(max(digits, 2), 4)}f}"


def listed(phrases: Iterable[str]) -> str:
    """a, b and c."""
    *most, last = phrases
    return f"{', '.join(most)} and {last}" if most else last
