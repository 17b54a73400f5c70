"""Finds values in a record that no training can produce, such as an IoU above 1. Somebody may have edited the file."""

import math
from collections.abc import Iterator, Mapping
from functools import cache

from common.evidence.definition import Definition, possible_range
from common.evidence.schema import Record, spoken_name

_ROUNDING = 1e-6  # sums of float32 may pass the end of a range by this much


def impossible(record: Record) -> Iterator[str]:
    """A line for each of these faults:

    - a value lies outside the range of its metric;
    - the best epoch comes after the last epoch;
    - the folds of a cross-validation are not numbered 0, 1, 2, ..., each once, though no fold of this repeat failed.

    Raises ValueError for a signature that is no definition of a metric."""
    folds: dict[tuple[int, int], list[int]] = {}
    for run in record.runs:
        training = spoken_name(run)
        if run.best_epoch > run.epochs:
            yield f"{training}: its best epoch is {run.best_epoch}, of {run.epochs}"
        if run.fold is not None:
            folds.setdefault((run.seed, run.repeat), []).append(run.fold)
        for part, values in run.metrics.items():
            yield from _out_of_range(f"{training}, {part}", values)
        for part, of_part in run.trivial.items():
            for predictor, values in of_part.items():
                yield from _out_of_range(f"{training}, {part}, {predictor}", values)
    for (_, repeat), trained in folds.items():
        if not any(failure.repeat == repeat for failure in record.failed) and sorted(trained) != [*range(len(trained))]:
            yield f"repeat {repeat + 1} has the folds {', '.join(str(fold + 1) for fold in sorted(trained))}"


def _out_of_range(where: str, values: Mapping[str, float | None]) -> Iterator[str]:
    for signature, value in values.items():
        least, most = _range(signature)
        if value is not None and not least - _ROUNDING <= value <= most + _ROUNDING:
            between = f"at least {least:g}" if most == math.inf else f"between {least:g} and {most:g}"
            yield f"{where}: {signature} is {value:g}, and it can only be {between}"


@cache
def _range(signature: str) -> tuple[float, float]:
    definition = Definition.parse(signature)
    least, most = possible_range(definition)
    # The bound of a clipped cross-entropy holds for one kind of cases. A loss may add the cross-entropies of two kinds.
    return least, math.inf if definition.metric.startswith("bce") else most
