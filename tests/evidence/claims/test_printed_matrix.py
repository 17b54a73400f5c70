"""What a printed confusion matrix says against the rest of a paper: the number of cases, the classes of the data set,
rates of the same test, the folds, and means over folds that are not listed."""

import numpy as np
import pytest

from common.evidence import claims
from common.evidence.claims.cells import cells_of
from common.evidence.claims.printed_matrix import matrix_of
from common.evidence.claims.relations import mean_of_sum
from common.paper import Reading, Stated
from common.reported import Cases
from tests.evidence.claims.tables import cell, paper, rounded

ACCURACY = "accuracy|class|case"


def of(metric: str, name: str) -> str:
    return f"{metric}|class={name}|case"


def matrix(rows: dict[str, list[int]], **about) -> list:
    """Counts by the class of the cases; the columns are in the order of the rows."""
    return [
        cell(f"{actual}>{called}", str(number), f"count|class={actual}>{called}|case", **about)
        for actual, row in rows.items()
        for called, number in zip(rows, row, strict=True)
    ]


def cases(sizes: list[int], **about) -> Cases:
    return Cases(**{"classes": {"a": 100, "b": 200}, "parts": {"test": sizes}, "quote": ""} | about)


def of_ten_folds(*cells, **about):
    made = paper(*cells, **about)
    return made.model_copy(update={"readings": made.readings | {"folds": Reading(default=10, alternatives=[], why="")}})


def mean(name: str, value: str, definition: str, deviation: str = "") -> list:
    common = {"name": name, "definition": definition, "where": "the text", "table": ""}
    both = [cell(**common, value=value, statistic="mean", id=f"{name}-mean")]
    return both + [cell(**common, value=deviation, statistic="deviation", id=f"{name}-deviation")] * bool(deviation)


TWO = {"a": [20, 1], "b": [2, 41]}
THREE = {"a": [8, 1, 1], "b": [0, 18, 2], "c": [1, 0, 9]}


def findings(made) -> list[tuple[str, str, str]]:
    return [(finding.relation, finding.text, finding.premise) for finding in claims.check(made)]


# The number of cases, and the classes


def test_a_matrix_has_as_many_cases_as_its_part():
    assert claims.check(paper(*matrix(TWO), cases=cases([64, 65]))) == []
    (found,) = findings(paper(*matrix(TWO), cases=cases([60, 61])))
    assert found == (
        "number of cases of a part",
        "a>a 20 (Table T), a>b 1 (Table T), b>a 2 (Table T) and b>b 41 (Table T) are 64 cases, where the test part has "
        "60 or 61.",
        "the matrix counts each case once",
    )


def test_a_matrix_of_the_whole_data_set_may_be_the_sum_over_the_folds():
    whole = matrix({"a": [90, 10], "b": [5, 195]})
    assert claims.check(paper(*whole, cases=cases([30]))) == []


def test_no_class_has_more_cases_in_the_matrix_than_in_the_data_set():
    (found,) = findings(paper(*matrix(TWO), cases=cases([64], classes={"a": 20, "b": 200})))
    assert found[:2] == ("class counts of a part", "21 a cases are in the matrix, where the data set has 20.")


def test_every_class_of_three_is_held_against_the_data_set():
    classes = {"a": 100, "b": 200, "c": 100}
    assert claims.check(paper(*matrix(THREE), cases=cases([40], classes=classes, stratified=True))) == []
    classes = {"a": 200, "b": 200, "c": 50}
    found = findings(paper(*matrix(THREE), cases=cases([40], classes=classes, stratified=True)))
    assert [text.split(",")[0] for _, text, _ in found] == [
        "10 a of 40 cases",
        "20 b of 40 cases",
        "10 c of 40 cases",
    ]
    assert {premise for _, _, premise in found} == {"the part is stratified"}


def test_a_matrix_without_one_of_its_counts_or_of_other_classes_says_nothing():
    assert matrix_of(cells_of(paper(*matrix(TWO)[:3]))) is None
    assert claims.check(paper(*matrix(TWO)[:3], cases=cases([10]))) == []
    assert claims.check(paper(*matrix(TWO), cases=cases([64], classes={"x": 1, "y": 1}))) == []


def test_two_networks_may_each_have_a_matrix():
    other = {"readings": {"network": "other"}}
    both = [*matrix(TWO), *matrix({"a": [10, 11], "b": [22, 21]}, **other)]
    both = [each.model_copy(update={"id": f"{position}"}) for position, each in enumerate(both)]
    assert claims.check(paper(*both, cases=cases([64]))) == []


# Rates of the same test


@pytest.mark.parametrize(
    ("name", "value", "definition", "exact"),
    [
        ("A", "0.90", ACCURACY, "0.87500"),
        ("R", "90.5 %", of("recall", "b"), "90.000 %"),
        ("P", "0.80", of("precision", "c"), "0.75000"),
        ("F", "0.82", of("dice", "a"), "0.84211"),
    ],
)
def test_a_rate_beside_a_matrix_of_three_classes_is_the_one_that_the_counts_give(name, value, definition, exact):
    counts = matrix(THREE)
    right = {"A": "0.875", "R": "90.0 %", "P": "0.75", "F": "0.842"}[name]
    assert claims.check(paper(*counts, cell(name, right, definition))) == []
    (finding,) = claims.check(paper(*counts, cell(name, value, definition)))
    assert finding.relation == "one confusion matrix"
    assert set(finding.cells) == {name, *(each.id for each in counts)}
    assert finding.text.endswith(f"the counts of Table T give {exact}.")
    assert (finding.certainty, finding.premise) == ("certain", "")


