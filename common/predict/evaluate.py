"""How trained networks do on another labelled set: the metric table of a run, and differences image by image."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import keras
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from common.data import manifest
from common.data.fetch import Found
from common.errors import BadInput
from common.evidence import metrics
from common.evidence.clinical import clinical_measures, clinical_table
from common.evidence.counts import Rows
from common.evidence.definition import Definition, comparable
from common.evidence.statistics import PairedDifference, bootstrap, paired_bootstrap
from common.text import finite_or_null
from common.training.evaluate import NoProbabilities, evaluate
from common.training.logits import beside_probabilities
from common.training.model_file import About
from common.training.request import prepare_for


@dataclass(frozen=True)
class Evaluated:
    """One network on the images that all are evaluated on. dataset: the name of the set, that of the published one only
    if it has the published pixels. seen: whether the network was trained on this very set. doubts: of `Prepared`, on
    the whole set. values: by signature; interval: of each, over the images. against: the differences to the first
    network, {} for that one."""

    file: Path
    about: About
    dataset: str
    seen: bool
    doubts: tuple[str, ...]
    rows: Rows
    values: dict[str, float]
    interval: dict[str, tuple[float, float]]
    against: dict[str, PairedDifference]


def evaluate_all(networks: list[tuple[Path, keras.Model, About]], found: Found, cache: Path) -> list[Evaluated]:
    """Evaluates every network on the images of those classes that all networks were trained on, each network at its own
    size and with its own reading of the masks.

    Raises BadInput where there are no such images, and for a network whose output for one is no probability.
    """
    recipes = [about.recipe for *_, about in networks]
    shared = [label for label in recipes[0].classes if all(label in recipe.classes for recipe in recipes)]
    positions = np.flatnonzero([case.label in shared for case in found.cases])
    if not len(positions):
        there = ", ".join(sorted({case.label for case in found.cases}))
        raise BadInput(f"{found.name} has images of {there}; trained on by all: {', '.join(shared) or 'no class'}.")
    done: list[Evaluated] = []
    for file, model, about in networks:
        prepared = prepare_for(about.recipe, found, cache)
        try:
            rows, _ = evaluate(beside_probabilities(model), prepared, positions, about.recipe)
        except NoProbabilities as error:
            raise NoProbabilities(f"{file} can't be used. {error}") from error
        own = metrics.standard(about.recipe)
        shared = _shared(own, about, done[0]) if done else []
        done.append(
            Evaluated(
                file,
                about,
                manifest.true_name(prepared.name, prepared.fingerprint),
                prepared.fingerprint == about.fingerprint,
                prepared.doubts,
                rows,
                metrics.values(rows, own),
                bootstrap(rows, own),
                paired_bootstrap(rows, done[0].rows, shared) if done else {},
            )
        )
    return done


def _shared(signatures: list[str], about: About, first: Evaluated) -> list[str]:
    """The signatures of which both networks have a value that can be compared image by image, which one over batches
    can't."""
    same_grid = about.recipe.side == first.about.recipe.side
    of_batches = metrics.of_batches(about.recipe.batch_size)
    return [
        each for each in signatures if each in first.values and each not in of_batches and comparable(each, same_grid)
    ]


def evaluation_table(evaluated: list[Evaluated]) -> Table:
    """For a terminal: a line for each definition, a column for each network (A, B, ...) and each difference to A."""
    letters = ascii_uppercase[: len(evaluated)]
    result = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    result.add_column("definition", overflow="fold")  # a definition that is cut off is another definition
    for letter in letters:
        result.add_column(letter if len(letters) > 1 else "value")
    for letter in letters[1:]:
        result.add_column(f"{letter} - A")
    for signature in dict.fromkeys(each for one in evaluated for each in one.values):
        values = [
            _cell(each.values[signature], *each.interval[signature]) if signature in each.values else "-"
            for each in evaluated
        ]
        changes = [_change(each.against.get(signature)) for each in evaluated[1:]]
        result.add_row(f"{signature}\n", *values, *changes)
    return result


def clinical_view(each: Evaluated) -> Table:
    """For a terminal: `clinical_table` of one network."""
    header, *lines = clinical_table(each.dataset, each.rows)
    result = Table(*header, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for line in lines:
        result.add_row(*line)
    return result


def _cell(value: float, low: float, high: float, sign: str = "") -> Text:
    if not math.isfinite(value):
        return Text("-")
    interval = f"\n{low:{sign}.4f} to {high:{sign}.4f}" if math.isfinite(low) else ""
    return Text.assemble(f"{value:{sign}.4f}", (interval, "dim"))


def _change(difference: PairedDifference | None) -> Text:
    if difference is None:
        return Text("-")
    text = _cell(difference.value, difference.low, difference.high, sign="+")
    if difference.certain:
        text.stylize("bold")
    return text


def as_rows(evaluated: list[Evaluated], found: Found) -> list[dict[str, Any]]:
    """A flat row for each network and definition (`reproductions.evaluate`). None for what is undefined."""
    rows = []
    for each in evaluated:
        about = {"model": str(each.file), "paper": each.about.paper, "data": found.name, "images": len(each.rows)}
        for signature, value in each.values.items():
            low, high = each.interval[signature]
            less = each.against.get(signature)
            row = {"value": value, "low": low, "high": high}
            row |= {"less_first": less and less.value}
            row |= {"less_first_low": less and less.low, "less_first_high": less and less.high}
            words = {"definition": signature, "in_words": Definition.parse(signature).in_words()}
            rows.append(about | {"seen": each.seen} | words | finite_or_null(row))
    return rows


def as_record(evaluated: list[Evaluated], found: Found) -> dict[str, Any]:
    """The same for JSON (`for_json`)."""
    return {
        "data": found.name,
        "images": len(evaluated[0].rows),
        "networks": [
            {
                "file": str(each.file),
                "trained_on_this_data": each.seen,
                "about": each.about.model_dump(mode="json"),
                "metrics": {
                    signature: {"value": value, "low": low, "high": high}
                    for signature, value in each.values.items()
                    for low, high in [each.interval[signature]]
                },
                "clinical": [asdict(measure) for measure in clinical_measures(each.dataset, each.rows)],
                "less_the_first": {name: asdict(change) for name, change in each.against.items()},
            }
            for each in evaluated
        ],
    }
