"""What a paper reports against what was reproduced: one row for each reported number, with a verdict."""

from statistics import mean, stdev

import numpy as np

from common.evidence import claims, learned
from common.evidence.claims import Finding
from common.evidence.counts import Rows
from common.evidence.definition import OF_TRAINING, Definition
from common.evidence.results import RUNNING, Compared, Record, Repeat, Verdict
from common.evidence.statistics import Prediction, of_each, place, prediction
from common.evidence.trivial import BACKGROUND, NOTHING
from common.paper import Paper
from common.reported import Reported, printed

# Repeats from which a value outside the interval counts as a finding, and from which one inside counts as agreement,
# provided that the interval is narrow enough to have been able to say no.
RUNS_TO_REFUTE = 3
RUNS_TO_AGREE = 5
WIDEST_HALF = 0.05

MEANINGS: dict[Verdict, str] = {
    "agrees": f"inside the interval, which comes from at least {RUNS_TO_AGREE} repeats and is at most ±{WIDEST_HALF} "
    "wide; with the note on an empty mask: inside what any network scores of which no output is exactly 1",
    "paper higher": f"above the interval, which comes from at least {RUNS_TO_REFUTE} repeats",
    "paper lower": f"below the interval, which comes from at least {RUNS_TO_REFUTE} repeats",
    "undecided": "too few repeats, or an interval too wide to say no",
    "inside (small)": "inside, for a smaller network on smaller images: a hint, not a verdict",
    "outside (small)": "outside, for a smaller network on smaller images: a hint, not a verdict",
    "other definition": "outside, but one other definition contains all numbers of the kind; numbers drawn at random "
    "would be contained so in less than 1 of 20 cases",
    "did not learn": "in at least one run the network that it rests on did not learn, or its statistics of batch "
    "normalisation lag behind: it says nothing about the paper",
    "not comparable": "other data than the paper's, data that the paper does not name, or a run made only to see that "
    "everything works",
    "impossible": "not a value that its own definition can have",
    "quoted": "the paper quotes it from elsewhere",
}

# Verdicts that no reading of the paper and no repeat of a run would change.
MOOT: tuple[Verdict, ...] = ("not comparable", "impossible", "quoted")

DID_NOT_LEARN: Verdict = "did not learn"

# Verdicts by which a printed value is not set against the runs.
UNSET: tuple[Verdict, ...] = (*MOOT, DID_NOT_LEARN)

# What a row says of a paper that does not name its data.
UNNAMED = "the paper does not name its data"

# How near to the all-background predictor a metric stays that no network moves.
UNMOVED = 1e-3


def rows(paper: Paper, record: Record, images: Rows | None = None) -> list[Compared]:
    """One row for each reported number that the network of this record is to answer for: the paper's own, or the
    baseline that its readings choose, of which a paper may print none. Raises ValueError for a definition or a value
    that can't be read.

    images: the counts of the test images of one repeat, which numbers of single images are compared with.
    """
    network, findings = paper.network_of(record.readings), claims.check(paper)
    return [
        _row(paper, record, cell, images, findings)
        for cell in paper.reported
        if paper.network_of(cell.readings) == network
    ]


def _row(paper: Paper, record: Record, cell: Reported, images: Rows | None, findings: list[Finding]) -> Compared:
    part = part_of(paper, cell.split)
    reproduced, note = _reproduced(record, cell, part, images)
    nothing = {name: _of_statistic(record, cell, cell.split, name) for name in NOTHING}
    trivial = {name: prediction(runs).mean for name, runs in nothing.items()}
    verdict = judge(cell.value + cell.unit, reproduced)
    if cell.quoted:
        verdict = "quoted"
    elif cell.id in claims.impossible(findings):
        verdict = "impossible"
    elif not paper.is_own_data(record.dataset.name) or record.profile == "smoke":
        verdict = "not comparable"
        note = "; ".join(filter(None, [note, "" if paper.data_named else UNNAMED]))
    elif unlearned := learned.why_not(_runs_of(record, cell), cell.definition):
        verdict, note = DID_NOT_LEARN, "; ".join(filter(None, [unlearned, note]))
    elif (
        record.profile == "small"
        and reproduced.n >= RUNS_TO_REFUTE
        and not unmoved(record, cell.split, cell.definition)
    ):
        verdict = "outside (small)" if _side(cell.value + cell.unit, reproduced) else "inside (small)"
    about = cell.model_dump(include={"id", "split", "name", "value", "unit", "where", "definition"})
    notes = "; ".join(each for each in (note, _contradictions(cell, findings)) if each)
    return Compared(**about, part=part, reproduced=reproduced, trivial=trivial, verdict=verdict, note=notes)


def _reproduced(record: Record, cell: Reported, part: str, images: Rows | None) -> tuple[Prediction, str]:
    """What the runs say of a cell, and with what it is compared where that is not one value a repeat."""
    if cell.quoted:
        return Prediction(n=0), cell.quoted
    if cell.image:
        if images is None:
            return Prediction(n=0), "one image that is not named; no counts of single images here"
        found = _of_images(images, cell.definition)
        return found, f"one image that is not named, against 95 % of {found.n} test images"
    found = prediction(_of_statistic(record, cell, part))
    if is_of_a_fold(cell):
        return found, f"one fold, against {found.n} folds" if found.n else "one fold; no such number in this record"
    return found, "standard deviation over the folds" if cell.statistic == "deviation" else ""


