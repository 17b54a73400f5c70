"""A paper beside what was run: every number that it reports, and every setting that it states or leaves open."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

from common.evidence import compare
from common.evidence.assess import Assessment, recipe_of
from common.evidence.compare import is_of_repeats
from common.evidence.results import Compared, Record, Verdict
from common.evidence.tables import folds_of, heading, repeats_of, span
from common.evidence.trivial import BACKGROUND
from common.paper import Paper, as_text
from common.report.gather import Study, departures
from common.reported import Reported, printed

NOT_RUN = "not run"
VERDICTS = (*get_args(Verdict), NOT_RUN)
MEANINGS = compare.MEANINGS | {NOT_RUN: "no result yet"}

# What a number was measured on, in the words of the filter.
KINDS = ("whole repeats", "single folds", "single images", "other papers")


@dataclass(frozen=True)
class Answer:
    """A number as one record reproduces it."""

    assessed: Assessment
    row: Compared


@dataclass(frozen=True)
class Line:
    """One reported number. answer: of the record nearest to the paper, None where there is none. also: of records with
    the same data and readings at another size. metric, kind: for the filters. most: the end of its axis, which begins
    at 0; 1 except for counts of cases and epochs. reported: the printed number, 0.957 for 95.7 %."""

    paper: Paper
    cell: Reported
    answer: Answer | None
    also: list[Answer]
    metric: str
    kind: str
    most: float
    reported: float

    @property
    def verdict(self) -> str:
        return self.answer.row.verdict if self.answer else NOT_RUN

    @property
    def gap(self) -> float | None:
        """The printed number less the mean of the reproduced ones; None where nothing was reproduced."""
        mean = self.answer.row.reproduced.mean if self.answer else None
        return None if mean is None else self.reported - mean

    @property
    def nothing(self) -> float | None:
        """The score of marking nothing at all."""
        if not self.answer:
            return None
        known = self.answer.assessed.nothing.get(self.cell.id, {}).get(BACKGROUND)
        return known.mean if known else self.answer.row.trivial.get(BACKGROUND)


def number_lines(study: Study) -> list[Line]:
    """One for each number that the paper prints; numbers of whole repeats come first, then the order of the record."""
    found = [_line(study, cell) for cell in study.paper.reported]
    return sorted(found, key=lambda line: KINDS.index(line.kind))


def _line(study: Study, cell: Reported) -> Line:
    answers = [Answer(each, row) for each in study.assessed for row in each.rows if row.id == cell.id]
    best = answers[0] if answers else None  # they come with the paper's own data and readings first

    def data_and_readings(answer: Answer) -> tuple[str, dict[str, str]]:
        record = answer.assessed.record
        return record.dataset.name, departures(study.paper, record)

    also = [each for each in answers[1:] if data_and_readings(each) == data_and_readings(best)]
    low, high = printed(cell.value + cell.unit)
    ends = [high, *(end for each in answers for end in (each.row.reproduced.mean, each.row.reproduced.high) if end)]
    most = max(ends) * 1.1 if metric_name(cell) in ("cases", "epochs") else 1.0
    return Line(study.paper, cell, best, also, metric_name(cell), _kind(cell), most, (low + high) / 2)


def metric_name(cell: Reported) -> str:
    """The name under which a person would look for a number, whatever its exact definition."""
    name, target, *_ = cell.definition.split("|")
    if "specificity" in cell.name.lower() or (name, target) == ("recall", "bg"):
        return "specificity"
    known = {"iou": "IoU", "dice": "Dice, F1", "printed-dice": "Dice, F1", "count": "cases", "bce": "loss"}
    known |= {"recall": "recall, sensitivity", "hd95": "distance", "assd": "distance"}
    return "loss" if name.endswith("-loss") else known.get(name, name)


def _kind(cell: Reported) -> str:
    if cell.quoted:
        return "other papers"
    if cell.image:
        return "single images"
    return "whole repeats" if is_of_repeats(cell) else "single folds"


def count_verdicts(found: Iterable[Line]) -> Counter[str]:
    """How many printed numbers have each verdict, in the order of VERDICTS; verdicts that none has are left out. A
    number that is entered under several definitions counts once, with the verdict on the first."""
    counts = Counter(line.verdict for line in found if not line.cell.same_as)
    return Counter({verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]})


def headline(study: Study) -> list[str]:
    """Two or three sentences on a paper: what became of its numbers, by which runs, and what to know first: that they
    contradict each other, or else what explains them."""
    counts = count_verdicts(number_lines(study))
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    sentences = [f"Of {counts.total()} printed numbers: {verdicts}."]
    if study.assessed:
        first = study.assessed[0]
        repeats = span([len(repeats_of(first.record))], "repeat")
        folds = folds_of(first.record)
        repeats += f" of {len(folds)} folds" if folds else ""
        other = first.record.dataset.name != study.paper.data and study.paper.data_named
        data = f"; the paper's data are {study.paper.data}" if other else ""
        stale = "" if first.fresh else "; stale, made by an older recipe or protocol"
        sentences.append(f"They are set against {repeats} ({heading(first.record)}{data}{stale}).")
        sentences += [study.contradiction] if study.contradiction else first.sentences[:1]
    return sentences


@dataclass(frozen=True)
class Setting:
    """One setting of the recipe. value: what the paper states, or the default reading. alternatives, why: of a setting
    that the paper leaves open. quote: the paper's words, "" for none. run: for each record, the value that it was run
    with, None where that is `value`."""

    name: str
    value: str
    quote: str
    run: list[str | None]
    alternatives: str = ""
    why: str = ""

    @property
    def departs(self) -> bool:
        return any(self.run)


def stated_settings(study: Study) -> list[Setting]:
    """The settings that the paper states."""
    return [
        Setting(
            name, as_text(each.value), each.quote or "", _values_run(study, name, each.value), why=each.source or ""
        )
        for name, each in study.paper.stated.items()
    ]


def open_settings(study: Study) -> list[Setting]:
    """The settings that the paper leaves open."""
    return [
        Setting(
            name,
            as_text(each.default),
            each.quote or "",
            _values_run(study, name, each.default),
            ", ".join(map(as_text, each.alternatives)),
            each.why,
        )
        for name, each in study.paper.readings.items()
    ]


def _values_run(study: Study, name: str, value: Any) -> list[str | None]:
    return [_departure(study.paper, each.record, name, value) for each in study.assessed]


def _departure(paper: Paper, record: Record, name: str, value: Any) -> str | None:
    made_by = recipe_of(paper, record)
    if made_by is None:
        return record.readings.get(name)
    used = as_text(made_by.model_dump()[name])
    return None if used == as_text(value) else used
