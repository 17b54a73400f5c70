"""What there is to say of each record: its comparison, what predictors that learned nothing score, what would explain
a gap, and which other record it stands beside.

The default is the record in which all that the paper leaves open has the default reading. Other records are
alternatives to the default: they differ from it in one or more readings.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import BadInput
from common.evidence import claims, compare, leakage, learned, trivial
from common.evidence.counts import Rows
from common.evidence.definition import Definition
from common.evidence.explain import OUTSIDE, Explanation, explanations
from common.evidence.metrics import STANDARD, standard
from common.evidence.results import Compared, Record, load, rows_of_test
from common.evidence.statistics import Prediction, place
from common.paper import PROFILES, Paper, Profile, as_text
from common.protocol import PROTOCOL, recipe_hash
from common.recipe import Recipe
from common.reported import printed

# An explanation changes a row only if random numbers would be explained so in no larger share of draws.
TELLING = 0.05


@dataclass(frozen=True)
class Assessment:
    """fresh: whether today's recipe and protocol made the record.
    rows: one for each number that the paper reports of this record's network.
    own: ids of the rows that whole repeats answer, not single folds, single images or quoted numbers.
    nothing: by id, then by predictor, what a predictor that has learned nothing scores over random splits.
    sentences: what to read first.
    images: the counts of the test images of the first repeat; None where they are not kept.
    leak_free: the record of the same runs with copies of an image on one side of the split, if there is one.
    leak_free_fresh: whether that one is fresh.
    beside: whether this record is the leak-free one of another.
    in_full: whether it is shown with all its tables (`shown_in_full`). Only then are `nothing` and the explanations of
        gaps computed: for dozens of alternatives that would take minutes, and nobody would read it.
    folder: of the results, with the counts behind the record."""

    paper: Paper
    record: Record
    fresh: bool
    rows: list[Compared]
    own: set[str]
    nothing: dict[str, dict[str, Prediction]]
    sentences: list[str]
    images: Rows | None
    leak_free: Record | None = None
    leak_free_fresh: bool = True
    beside: bool = False
    in_full: bool = True
    folder: Path | None = None

    @property
    def standard(self) -> list[str]:
        return standard_of(self.paper, self.record)


def assess_paper(paper: Paper, results: Path) -> list[Assessment]:
    """One for every record of the paper in this folder: the paper's own size first, then in the order of the file."""
    records = sorted(load(results, paper.name), key=lambda record: PROFILES.index(record.profile))

    def fresh(record: Record) -> bool:
        recipe = recipe_of(paper, record)
        return bool(recipe) and (record.recipe_hash, record.protocol) == (recipe_hash(recipe), PROTOCOL)

    return [assess(paper, record, records, results, fresh) for record in records]


def assess(
    paper: Paper,
    record: Record,
    others: Sequence[Record],
    folder: Path,
    fresh: Callable[[Record], bool] = lambda record: True,
) -> Assessment:
    """others: all records of the paper. folder: of the results, with the counts behind them. fresh: whether today's
    recipe and protocol made a record."""
    cells = {cell.id: cell for cell in paper.reported}
    images = rows_of_test(folder, record)
    rows = compare.rows(paper, record, images)
    own = {row.id for row in rows if compare.is_of_repeats(cells[row.id])}
    in_full = shown_in_full(paper, record, others)
    nothing = {}
    if in_full and record.dataset.name == paper.data:
        whole = [cells[row.id] for row in rows if row.id in own]
        of_folds = [cells[row.id] for row in rows if compare.is_of_a_fold(cells[row.id])]
        nothing = trivial.distributions_of_cells(paper, _paper_recipe(paper, record), whole, of_folds)
    rows = [_judged_by_splits(record, row, nothing.get(row.id)) for row in rows]
    explained = explanations(paper, record, [row for row in rows if row.id in own], others) if in_full else []
    telling = {cell: each for each in explained if each.chance <= TELLING for cell in each.cells}
    rows = [_explained(row, telling[row.id]) if row.id in telling else row for row in rows]
    answered = [row for row in rows if row.id in own]
    leak_free, beside = leakage.leak_free(record, others), leakage.leaking(record, others) is not None
    free_fresh = leak_free is None or fresh(leak_free)
    stands_for = f"what comes out on {record.dataset.name} stands beside its numbers and judges none"
    sentences = [
        "" if paper.data_named else f"T{compare.UNNAMED[1:]}: {stands_for}.",
        *learned.unlearned_sentences(record),
        *_say_what_nothing_scores(answered, nothing),
        *(each.sentence for each in explained),
        _say_leak(paper, record, leak_free, answered) if leak_free and in_full else "",
    ]
    sentences = list(dict.fromkeys(filter(None, sentences)))
    return Assessment(
        paper, record, fresh(record), rows, own, nothing, sentences, images, leak_free, free_fresh, beside, in_full,
        folder,
    )  # fmt: skip


