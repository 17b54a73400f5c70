"""Compares each number that a paper reports with the runs of one record, by the rules of `common.evidence.verdict`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.evidence import claims, learned, verdict
from common.evidence.claims import Finding
from common.evidence.columns import head_of, interval_of, is_compared, judged_together, printed_again
from common.evidence.compared import Compared
from common.evidence.counts import Rows
from common.evidence.metrics import value_of_each_image
from common.evidence.outlook import Outlook, expect_cells
from common.evidence.run_values import part_of, values
from common.evidence.schema import Record, Repeat
from common.evidence.statistics import Interval, Prediction, middle_95, prediction
from common.evidence.trivial import NOTHING
from common.evidence.verdict import Verdict
from common.paper import Paper
from common.reported import Reported

# By the id of a number, then by the name of a predictor that has learned nothing: its scores over random splits.
Nothing = Mapping[str, Mapping[str, Prediction]]


@dataclass(frozen=True)
class Judged:
    """One number, or one column of a fold table (folds, mean and standard deviation), and what is known before question
    c is answered.

    interval: the least and the greatest value that the number may be rounded from; for a column, those of its mean.
    outlook: where our runs let one expect the number.
    margin: as in `Compared`.
    verdict: the answer of question a or b, or the reason why question c can't be asked. None if question c is asked.
    note: why this verdict was found, else ""."""

    cells: list[Reported]
    interval: Interval
    outlook: Outlook
    margin: float | None
    verdict: Verdict | None
    note: str

    @property
    def head(self) -> Reported:
        return head_of(self.cells)


def rows(paper: Paper, record: Record, nothing: Nothing | None = None, images: Rows | None = None) -> list[Compared]:
    """Compares the runs of a record with each number that the paper reports of the same network: one row for each
    number, in the paper's order.

    The network is the paper's own, or the baseline that the record's readings choose. There are no rows if the paper
    prints no number of a baseline.

    nothing: the scores of predictors that have learned nothing, over random splits. For a number without such scores,
        question b is not asked, and the margin comes from the scores of these predictors on the record's own splits.
    images: the counts of the test images of one repeat, or None. A printed number of a single image is shown beside the
        range of our values of single images.

    Raises ValueError for a definition or a value that can't be read.
    """
    network, findings = paper.network_of(record.readings), claims.check(paper)
    cells = [cell for cell in paper.reported if paper.network_of(cell.readings) == network]
    judged = [_judge(paper, record, group, findings, nothing or {}) for group in judged_together(cells)]
    asked = [each for each in judged if each.verdict is None and each.outlook.expected.n and not each.head.same_as]
    p_values = {id(each): _p_value(each, record.profile == "small") for each in asked}
    differs = dict(zip(p_values, verdict.differing([*p_values.values()]), strict=True))
    others = {id(each): [p for key, p in p_values.items() if key != id(each)] for each in judged}
    by_cell = {
        cell.id: _row(paper, record, cell, each, differs.get(id(each), False), others[id(each)], images)
        for each in judged
        for cell in each.cells
    }
    return [by_cell[cell.id] for cell in cells]


def _p_value(judged: Judged, small: bool) -> float:
    """The p-value of the printed number; 1 if nothing could make it "paper higher" or "paper lower".

    It is 1 if the number is practically the same as ours, if there are too few repeats, or if small runs vary too much
    for a hint. Such a number still counts among the numbers that were tested (`verdict.differing`)."""
    expected, margin = judged.outlook.expected, judged.margin
    found = expected.prediction
    callable_ = expected.n >= judged.outlook.fewest and found.low is not None
    if not callable_ or verdict.is_within(judged.interval, found, margin):
        return 1.0
    if small and verdict.varies_too_much(found, margin):
        return 1.0
    return expected.p_value(judged.interval)


def rows_without_runs(paper: Paper, cells: Iterable[Reported], nothing: Nothing) -> list[Compared]:
    """The rows of printed numbers before there are any runs. Only questions a and b are asked, which need no run."""
    findings, judged = claims.check(paper), []
    for group in judged_together(cells):
        head = head_of(group)
        scored = list(nothing.get(head.id, {}).values())
        answer, note = _before_runs(paper, head, group, findings, interval_of(group), scored)
        found = {"reproduced": Prediction(0), "trivial": {}, "margin": verdict.margin_of(head.definition, scored)}
        found |= {"verdict": answer or ("not run" if paper.data_named else "other data"), "note": note}
        judged += [Compared(cell, part_of(paper, cell.split), **found) for cell in group]
    return judged


def _judge(paper: Paper, record: Record, cells: list[Reported], findings: list[Finding], nothing: Nothing) -> Judged:
    head = head_of(cells)
    scored = list(nothing.get(head.id, {}).values())
    of_runs = [prediction(values(record, head.split, head.definition, who)) for who in NOTHING]
    outlook, interval = expect_cells(paper, record, cells), interval_of(cells)
    answer, note = _before_runs(paper, head, cells, findings, interval, scored)
    if answer == "quoted" and outlook.expected.n and learned.why_unlearned(_runs_behind(record, head), head.definition):
        note += "; the network did not learn here"
    elif not answer:
        answer, note = _without_verdict(paper, record, head)
    margin = verdict.margin_of(head.definition, scored or of_runs)
    return Judged(cells, interval, outlook, margin, answer, note)


def _before_runs(
    paper: Paper, head: Reported, cells: list[Reported], findings: list[Finding], printed: Interval, nothing: list
) -> tuple[Verdict | None, str]:
    """The answer of questions a and b, which need no run, with a note. None if neither has an answer."""
    if head.quoted:
        return "quoted", head.quoted
    if found := claims.impossible(findings).get(head.id):
        return "impossible", found.text
    ids = {cell.id for cell in cells} | printed_again(paper, head)
    if found := next((each for each in findings if each.is_certain and ids & set(each.cells)), None):
        return "contradicted", found.text
    if paper.data_named and not head.image and verdict.says_nothing(printed, head.definition, nothing):
        return "says nothing", ""
    return None, ""


def _without_verdict(paper: Paper, record: Record, cell: Reported) -> tuple[Verdict | None, str]:
    """Why question c can't be asked of these runs, with a note. None if it can be asked."""
    if not paper.data_named:
        return "other data", "the paper does not name its data"
    if not paper.is_own_data(record.dataset.name) or record.profile == "smoke":
        return "other data", ""
    if unlearned := learned.why_unlearned(_runs_behind(record, cell), cell.definition):
        return "did not learn", unlearned
    return ("not decided", "one image that the paper does not name") if cell.image else (None, "")


