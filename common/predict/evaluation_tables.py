"""The tables that `repro evaluate` shows in a terminal, and the same numbers for JSON."""

import math
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from common.evidence import clinical
from common.evidence.definition import Definition, is_distance
from common.evidence.statistics import PairedDifference
from common.predict.evaluate import Evaluated, Score
from common.predict.evaluation_notes import describe_notes
from common.text import finite_or_null

_UNDEFINED = Score(math.nan, math.nan, math.nan)


def headline_table(evaluated: list[Evaluated]) -> Table:
    """A line for each of `clinical.headline`, a column for each network (A, B, ...) and each difference to A."""
    result = _table("", evaluated)
    first, *others = [each.with_blank for each in evaluated]
    measures = [clinical.headline(each.with_blank) for each in evaluated]
    changes = [clinical.compare_headlines(other, first) for other in others]
    for number, measure in enumerate(measures[0]):
        of_networks = [_headline_cell(each[number]) for each in measures]
        images = f"{measure.n} image{'' if measure.n == '1' else 's'}"
        name = f"{measure.name} (mean of {images} with a lesion)" if measure.name == "Dice" else measure.name
        result.add_row(name, *of_networks, *(_change(each[number]) for each in changes))
    return result


def _headline_cell(measure: clinical.Measure) -> Text:
    if measure.name == "Dice":
        return _cell(measure.value, measure.low, measure.high, digits=3)
    return Text(measure.n if measure.n.endswith(" of 0") else f"{measure.n} ({measure.value:.0%})")


def evaluation_table(evaluated: list[Evaluated]) -> Table:
    """A line for each definition, a column for each network (A, B, ...) and each difference to A."""
    result = _table("definition", evaluated)
    for signature in dict.fromkeys(each for one in evaluated for each in one.scores):
        scores = [_cell(*each.scores.get(signature, _UNDEFINED)) for each in evaluated]
        changes = [_change(each.against.get(signature)) for each in evaluated[1:]]
        result.add_row(f"{signature}\n{'in pixels' if is_distance(signature) else ''}", *scores, *changes)
    return result


def _table(what: str, evaluated: list[Evaluated]) -> Table:
    result = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    result.add_column(what, overflow="fold")  # a definition that is cut off is another definition
    for each in evaluated:
        result.add_column(each.letter or "value")
    for each in evaluated[1:]:
        result.add_column(f"{each.letter} - A")
    return result


def clinical_view(each: Evaluated) -> Table:
    """`clinical_table` of one network."""
    header, *lines = clinical.clinical_table(each.dataset, each.with_blank)
    result = Table(*header, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for line in lines:
        result.add_row(*line)
    return result


def _cell(value: float, low: float, high: float, sign: str = "", digits: int = 4) -> Text:
    """A value above its interval. An interval of no width is not shown: all resamples of the images have the same
    value, which says nothing of other images."""
    if not math.isfinite(value):
        return Text("-")
    form = f"{sign}.{digits}f"
    interval = f"\n{low:{form}} to {high:{form}}" if low < high else ""
    return Text.assemble(f"{value:{form}}", (interval, "dim"))


def _change(difference: PairedDifference | None) -> Text:
    if difference is None:
        return Text("-")
    text = _cell(difference.value, difference.low, difference.high, sign="+")
    if difference.certain:
        text.stylize("bold")
    return text


def as_rows(evaluated: list[Evaluated]) -> list[dict[str, Any]]:
    """A flat row for each network and definition (`reproductions.evaluate`). None for what is undefined."""
    rows = []
    for each in evaluated:
        about = {"model": str(each.file), "paper": each.about.paper, "data": each.dataset, "images": len(each.rows)}
        about |= {"seen": each.seen_whole, "seen_images": each.seen}
        for signature, score in each.scores.items():
            less = each.against.get(signature)
            row = {"definition": signature, "in_words": Definition.parse(signature).in_words(), **score._asdict()}
            row |= {"less_first": less and less.value}
            row |= {"less_first_low": less and less.low, "less_first_high": less and less.high}
            rows.append(finite_or_null(about | row))
    return rows


def as_record(evaluated: list[Evaluated]) -> dict[str, Any]:
    """The same for JSON (`for_json`)."""
    first = evaluated[0]
    return {
        "data": first.dataset,
        "images": len(first.rows),
        "blank_images_besides": len(first.with_blank) - len(first.rows),
        "left_out": first.left_out,
        "notes": describe_notes(evaluated),
        "networks": [
            {
                "file": str(each.file),
                "trained_on_this_data": each.seen_whole,
                "images_of_its_training_set": each.seen,
                "about": each.about.model_dump(mode="json"),
                "headline": [asdict(measure) for measure in clinical.headline(each.with_blank)],
                "grid": each.grid,
                "metrics": {signature: score._asdict() for signature, score in each.scores.items()},
                "clinical": [asdict(measure) for measure in clinical.clinical_measures(each.dataset, each.with_blank)],
                "less_the_first": {name: asdict(change) for name, change in each.against.items()},
            }
            for each in evaluated
        ],
    }
