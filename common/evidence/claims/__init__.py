"""Whether the numbers of a paper agree with each other: arithmetic on what is printed, without any run.

A number printed 0.95 stands for all that round to it, 0.945 to 0.955. Where no choice of such numbers satisfies a
relation that holds for every result, the cells cannot all be right as printed. What follows is only that; not which of
them is another number, nor how it came about.

    matrix      can any confusion matrix give these cells?     of real numbers (many pixels), or of n cases
    relations   bounds that hold for means and losses, and for counts
    bindings    which cells of a paper are of one matrix, one list, one quantity
    matrices    lists    counted    the findings of each kind
    losses      what accuracy and overlap leave for a loss
    prevalence  what accuracy and IoU leave for the tumour, and all three for the loss
    check       the findings for a paper
    summary     how many printed numbers they are about
"""

from common.evidence.claims.check import check, impossible
from common.evidence.claims.findings import Finding, Region
from common.evidence.claims.prevalence import regions
from common.evidence.claims.summary import summary

__all__ = ["Finding", "Region", "check", "impossible", "regions", "summary"]