def _row(
    paper: Paper,
    record: Record,
    cell: Reported,
    judged: Judged,
    differs: bool,
    others: list[float],
    images: Rows | None,
) -> Compared:
    """The row of one cell, with the answer of question c if that was asked.

    differs: whether the number is among those that are called higher or lower (`verdict.differing`).
    others: the p-values of the numbers that were tested together with it.
    images: as in `rows`."""
    outlook, small = judged.outlook, record.profile == "small"
    reproduced = outlook.expected.prediction
    if cell.image and images is not None:
        reproduced = middle_95(value_of_each_image(cell.definition, images))
    answer, hint, needed = judged.verdict, "", None
    question = judged.interval, outlook.expected, judged.margin, differs, outlook.fewest
    if small and answer in ("did not learn", "not decided"):
        answer = "not run"
    elif answer is None and not outlook.expected.n:
        answer = "not run"  # or not scored under this definition
    elif answer is None:
        answer, hint = ("not run", verdict.hint_of(*question)) if small else (verdict.decide(*question), "")
        is_open = answer == "not decided" or (small and not hint)
        if is_open and outlook.more and judged.margin is not None:
            needed = verdict.repeats_to_decide(
                judged.interval, outlook.more, outlook.further, judged.margin, small, others
            )
    trivial = {who: prediction(values(record, cell.split, cell.definition, who)).mean for who in NOTHING}
    found = {"reproduced": reproduced, "trivial": trivial, "margin": judged.margin, "note": judged.note}
    if is_compared(cell) and not outlook.expected.n:
        found["undefined"] = _where_undefined(paper, record, cell)
    return Compared(cell, part_of(paper, cell.split), verdict=answer, hint=hint, needed=needed, **found)


def _where_undefined(paper: Paper, record: Record, cell: Reported) -> str:
    """As `Compared.undefined`, for a number of which the record has no value."""
    runs, part = _runs_behind(record, cell), part_of(paper, cell.split)
    values = [run.metrics.get(part, {}) for run in runs]
    number = sum(cell.definition in each and each[cell.definition] is None for each in values)
    return learned.in_runs(number, runs) if number else ""


def _runs_behind(record: Record, cell: Reported) -> list[Repeat]:
    """The trainings that a cell is compared with. A number of a single image is compared with the first repeat only. A
    repeat with a failed fold has no mean, so it is left out."""
    runs = record.first_repeat if cell.image else record.runs
    return [run for run in runs if (run.seed, run.repeat) not in record.broken]
