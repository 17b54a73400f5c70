"""Which tumour's share of all pixels an accuracy and an IoU allow, and which loss these three allow.

The cross-entropy of a wrong pixel or case is at least ln 2, so the accuracy bounds it. A Dice or IoU loss is computed
from probabilities, and the printed overlap from decisions. But a probability is above 0.5 if the pixel is marked, and
at most 0.5 if not. That bounds the loss of all images together. A mean over batches, on which papers also train, has no
such bound: all of the tumour that a pooled accuracy and IoU count may be in one batch, and then the other batches may
have any loss.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from common.evidence.claims.cells import (
    HARD_MASKS,
    Cell,
    Finding,
    cells_of,
    constraints,
    grouped,
    joined,
    listing,
    masks,
)
from common.evidence.claims.matrix import Constraint, span
from common.evidence.claims.relations import Interval, cross_entropy, overlap
from common.evidence.definition import LOSSES, Definition
from common.paper import Paper
from common.reported import Split

_DECIDES = "a probability of 0.5 decides"
_CLIPPED = {
    None: "",
    "keras": "probabilities are clipped as in Keras",
    "torch": "logarithms of probabilities are clipped as in PyTorch",
}
_TOGETHER = "its overlap is of all images together (a mean over batches has no bound)"

# Three readings of "IoU": of the tumour over all pixels, the mean of tumour and background, and Keras' MeanIoU of
# probabilities.
_FORMS = ("iou|fg|pooled|t=0.5", "iou|mean2|pooled|t=0.5", "iou|mean2|pooled|keras-raw")


@dataclass(frozen=True)
class Region:
    """Which tumour's share of all pixels the accuracy and IoU of one row allow, and which loss.

    If the IoU is read as Keras' raw IoU, it needs no accuracy.

    cells: ids of the numbers. text: the numbers, in a few sentences.
    definition: how the IoU is read, which may differ from the record. premise: what else is assumed, "" for nothing.
    prevalence: the least and the greatest share, 0 to 1; None if no mask and prediction give the numbers.
    known: the least and the greatest share in random parts of the data set, None if it was not given. agrees: whether
        both overlap, None without known.
    loss: its least and greatest value, computed with the known share if that agrees. loss_agrees: whether the printed
        loss overlaps with that. Both are None if the row has no loss, or if no mask and prediction give its other
        numbers.
    """

    cells: tuple[str, ...]
    text: str
    definition: str
    premise: str
    prevalence: Interval | None
    known: Interval | None = None
    agrees: bool | None = None
    loss: Interval | None = None
    loss_agrees: bool | None = None

    @property
    def condition(self) -> str:
        """All that is assumed, the reading of the IoU too, in words that follow "if"."""
        return joined(f"IoU is the {Definition.parse(self.definition).in_words()}", self.premise)


def check_losses(group: list[Cell]) -> Iterator[Finding]:
    """Cross-entropies that contradict the accuracy: of cases, of pixels, or the sum of both. group: of one setting."""
    if group[0].reported.statistic == "deviation":
        return
    for loss in (cell for cell in group if cell.metric == "bce"):
        for target in loss.definition.target.split("+"):
            for accuracy in group:
                if accuracy.metric == "accuracy" and accuracy.definition.target == target:
                    yield from _loss_from_accuracy(loss, accuracy)


def _loss_from_accuracy(loss: Cell, accuracy: Cell) -> Iterator[Finding]:
    least, _ = cross_entropy(accuracy.on_hard_truth)
    _, most = cross_entropy(accuracy.interval, loss.definition.clip)
    most = most if _bounds_from_above(accuracy, loss) else math.inf
    if overlap(loss.interval, (least, most)):
        return
    bound, premise = f"at most {most:.4f}", _CLIPPED[loss.definition.clip]
    if loss.interval[1] < least:
        bound, premise = f"at least {least:.4f}", accuracy.masks
    text = f"{loss.cited} beside {accuracy.cited}: the loss is {bound} there."
    yield Finding("cross-entropy from accuracy", (accuracy.id, loss.id), text, premise=joined(_DECIDES, premise))


def _bounds_from_above(accuracy: Cell, loss: Cell) -> bool:
    """Whether the accuracy bounds the cross-entropy from above too.

    It does not for a sum of two cross-entropies, nor for an accuracy against hardened masks (truth=hard) if the loss is
    computed on interpolated masks: then a right pixel may cost more than ln 2. Keras' accuracy counts no pixel with an
    interpolated truth as right, so for it the bound holds."""
    return "+" not in loss.definition.target and not (accuracy.soft and accuracy.definition.truth)


def check_prevalence(group: list[Cell]) -> Iterator[Finding]:
    """Networks on one test set whose accuracies and IoUs lead to different shares of tumour, which must be the same.

    group: the cells of pixels of all networks on one split."""
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


def _share(row: list[Cell]) -> Interval | None:
    """The least and the greatest share of tumour that the cells of one row allow, up to one half.

    Larger shares are left out because swapping tumour and background changes neither the accuracy nor a mean of
    both."""
    minor = Constraint("share", 0, 0.5)
    return span([*constraints(row), minor], minor)


def _percent(interval: Interval) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"


def regions(paper: Paper, known: dict[Split, Interval] | None = None) -> list[Region]:
    """For each row with accuracy and IoU over pixels: which tumour's share they allow, and which loss beside them.

    Each IoU is read in three ways: as the tumour's IoU over all pixels; as the mean of tumour and background; and as
    Keras' MeanIoU of probabilities none of which is exactly 1. The third is (1 - share)/2 and needs no accuracy.

    known: by part, the least and the greatest share, 0 to 1, in random parts of the data set."""
    found = []
    for row, accuracy in _rows_with_accuracy(paper):
        loss = next((cell for cell in row if _is_loss_of_pixels(cell)), None)
        for iou in (cell for cell in row if cell.metric == "iou"):
            data = (known or {}).get(iou.reported.split)
            for form in _FORMS:
                read = replace(iou, reported=iou.reported.model_copy(update={"definition": form}))
                region = _region(accuracy, read, data)
                found.append(_with_loss(region, accuracy, read, loss) if loss and region.prevalence else region)
    return found


@dataclass(frozen=True)
class OfTumour:
    """Which scores of the tumour alone a mean IoU of tumour and background allows, together with an accuracy.

    accuracy: as printed, of the same images. iou, dice: the least and the greatest value of the tumour."""

    accuracy: str
    iou: Interval
    dice: Interval


def of_tumour(paper: Paper) -> dict[str, OfTumour]:
    """The possible scores of the tumour alone, by the id of the mean IoU.

    For each IoU that is the mean of tumour and background over all pixels, if an accuracy of the same images is
    printed. The tumour is taken to be the smaller part of the pixels."""
    found = {}
    for row, accuracy in _rows_with_accuracy(paper):
        for iou in (cell for cell in row if cell.reported.definition == "iou|mean2|pooled|t=0.5"):
            given = [*constraints([accuracy, iou]), Constraint("share", 0, 0.5)]
            spans = [span(given, Constraint(ratio, 0, 1)) for ratio in ("iou", "dice")]
            if None not in spans:
                found[iou.id] = OfTumour(accuracy.reported.as_printed, *spans)
    return found


def _rows_with_accuracy(paper: Paper) -> Iterator[tuple[list[Cell], Cell]]:
    """For each setting with an accuracy over pixels: all its cells, and the cell of that accuracy."""
    own = [cell for cell in cells_of(paper) if not (cell.reported.image or cell.reported.quoted)]
    for row in grouped(own, lambda cell: cell.setting):
        of_pixels = (cell for cell in row if cell.metric == "accuracy" and cell.definition.target == "pixel")
        if accuracy := next(of_pixels, None):
            yield row, accuracy


def _is_loss_of_pixels(cell: Cell) -> bool:
    return cell.metric in LOSSES or (cell.metric == "bce" and cell.definition.target == "pixel")


def _region(accuracy: Cell, iou: Cell, data: Interval | None) -> Region:
    form = iou.reported.definition
    if form.endswith("keras-raw"):
        low, high = iou.interval
        used, share, premise = [iou], (1 - 2 * high, 1 - 2 * low), "no output is exactly 1"
    else:
        used, share, premise = [accuracy, iou], _share([accuracy, iou]), accuracy.masks
    share = (max(0.0, share[0]), share[1]) if share and share[1] >= 0 else None
    text = f"no mask and prediction can give {'both ' if len(used) > 1 else ''}{listing(used)}."
    if share is not None:
        leave = "leave" if len(used) > 1 else "leaves"
        text = f"{listing(used)} {leave} {_percent(share)} of the pixels for the tumour."
        if data is not None:
            text += f" Random {iou.reported.split} parts of the data set have {_percent(data)}."
    agrees = None if data is None else bool(share and overlap(share, data))
    return Region(tuple(cell.id for cell in used), text, form, premise, share, data, agrees)


def _with_loss(region: Region, accuracy: Cell, iou: Cell, loss: Cell) -> Region:
    raw = region.definition.endswith("keras-raw")
    of_iou = [Constraint("share", *region.prevalence)] if raw else constraints([iou])
    share = Constraint("share", *(region.known if region.agrees else (0, 0.5)))
    left = _left_for_loss(loss, accuracy, [*constraints([accuracy]), *of_iou, share])
    if left is None:
        return region
    (least, most), premise = left
    agrees = overlap(loss.interval, (least, most))
    more = [accuracy.cited] if accuracy.id not in region.cells else []
    more += ["a share as in the data set"] if region.agrees else []
    then = f"With {' and '.join(more)}" if more else "Then"
    bound = f"at least {least:.4f}" if most == math.inf else f"{least:.4f} to {most:.4f}"
    side = "inside" if agrees else "outside"
    text = f"{region.text} {then} the loss is {bound}, if {premise}. The printed {loss.cited} is {side}."
    ids = tuple(dict.fromkeys([*region.cells, accuracy.id, loss.id]))
    return replace(region, cells=ids, text=text, loss=(least, most), loss_agrees=agrees)


def _left_for_loss(loss: Cell, accuracy: Cell, given: list[Constraint]) -> tuple[Interval, str] | None:
    """The least and the greatest value of a loss for one confusion matrix of all pixels, and the premise of that.

    None if no matrix satisfies the constraints. given: the constraints, that of the accuracy among them."""
    low, high, premise = 0.0, 0.0, _DECIDES
    if loss.metric.startswith("bce"):
        right = span(given, Constraint("accuracy", 0, 1))
        if right is None:
            return None
        low, high = cross_entropy(right, loss.definition.clip)
        high = high if _bounds_from_above(accuracy, loss) else math.inf
        premise = joined(premise, _CLIPPED[loss.definition.clip])
    if loss.metric in LOSSES:
        least, most = (span(given, Constraint(f"{end} soft dice", 0, 1)) for end in ("least", "most"))
        if least is None or most is None:
            return None
        ratio, loss_from_ratio = LOSSES[loss.metric]
        ends = sorted(loss_from_ratio(dice if ratio == "dice" else dice / (2 - dice)) for dice in (least[0], most[1]))
        low, high = low + ends[0], high + ends[1]
        together = "" if loss.definition.aggregation == "pooled" else _TOGETHER
        premise = joined(premise, together, HARD_MASKS if accuracy.masks else "")
    return (low, high), premise
