"""Places the marks of a number on its axis: the printed number, ours, and the best predictor that has learned
nothing."""

from dataclasses import dataclass
from math import floor, log10

from common.evidence.answers import Answer
from common.evidence.claims.relations import within_range
from common.evidence.definition import Definition, is_cost
from common.evidence.statistics import Interval, Prediction

# An axis of scores ends at 1. It begins at the greatest of these values that is not above any mark.
_BEGINNINGS = (0.9, 0.8, 0.5, 0.0)
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15)  # The ends of other axes are such a number times a power of ten.
_ROOM = 1.05  # An axis ends at least this factor above the greatest value.


@dataclass(frozen=True)
class Marks:
    """low, high: the ends of the axis. All else is in per cent of its length. printed: the printed number. mean, ours:
    the mean and the interval of our runs, None if there are none. nothing: the interval of the best predictor that has
    learned nothing, None if it is not known."""

    low: float
    high: float
    printed: float
    mean: float | None
    ours: Interval | None
    nothing: Interval | None


def marks_of(answer: Answer) -> Marks:
    """The marks of an answer: of its number, or of the number that stands for its column. A value beyond an end of the
    axis is placed at that end."""
    definition = Definition.parse(answer.head.definition)
    ours = within_range(answer.ours.row.reproduced, definition) if answer.ours else Prediction(0)
    nothing = answer.nothing[1] if answer.nothing else Prediction(0)
    shown = answer.head.middle
    known = [each for each in (ours.mean, ours.low, ours.high, nothing.low, nothing.high) if each is not None]
    low, high = axis_of(answer.head.definition, [shown, *known])

    def at(value: float) -> float:
        return round(min(max((value - low) / (high - low), 0.0), 1.0) * 100, 2)

    def span(found: Prediction) -> Interval | None:
        return None if found.low is None else (at(found.low), at(found.high))

    mean = None if ours.mean is None else at(ours.mean)
    return Marks(low, high, at(shown), mean, span(ours), span(nothing))


def axis_of(definition: str, values: list[float]) -> Interval:
    """The ends of the axis for values of a metric. The axis of a score ends at 1, which is perfect. The axis of a loss,
    a count or any metric with a value above 1.5 begins at 0, or lower if a value is negative."""
    metric = Definition.parse(definition).metric
    if is_cost(definition) or metric in ("count", "epochs", "area-ratio") or max(values) > 1.5:
        return 0.0 - _round_up(-min(values)), _round_up(max(values))  # never -0
    return next((each for each in _BEGINNINGS if each <= min(values)), 0.0), 1.0


def _round_up(value: float) -> float:
    """The next round number above a value; 0 if the value is not above 0."""
    if value <= 0:
        return 0.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in _STEPS if step * power >= value * _ROOM)
