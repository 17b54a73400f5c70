"""What there is to say of each record: its comparison, and which other record it stands beside.

The default is the record in which all that the paper leaves open has the default reading. Other records are
alternatives to the default: they differ from it in one or more readings.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.evidence import compare, leakage, learned, trivial
from common.evidence.columns import is_of_repeats
from common.evidence.compared import Compared
from common.evidence.counts import Rows
from common.evidence.kept_counts import counts_folder, rows_of_test
from common.evidence.metrics import STANDARD, standard
from common.evidence.results import load
from common.evidence.run_values import recipe_of
from common.evidence.schema import Record
from common.evidence.statistics import Prediction
from common.paper import PROFILES, Paper, Profile
from common.protocol import protocol_of, recipe_hash
from common.recipe import Recipe

FOREIGN_COUNTS = "The stored counts of single test images are not those of these runs, and are not used."


@dataclass(frozen=True)
class Assessment:
    """fresh: whether today's recipe and protocol made the record.
    rows: one for each number that the paper reports of this record's network.
    own: ids of the rows that whole repeats answer by themselves, not single folds, single images or quoted numbers.
    nothing: by id, then by predictor, what a predictor that has learned nothing scores over random splits.
    sentences: on the runs, not on single numbers: what did not learn, and what a leak was worth.
    images: the counts of the test images of the first repeat; None where they are not kept.
    leak_free: the record of the same runs with copies of an image on one side of the split, if there is one; fresh or
        stale as this record is.
    beside: whether this record is the leak-free one of another.
    in_full: whether it is shown with all its tables (`shown_in_full`). Only then is `nothing` computed: for dozens of
        alternatives that would take minutes, and nobody would read it.
    folder: of the results, with the counts behind the record.
    older: why there is no leak-free record though the same was run with both splits
        (`leakage.outdated_sentence`), else ""."""

    paper: Paper
    record: Record
    fresh: bool
    rows: list[Compared]
    own: set[str]
    nothing: dict[str, dict[str, Prediction]]
    sentences: list[str]
    images: Rows | None
    leak_free: Record | None = None
    beside: bool = False
    in_full: bool = True
    folder: Path | None = None
    older: str = ""

    @property
    def own_rows(self) -> list[Compared]:
        """Those of `own`: no single folds and images, and no deviations."""
        return [row for row in self.rows if row.id in self.own]

    @property
    def standard(self) -> list[str]:
        return standard_of(self.paper, self.record)


def assess_paper(paper: Paper, results: Path) -> list[Assessment]:
    """One for every record of the paper in this folder: the paper's own size first, then in the order of the file."""
    records = sorted(load(results, paper.name), key=lambda record: PROFILES.index(record.profile))
    return [assess(paper, record, records, results, lambda record: is_fresh(paper, record)) for record in records]


def is_fresh(paper: Paper, record: Record) -> bool:
    """Whether today's recipe and protocol made a record."""
    recipe = recipe_of(paper, record)
    return bool(recipe) and (record.recipe_hash, record.protocol) == (recipe_hash(recipe), protocol_of(recipe))


def assess(
    paper: Paper,
    record: Record,
    others: Sequence[Record],
    folder: Path,
    fresh: leakage.Fresh = lambda record: True,
) -> Assessment:
    """others: all records of the paper. folder: of the results, with the counts behind them. fresh: whether today's
    recipe and protocol made a record."""
    images = rows_of_test(folder, record)
    in_full = shown_in_full(paper, record, others)
    nothing = {}
    if in_full and paper.is_own_data(record.dataset.name):
        of = _paper_recipe(paper, record), paper.network_of(record.readings)
        nothing = trivial.distributions_of_cells(paper, *of)
    rows = compare.rows(paper, record, nothing, images)
    cells = {cell.id: cell for cell in paper.reported}
    own = {row.id for row in rows if is_of_repeats(cells[row.id])}
    leak_free = leakage.leak_free(record, others, fresh)
    beside = leakage.leaking(record, others, fresh) is not None
    older = leakage.outdated_sentence(record, others, fresh) if in_full else ""
    sentences = [
        *learned.unlearned_sentences(record),
        FOREIGN_COUNTS if images is None and counts_folder(folder, record).is_dir() else "",
        _say_leak(paper, record, leak_free, [row for row in rows if row.id in own]) if leak_free and in_full else "",
        older,
    ]
    sentences = list(dict.fromkeys(filter(None, sentences)))
    return Assessment(
        paper, record, fresh(record), rows, own, nothing, sentences, images, leak_free, beside, in_full, folder, older
    )  # fmt: skip


def standard_of(paper: Paper, record: Record) -> list[str]:
    """The definitions that every run of a record's recipe is scored under; those of any recipe if that is unknown."""
    recipe = recipe_of(paper, record)
    return standard(recipe) if recipe else list(STANDARD)


def _paper_recipe(paper: Paper, record: Record) -> Recipe:
    return recipe_of(paper, record, "paper") or paper.plain_recipe()


# Which record is an alternative to which


def is_of_the_tables(paper: Paper, profile: Profile, data: str, readings: Mapping[str, str]) -> bool:
    """Whether a record belongs into the tracked `results/`, from which the tables of the papers are made: it is small
    or of the paper's own size, of the paper's data or their stand-in, and of readings of the tables.

    data: the name of the data set (`common.data.manifest.true_name`). readings: as in a record."""
    return profile != "smoke" and data in (paper.data, paper.stand_in) and _are_of_the_tables(paper, readings)


def _are_of_the_tables(paper: Paper, readings: Mapping[str, str]) -> bool:
    """Whether readings are the default ones, with or without the copies of an image kept on one side of the split, in a
    design of any size (`Paper.without_design`)."""
    choices = paper.without_design(readings).items()
    return paper.are_default({key: value for key, value in choices if leakage.GROUPED.get(key) != value})


def default_of(paper: Paper, record: Record, others: Iterable[Record]) -> Record | None:
    """The default that a record is an alternative to, of the same network where there is one, and of the same
    conditions (`Record.conditions`). A network beside the paper's own is an alternative to the paper's own.

    None for the default itself, where there is no such default, and for a record with a reading of what its profile
    shrinks (`Paper.shrunk`)."""
    if record.readings.keys() & paper.shrunk(record.profile):
        return None
    readings = record.readings.items()
    alike = (other for other in others if other.conditions == record.conditions and paper.are_default(other.readings))
    found = [other for other in alike if other.readings.items() < readings]
    return max(found, key=lambda other: len(other.readings), default=None)


def departures(record: Record, default: Record) -> dict[str, str]:
    """The readings of a record that its default does not have."""
    return {key: value for key, value in record.readings.items() if default.readings.get(key) != value}


def shown_in_full(paper: Paper, record: Record, others: Sequence[Record]) -> bool:
    """Whether a record is shown with all its tables: one of the readings of the tables, or a record without a default.
    There may be dozens of other alternatives; the tables of effects have what they move."""
    return _are_of_the_tables(paper, record.readings) or default_of(paper, record, others) is None


# The parts of an assessment


def _say_leak(paper: Paper, record: Record, leak_free: Record, own: list[Compared]) -> str:
    keys = dict.fromkeys((row.part, row.definition) for row in own if row.part in leakage.PARTS)
    return leakage.leak_sentence(record, leak_free, keys, [("test", each) for each in standard_of(paper, record)])
