"""What the comparison of a printed number with the runs of one record found (`common.evidence.compare`)."""

from dataclasses import dataclass

from common.evidence.schema import Values
from common.evidence.statistics import Prediction
from common.evidence.verdict import Hint, Verdict
from common.reported import Reported


@dataclass(frozen=True)
class Compared:
    """One number that a paper prints, and what the runs of one record have in its place.

    cell: the number as printed.
    part: the key of `Repeat.metrics` that the number was compared with.
    reproduced: our value, with its interval.
    trivial: for each predictor that has learned nothing, the mean of its scores over the runs' splits.
    margin: two values of this metric count as practically the same if they differ by less than this. None if unknown.
    verdict: the answer to the first of the questions a to c that has one (RULES.md).
    hint: what small runs suggest, "" if nothing.
    needed: how many repeats, splits or cross-validations would decide the number, or would give a hint if the runs are
        small (`verdict.repeats_to_decide`). 0 if no number of them would. None if nobody can tell yet, or if the
        number is decided.
    undefined: in which of our runs the metric is undefined, such as "in 1 of 10 folds", if these runs therefore have no
        value; else "".
    note: why this verdict was found, and what the number was compared with if not with repeats; else "".
    """

    cell: Reported
    part: str
    reproduced: Prediction
    trivial: Values
    margin: float | None
    verdict: Verdict
    hint: Hint = ""
    needed: int | None = None
    undefined: str = ""
    note: str = ""

    @property
    def differs(self) -> bool:
        """Whether our runs, also small ones, say that the printed number is higher or lower."""
        return (self.hint or self.verdict) in ("paper higher", "paper lower")
