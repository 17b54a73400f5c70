"""Each number that a paper reports beside what was reproduced, with a verdict."""

from statistics import mean, stdev

import numpy as np

from common.evidence import claims, learned
from common.evidence.claims import Finding
from common.evidence.counts import Rows
from common.evidence.definition import OF_TRAINING, Definition
from common.evidence.metrics import value_of_each_image
from common.evidence.results import RUNNING, Compared, Record, Repeat, Verdict
from common.evidence.statistics import Prediction, place, prediction
from common.evidence.trivial import BACKGROUND, NOTHING
from common.paper import Paper
from common.reported import Reported, printed

# A value outside the interval is a finding from so many repeats on. A value inside is agreement from so many on, and
# only if the half-width of the interval is at most WIDEST_HALF: a wider one could hardly have said no.
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

# No other reading and no further repeat would change these verdicts.
MOOT: tuple[Verdict, ...] = ("not comparable", "impossible", "quoted")

DID_NOT_LEARN: Verdict = "did not learn"

# With these verdicts the printed value is not compared with the runs.
UNSET: tuple[Verdict, ...] = (*MOOT, DID_NOT_LEARN)

# The note of a row where this is so.
UNNAMED = "the paper does not name its data"

# A metric of a network and that of the all-background predictor are the same where they differ by at most this.
UNMOVED = 1e-3


def rows(paper: Paper, record: Record, images: Rows | None = None) -> list[Compared]:
    """One row for each number that the paper reports of the network of this record: its own, or the baseline that the
    record's readings choose. A paper may print none of a baseline.

    images: the counts of the test images of one repeat; numbers of single images are compared with them.
    Raises ValueError for a definition or a value that can't be read.
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
    nothing = {name: _values_like(record, cell, cell.split, name) for name in NOTHING}
    trivial = {name: prediction(runs).mean for name, runs in nothing.items()}
    verdict = judge_number(cell.value + cell.unit, reproduced)
    is_small = record.profile == "small" and reproduced.n >= RUNS_TO_REFUTE
    if cell.quoted:
        verdict = "quoted"
        if reproduced.n and learned.why_unlearned(_runs_behind(record, cell), cell.definition):
            note += "; the network did not learn here"
    elif cell.id in claims.impossible(findings):
        verdict = "impossible"
    elif not paper.is_own_data(record.dataset.name) or record.profile == "smoke":
        verdict = "not comparable"
        note = "; ".join(filter(None, [note, "" if paper.data_named else UNNAMED]))
    elif unlearned := learned.why_unlearned(_runs_behind(record, cell), cell.definition):
        verdict, note = DID_NOT_LEARN, "; ".join(filter(None, [unlearned, note]))
    elif is_small and not is_of_empty_mask(record, cell.split, cell.definition):
        verdict = "outside (small)" if _side(cell.value + cell.unit, reproduced) else "inside (small)"
    about = cell.model_dump(include={"id", "split", "name", "value", "unit", "where", "definition"})
    notes = "; ".join(each for each in (note, _contradictions(cell, findings)) if each)
    return Compared(**about, part=part, reproduced=reproduced, trivial=trivial, verdict=verdict, note=notes)


def _reproduced(record: Record, cell: Reported, part: str, images: Rows | None) -> tuple[Prediction, str]:
    """What the runs predict for a cell, and a note where the prediction is not made from one value of each repeat."""
    if cell.quoted and not cell.readings:
        return Prediction(n=0), cell.quoted
    if cell.image:
        if images is None:
            return Prediction(n=0), "one image that is not named; no counts of single images here"
        found = _range_over_images(images, cell.definition)
        return found, f"one image that is not named, against 95 % of {found.n} test images"
    found = prediction(_values_like(record, cell, part))
    if is_of_a_fold(cell):
        return found, f"one fold, against {found.n} folds" if found.n else "one fold; no such number in this record"
    return found, "standard deviation over the folds" if cell.statistic == "deviation" else cell.quoted


def _values_like(record: Record, cell: Reported, part: str, predictor: str | None = None) -> list[float]:
    """Our values of the kind that a cell is: of single folds, standard deviations over folds, or of whole repeats."""
    if is_of_a_fold(cell):
        return [value for folds in by_repeat(record, part, cell.definition, predictor).values() for value in folds]
    if cell.statistic == "deviation":
        repeats = by_repeat(record, part, cell.definition, predictor).values()
        return [stdev(folds) for folds in repeats if len(folds) > 1]
    return values(record, part, cell.definition, predictor)


def _runs_behind(record: Record, cell: Reported) -> list[Repeat]:
    """The trainings that a cell is compared with. A single image is compared with those of the first repeat. A repeat
    with a failed fold has no mean and is left out."""
    failed = {(failure.seed, failure.repeat) for failure in record.failed}
    first = {record.runs[0].repeat} if cell.image and record.runs else {run.repeat for run in record.runs}
    return [run for run in record.runs if run.repeat in first and (run.seed, run.repeat) not in failed]


def is_of_repeats(cell: Reported) -> bool:
    """Whether a number is compared with whole repeats: it is not of one fold, of one image, a deviation over the folds,
    or quoted from elsewhere of a network that is not trained here."""
    elsewhere = cell.quoted and not cell.readings
    return not (elsewhere or cell.image or cell.statistic == "deviation" or is_of_a_fold(cell))


def is_of_a_fold(cell: Reported) -> bool:
    """Whether a number is compared with single trainings: it is of a fold that the paper names, or it counts cases, and
    a mean of counts is no count."""
    return cell.fold is not None or Definition.parse(cell.definition).metric == "count"


def _range_over_images(images: Rows, signature: str) -> Prediction:
    """The range of the middle 95 % of single images, without those where the metric is undefined."""
    values = value_of_each_image(images, [signature])[signature]
    values = values[np.isfinite(values)]
    if not len(values):
        return Prediction(n=0)
    low, high = np.percentile(values, [2.5, 97.5])
    return Prediction(n=len(values), mean=float(values.mean()), low=float(low), high=float(high))


def _contradictions(cell: Reported, findings: list[Finding]) -> str:
    """A note with the checks of the paper's own numbers that a cell fails together with others, of those checks that
    assume nothing further."""
    plain = (each for each in findings if not (each.assumed or each.premise or each.chance))
    names = dict.fromkeys(each.relation for each in plain if cell.id in each.cells)
    return f"repro claims: {', '.join(names)}" if names else ""


def judge_number(value: str, reproduced: Prediction) -> Verdict:
    """The verdict on a printed value, such as "98.1%", where data and profile are the paper's."""
    if reproduced.n >= RUNS_TO_REFUTE and (side := _side(value, reproduced)):
        return side
    narrow = reproduced.n >= RUNS_TO_AGREE and (reproduced.high - reproduced.low) / 2 <= WIDEST_HALF
    return "agrees" if narrow else "undecided"


