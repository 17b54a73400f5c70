"""The findings for a paper: every relation applied to every group of cells that it is about."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations

from common.evidence.claims import counted, lists, matrices
from common.evidence.claims.bindings import Cell, cells, constraints, grouped
from common.evidence.claims.findings import Finding, Region
from common.evidence.claims.matrices import listing
from common.evidence.claims.matrix import Constraint, span
from common.evidence.claims.relations import Interval, cross_entropy, overlap, possible_range
from common.paper import Paper


def check(paper: Paper) -> list[Finding]:
    """What cannot be right as printed: first with the cells as the record reads them, then under each of its
    `claims`, another reading of some. Seconds for hundreds of cells, so the answer is kept for the next call. Raises
    ValueError for a value or definition that can't be read."""
    return list(_check(paper.model_dump_json()))


@cache
def _check(text: str) -> tuple[Finding, ...]:
    paper = Paper.model_validate_json(text)
    found = _with_certainty(paper)
    known = {(finding.relation, finding.cells) for finding in found}
    for claim in paper.claims:
        for finding in _with_certainty(paper, claim.cells):
            if (finding.relation, finding.cells) not in known:
                premise = " and ".join(part for part in (claim.premise, finding.premise) if part)
                found.append(replace(finding, premise=premise, assumed=True))
    return tuple(found)


def _with_certainty(paper: Paper, changes: dict[str, dict] | None = None) -> list[Finding]:
    """Findings about numbers taken as rounded, each with whether it stands if digits may have been cut off."""
    rounded = list(_all(paper, cells(paper, False, changes), changes))
    cut_off = _all(paper, cells(paper, True, changes), changes) if rounded else []
    stand = {(finding.relation, finding.cells) for finding in cut_off}
    return [
        finding if (finding.relation, finding.cells) in stand else replace(finding, certainty="if rounded")
        for finding in rounded
    ]


def _all(paper: Paper, every: list[Cell], changes: dict[str, dict] | None) -> Iterator[Finding]:
    """changes: where given, only groups with a cell that it names are checked."""

    def groups(key):
        return [group for group in grouped(every, key) if changes is None or any(cell.id in changes for cell in group)]

    parts = paper.cases.parts if paper.cases else {}
    impossible = [finding for cell in every for finding in _range(cell) if changes is None or cell.id in changes]
    yield from impossible
    wrong = {finding.cells[0] for finding in impossible}
    every = [cell for cell in every if cell.id not in wrong]

    for group in groups(lambda cell: (cell.setting, cell.reported.definition)):
        yield from _one_quantity(group)
    for group in groups(lambda cell: cell.matrix and (cell.setting, cell.matrix)):
        yield from matrices.conflicts(group, parts.get(group[0].reported.split, []))
    for group in groups(lambda cell: cell.mean and (cell.setting, cell.mean)):
        yield from lists.of_means(group)
    for group in groups(lambda cell: cell.setting):
        yield from _losses(group)
    for group in groups(lambda cell: cell.column):
        yield from lists.mean_and_deviation(group)
        yield from counted.column(group, parts.get(group[0].reported.split, []))
    for group in groups(lambda cell: cell.metric == "count" and cell.reported.split):
        yield from counted.drawn(group, paper.cases)
        yield from counted.against_folds(group, every)
    for group in groups(lambda cell: cell.matrix and not cell.reported.quoted and (cell.reported.split, cell.matrix)):
        yield from _prevalences(group)


def _range(cell: Cell) -> Iterator[Finding]:
    least, most = possible_range(cell.metric)
    if cell.reported.statistic != "deviation" and not overlap(cell.interval, (least, most)):
        yield Finding(
            "value outside the range of its formula",
            (cell.id,),
            f"{cell.shown}: {cell.metric} is between {least:g} and {most:g}.",
        )


def _one_quantity(group: list[Cell]) -> Iterator[Finding]:
    for one, other in combinations(group, 2):
        if not overlap(one.interval, other.interval):
            text = f"{one.shown} and {other.shown} are one quantity, {one.reported.definition}."
            yield Finding("one quantity printed as two numbers", (one.id, other.id), text)


