"""Means over stratified folds of whole cases: how cases are dealt, which means there can be, and what is found."""

from itertools import product

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from common.evidence import claims
from common.evidence.claims.fold_means import some_folds_have, stratified_folds
from common.paper import Paper, Reading
from common.reported import Cases
from tests.evidence.claims.tables import cell, paper

ACCURACY, RECALL, OTHER = "accuracy|class|case", "recall|class=a|case", "recall|class=b|case"


def of_folds(*cells, folds: int = 5, stratified: bool = True, parts: dict | None = None) -> Paper:
    """50 cases of class a and 105 of b, 31 a fold."""
    known = Cases(classes={"a": 50, "b": 105}, parts=parts or {"test": [31]}, stratified=stratified, quote="")
    made = paper(*cells, cases=known)
    return made.model_copy(
        update={"readings": made.readings | {"folds": Reading(default=folds, alternatives=[], why="")}}
    )


def mean(name: str, value: str, definition: str, **about):
    return cell(name, value, definition, statistic="mean", **about)


def test_cases_are_dealt_to_the_folds_as_scikit_learn_deals_them():
    random = np.random.default_rng(0)
    for _ in range(50):
        classes, folds = random.integers(6, 60, int(random.integers(2, 4))), int(random.integers(2, 6))
        labels = np.repeat(np.arange(len(classes)), classes)
        parts = [labels[test] for _, test in StratifiedKFold(folds).split(labels, labels)]
        dealt = [tuple(np.bincount(part, minlength=len(classes)).tolist()) for part in parts]
        assert sorted(stratified_folds(classes.tolist(), folds)) == sorted(dealt)


def test_what_can_be_is_what_a_search_of_all_whole_cases_finds():
    """Two folds of unlike sizes, every number of right cases in each."""
    folds = stratified_folds([3, 4], 2)
    assert folds == [(2, 2), (1, 2)]
    seen = set()
    for right in product(*(range(size + 1) for fold in folds for size in fold)):
        a, b = np.array(right).reshape(2, 2).T
        p, n = np.array(folds).T
        seen.add((np.mean((a + b) / (p + n)), np.mean(a / p), np.mean(b / n)))
    found = []
    for accuracy, recall, other in np.random.default_rng(0).uniform(0, 1, (150, 3)):
        near = any(np.all(np.abs(np.subtract(each, (accuracy, recall, other))) <= 0.1) for each in seen)
        bounds = [(value - 0.1, value + 0.1) for value in (accuracy, recall, other)]
        assert some_folds_have(folds, bounds[:1], list(enumerate(bounds[1:]))) == near
        found.append(near)
    assert 0.1 < np.mean(found) < 0.9


def test_a_fold_without_a_class_has_no_mean_recall():
    assert not some_folds_have([(0, 5), (1, 5)], [], [(0, (0.0, 1.0))])
    assert some_folds_have([(0, 5), (1, 5)], [], [(1, (0.0, 1.0))])


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([mean("R", "0.90", RECALL), mean("S", "0.9524", OTHER), mean("A", "0.9355", ACCURACY)], []),  # 45, 100, 145
        ([mean("R", "0.91", RECALL)], [{"R"}]),  # 45.5 of 50
        ([mean("A", "0.9300", ACCURACY)], [{"A"}]),  # 144.15 of 155
        ([mean("R", "0.90", RECALL), mean("S", "0.9524", OTHER), mean("A", "0.9226", ACCURACY)], [{"R", "S", "A"}]),
        ([mean("R", "0.80", RECALL), mean("A", "0.9548", ACCURACY)], [{"R", "A"}]),  # at most 145 of 155
    ],
)  # fmt: skip
def test_means_that_no_folds_of_whole_cases_have_are_found(cells, found):
    cells = [each.model_copy(update={"value": each.value + ("00" if len(each.value) < 6 else "")}) for each in cells]
    relation = [(finding.relation, set(finding.cells)) for finding in claims.check(of_folds(*cells))]
    assert relation == [("means of whole cases", each) for each in found]


def test_what_is_found_is_put_in_words():
    (finding,) = claims.check(of_folds(mean("R", "0.9100", RECALL)))
    assert finding.text == "R 0.9100 (Table T): no 5 folds of whole cases, of 50 a and 105 b together, have this mean."
    assert finding.premise == "these are means over 5 stratified test folds"
    assert finding.assumed


def test_a_mean_of_folds_that_were_rounded_before_is_not_found():
    """45.01 of 50: 0.9002 is one unit of the last digit too high, which rounding can do."""
    assert claims.check(of_folds(mean("R", "0.9001", RECALL))) == []
    assert len(claims.check(of_folds(mean("R", "0.9002", RECALL)))) == 1


def test_nothing_is_found_without_stratified_folds_or_of_a_part_that_is_no_fold():
    off = mean("R", "0.9100", RECALL)
    assert claims.check(of_folds(off, stratified=False)) == []
    assert claims.check(of_folds(off, folds=1)) == []
    assert claims.check(paper(off)) == []
    assert claims.check(of_folds(mean("R", "0.9100", RECALL, split="train"), parts={"train": [124]})) == []
    assert claims.check(of_folds(cell("R", "0.9100", RECALL, statistic="deviation"))) == []


def test_one_quantity_printed_as_two_means_is_found_once():
    two = mean("R", "0.9000", RECALL), mean("again", "0.8800", RECALL)
    assert [finding.relation for finding in claims.check(of_folds(*two))] == ["one quantity printed as two numbers"]
