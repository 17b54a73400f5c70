"""Gathers all that the pages show about each paper: what `common.evidence` computes from `results/`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from common import papers
from common.errors import BadInput
from common.evidence import claims, effects, folds, leakage, worded
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
    """A paper and all that the pages show about it.

    found: one answer for each printed number; a column of a fold table counts as one number.
    assessed: the records that are shown in full (`assess.shown_in_full`). Records on the paper's own data come first;
        among these, those with fewer departures from its readings; among these, those at its own size.
    findings: what arithmetic finds wrong among the paper's printed numbers (`claims.check`).
    contradiction: sentences that sum this up; "" if the numbers agree.
    regions: what the paper's accuracies and IoUs imply for the tumour's share of the pixels.
    moved: the effects of single readings, in the order of the records.
    in_words: the claims that the paper makes without a number, tested."""

    paper: Paper
    found: list[Answer]
    assessed: list[Assessment]
    findings: list[claims.Finding]
    contradiction: str
    regions: list[claims.Region]
    moved: list[effects.OneAtATime] = field(default_factory=list)
    in_words: list[worded.Tested] = field(default_factory=list)


def studies(results: Path, names: Iterable[str]) -> list[Study]:
    """Gathers these papers, in their order. Raises BadInput if none of them has a result."""
    found = [_study(papers.load(name), results) for name in names]
    if not any(study.assessed for study in found):
        raise BadInput(f"No results in {results} yet. `repro run PAPER` makes them.")
    return found


def _study(paper: Paper, results: Path) -> Study:
    def order(each: Assessment) -> tuple[bool, int, int]:
        record = each.record
        return record.dataset.name != paper.data, len(_departures(paper, record)), PROFILES.index(record.profile)

    assessed = sorted(assess_paper(paper, results), key=order)
    regions, moved = claims.regions(paper, prevalence(paper)), effects.effects_in_paper(assessed)
    shown = [each for each in assessed if each.in_full]
    tested = worded.check_worded(paper, assessed)
    return Study(
        paper, answers(paper, assessed), shown, claims.check(paper), claims.summary(paper), regions, moved, tested
    )


def _departures(paper: Paper, record: Record) -> dict[str, str]:
    """The readings of a record that are not the paper's default, without those that choose one of the networks with
    which the paper compares its own."""
    network = paper.network_of(record.readings)
    return {key: value for key, value in record.readings.items() if key not in network}


@dataclass(frozen=True)
class Scored:
    """The scores under one definition. signature: of the definition. parts: the network's score, by part of the data.
    nothing: the scores of predictors that have learned nothing on the test images, by predictor."""

    signature: str
    parts: dict[str, Prediction]
    nothing: dict[str, Prediction]


def definitions(record: Record) -> list[Scored]:
    """The scores of a record's runs under every definition."""
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
    """What a leak is worth: test scores under one definition, with a random split and with a grouped one, which keeps
    all copies of an image in one part.

    record: of the random split. fresh: whether today's recipe and protocol made the runs of both splits. random,
    grouped: the scores with each split. difference: random less grouped."""

    record: Record
    fresh: bool
    signature: str
    random: Prediction
    grouped: Prediction
    difference: MeanDifference


def leaks(study: Study) -> list[Leak]:
    """A leak for each definition of the paper's own test numbers, for each record that was also run with a grouped
    split."""
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
        for signature in dict.fromkeys(row.cell.definition for row in each.own_rows if row.part == "test")
    ]


def say_older(study: Study) -> str:
    """Sentences on why `leaks` is empty although there are runs with a grouped split; "" if this is not so."""
    return " ".join(dict.fromkeys(each.older for each in study.assessed if each.older))


def confusion_matrices(record: Record) -> dict[str, dict[str, dict[str, int]]]:
    """The confusion matrices of a record on the test images: by name of the fold or repeat, then by true class, then by
    predicted class, the number of images. With several folds or repeats, "all" is their sum."""
    found = {folds.fold_name(run): run.confusion["test"] for run in record.runs if "test" in run.confusion}
    if len(found) < 2:
        return found
    one = next(iter(found.values()))
    total = {a: {b: sum(table[a][b] for table in found.values()) for b in one} for a in one}
    return found | {"all": total}


def printed_matrices(paper: Paper) -> dict[str, dict[str, dict[str, int]]]:
    """The confusion matrices that a paper prints: by table, then by true class, then by predicted class."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for cell in paper.reported:
        if is_count(cell) and not cell.quoted:
            actual, called = Definition.parse(cell.definition).target.removeprefix("class=").split(">")
            table = f"Table {cell.table}" if cell.table else cell.where
            found.setdefault(table, {}).setdefault(actual, {})[called] = int(cell.value)
    return found


@dataclass(frozen=True)
class Tested:
    """The test images of a record's first repeat, with predictions. Of a cross-validation they are those of one fold:
    hundreds of images would make a page of 2 MB, and blank ones would show nothing. It is the first fold that learned
    to segment, or fold 1.

    of: "the first repeat", or a phrase for the fold. rows: the counts of the images. scores: by column of
    `folds.images`, a text for each image. marked: the predicted masks, bool (images, H, W). trained: the ids of the
    images on which the network was trained."""

    of: str
    rows: Rows
    scores: dict[str, list[str]]
    marked: np.ndarray
    trained: frozenset[str]


def tested(results: Path, assessed: Assessment) -> Tested | None:
    """The test images of a record. None if its counts or masks are not stored, or belong to other runs."""
    record, rows, of = assessed.record, assessed.images, "the first repeat"
    run, *others = record.first_repeat
    if rows is None:
        return None
    if others:
        learnt = [each for each in (run, *others) if not each.unlearned.get("segmentation")]
        run = [*learnt, run][0]
        why = "the first that learned to segment" if learnt else "as no fold learned to segment"
        of, rows = f"fold {run.fold + 1}, {why}", rows_of(results, record, run, "test")
    marked, train = masks_of_test(results, record, run), rows_of(results, record, run, "train")
    if marked is None or train is None:
        return None
    header, *lines = folds.images(assessed.paper, rows)
    scores = {name: list(column) for name, column in zip(header, zip(*lines, strict=True), strict=True)}
    return Tested(of, rows, scores, marked, frozenset(train.case.tolist()))
