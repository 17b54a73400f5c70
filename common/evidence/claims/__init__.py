"""Whether the numbers of a paper agree with each other: arithmetic on what is printed, without any run.

A number printed as 0.95 stands for all values that round to it, 0.945 to 0.955. A relation such as
Dice = 2 IoU/(1 + IoU) holds for every result. If no choice of such values satisfies the relation, the printed numbers
cannot all be right. Nothing more follows: not which of them is wrong, nor why.

    matrix          which values of ratios one confusion matrix can have, of many pixels or of n cases
    relations       bounds for means, losses and lists; shares of n cases
    cells           a printed number as the checks read it, and which numbers belong together
    contradictions  the checks of ratios and counts
    printed_matrix  the checks of a printed confusion matrix
    fold_means      the checks of means over stratified folds
    losses          the checks of losses and of the tumour's share
    check           all checks for one paper, and the findings as text and JSON
"""

from common.evidence.claims.cells import Finding
from common.evidence.claims.check import as_lines, as_record, check, check_without_constant, impossible, summary
from common.evidence.claims.losses import OfTumour, Region, of_tumour, regions

__all__ = [
    "Finding",
    "OfTumour",
    "Region",
    "as_lines",
    "as_record",
    "check",
    "check_without_constant",
    "impossible",
    "of_tumour",
    "regions",
    "summary",
]