def _side(value: str, reproduced: Prediction) -> Verdict | None:
    """The verdict on a printed value that lies outside the interval; None for one inside."""
    where = place(printed(value), (reproduced.low, reproduced.high))
    return {"above": "paper higher", "below": "paper lower", "inside": None}[where]


def is_of_empty_mask(record: Record, split: str, definition: str) -> bool:
    """Whether the definition is Keras' raw IoU and has in every repeat the value of an empty mask. A network has that
    value at any size if no sigmoid is exactly 1. Under other definitions that value means that the network learned
    nothing. A number that rests on a network that did not learn has its verdict before this is asked.
    """
    network, nothing = (values(record, split, definition, predictor) for predictor in (None, BACKGROUND))
    if Definition.parse(definition).decision != "keras-raw" or not 0 < len(network) == len(nothing):
        return False
    return all(abs(a - b) <= UNMOVED for a, b in zip(network, nothing, strict=True))


def part_of(paper: Paper, split: str) -> str:
    """The part of `Repeat.metrics` that the paper's numbers of a split are compared with. For training images, that
    depends on how the paper measured them (`common.reported.TrainingPass`)."""
    return RUNNING if split == "train" and paper.training_pass.value == "running" else split


def values(record: Record, part: str, signature: str, predictor: str | None = None) -> list[float]:
    """One value of a metric for each repeat in which it is defined: of the network, or of a predictor that has learned
    nothing. A cross-validation counts as one repeat with the mean of its folds, since that is what papers print."""
    return [mean(folds) for folds in by_repeat(record, part, signature, predictor).values()]


def by_repeat(
    record: Record, part: str, signature: str, predictor: str | None = None
) -> dict[tuple[int, int], list[float]]:
    """By seed and number of the repeat: its values, one for each of its folds. A repeat in which a value is undefined,
    or a fold failed, is left out."""
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
