"""Flat rows with the printed numbers and ours, ready for `pandas.DataFrame` and `csv.DictWriter`."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from common.evidence.answers import Answer, Runs, answers
from common.evidence.assess import Assessment, assess_paper
from common.evidence.compared import Compared
from common.evidence.definition import Definition
from common.evidence.phrases import name_metric
from common.evidence.results import refuse_no_results
from common.evidence.sentences import say_verdict
from common.evidence.statistics import Prediction
from common.evidence.verdict import best_of
from common.lock import unchanging
from common.paper import Paper
from common.readings import as_shown
from common.reported import Reported

Row = dict[str, str | int | float | bool | None]


def rows_of_paper(paper: Paper, results: Path, every_run: bool = False) -> list[Row]:
    """A row for each printed number, with the verdict that the pages show. A column of a fold table has one row.

    every_run: return a row for each number and each stored record instead (`rows_of_runs`). results: the folder of the
    records. Raises BadInput if the folder is missing, and for a damaged record."""
    refuse_no_results(results)
    with unchanging(results):
        assessed = assess_paper(paper, results)
        if every_run:
            return rows_of_runs(assessed)
        return [_of_answer(answer) for answer in answers(paper, assessed)]


def rows_of_runs(assessed: Iterable[Assessment]) -> list[Row]:
    """For each record, a row for each number that the paper prints of the same network, compared with the runs of this
    record."""
    rows = []
    for each in assessed:
        for row in each.rows:
            nothing = best_of(row.cell.definition, list(each.nothing.get(row.cell.id, {}).values()))
            rows.append(_row(each.paper, row, Runs(each, row), nothing, row.note))
    return rows


def _of_answer(answer: Answer) -> Row:
    row = answer.ours.row if answer.ours else answer.row
    nothing = answer.nothing[1] if answer.nothing else None
    whole = _row(answer.paper, row, answer.ours, nothing, say_verdict(answer))
    return whole | {"verdict": answer.verdict, "hint": answer.hint}


def _row(paper: Paper, row: Compared, runs: Runs | None, nothing: Prediction | None, why: str) -> Row:
    cell, ours, record = row.cell, row.reproduced, runs.assessed.record if runs else None
    return {
        "paper": paper.name,
        "id": cell.id,
        "number": name_metric(cell),
        "printed": cell.as_printed,
        "printed_value": _value(cell),
        "where": cell.where,
        "split": cell.split,
        "definition": cell.definition,
        "in_words": Definition.parse(cell.definition).in_words(),
        "quoted": cell.quoted,
        "profile": record.profile if record else None,
        "data": record.dataset.name if record else None,
        "readings": " ".join(as_shown(record.readings)) if record else None,
        "ours": ours.mean,
        "low": ours.low,
        "high": ours.high,
        "n": ours.n,
        "margin": row.margin,
        "nothing_low": nothing.low if nothing else None,
        "nothing_high": nothing.high if nothing else None,
        "verdict": row.verdict,
        "hint": row.hint,
        "why": why,
        "stale": ours.mean is not None and not runs.assessed.fresh,
    }


def _value(cell: Reported) -> float:
    """The printed value on the scale of our values: 0.9574 for 95.74%."""
    text = cell.as_printed
    return float(Decimal(text.rstrip("% ")) / (100 if "%" in text else 1))
