"""Finds what no run can leave in a record: values such as an IoU above 1, and gaps where trainings were cut out.

Somebody may have edited the file."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from common.evidence.definition import Definition, possible_range
from common.evidence.schema import Failure, Record, Repeat, spoken_name, trial_name

_ROUNDING = 1e-6  # sums of float32 may pass the end of a range by this much

# Every record names such a file for each training.
_COUNTS = re.compile(r"rows-([\d-]+)-test\.npz")


def impossible(record: Record) -> Iterator[str]:
    """A line for each of these faults:

    - a value lies outside the range of its metric;
    - the best epoch comes after the last epoch;
    - a training is missing (`_missing`).

    Raises ValueError for a signature that is no definition of a metric."""
    for run in record.runs:
        training = spoken_name(run)
        if run.best_epoch > run.epochs:
            yield f"{training}: its best epoch is {run.best_epoch}, of {run.epochs}"
        for part, values in run.metrics.items():
            yield from _out_of_range(f"{training}, {part}", values)
        for part, of_part in run.trivial.items():
            for predictor, values in of_part.items():
                yield from _out_of_range(f"{training}, {part}, {predictor}", values)
    yield from _missing(record)


def _missing(record: Record) -> Iterator[str]:
    """A line for each sign that a training is missing. A failed training is not missing.

    - The repeats, or the folds of a repeat, are not numbered 0, 1, 2, ...
    - The folds of a repeat do not test every image, though none of them failed.
    - The record has the checksum of a training's counts, but not the training."""
    repeats: dict[int, list[Repeat | Failure]] = {}
    for each in (*record.runs, *record.failed):
        repeats.setdefault(each.repeat, []).append(each)
    if gap := _first_gap(repeats):
        yield f"repeat {gap} is missing"
    for repeat, trained in repeats.items():
        folds = [each.fold for each in trained if each.fold is not None]
        if gap := _first_gap(folds):
            yield f"repeat {repeat + 1} fold {gap} is missing"
        elif folds and all(isinstance(each, Repeat) for each in trained):
            tested, images = sum(each.split.get("test", 0) for each in trained), sum(trained[0].split.values())
            if tested != images:
                yield f"repeat {repeat + 1} has {len(folds)} folds that test {tested} of its {images} images"
    known = {trial_name(run) for run in record.runs}
    for name in record.counts:
        if (counted := _COUNTS.fullmatch(name)) and counted[1] not in known:
            yield f"the training is missing that {name} is of"
            break  # a whole cross-validation may be missing


def _first_gap(numbers: Collection[int]) -> int | None:
    """The first number that is missing, counted from 1. None if the numbers are 0, 1, 2, ... without a gap."""
    return next((i + 1 for i, number in enumerate(sorted(numbers)) if i != number), None)


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
