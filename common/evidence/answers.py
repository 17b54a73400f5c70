"""Finds one answer for each printed number of a paper, from all its records. Here the four questions of RULES.md come
together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from common.evidence import compare, trivial, verdict
from common.evidence.assess import Assessment
from common.evidence.columns import head_of, judged_together
from common.evidence.compared import Compared
from common.evidence.elsewhere import Explanation, explanations
from common.evidence.schema import Record
from common.evidence.spread import Spread, find_spread
from common.evidence.statistics import Prediction
from common.evidence.verdict import Hint, Verdict
from common.paper import Paper
from common.reported import Reported

# The id of a printed number, and the profile of the runs beside it.
_Key = tuple[str, str]


@dataclass(frozen=True)
class Runs:
    """The comparison of a number with the runs of one record."""

    assessed: Assessment
    row: Compared

    @property
    def is_on_its_data(self) -> bool:
        """Whether these are runs on the data set of `paper.yaml`, even if it only stands for data that the paper does
        not name. Such runs can't judge a number then (`Paper.is_own_data`)."""
        return self.assessed.record.dataset.name == self.assessed.paper.data

    @property
    def has_measured(self) -> bool:
        """Whether the metric was measured in these runs, even if it is undefined in some of them."""
        return self.row.reproduced.mean is not None or bool(self.row.undefined)


@dataclass(frozen=True)
class Answer:
    """The answer for one printed number, or for one column of a fold table.

    head: the number; for a column, its mean, or its first number if no mean is printed.
    cells: all numbers that are judged together; one number, or all numbers of the column.
    row: the comparison that the verdict comes from: with `runs`, else with `small`, else without any run
        (`compare.rows_without_runs`).
    runs: the comparison with runs of the paper's own size; None if there are none.
    small: the comparison with runs of the small profile; None if there are none.
    nothing: the best predictor that has learned nothing: its name and its score. None if its score is not known.
    elsewhere: the place where else one would see the number (question d). None if no place was found, or if the
        question was not asked.
    better_if: other ways to read the number, under which it is better than a guess, in words that follow "if". Empty
        unless the verdict is "says nothing".
    spread: how far our runs vary over splits and over initial weights. None unless the verdict is "not decided" or "not
        run" and our runs have a value. Also None if no runs tell both apart.
    """

    paper: Paper
    head: Reported
    cells: tuple[Reported, ...]
    row: Compared
    runs: Runs | None
    small: Runs | None
    nothing: tuple[str, Prediction] | None
    elsewhere: Explanation | None
    better_if: tuple[str, ...] = ()
    spread: Spread | None = None

    @property
    def verdict(self) -> Verdict:
        return self.row.verdict

    @property
    def hint(self) -> Hint:
        return self.small.row.hint if self.small else ""

    @property
    def ours(self) -> Runs | None:
        """The runs that stand beside the number: those of the paper's own size, or the small ones if only these
        measured it. None if there are no runs at all.

        A number that is undefined at the paper's own size was measured there: no small run takes its place."""
        measured = (each for each in (self.runs, self.small) if each and each.has_measured)
        return next(measured, self.runs or self.small)

    @property
    def is_own(self) -> bool:
        """Whether the number is of the paper's own work, and is not one that is entered again under another
        definition."""
        return not (self.head.same_as or self.head.quoted)

    @property
    def depends_on_reading(self) -> bool:
        """Whether the verdict "says nothing" rests on an assumption that the paper does not state
        (`Reported.premise`)."""
        return self.verdict == "says nothing" and bool(self.head.premise)

    @property
    def has_value(self) -> bool:
        """Whether our runs have a value of the number."""
        return self.ours is not None and self.ours.row.reproduced.mean is not None

    @property
    def is_open(self) -> bool:
        """Whether our runs have a value of the number, and more runs could decide it or, if only small runs have one,
        give a hint."""
        if self.verdict != "not run" or not self.has_value:
            return self.verdict == "not decided" and self.ours is not None
        row = self.ours.row  # a row with a note has networks that did not learn
        return not (row.hint or row.note) and row.margin is not None

    @property
    def stale(self) -> bool:
        """Whether what stands beside the number comes from a stale record."""
        return self.ours is not None and self.ours.has_measured and not self.ours.assessed.fresh


