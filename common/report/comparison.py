"""Sets a paper beside our runs: each number that is entered, each setting that it states, and each reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.evidence.answers import Answer, Runs
from common.evidence.columns import is_of_repeats
from common.evidence.phrases import listed
from common.evidence.run_values import recipe_of
from common.evidence.schema import Record
from common.evidence.trivial import BACKGROUND
from common.paper import Paper
from common.plural import counted
from common.readings import as_text
from common.report.gather import Study
from common.report.marks import axis_of
from common.reported import Reported

# On what a number was measured: the options of the filter on the page of all numbers.
KINDS = ("whole repeats", "single folds", "single images", "other papers")


@dataclass(frozen=True)
class Line:
    """A line of the page of all numbers: one entered number.

    cell: the number as it is entered. answer: the answer to it, or to the column of a table that it is judged with.
    runs: our runs beside the number, those of the paper's own size if there are any; None without runs.
    also: the small runs, if `runs` are of the paper's own size.
    metric, kind: for the filters.
    most: the end of the number's axis, which begins at 0: 1, except for cases and epochs."""

    cell: Reported
    answer: Answer
    runs: Runs | None
    also: Runs | None
    metric: str
    kind: str
    most: float

    @property
    def paper(self) -> Paper:
        return self.answer.paper

    @property
    def gap(self) -> float | None:
        """The printed number less the mean of ours; None if we have no value."""
        mean = self.runs.row.reproduced.mean if self.runs else None
        return None if mean is None else self.cell.middle - mean

    @property
    def nothing(self) -> float | None:
        """The score of a predictor that marks nothing; None if it is not known."""
        if not self.runs:
            return None
        known = self.runs.assessed.nothing.get(self.cell.id, {}).get(BACKGROUND)
        return known.mean if known else self.runs.row.trivial.get(BACKGROUND)


def number_lines(study: Study) -> list[Line]:
    """A line for each number that is entered for the paper, ordered by KINDS, then as in paper.yaml."""
    by_id = {cell.id: _line(answer, cell) for answer in study.found for cell in answer.cells}
    return sorted((by_id[cell.id] for cell in study.paper.reported), key=lambda line: KINDS.index(line.kind))


def say_printed(studies: Sequence[Study]) -> str:
    """Sentences: how many numbers of the papers are entered, whose they are, and how many lines there are. A number
    that is entered again under a second definition has two lines."""
    cells = [cell for study in studies for cell in study.paper.reported]
    first = [cell for study in studies for cell in study.paper.printed_numbers]
    quoted, again = sum(bool(cell.quoted) for cell in first), len(cells) - len(first)
    own, judged = len(first) - quoted, sum(answer.is_own for study in studies for answer in study.found)
    once = f" ({judged}, with a column of a table counted once)" if judged < own else ""
    whose = listed([f"{own} of the papers' own work{once}", *([f"{quoted} that they quote"] if quoted else [])])
    said = f"Entered are {counted(len(first), 'printed number')}: {whose}."
    if not again:
        return said
    are = "is" if again == 1 else "are"
    return f"{said} {again} {are} entered again under a second definition, which makes {len(cells)} lines."


def _line(answer: Answer, cell: Reported) -> Line:
    runs, small = _beside(answer.runs, cell), _beside(answer.small, cell)
    found = [each.row.reproduced for each in (runs, small) if each]
    ends = [end for each in found for end in (each.mean, each.high) if end is not None]
    name = metric_name(cell)
    most = axis_of(cell.definition, [cell.middle, *ends])[1] if name in ("cases", "epochs") else 1.0
    return Line(cell, answer, runs or small, small if runs else None, name, _kind(cell), most)


def _beside(runs: Runs | None, cell: Reported) -> Runs | None:
    """The same runs, compared with one number of the column; None without runs."""
    return runs and Runs(runs.assessed, next(row for row in runs.assessed.rows if row.cell.id == cell.id))


def metric_name(cell: Reported) -> str:
    """The metric of a number in the words of the filter: the usual name, whatever the exact definition."""
    name, target, *_ = cell.definition.split("|")
    if "specificity" in cell.name.lower() or (name, target) == ("recall", "bg"):
        return "specificity"
    known = {"iou": "IoU", "dice": "Dice, F1", "printed-dice": "Dice, F1", "count": "cases", "bce": "loss"}
    known |= {"recall": "recall, sensitivity", "hd95": "distance", "assd": "distance"}
    return "loss" if name.endswith("-loss") else known.get(name, name)


def _kind(cell: Reported) -> str:
    """One of KINDS."""
    if cell.quoted:
        return "other papers"
    if cell.image:
        return "single images"
    return "whole repeats" if is_of_repeats(cell) else "single folds"


@dataclass(frozen=True)
class Setting:
    """One setting of the recipe.

    value: what the paper states, or the default reading. quote: the paper's words, "" if there are none. run: for each
    record, the value that it was run with; None if that is `value`. alternatives: the other values of a reading, "" for
    a stated setting. why: the reason for a default reading, or the source of a stated setting."""

    name: str
    value: str
    quote: str
    run: list[str | None]
    alternatives: str = ""
    why: str = ""

    @property
    def departs(self) -> bool:
        """Whether a record was run with another value."""
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
    """The settings that the paper leaves open or that we try otherwise too (`Paper.readings`)."""
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
