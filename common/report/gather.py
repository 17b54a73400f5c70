"""What `results/` says of each paper: everything that the pages tell and `common.evidence` computes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from common import papers
from common.errors import BadInput
from common.evidence import boxes, claims, effects, folds, leakage, learned, worded
from common.evidence.answers import Answer, answers
from common.evidence.assess import Assessment, assess_paper
from common.evidence.columns import is_count
from common.evidence.counts import Rows
from common.evidence.definition import Definition
from common.evidence.kept_counts import masks_of_test, rows_of
from common.evidence.mean_differences import MeanDifference
from common.evidence.run_values import values
from common.evidence.schema import Record
from common.evidence.statistics import Prediction, prediction
from common.evidence.trivial import NOTHING, prevalence
from common.paper import PROFILES, Paper


@dataclass(frozen=True)
class Study:
    """A paper and what was made of it.

    found: one answer for each printed number, a column of a fold table being one. assessed: what is shown in full
    (`assess.shown_in_full`), on the paper's own data before others, with its own readings before others, at its own
    size before others, in that order of weight. contradiction: a sentence on the paper's own numbers, "" where they
    agree with each other. regions: what its accuracies and IoUs leave for the tumour's share of the pixels. moved: what
    single readings do, in the order of assessed. in_words: what it claims without a number, tested."""

    paper: Paper
    found: list[Answer]
    assessed: list[Assessment]
    findings: list[claims.Finding]
    contradiction: str
    regions: list[claims.Region]
    moved: list[effects.OneAtATime] = field(default_factory=list)
    in_words: list[worded.Tested] = field(default_factory=list)


def studies(results: Path, names: Iterable[str]) -> list[Study]:
    """Each of these papers. Raises BadInput where none of them has a result."""
    found = [_study(papers.load(name), results) for name in names]
    if not any(study.assessed for study in found):
        raise BadInput(f"No results in {results} yet. `repro run PAPER` makes them.")
    return found


def _study(paper: Paper, results: Path) -> Study:
    def order(each: Assessment) -> tuple[bool, int, int]:
        record = each.record
        return record.dataset.name != paper.data, len(departures(paper, record)), PROFILES.index(record.profile)

    assessed = sorted(assess_paper(paper, results), key=order)
    regions, moved = claims.regions(paper, prevalence(paper)), effects.effects_in_paper(assessed)
    shown = [each for each in assessed if each.in_full]
    tested = worded.check_worded(paper, assessed)
    return Study(
        paper, answers(paper, assessed), shown, claims.check(paper), claims.summary(paper), regions, moved, tested
    )


def departures(paper: Paper, record: Record) -> dict[str, str]:
    """The readings of a record that are not the paper's default and do not choose a network that it sets beside its
    own."""
    network = paper.network_of(record.readings)
    return {key: value for key, value in record.readings.items() if key not in network}


@dataclass(frozen=True)
class Scored:
    """One metric under one definition: of the network on each part, and on the test images of those that have learned
    nothing, by predictor."""

    signature: str
    parts: dict[str, Prediction]
    nothing: dict[str, Prediction]


def definitions(record: Record) -> list[Scored]:
    """Every definition that the runs were scored with."""
    return [
        Scored(
            signature,
            {part: prediction(values(record, part, signature)) for part in record.runs[0].split},
            {who: prediction(values(record, "test", signature, who)) for who in NOTHING},
        )
        for signature in record.runs[0].metrics["test"]
    ]


@dataclass(frozen=True)
class Leak:
    """A definition on the test images under the random split and with copies kept apart: the record, whether today's
    recipe and protocol made both, what its repeats and those of the leak-free one score, and the difference."""

    record: Record
    fresh: bool
    signature: str
    random: Prediction
    grouped: Prediction
    difference: MeanDifference


def leaks(study: Study) -> list[Leak]:
    """The definitions of the paper's own test numbers, where the same was run under both kinds of split."""
    return [
        Leak(
            each.record,
            each.fresh,
            signature,
            *(prediction(values(record, "test", signature)) for record in (each.record, each.leak_free)),
            leakage.leak(each.record, each.leak_free, "test", signature),
        )
        for each in study.assessed
        if each.leak_free
        for signature in dict.fromkeys(row.definition for row in each.rows if row.part == "test" and row.id in each.own)
    ]


def say_older(study: Study) -> str:
    """Why `leaks` has nothing where grouped runs are there, else ""."""
    return " ".join(dict.fromkeys(each.older for each in study.assessed if each.older))


def confusion_matrices(record: Record) -> dict[str, dict[str, dict[str, int]]]:
    """By name of the fold or repeat, then "all" for their sum: images by class, then by what they are called."""
    found = {folds.fold_name(run): run.confusion["test"] for run in record.runs if "test" in run.confusion}
    if len(found) < 2:
        return found
    one = next(iter(found.values()))
    total = {a: {b: sum(table[a][b] for table in found.values()) for b in one} for a in one}
    return found | {"all": total}


def printed_matrices(paper: Paper) -> dict[str, dict[str, dict[str, int]]]:
    """The confusion matrices that a paper prints, by table and laid out as ours."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for cell in paper.reported:
        if is_count(cell) and not cell.quoted:
            actual, called = Definition.parse(cell.definition).target.removeprefix("class=").split(">")
            table = f"Table {cell.table}" if cell.table else cell.where
            found.setdefault(table, {}).setdefault(actual, {})[called] = int(cell.value)
    return found


@dataclass(frozen=True)
class Tested:
    """The test images of a record's first repeat; only of its first fold where no fold learned to segment, because
    hundreds of images with nothing marked show no more.

    of: which of both, in words. rows: their counts. scores: by column of `folds.images`, for each image, as text.
    marked: what the network marks, bool (H, W) each. trained: for each image, the ids of those that its network was
    trained on."""

    of: str
    rows: Rows
    scores: dict[str, list[str]]
    marked: list[np.ndarray]
    trained: list[frozenset[str]]

    def boxes(self, image: int) -> list[boxes.Box]:
        mask = self.marked[image]
        return boxes.boxes(mask, boxes.LEAST_SHARE * mask.size)


def tested(results: Path, assessed: Assessment) -> Tested | None:
    """None where the counts or the masks of the record are not kept, or do not belong to it."""
    record, rows, runs, of = assessed.record, assessed.images, assessed.record.first_repeat, "the first repeat"
    if rows is None:
        return None
    if len(runs) > 1 and all(learned.signs_of(run).get("segmentation") for run in runs):
        runs, of = runs[:1], "the first fold (no fold learned to segment)"
        rows = rows_of(results, record, runs[0], "test")
    marked: list[np.ndarray] = []
    trained: list[frozenset[str]] = []
    for run in runs:
        found, train = masks_of_test(results, record, run), rows_of(results, record, run, "train")
        if found is None or train is None:
            return None
        marked += list(found)
        trained += [frozenset(train.case.tolist())] * len(found)
    header, *lines = folds.images(assessed.paper, rows)
    scores = {name: list(column) for name, column in zip(header, zip(*lines, strict=True), strict=True)}
    return Tested(of, rows, scores, marked, trained)
