"""What accuracy and IoU leave for the share of the tumour among all pixels."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from common.evidence.claims.bindings import Cell, cells, constraints, grouped, joined, masks
from common.evidence.claims.findings import Finding, Region
from common.evidence.claims.matrices import listing
from common.evidence.claims.matrix import Constraint, span
from common.evidence.claims.relations import Interval, overlap
from common.paper import Paper
from common.reported import Split

# Of the IoU: pooled over the tumour's pixels, the mean of tumour and background, and Keras' MeanIoU of probabilities.
_FORMS = ("iou|fg|pooled|t=0.5", "iou|mean2|pooled|t=0.5", "iou|mean2|pooled|keras-raw")


def conflicts(group: list[Cell]) -> Iterator[Finding]:
    """The tumour's share follows from accuracy and IoU; of networks on one test set it is one number."""
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
            same = "both networks are tested on the same images"
            premise = joined(same, "the tumour is the smaller part of them", masks((*one, *other)))
            yield Finding("prevalence from accuracy and IoU", ids, text, premise=premise)


def regions(paper: Paper, known: dict[Split, Interval] | None = None) -> list[Region]:
    """For each row with accuracy and IoU over pixels, what tumour share they leave: with the IoU pooled over the
    tumour's pixels, with the mean of tumour and background, and, from the IoU alone, by Keras' MeanIoU of probabilities
    none of which is exactly 1, (1 - share)/2. known: by part, the least and greatest share of the named data set, 0 to
    1, in random parts of that kind."""
    rows = grouped(cells(paper), lambda cell: None if cell.reported.image or cell.reported.quoted else cell.setting)
    found = []
    for row in rows:
        accuracies = [cell for cell in row if cell.metric == "accuracy" and cell.definition.target == "pixel"]
        for iou in (cell for cell in row if cell.metric == "iou"):
            found += [_region(accuracy, iou, form, known or {}) for accuracy in accuracies[:1] for form in _FORMS]
    return found


def _region(accuracy: Cell, iou: Cell, form: str, known: dict[Split, Interval]) -> Region:
    read = replace(iou, reported=iou.reported.model_copy(update={"definition": form}))
    if form.endswith("keras-raw"):
        low, high = read.interval
        of, share, premise = [iou], (1 - 2 * high, 1 - 2 * low), "no output is exactly 1"
    else:
        of, share, premise = [accuracy, iou], _share([accuracy, read]), accuracy.masks
    share = (max(0.0, share[0]), share[1]) if share and share[1] >= 0 else None
    data = known.get(iou.reported.split)
    text = f"no mask and prediction can give {'both ' if len(of) > 1 else ''}{listing(of)}"
    if share is not None:
        text = f"{listing(of)} {'leave' if len(of) > 1 else 'leaves'} {_percent(share)} of the pixels for the tumour"
        if data is not None:
            text += f"; random {iou.reported.split} parts of the data set have {_percent(data)}"
    agrees = None if data is None else bool(share and overlap(share, data))
    return Region(tuple(cell.id for cell in of), f"{text}.", form, premise, share, data, agrees)


def _share(row: list[Cell]) -> Interval | None:
    """Of the tumour, up to one half: swapping it with the background leaves accuracy and the mean of both as it is."""
    minor = Constraint("share", 0, 0.5)
    return span([*constraints(row), minor], minor)


def _percent(interval: Interval) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"
