"""Assesses each record of a paper: compares it with the printed numbers, and finds the records to show it with.

The default is the record in which everything that the paper leaves open has its default reading. Other records are
alternatives to the default: they differ from it in one or more readings.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.evidence import compare, leakage, learned, trivial
from common.evidence.columns import is_of_repeats
from common.evidence.compared import Compared
from common.evidence.copy_worth import copy_worth
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
    """Everything that the pages say of one record.

    fresh: whether today's recipe and protocol made the record.
    rows: the comparison of each number that the paper reports of this record's network.
    nothing: by the id of a number, then by the name of a predictor that has learned nothing: its scores over random
        splits.
    sentences: sentences on the runs as a whole: which networks did not learn, and whether the stored counts are of
        other runs.
    images: the counts of the test images of the first repeat. None if they are not kept, or belong to other runs.
    leak_free: the record that differs only in its grouped split, which keeps all copies of an image on one side. None
        if there is none, or if only one of the two is fresh (`leakage.leak_free`).
    beside: whether this record is the leak-free record of another record.
    in_full: whether this record is shown with all its tables (`shown_in_full`). `nothing` is computed only for such
        records. For dozens of alternatives it would take minutes, and nobody would read it.
    folder: the folder of the results, which also has the counts behind the record.
    older: the sentence that says why there is no leak-free record although both splits were run
        (`leakage.outdated_sentence`), else "".
    on_leak: sentences on how much a leak between training and test images changed."""

    paper: Paper
    record: Record
    fresh: bool
    rows: list[Compared]
    nothing: dict[str, dict[str, Prediction]]
    sentences: list[str]
    images: Rows | None
    leak_free: Record | None = None
    beside: bool = False
    in_full: bool = True
    folder: Path | None = None
    older: str = ""
    on_leak: Sequence[str] = ()

    @property
    def own_rows(self) -> list[Compared]:
        """The rows whose numbers are compared with whole repeats by themselves (`columns.is_of_repeats`)."""
        return [row for row in self.rows if is_of_repeats(row.cell)]

    @property
    def standard(self) -> list[str]:
        """As `standard_of` returns."""
        return standard_of(self.paper, self.record)


def assess_paper(paper: Paper, results: Path) -> list[Assessment]:
    """Assesses every record of a paper: by profile, in the order of PROFILES, then in the order of the file.

    results: the folder of the results. Raises BadInput for a damaged file."""
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
    """Assesses one record.

    others: all records of the paper. folder: the folder of the results, which also has the counts behind the records.
    fresh: tells whether today's recipe and protocol made a record."""
    images = rows_of_test(folder, record)
    in_full = shown_in_full(paper, record, others)
    nothing = {}
    if in_full and paper.data_named:
        of = _paper_recipe(paper, record), paper.network_of(record.readings)
        nothing = trivial.distributions_of_cells(paper, *of)
    rows = compare.rows(paper, record, nothing, images)
    leak_free = leakage.leak_free(record, others, fresh)
    beside = leakage.leaking(record, others, fresh) is not None
    older = leakage.outdated_sentence(record, others, fresh) if in_full else ""
    sentences = [
        *learned.unlearned_sentences(record),
        FOREIGN_COUNTS if images is None and counts_folder(folder, record).is_dir() else "",
        older,
    ]
    sentences = list(dict.fromkeys(filter(None, sentences)))
    on_leak = _say_leak(paper, record, leak_free, rows, folder) if leak_free and in_full else []
    return Assessment(
        paper, record, fresh(record), rows, nothing, sentences, images, leak_free, beside, in_full, folder, older,
        on_leak,
    )  # fmt: skip


def standard_of(paper: Paper, record: Record) -> list[str]:
    """The signatures under which every run of a record's recipe is scored. If the recipe is unknown, those under which
    every recipe is scored."""
    recipe = recipe_of(paper, record)
    return standard(recipe) if recipe else list(STANDARD)


def _paper_recipe(paper: Paper, record: Record) -> Recipe:
    """The recipe of the paper's own size with the record's readings; the paper's default if that is unknown."""
    return recipe_of(paper, record, "paper") or paper.plain_recipe()


# Which record is an alternative to which


def is_of_the_tables(paper: Paper, profile: Profile, data: str, readings: Mapping[str, str]) -> bool:
    """Whether a record belongs into the tracked `results/`, from which the tables of the papers are made.

    It does if its profile is not "smoke", its data are the paper's or their stand-in, and its readings are those of the
    tables (`_are_of_the_tables`). data: the name of the data set (`common.data.manifest.true_name`). readings: as in a
    record."""
    return profile != "smoke" and data in (paper.data, paper.stand_in) and _are_of_the_tables(paper, readings)


def _are_of_the_tables(paper: Paper, readings: Mapping[str, str]) -> bool:
    """Whether readings are the default ones, apart from the grouped split, which keeps copies of an image on one side,
    and from the design of the run (`Paper.without_design`)."""
    choices = paper.without_design(readings).items()
    return paper.are_default({key: value for key, value in choices if leakage.GROUPED.get(key) != value})


def default_of(paper: Paper, record: Record, others: Iterable[Record]) -> Record | None:
    """The default record to which a record is an alternative. Both have the same conditions (`Record.conditions`).

    It is of the same network if there is such a default. Otherwise it is of the paper's own network. So the default of
    a baseline is an alternative to the default of the paper's own network.

    None if the record is the paper's own default, if there is no such default, or if the record has a reading of a
    setting that its profile shrinks (`Paper.shrunk`)."""
    if record.readings.keys() & paper.shrunk(record.profile):
        return None
    readings = record.readings.items()
    alike = (other for other in others if other.conditions == record.conditions and paper.are_default(other.readings))
    found = [other for other in alike if other.readings.items() < readings]
    return max(found, key=lambda other: len(other.readings), default=None)


def departures(record: Record, default: Record) -> dict[str, str]:
    """The readings in which a record differs from its default."""
    return {key: value for key, value in record.readings.items() if default.readings.get(key) != value}


def shown_in_full(paper: Paper, record: Record, others: Sequence[Record]) -> bool:
    """Whether a record is shown with all its tables: if its readings are those of the tables, or if it has no default.

    There may be dozens of other records, all alternatives. The tables of effects show how they differ from the
    default."""
    return _are_of_the_tables(paper, record.readings) or default_of(paper, record, others) is None


# The parts of an assessment


def _say_leak(paper: Paper, record: Record, leak_free: Record, rows: list[Compared], folder: Path) -> list[str]:
    own = (row for row in rows if is_of_repeats(row.cell) and row.part in leakage.PARTS)
    keys = dict.fromkeys((row.part, row.cell.definition) for row in own)
    standard = [("test", each) for each in standard_of(paper, record)]
    of_means = leakage.leak_sentence(record, leak_free, keys, standard)
    of_images = copy_worth(folder, record, leak_free)
    return list(filter(None, [of_means, of_images and of_images.sentence]))