def summary_sentences(group: Iterable[Assessment]) -> list[str]:
    """What to read first of a paper: the sentences of its assessments, each once, then whether its own numbers agree
    with each other. Leak-free records stand beside others and add none."""
    group = list(group)
    sentences = [sentence for each in group if not each.beside for sentence in each.sentences]
    return [*filter(None, dict.fromkeys([*sentences, *(contradictions(each.paper) for each in group)]))]


def contradictions(paper: Paper) -> str:
    """A sentence on the paper's own numbers, "" where they agree with each other."""
    found = claims.summary(paper)
    return f"{found} `repro claims {paper.name}` lists them." if found else ""


def recipe_of(paper: Paper, record: Record, profile: Profile | None = None) -> Recipe | None:
    """The settings that a record was made with, or those of another profile with the same readings; None where one of
    its readings is no longer in `paper.yaml`."""
    try:
        return paper.plain_recipe(profile or record.profile, record.readings)
    except BadInput:
        return None


def standard_of(paper: Paper, record: Record) -> list[str]:
    """The definitions that every run of a record's recipe is scored under; those of any recipe if that is unknown."""
    recipe = recipe_of(paper, record)
    return standard(recipe) if recipe else list(STANDARD)


def _paper_recipe(paper: Paper, record: Record) -> Recipe:
    return recipe_of(paper, record, "paper") or paper.plain_recipe()


# Which record is an alternative to which


def is_default(paper: Paper, record: Record) -> bool:
    """Whether its readings are the default of the paper's network, or of one that the paper sets beside its own."""
    of_baselines = [{key: as_text(value) for key, value in baseline.items()} for baseline in paper.baselines]
    return record.readings in [{}, *of_baselines]


def default_of(paper: Paper, record: Record, others: Iterable[Record]) -> Record | None:
    """The default that a record is an alternative to, of the same network where there is one, and of the same
    conditions (`Record.conditions`). A network beside the paper's own is an alternative to the paper's own.

    None for the default itself, where there is no such default, and for a record with a reading of what its profile
    shrinks (`Paper.shrunk`)."""
    if record.readings.keys() & paper.shrunk(record.profile):
        return None
    readings = record.readings.items()
    found = [
        other
        for other in others
        if is_default(paper, other) and other.readings.items() < readings and other.conditions == record.conditions
    ]
    return max(found, key=lambda other: len(other.readings), default=None)


def departures(record: Record, default: Record) -> dict[str, str]:
    """The readings of a record that its default does not have."""
    return {key: value for key, value in record.readings.items() if default.readings.get(key) != value}


def shown_in_full(paper: Paper, record: Record, others: Sequence[Record]) -> bool:
    """Whether a record is shown with all its tables: a default, its leak-free record, or a record without a default.
    There may be dozens of other alternatives; the tables of effects have what they move."""
    default = default_of(paper, record, others)
    return default is None or is_default(paper, record) or departures(record, default) == leakage.GROUPED


# The parts of an assessment


def _say_leak(paper: Paper, record: Record, leak_free: Record, own: list[Compared]) -> str:
    keys = dict.fromkeys((row.part, row.definition) for row in own if row.part in leakage.PARTS)
    return leakage.leak_sentence(record, leak_free, keys, [("test", each) for each in standard_of(paper, record)])


def _judged_by_splits(record: Record, row: Compared, nothing: dict[str, Prediction] | None) -> Compared:
    """Judges a number by the distribution of an empty mask where the network has that value at any size
    (`compare.is_of_empty_mask`): many random splits give it more exactly than a few runs."""
    if row.verdict in compare.UNSET or not nothing:
        return row
    background = nothing[trivial.BACKGROUND]
    if not background.n or not compare.is_of_empty_mask(record, row.split, row.definition):
        return row
    verdict = compare.judge_number(row.value + row.unit, background)
    return _noted(row, verdict, "that of an empty mask, over random splits")


def _explained(row: Compared, explained: Explanation) -> Compared:
    """Another definition that explains a gap is a verdict of its own; another reading that does is a note."""
    if row.verdict in ("paper higher", "paper lower") and explained.definitions:
        return _noted(row, "other definition", f"as {explained.definitions[0]}")
    if row.verdict in OUTSIDE and explained.readings:
        return _noted(row, row.verdict, f"inside with {explained.readings[0]}")
    return row


def _noted(row: Compared, verdict: str, note: str) -> Compared:
    return row.model_copy(update={"verdict": verdict, "note": "; ".join(filter(None, [note, row.note]))})


def _say_what_nothing_scores(rows: list[Compared], nothing: dict[str, dict[str, Prediction]]) -> list[str]:
    """A sentence on each number of the test images' pixels that a predictor which has learned nothing reaches too."""
    sentences = []
    for row in rows:
        if row.split != "test" or row.verdict in compare.MOOT or "class" in Definition.parse(row.definition).target:
            continue
        shown = printed(row.value + row.unit)
        inside = [
            trivial.describe_place(f"{row.name} of {row.value}{row.unit}", shown, who, scored)
            for who, scored in nothing.get(row.id, {}).items()
            if scored.low is not None and place(shown, (scored.low, scored.high)) == "inside"
        ]
        sentences += inside[:1]  # one predictor is enough, and the simpler one comes first
    return sentences
