"""What a network says of whole images, from the rows' class and probability: one decision a case, at 0.5."""

import numpy as np

from common.evidence.counts import Rows
from common.evidence.cross_entropy import cross_entropy


def confusion(rows: Rows) -> dict[str, dict[str, int]]:
    """Numbers of cases by their class, then by the class that the network calls them: the positive one where its
    probability is above 0.5. The positive class comes first. {} for a network that does not classify.

    Raises ValueError for more than two classes.
    """
    if not rows.positive:
        return {}
    positive, *others = str(rows.positive), *sorted(set(rows.label.tolist()) - {str(rows.positive)})
    if len(others) > 1:
        raise ValueError(f"{positive} against several classes: {', '.join(others)}")
    called = np.where(rows.probability > 0.5, positive, others[0] if others else f"not {positive}")
    names = [positive, *(others or [f"not {positive}"])]
    return {a: {b: int(np.count_nonzero((rows.label == a) & (called == b))) for b in names} for a in names}


def score(metric: str, target: str, rows: Rows, clip: str | None = None) -> float:
    """accuracy or bce of all cases; precision, recall or dice (F1) of the class that target="class=NAME" names; count
    of the cases of one class that are called another, target="class=NAME>OTHER". NaN where it is undefined: precision
    of a class that is never called, recall of one that is not there. clip: of bce (`cross_entropy.CLIPS`).

    Raises ValueError for a network that does not classify and for a class that there is not.
    """
    part, whole = (counts.sum() for counts in terms(metric, target, rows, clip))
    if metric == "count":
        return float(part)  # a whole number, which the quotient may miss by a rounding
    return float(part / whole) if whole else np.nan


def terms(metric: str, target: str, rows: Rows, clip: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """What each case adds to the numerator and to the denominator of a score, float64 (n,) each. Raises as `score`."""
    table = confusion(rows)
    if not table:
        raise ValueError("the network that these rows are from does not classify")
    positive = rows.label == rows.positive
    called_positive = rows.probability > 0.5
    if metric == "bce":
        costs = cross_entropy(clip, rows.probability, rows.logit, positive.astype(np.float64))
        return costs, np.ones(len(rows))
    if metric == "accuracy":
        return (positive == called_positive).astype(np.float64), np.ones(len(rows))
    name, _, other = target.removeprefix("class=").partition(">")
    if (absent := f"not {rows.positive}") in table:  # no case of the second class is there to name it
        name, other = (each if each in ("", str(rows.positive)) else absent for each in (name, other))
    if name not in table or other not in {"", *table}:
        raise ValueError(f"the classes are {', '.join(table)}")
    there, called = (positive, called_positive) if name == rows.positive else (~positive, ~called_positive)
    if metric == "count":  # a sum, as the share of a whole that is 1
        of_other = called if other == name else ~called
        return (there & of_other).astype(np.float64), np.full(len(rows), 1 / len(rows))
    there, called = there.astype(np.float64), called.astype(np.float64)
    hits = there * called
    return {"precision": (hits, called), "recall": (hits, there), "dice": (2 * hits, there + called)}[metric]
