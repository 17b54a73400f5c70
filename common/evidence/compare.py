"""What a paper reports against what was reproduced: one row for each reported number, with a verdict."""

import re
from decimal import Decimal
from statistics import mean

from common.evidence.metrics import Definition
from common.evidence.results import Compared, Record, Verdict
from common.evidence.statistics import Prediction, prediction
from common.paper import Paper, Reported, as_text

# Predictors that have learned nothing, as they are called in `Run.trivial`.
NOTHING = BACKGROUND, PREVALENCE = "all background", "constant prevalence"

# The part of `Run.metrics` that holds what `fit` printed for the training images.
RUNNING = "train (running)"

# Repeats from which a value outside the interval counts as a finding, and from which one inside counts as agreement,
# provided that the interval is narrow enough to have been able to say no.
RUNS_TO_REFUTE = 3
RUNS_TO_AGREE = 5
WIDEST_HALF = 0.05

# How near to the all-background predictor a metric stays that no network moves.
UNMOVED = 1e-3


def rows(paper: Paper, record: Record) -> list[Compared]:
    """One row for each reported number that the network of this record is to answer for: the paper's own, or the
    baseline that its readings choose. Raises ValueError for a definition or a value that can't be read."""
    default = {key: as_text(reading.default) for key, reading in paper.readings.items()}
    chosen = default | record.readings
    networks = {key for baseline in paper.baselines for key in baseline}
    return [
        _row(paper, record, cell)
        for cell in paper.reported
        if all(as_text(cell.readings.get(key, default[key])) == chosen[key] for key in networks)
    ]


def compared(paper: Paper, record: Record) -> Record:
    """The record with its comparison filled in, as it is stored."""
    return record.model_copy(update={"reported": rows(paper, record)})


def _row(paper: Paper, record: Record, cell: Reported) -> Compared:
    part = cell.split
    if part == "train" and all(cell.definition in run.metrics.get(RUNNING, {}) for run in record.runs):
        part = RUNNING  # what `fit` prints is what a paper copies; few evaluate on train afterwards
    reproduced = prediction(values(record, part, cell.definition))
    nothing = {name: values(record, cell.split, cell.definition, name) for name in NOTHING}
    trivial = {name: prediction(runs).mean for name, runs in nothing.items()}
    verdict = judge(cell.value + cell.unit, reproduced)
    if record.dataset.name != paper.data or record.profile == "smoke":
        verdict = "not comparable"
    elif record.profile == "small" and reproduced.n >= RUNS_TO_REFUTE and not _unmoved(record, cell):
        verdict = "outside (small)" if _side(cell.value + cell.unit, reproduced) else "inside (small)"
    about = cell.model_dump(include={"id", "split", "name", "value", "unit", "where", "definition"})
    return Compared(**about, part=part, reproduced=reproduced, trivial=trivial, verdict=verdict)


def judge(value: str, reproduced: Prediction) -> Verdict:
    """The verdict on a printed value where data and profile are the paper's."""
    if reproduced.n >= RUNS_TO_REFUTE and (side := _side(value, reproduced)):
        return side
    narrow = reproduced.n >= RUNS_TO_AGREE and (reproduced.high - reproduced.low) / 2 <= WIDEST_HALF
    return "agrees" if narrow else "undecided"


def printed(value: str) -> tuple[float, float]:
    """The numbers that a printed one stands for: "0.95" for 0.945 to 0.955, "95.7 %" for 0.9565 to 0.9575."""
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?) ?(%?)", value)
    if not match:
        raise ValueError(f"'{value}' is not a number as printed, like 0.95 or 95.7 %")
    middle = Decimal(match[1])
    half = Decimal(5).scaleb(middle.as_tuple().exponent - 1)
    scale = 100 if match[2] else 1
    return float((middle - half) / scale), float((middle + half) / scale)


def _side(value: str, reproduced: Prediction) -> Verdict | None:
    """On which side of the interval the printed value lies, None if inside, which includes touching."""
    low, high = printed(value)
    return "paper higher" if low > reproduced.high else "paper lower" if high < reproduced.low else None


def _unmoved(record: Record, cell: Reported) -> bool:
    """Whether the metric is shown not to depend on the network: Keras' raw IoU of a network none of whose sigmoids
    saturates is that of an empty mask, at any size of the network. (Elsewhere the same value means that the network
    has learned nothing, which shows nothing about a larger one.)"""
    learned = values(record, cell.split, cell.definition)
    nothing = values(record, cell.split, cell.definition, BACKGROUND)
    raw = Definition.parse(cell.definition).decision == "keras-raw"
    return (
        raw
        and len(learned) == len(nothing)
        and all(abs(a - b) <= UNMOVED for a, b in zip(learned, nothing, strict=True))
    )


def values(record: Record, part: str, signature: str, predictor: str | None = None) -> list[float]:
    """One value for each repeat in which it is defined: of the network, or of a predictor that has learned nothing.
    The folds of a cross-validation are averaged, since what a paper prints is their mean: they are one repeat."""
    by_repeat: dict[int, list[float | None]] = {}
    for run in record.runs:
        table = run.trivial.get(part, {}).get(predictor, {}) if predictor else run.metrics.get(part, {})
        by_repeat.setdefault(run.repeat, []).append(table.get(signature))
    return [mean(folds) for folds in by_repeat.values() if None not in folds]