def test_rates_of_another_part_or_network_are_not_held_against_the_matrix():
    far = [
        cell("A", "0.50", ACCURACY, split="train"),
        cell("B", "0.50", ACCURACY, readings={"network": "other"}),
        cell("C", "0.50", ACCURACY, quoted="U-Net [1]"),
    ]
    assert claims.check(paper(*matrix(THREE), *far)) == []


def test_a_rate_of_a_class_that_is_never_called_is_undefined_and_said_nothing_of():
    never = {"a": [0, 10, 0], "b": [0, 18, 2], "c": [0, 1, 9]}
    assert matrix_of(cells_of(paper(*matrix(never)))).rate("precision", "class=a") is None
    assert claims.check(paper(*matrix(never), cell("P", "0.5", of("precision", "a")))) == []


# Folds that are listed


def test_a_matrix_of_three_classes_is_one_of_the_folds_or_none():
    folds = [cell(f"A{i}", value, ACCURACY, fold=i) for i, value in enumerate(("0.925", "0.950"), 1)]
    (found,) = findings(paper(*matrix(THREE), *folds))
    assert found[0] == "a confusion matrix and the folds"
    assert claims.check(paper(*matrix(THREE), *folds, cell("A3", "0.875", ACCURACY, fold=3))) == []


# Means over folds that are not listed


def test_one_fold_can_pull_the_mean_of_ten_down_by_a_tenth_of_what_it_lacks():
    """Its accuracy is 61/64, so that the mean of ten is at most 0.9953."""
    assert claims.check(of_ten_folds(*matrix(TWO), *mean("A", "0.995", ACCURACY))) == []
    (found,) = findings(of_ten_folds(*matrix(TWO), *mean("A", "0.997", ACCURACY)))
    assert found == (
        "a confusion matrix and a mean over folds",
        "A 0.997 (the text): the matrix of Table T has 0.95312, and with it the mean of 10 folds would be "
        "0.09531 to 0.99531.",
        "the matrix is one of 10 folds",
    )


def test_no_fold_is_farther_from_the_mean_than_three_standard_deviations_of_ten_folds():
    """Samuelson: at most s √9, from a mean up to 0.9855 and a deviation up to 0.0105."""
    near = of_ten_folds(*matrix(TWO), *mean("A", "0.985", ACCURACY, deviation="0.010"))
    assert claims.check(near) == []
    (finding,) = claims.check(of_ten_folds(*matrix(TWO), *mean("A", "0.985", ACCURACY, deviation="0.005")))
    assert set(finding.cells) >= {"A-mean", "A-deviation"}
    assert finding.premise == "the matrix is one of 10 folds"
    assert "10 folds lie within 0.96800 to 1.00000, but the matrix of Table T has 0.95312" in finding.text


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_bound_holds_for_every_list_of_folds_and_is_reached(ddof):
    random = np.random.default_rng(ddof)
    for _ in range(200):
        folds = random.integers(0, 65, 10) / 64
        spread = folds.std(ddof=ddof)
        tp = round(float(folds[0]) * 64)
        one = matrix({"a": [tp, 64 - tp], "b": [0, 0]})
        said = mean("A", rounded(folds.mean(), 3), ACCURACY, deviation=rounded(spread, 3))
        assert claims.check(of_ten_folds(*one, *said)) == []


def test_where_the_folds_are_listed_they_say_more_than_their_mean():
    values = ["0.9531", *["0.9844"] * 9]
    listed = [cell("A", value, ACCURACY, id=f"A{i}", fold=i) for i, value in enumerate(values, 1)]
    alone = cell("A", "0.9813", ACCURACY, statistic="mean", id="mean")
    assert claims.check(of_ten_folds(*matrix(TWO), *listed, alone)) == []


def test_without_folds_a_mean_is_left_alone():
    assert claims.check(paper(*matrix(TWO), *mean("A", "0.997", ACCURACY))) == []


def test_stated_folds_count_as_those_that_the_record_reads():
    made = paper(*matrix(TWO), *mean("A", "0.997", ACCURACY))
    stated = made.model_copy(update={"stated": {"folds": Stated(value=10, quote="ten folds")}})
    assert len(claims.check(stated)) == 1


def test_the_sum_over_all_folds_has_their_mean():
    """300 cases in ten folds of 30: the mean is 285/300 exactly."""
    whole = matrix({"a": [90, 10], "b": [5, 195]})
    assert claims.check(of_ten_folds(*whole, *mean("A", "0.95", ACCURACY), cases=cases([30]))) == []
    (found,) = findings(of_ten_folds(*whole, *mean("A", "0.96", ACCURACY), cases=cases([30])))
    assert found[1].endswith("has 0.95000 of all 300 cases, and the mean of 10 folds of them would be 0.95000.")
    assert found[2] == "the matrix is the sum over 10 folds, which differ by one case at most"


def test_the_recall_of_the_sum_needs_stratified_folds():
    whole, far = matrix({"a": [90, 10], "b": [5, 195]}), mean("R", "0.93", of("recall", "a"))
    assert claims.check(of_ten_folds(*whole, *far, cases=cases([30]))) == []
    (finding,) = claims.check(of_ten_folds(*whole, *far, cases=cases([30], stratified=True)))
    assert finding.assumed
    assert finding.premise.endswith("differ by one case at most and are stratified")


def test_folds_of_unlike_sizes_leave_the_mean_of_their_sum_some_room():
    random = np.random.default_rng(0)
    for _ in range(300):
        n, k = int(random.integers(20, 200)), int(random.integers(2, 11))
        sizes = np.array([n // k + (i < n % k) for i in range(k)])
        right = random.integers(0, sizes + 1)
        low, high = mean_of_sum(right.sum() / n, n, k)
        assert low - 1e-12 <= np.mean(right / sizes) <= high + 1e-12
    assert mean_of_sum(0.5, 100, 10) == (0.5, 0.5)