def answers(paper: Paper, assessed: Sequence[Assessment]) -> list[Answer]:
    """One answer for each number that the paper prints, in the order of `paper.reported`. A column of a fold table has
    one answer.

    assessed: all records of the paper. Only records with the default readings of the paper's own network or of a
    baseline answer, and no smoke runs. Runs on the paper's own data have priority over runs on other data."""
    nothing = trivial.distributions_of_cells(paper) if paper.data_named else {}
    usable = _usable_for_answers(paper, assessed)
    sources = _sources(usable)
    without = {row.cell.id: row for row in compare.rows_without_runs(paper, paper.reported, nothing)}
    elsewhere = {
        (id, each.record.profile): found
        for each in reversed(usable)
        for found in explanations(paper, each.record, each.own_rows, [other.record for other in assessed])
        for id in found.cells
        if (runs := sources.get((id, each.record.profile))) and runs.assessed is each
    }
    found = [_answer(paper, group, sources, without, nothing, elsewhere) for group in judged_together(paper.reported)]
    records = [each.record for each in assessed]
    return [
        replace(answer, better_if=tuple(_better_if(answer)), spread=_spread_behind(answer, records)) for answer in found
    ]


def _better_if(answer: Answer) -> Iterator[str]:
    """The premises of `Answer.better_if`."""
    if answer.verdict != "says nothing":
        return
    for claim in answer.paper.claims:
        if change := claim.cells.get(answer.head.id):
            read = answer.head.model_copy(update=change)
            nothing = trivial.distributions_of_cells(answer.paper.model_copy(update={"reported": [read]}))[read.id]
            scored = list(nothing.values())
            if verdict.best_of(read.definition, scored) and not verdict.says_nothing(
                read.interval, read.definition, scored
            ):
                yield claim.premise


def _spread_behind(answer: Answer, records: Sequence[Record]) -> Spread | None:
    if answer.verdict not in ("not decided", "not run") or not answer.has_value:
        return None
    row, record = answer.ours.row, answer.ours.assessed.record
    return find_spread(answer.paper, record, records, row.part, row.cell.definition)


def headline(paper: Paper, found: Iterable[Answer]) -> list[Answer]:
    """The answers for the few numbers that the paper is known by, in the order of `paper.headline`. A column of a fold
    table is named by the id of its head."""
    by_id = {answer.head.id: answer for answer in found}
    return [by_id[id] for id in paper.headline]


def _usable_for_answers(paper: Paper, assessed: Iterable[Assessment]) -> list[Assessment]:
    """The assessments with default readings, in a design of any size, without smoke runs.

    Those on the paper's own data come first; among these and among the others, those of the paper's own design."""

    def order(each: Assessment) -> tuple[bool, bool]:
        return each.record.dataset.name != paper.data, not paper.are_default(each.record.readings)

    run = (each for each in assessed if each.record.profile != "smoke")
    return sorted((each for each in run if paper.are_default(paper.without_design(each.record.readings))), key=order)


def _sources(usable: Sequence[Assessment]) -> dict[_Key, Runs]:
    """The first comparison of each number.

    If a number was run on the paper's own data, runs on other data are left out. With another number of folds than the
    paper's, a network is trained on another number of images. So such runs stand only beside quoted numbers, which have
    no verdict."""
    found = {
        (row.cell.id, each.record.profile): Runs(each, row)
        for each in reversed(usable)
        for row in each.rows
        if row.verdict == "quoted" or "folds" not in each.record.readings
    }
    own = {id for (id, _), runs in found.items() if runs.is_on_its_data}
    return {key: runs for key, runs in found.items() if key[0] not in own or runs.is_on_its_data}


def _answer(
    paper: Paper,
    cells: Sequence[Reported],
    sources: Mapping[_Key, Runs],
    without: Mapping[str, Compared],
    nothing: compare.Nothing,
    elsewhere: Mapping[_Key, Explanation],
) -> Answer:
    """The answer for the numbers `cells`, which are judged together. without: by id, their comparison without runs."""
    head = head_of(cells)
    runs, small = (sources.get((head.id, profile)) for profile in ("paper", "small"))
    first = runs or small
    return Answer(
        paper,
        head,
        tuple(cells),
        first.row if first else without[head.id],
        runs,
        small,
        _best(head, nothing.get(head.id, {})),
        elsewhere.get((head.id, first.assessed.record.profile)) if first else None,
    )


def _best(head: Reported, scored: Mapping[str, Prediction]) -> tuple[str, Prediction] | None:
    """As `Answer.nothing`. scored: the scores of each predictor that has learned nothing, by its name."""
    best = verdict.best_of(head.definition, list(scored.values()))
    return next(((who, each) for who, each in scored.items() if each is best), None)