def _of_statistic(record: Record, cell: Reported, part: str, predictor: str | None = None) -> list[float]:
    """The values that a cell is one more of: of folds where it is of one, else of whole repeats."""
    if is_of_a_fold(cell):
        return [value for folds in by_repeat(record, part, cell.definition, predictor).values() for value in folds]
    if cell.statistic == "deviation":
        repeats = by_repeat(record, part, cell.definition, predictor).values()
        return [stdev(folds) for folds in repeats if len(folds) > 1]
    return values(record, part, cell.definition, predictor)


def _runs_of(record: Record, cell: Reported) -> list[Repeat]:
    """Those that a cell is compared with: single images are of the first repeat, and a repeat of which a fold failed
    has no mean."""
    failed = {(failure.seed, failure.repeat) for failure in record.failed}
    first = {record.runs[0].repeat} if cell.image and record.runs else {run.repeat for run in record.runs}
    return [run for run in record.runs if run.repeat in first and (run.seed, run.repeat) not in failed]


def is_of_repeats(cell: Reported) -> bool:
    """Whether whole repeats answer it: not of one fold, of one image, over the folds, or quoted from elsewhere."""
    return not (cell.quoted or cell.image or cell.statistic == "deviation" or is_of_a_fold(cell))


def is_of_a_fold(cell: Reported) -> bool:
    """Whether it is of one training: of a fold that the paper names, or counts of cases, of which there is no mean."""
    return cell.fold is not None or Definition.parse(cell.definition).metric == "count"


def _of_images(images: Rows, signature: str) -> Prediction:
    """The range of the middle 95 % of single images, those left out where the metric is undefined."""
    values = of_each(images, [signature])[signature]
    values = values[np.isfinite(values)]
    if not len(values):
        return Prediction(n=0)
    low, high = np.percentile(values, [2.5, 97.5])
    return Prediction(n=len(values), mean=float(values.mean()), low=float(low), high=float(high))


def _contradictions(cell: Reported, findings: list[Finding]) -> str:
    """Which checks of the paper's own numbers it fails together with others, whatever else is taken to be so."""
    plain = (each for each in findings if not (each.assumed or each.premise or each.chance))
    names = dict.fromkeys(each.relation for each in plain if cell.id in each.cells)
    return f"repro claims: {', '.join(names)}" if names else ""


def judge(value: str, reproduced: Prediction) -> Verdict:
    """The verdict on a printed value where data and profile are the paper's."""
    if reproduced.n >= RUNS_TO_REFUTE and (side := _side(value, reproduced)):
        return side
    narrow = reproduced.n >= RUNS_TO_AGREE and (reproduced.high - reproduced.low) / 2 <= WIDEST_HALF
    return "agrees" if narrow else "undecided"


def _side(value: str, reproduced: Prediction) -> Verdict | None:
    """On which side of the interval the printed value lies, None if inside."""
    where = place(printed(value), (reproduced.low, reproduced.high))
    return {"above": "paper higher", "below": "paper lower", "inside": None}[where]


def unmoved(record: Record, split: str, definition: str) -> bool:
    """Whether the metric is shown not to depend on the network: Keras' raw IoU of a network none of whose sigmoids
    saturates is that of an empty mask, at any size of the network. (Elsewhere the same value means that the network
    has learned nothing, which shows nothing about a larger one. Nor does it here, where the network did not learn:
    one that has may saturate. Such a number has its verdict before this is asked.)"""
    learned = values(record, split, definition)
    nothing = values(record, split, definition, BACKGROUND)
    raw = Definition.parse(definition).decision == "keras-raw"
    return (
        raw
        and 0 < len(learned) == len(nothing)
        and all(abs(a - b) <= UNMOVED for a, b in zip(learned, nothing, strict=True))
    )


def part_of(paper: Paper, split: str) -> str:
    """The part of `Repeat.metrics` that answers the paper's numbers of a split: of the training images the pass that
    its record says it measured them by (`common.reported.TrainingPass`)."""
    return RUNNING if split == "train" and paper.training_pass.value == "running" else split


def values(record: Record, part: str, signature: str, predictor: str | None = None) -> list[float]:
    """One value for each repeat in which it is defined: of the network, or of a predictor that has learned nothing.
    The folds of a cross-validation are averaged, since what a paper prints is their mean: they are one repeat."""
    return [mean(folds) for folds in by_repeat(record, part, signature, predictor).values()]


def by_repeat(
    record: Record, part: str, signature: str, predictor: str | None = None
) -> dict[tuple[int, int], list[float]]:
    """By seed and number of the repeat its values, one for each of its folds; a repeat where one is undefined or failed
    is left out."""
    failed = {(failure.seed, failure.repeat) for failure in record.failed}
    found: dict[tuple[int, int], list[float | None]] = {}
    for run in record.runs:
        found.setdefault((run.seed, run.repeat), []).append(value_of_run(run, part, signature, predictor))
    return {repeat: folds for repeat, folds in found.items() if None not in folds and repeat not in failed}


def value_of_run(run: Repeat, part: str, signature: str, predictor: str | None = None) -> float | None:
    """One value of one training, None where it is undefined or was not taken."""
    if signature == OF_TRAINING:
        return None if predictor else run.epochs
    table = run.trivial.get(part, {}).get(predictor, {}) if predictor else run.metrics.get(part, {})
    return table.get(signature)
