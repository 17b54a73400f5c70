"""All that can be said of one record: its comparison, what nothing-learned scores, what would explain a gap."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import BadInput
from common.evidence import claims, compare, defaults, leakage, learned, trivial
from common.evidence.counts import Rows
from common.evidence.definition import Definition
from common.evidence.explain import OUTSIDE, Explanation, explanations
from common.evidence.metrics import STANDARD, standard
from common.evidence.results import Compared, Record, load, rows_of_test
from common.evidence.statistics import Prediction, place
from common.paper import PROFILES, Paper
from common.protocol import PROTOCOL, recipe_hash
from common.recipe import Recipe
from common.reported import printed

# An other definition that random numbers would find more often than this explains nothing.
TELLING = 0.05


@dataclass(frozen=True)
class Assessment:
    """rows: of every number that this record's network is to answer for. own: the ids of those that its repeats answer
    as a whole, not single folds, single images or what the paper quotes from others. nothing: by id, then by predictor,
    the score of one that has learned nothing over random splits, where it is known. sentences: what to read first.
    fresh: whether today's recipe and protocol made the record. images: the counts of the test images of its first
    repeat, None where they are not kept.
    leak_free: the record of the same with copies of an image on one side of the split, where there is one, and whether
    it is fresh. beside: whether this is such a record itself, whose numbers stand beside those of another.
    in_full: whether it is shown with all its tables (`defaults.in_full`). What explains a gap, and what nothing-learned
    scores, is asked of these alone: of dozens of alternatives it would take minutes, and nobody reads it."""

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

    @property
    def standard(self) -> list[str]:
        return standard_of(self.paper, self.record)


def of_paper(paper: Paper, results: Path) -> list[Assessment]:
    """Of every record of the paper in this folder, those of its own size first, else in the order of its file."""
    records = sorted(load(results, paper.name), key=lambda record: PROFILES.index(record.profile))

    def fresh(record: Record) -> bool:
        recipe = recipe_of(paper, record)
        return bool(recipe) and (record.recipe_hash, record.protocol) == (recipe_hash(recipe), PROTOCOL)

    return [assess(paper, record, records, results, fresh) for record in records]


def recipe_of(paper: Paper, record: Record) -> Recipe | None:
    """The settings that a record was made with; None where one of its readings has left `paper.yaml` since."""
    try:
        return paper.plain_recipe(record.profile, record.readings)
    except BadInput:
        return None


def standard_of(paper: Paper, record: Record) -> list[str]:
    """The definitions that every run of the record's recipe is given; where that is not known any more, those of any
    recipe."""
    recipe = recipe_of(paper, record)
    return standard(recipe) if recipe else list(STANDARD)


def assess(
    paper: Paper,
    record: Record,
    others: Sequence[Record],
    folder: Path,
    fresh: Callable[[Record], bool] = lambda record: True,
) -> Assessment:
    """others: all records of the paper; folder: of the results, with the counts behind them; fresh: whether today's
    recipe and protocol made a record."""
    cells = {cell.id: cell for cell in paper.reported}
    images = rows_of_test(folder, record)
    rows = compare.rows(paper, record, images)
    own = {row.id for row in rows if compare.is_of_repeats(cells[row.id])}
    in_full = defaults.in_full(paper, record, others)
    nothing = {}
    if in_full and record.dataset.name == paper.data:
        whole = [cells[row.id] for row in rows if row.id in own]
        of_folds = [cells[row.id] for row in rows if compare.is_of_a_fold(cells[row.id])]
        nothing = trivial.of_cells(paper, _paper_recipe(paper, record), whole, of_folds)
    rows = [_settled(record, row, nothing.get(row.id)) for row in rows]
    explained = explanations(paper, record, [row for row in rows if row.id in own], others) if in_full else []
    telling = {cell: each for each in explained if each.chance <= TELLING for cell in each.cells}
    rows = [_explained(row, telling[row.id]) if row.id in telling else row for row in rows]
    leak_free = leakage.leak_free(record, others)
    asked = dict.fromkeys((row.part, row.definition) for row in rows if row.id in own and row.part in leakage.PARTS)
    further = [("test", signature) for signature in standard_of(paper, record)]
    sentences = [
        *([] if paper.data_named else [_unnamed(record)]),
        *learned.sentences(record),
        *_of_nothing([row for row in rows if row.id in own], nothing),
        *(each.sentence for each in explained),
        *([leakage.sentence(record, leak_free, asked, further)] if leak_free and in_full else []),
    ]
    return Assessment(
        paper,
        record,
        fresh(record),
        rows,
        own,
        nothing,
        list(dict.fromkeys(filter(None, sentences))),
        images,
        leak_free,
        leak_free is None or fresh(leak_free),
        leakage.leaking(record, others) is not None,
        in_full,
    )


def told(group: Iterable[Assessment]) -> list[str]:
    """What to read first of a paper, from its assessments: the sentences of each that does not stand beside another,
    once, then whether its own numbers agree with each other."""
    group = list(group)
    sentences = dict.fromkeys(sentence for each in group if not each.beside for sentence in each.sentences)
    return [*filter(None, [*sentences, *dict.fromkeys(contradictions(each.paper) for each in group)])]


def contradictions(paper: Paper) -> str:
    """A sentence on the paper's own numbers, "" where they agree with each other."""
    found = claims.summary(paper)
    return f"{found} `repro claims {paper.name}` lists them." if found else ""


def _paper_recipe(paper: Paper, record: Record):
    try:
        return paper.plain_recipe("paper", record.readings)
    except BadInput:  # a reading that has left paper.yaml since
        return paper.plain_recipe()


def _unnamed(record: Record) -> str:
    return f"T{compare.UNNAMED[1:]}: what comes out on {record.dataset.name} stands beside its numbers and judges none."


def _settled(record: Record, row: Compared, nothing: dict[str, Prediction] | None) -> Compared:
    """Keras' raw IoU of networks that never saturate is that of an empty mask: many splits say it better than runs."""
    if row.verdict in compare.UNSET or not nothing:
        return row
    background = nothing[trivial.BACKGROUND]
    if not background.n or not compare.unmoved(record, row.split, row.definition):
        return row
    verdict = compare.judge(row.value + row.unit, background)
    return _noted(row, verdict, "that of an empty mask, over random splits")


def _explained(row: Compared, explained: Explanation) -> Compared:
    """Another definition is a verdict of its own; of another reading of the paper there is a note."""
    if row.verdict in ("paper higher", "paper lower") and explained.definitions:
        return _noted(row, "other definition", f"as {explained.definitions[0]}")
    if row.verdict in OUTSIDE and explained.readings:
        return _noted(row, row.verdict, f"inside with {explained.readings[0]}")
    return row


def _noted(row: Compared, verdict: str, note: str) -> Compared:
    return row.model_copy(update={"verdict": verdict, "note": "; ".join(filter(None, [note, row.note]))})


def _of_nothing(rows: list[Compared], nothing: dict[str, dict[str, Prediction]]) -> list[str]:
    """A sentence on each number of the test images' pixels that a predictor which has learned nothing scores too."""
    sentences = []
    for row in rows:
        if row.split != "test" or row.verdict in compare.MOOT or "class" in Definition.parse(row.definition).target:
            continue
        shown = printed(row.value + row.unit)
        inside = [
            trivial.sentence(f"{row.name} of {row.value}{row.unit}", shown, who, scored)
            for who, scored in nothing.get(row.id, {}).items()
            if scored.low is not None and place(shown, (scored.low, scored.high)) == "inside"
        ]
        sentences += inside[:1]  # the simpler predictor comes first and says enough
    return sentences
