"""Every reported number as one line: what is printed, what came out, and what becomes of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from common.evidence import compare
from common.evidence.assess import Assessment
from common.evidence.compare import is_of_repeats
from common.evidence.results import Compared, Verdict
from common.evidence.tables import folds_of, heading, repeats_of, span
from common.evidence.trivial import BACKGROUND
from common.paper import Paper
from common.report.gather import Study, departures
from common.reported import Reported, printed

NOT_RUN = "not run"
VERDICTS = (*get_args(Verdict), NOT_RUN)
MEANINGS = compare.MEANINGS | {NOT_RUN: "no result yet"}

# What a number is of, in the words of the filter.
KINDS = ("whole repeats", "single folds", "single images", "other papers")


@dataclass(frozen=True)
class Answer:
    """What one record says of a number."""

    assessed: Assessment
    row: Compared


@dataclass(frozen=True)
class Line:
    """One reported number. answer: of the record nearest to the paper, None where none was made; also: on the same data
    with the same readings at another size. metric, kind: what the filters know it by. reported: the printed number,
    0.957 for 95.7 %. most: the end of its axis, which begins at 0; 1 but for counts of cases and of epochs."""

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
        """How far the printed number lies from the middle of what was reproduced; None where nothing was."""
        mean = self.answer.row.reproduced.mean if self.answer else None
        return None if mean is None else self.reported - mean

    @property
    def nothing(self) -> float | None:
        """What marking nothing at all scores."""
        if not self.answer:
            return None
        known = self.answer.assessed.nothing.get(self.cell.id, {}).get(BACKGROUND)
        return known.mean if known else self.answer.row.trivial.get(BACKGROUND)


def lines(study: Study) -> list[Line]:
    """One for each number that the paper prints; those of whole repeats first, else in the order of the record."""
    found = [_line(study, cell) for cell in study.paper.reported]
    return sorted(found, key=lambda line: KINDS.index(line.kind))


def _line(study: Study, cell: Reported) -> Line:
    answers = [Answer(each, row) for each in study.assessed for row in each.rows if row.id == cell.id]
    best = answers[0] if answers else None  # they come with the paper's own data and readings first

    def what(answer: Answer) -> tuple[str, dict[str, str]]:
        record = answer.assessed.record
        return record.dataset.name, departures(study.paper, record)

    also = [each for each in answers[1:] if what(each) == what(best)]
    low, high = printed(cell.value + cell.unit)
    ends = [high, *(end for each in answers for end in (each.row.reproduced.mean, each.row.reproduced.high) if end)]
    most = max(ends) * 1.1 if metric(cell) in ("cases", "epochs") else 1.0
    return Line(study.paper, cell, best, also, metric(cell), _kind(cell), most, (low + high) / 2)


def metric(cell: Reported) -> str:
    """The quantity that a person would look for, whatever its exact definition."""
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


def counted(found: Iterable[Line]) -> Counter[str]:
    """How many printed numbers have each verdict, in the order of VERDICTS, those without any left out. A number that
    is entered again under another definition counts once, with the verdict on its first."""
    counts = Counter(line.verdict for line in found if not line.cell.same_as)
    return Counter({verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]})


def headline(study: Study) -> list[str]:
    """Two or three sentences on a paper: what became of its numbers, what answers them, and what to know first: that
    they contradict each other, else what explains them."""
    counts = counted(lines(study))
    told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
    sentences = [f"Of {counts.total()} printed numbers: {told}."]
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