def impossible(findings: list[Finding]) -> dict[str, Finding]:
    """The cells that cannot be right by themselves, under the definitions of the record and nothing else."""
    alone = [each for each in findings if len(each.cells) == 1 and not each.premise and each.certainty == "certain"]
    return {each.cells[0]: each for each in alone}


def _losses(group: list[Cell]) -> Iterator[Finding]:
    """Cross-entropy of cases, of pixels, or the sum of both, against the accuracy of the same."""
    if group[0].reported.statistic == "deviation":
        return
    accuracies = {"class": [], "pixel": []}
    for cell in group:
        if cell.metric == "accuracy" and cell.definition.target in accuracies:
            accuracies[cell.definition.target].append(cell)
    for loss in (cell for cell in group if cell.metric == "bce"):
        for target in loss.definition.target.split("+"):
            for accuracy in accuracies[target]:
                least = cross_entropy(accuracy.on_hard_truth)[0]
                # A right pixel with an interpolated truth may cost more than ln 2, but Keras' accuracy has none.
                sure = "+" not in loss.definition.target and not (accuracy.soft and accuracy.definition.truth)
                most = cross_entropy(accuracy.interval)[1] if sure else float("inf")
                if not overlap(loss.interval, (least, most)):
                    bound = f"at least {least:.4f}" if loss.interval[1] < least else f"at most {most:.4f}"
                    text = f"{loss.shown} beside {accuracy.shown}: the loss is {bound} there."
                    premise = "a probability of 0.5 decides, and probabilities are clipped as in Keras"
                    yield Finding("cross-entropy from accuracy", (accuracy.id, loss.id), text, premise=premise)


def _prevalences(group: list[Cell]) -> Iterator[Finding]:
    """The tumour's share of all pixels follows from accuracy and IoU; of networks on one test set it is one number."""
    rows = [row for row in grouped(group, lambda cell: cell.setting) if row[0].matrix != "cases"]
    alone = [row for row in rows if row[0].reported.fold is None and row[0].reported.image is None]
    shares = [(row, share) for row in alone if (share := _share(row))] if len(alone) > 1 else []
    for (one, a), (other, b) in combinations(shares, 2):
        if not overlap(a, b):
            text = (
                f"{listing(one)} leave {_percent(a)} of all pixels for the tumour, "
                f"{listing(other)} {_percent(b)}; both are of the same images."
            )
            ids = tuple(cell.id for cell in (*one, *other))
            premise = "both networks are tested on the same images, and the tumour is the smaller part of them"
            yield Finding("prevalence from accuracy and IoU", ids, text, premise=premise)


def _share(row: list[Cell]) -> Interval | None:
    """Of the tumour, up to one half: swapping it with the background leaves accuracy and the mean of both as it is."""
    minor = Constraint("share", 0, 0.5)
    return span([*constraints(row), minor], minor)


def regions(paper: Paper, known: Interval | None = None) -> list[Region]:
    """For each row with accuracy and IoU over pixels, what tumour share they leave: with the IoU pooled over the
    tumour's pixels, with the mean of tumour and background, and by Keras' MeanIoU of probabilities none of which is
    exactly 1 ((1 - share)/2). known: least and greatest share of the named data set, 0 to 1, in such a part."""
    found = []
    for row in grouped(
        cells(paper), lambda cell: None if cell.reported.image or cell.reported.quoted else cell.setting
    ):
        accuracies = [cell for cell in row if cell.metric == "accuracy" and cell.definition.target == "pixel"]
        for iou in (cell for cell in row if cell.metric == "iou"):
            for accuracy in accuracies[:1]:
                for form in ("iou|fg|pooled|t=0.5", "iou|mean2|pooled|t=0.5", "iou|mean2|pooled|keras-raw"):
                    read = replace(iou, reported=iou.reported.model_copy(update={"definition": form}))
                    low, high = read.interval
                    share = (1 - 2 * high, 1 - 2 * low) if form.endswith("keras-raw") else _share([accuracy, read])
                    share = (max(0.0, share[0]), share[1]) if share and share[1] >= 0 else None
                    agrees = None if known is None else bool(share and overlap(share, known))
                    found.append(Region((accuracy.id, iou.id), form, share, known, agrees))
    return found


def _percent(interval: Interval) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"
