"""What the accuracy, and with it the overlap, of predictions leave for their loss.

Cross-entropy costs a wrong pixel or case at least ln 2, so it is bounded by the accuracy. A Dice or IoU loss takes the
probabilities where the printed overlap takes decisions: they are above 0.5 where something is marked, and at most 0.5
elsewhere. That leaves bounds for the loss over all images together. It leaves none for a mean over batches, though
papers train on one: the tumour that a pooled accuracy and IoU count may be in one batch, and every other has any loss.
"""

import math
from collections.abc import Iterator

from common.evidence.claims.bindings import HARD_MASKS, Cell, joined
from common.evidence.claims.findings import Finding
from common.evidence.claims.matrix import Constraint, span
from common.evidence.claims.relations import Interval, cross_entropy, overlap
from common.evidence.definition import LOSSES

DECIDES = "a probability of 0.5 decides"
CLIPPED = {
    None: "",
    "keras": "probabilities are clipped as in Keras",
    "torch": "logarithms of probabilities are clipped as in PyTorch",
}
TOGETHER = "its overlap is of all images together (a mean over batches has no bound)"


def conflicts(group: list[Cell]) -> Iterator[Finding]:
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
                most = (
                    cross_entropy(accuracy.interval, loss.definition.clip)[1] if _at_most(loss, accuracy) else math.inf
                )
                if not overlap(loss.interval, (least, most)):
                    low = loss.interval[1] < least
                    bound, premise = f"at most {most:.4f}", CLIPPED[loss.definition.clip]
                    if low:
                        bound, premise = f"at least {least:.4f}", accuracy.masks
                    text = f"{loss.shown} beside {accuracy.shown}: the loss is {bound} there."
                    ids = accuracy.id, loss.id
                    yield Finding("cross-entropy from accuracy", ids, text, premise=joined(DECIDES, premise))


def is_of_pixels(cell: Cell) -> bool:
    """Whether a cell is a loss for which `left` has bounds."""
    return cell.metric in LOSSES or (cell.metric == "bce" and cell.definition.target == "pixel")


def left(loss: Cell, accuracy: Cell, given: list[Constraint]) -> tuple[Interval, str] | None:
    """What one confusion matrix of all pixels leaves for a loss of the same predictions, and on what premise; None
    where no matrix satisfies the constraints. given: on the matrix, the accuracy's among them."""
    low, high, premise = 0.0, 0.0, DECIDES
    if loss.metric.startswith("bce"):
        right = span(given, Constraint("accuracy", 0, 1))
        if right is None:
            return None
        low, high = cross_entropy(right, loss.definition.clip)
        high = high if _at_most(loss, accuracy) else math.inf
        premise = joined(premise, CLIPPED[loss.definition.clip])
    if loss.metric in LOSSES:
        bounds = [span(given, Constraint(f"{end} soft dice", 0, 1)) for end in ("least", "most")]
        if None in bounds:
            return None
        ratio, form = LOSSES[loss.metric]
        dice = bounds[0][0], bounds[1][1]
        ends = sorted(form(each if ratio == "dice" else each / (2 - each)) for each in dice)
        low, high = low + ends[0], high + ends[1]
        together = "" if loss.definition.aggregation == "pooled" else TOGETHER
        premise = joined(premise, together, HARD_MASKS if accuracy.masks else "")
    return (low, high), premise


def _at_most(loss: Cell, accuracy: Cell) -> bool:
    """Whether the accuracy bounds the cross-entropy from above as well. A right pixel with an interpolated truth may
    cost more than ln 2, but Keras' accuracy has none."""
    return "+" not in loss.definition.target and not (accuracy.soft and accuracy.definition.truth)
