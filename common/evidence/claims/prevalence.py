"""What accuracy and IoU leave for the share of the tumour among all pixels, and all three for the loss."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product

from common.evidence.claims.bindings import Cell, cells, constraints, grouped, joined, masks
from common.evidence.claims.findings import Finding, Region
from common.evidence.claims.losses import is_of_pixels, left
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
    """For each row with accuracy and IoU over pixels, what tumour share they leave, and what that and they leave for a
    loss beside them: with the IoU pooled over the tumour's pixels, with the mean of tumour and background, and, from
    the IoU alone, by Keras' MeanIoU of probabilities none of which is exactly 1, (1 - share)/2. known: by part, the
    least and greatest share of the named data set, 0 to 1, in random parts of that kind."""
    rows = grouped(cells(paper), lambda cell: None if cell.reported.image or cell.reported.quoted else cell.setting)
    found = []
    for row in rows:
        accuracies = [cell for cell in row if cell.metric == "accuracy" and cell.definition.target == "pixel"]
        losses = [cell for cell in row if is_of_pixels(cell)]
        for iou in (cell for cell in row if cell.metric == "iou"):
            for accuracy, form in product(accuracies[:1], _FORMS):
                found.append(_with_loss(accuracy, iou, form, losses[:1], (known or {}).get(iou.reported.split)))
    return found


def _with_loss(accuracy: Cell, iou: Cell, form: str, losses: list[Cell], data: Interval | None) -> Region:
    read = replace(iou, reported=iou.reported.model_copy(update={"definition": form}))
    region = _region(accuracy, read, data)
    if not losses or region.prevalence is None:
        return region
    (loss,) = losses
    overlap_of = [Constraint("share", *region.prevalence)] if form.endswith("keras-raw") else constraints([read])
    share = Constraint("share", *(data if region.agrees else (0, 0.5)))
    found = left(loss, accuracy, [*constraints([accuracy]), *overlap_of, share])
    if found is None:
        return region
    (least, most), premise = found
    agrees = overlap(loss.interval, (least, most))
    more = [accuracy.shown] if accuracy.id not in region.cells else []
    more += ["such a share of the data set"] if region.agrees else []
    beside = f"with {' and '.join(more)} " if more else ""
    bound = f"at least {least:.4f}" if most == math.inf else f"{least:.4f} to {most:.4f}"
    text = (
        f"{region.text.removesuffix('.')}; {beside}that leaves {bound} for the "
        f"loss, if {premise}: {loss.shown} is {'inside' if agrees else 'outside'}."
    )
    ids = tuple(dict.fromkeys([*region.cells, accuracy.id, loss.id]))
    return replace(region, cells=ids, text=text, loss=(least, most), loss_agrees=agrees)


def _region(accuracy: Cell, read: Cell, data: Interval | None) -> Region:
    form = read.reported.definition
    if form.endswith("keras-raw"):
        low, high = read.interval
        of, share, premise = [read], (1 - 2 * high, 1 - 2 * low), "no output is exactly 1"
    else:
        of, share, premise = [accuracy, read], _share([accuracy, read]), accuracy.masks
    share = (max(0.0, share[0]), share[1]) if share and share[1] >= 0 else None
    text = f"no mask and prediction can give {'both ' if len(of) > 1 else ''}{listing(of)}"
    if share is not None:
        text = f"{listing(of)} {'leave' if len(of) > 1 else 'leaves'} {_percent(share)} of the pixels for the tumour"
        if data is not None:
            text += f"; random {read.reported.split} parts of the data set have {_percent(data)}"
    agrees = None if data is None else bool(share and overlap(share, data))
    return Region(tuple(cell.id for cell in of), f"{text}.", form, premise, share, data, agrees)


def _share(row: list[Cell]) -> Interval | None:
    """Of the tumour, up to one half: swapping it with the background leaves accuracy and the mean of both as it is."""
    minor = Constraint("share", 0, 0.5)
    return span([*constraints(row), minor], minor)


def _percent(interval: Interval) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"
