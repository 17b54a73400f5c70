"""Printed numbers and tables: what a number stands for, and what a line of a table becomes."""

import pytest
from pydantic import ValidationError

from common import papers
from common.paper import Paper
from common.reported import Table, printed
from tests.evidence.made import cell

COLUMNS = [
    {"id": "recall", "name": "{class} recall", "split": "test", "unit": "%", "definition": "recall|class={class}|case"},
    {"id": "false-alarms", "name": "{other} recall", "split": "test", "definition": "recall|class={other}|case"},
]


def table(*rows: dict, columns=COLUMNS) -> Table:
    return Table.model_validate({"table": "VI", "where": "Table VI", "columns": columns, "rows": list(rows)})


@pytest.mark.parametrize(("value", "number"), [("95.7%", 0.957), ("0.80", 0.8), ("2", 2.0)])
def test_a_printed_number_is_a_value(value: str, number: float):
    assert cell(value).middle == pytest.approx(number)


def test_a_number_that_may_be_cut_off_stands_for_more():
    assert printed("0.95", cut_off=True) == (0.945, 0.96)
    assert printed("-0.5", cut_off=True) == (-0.6, -0.45)


def test_a_printed_number_shows_itself_with_its_unit_and_names_what_it_stands_for():
    first, second = table({"classes": ["malignant", "benign"], "values": "99.34 0.5"}).cells()
    assert (first.as_printed, first.interval) == ("99.34%", pytest.approx((0.99335, 0.99345)))
    assert (second.as_printed, second.interval) == ("0.5", pytest.approx((0.45, 0.55)))


def test_a_line_becomes_cells_with_what_line_and_column_say():
    first, second = table({"fold": 3, "classes": ["malignant", "benign"], "values": "99.34 100"}).cells()
    assert (first.id, first.name, first.value, first.unit) == (
        "VI-3-malignant-recall",
        "malignant recall",
        "99.34",
        "%",
    )
    assert (first.definition, first.fold, first.table, first.where) == (
        "recall|class=malignant|case",
        3,
        "VI",
        "Table VI",
    )
    assert (second.definition, second.value, second.statistic) == ("recall|class=benign|case", "100", "value")


def test_a_mean_with_its_deviation_becomes_two_cells():
    line = {"classes": ["a", "b"], "values": "98.41±1.75 99.93±0.23", "where": "Table VI, text"}
    mean, deviation, *_ = table(line).cells()
    assert (mean.id, mean.value, mean.statistic) == ("VI-mean-a-recall", "98.41", "mean")
    assert (deviation.id, deviation.value, deviation.statistic) == ("VI-deviation-a-recall", "1.75", "deviation")
    assert mean.where == "Table VI, text"


def test_images_and_quoted_lines_are_told_apart():
    column = [{"id": "iou", "name": "IoU", "split": "test", "definition": "iou|fg|pooled|t=0.5"}]
    image, quoted = table(
        {"image": "IV", "values": "0.91901"},
        {"quoted": "UNet++ (Zhou et al., 2018) [29]", "values": "0.772"},
        columns=column,
    ).cells()
    assert (image.id, image.image) == ("VI-IV-iou", "IV")
    assert (quoted.id, quoted.quoted) == ("VI-unetpp-iou", "UNet++ (Zhou et al., 2018) [29]")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("0.9", "has 2 columns, but its line '0.9' has 1 number"),
        ("0.9 n/a", "n/a is no printed number"),
        ("1 2 3", "has 2 columns, but its line '1 2 3' has 3 numbers"),
    ],
)
def test_a_line_that_does_not_fit_is_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        table({"classes": ["a", "b"], "values": values})


def test_no_two_numbers_have_one_name_and_claims_are_about_reported_ones():
    cheng = papers.load("cheng").model_dump()
    with pytest.raises(ValidationError, match="several reported numbers are called test-iou"):
        Paper(**cheng | {"reported": [*cheng["reported"], cheng["reported"][-1]]})
    with pytest.raises(ValidationError, match="claims about numbers that are not reported: nothing"):
        Paper(**cheng | {"claims": [{"cells": {"nothing": {}}, "premise": ""}]})


def test_the_cells_of_every_table_are_among_the_printed_numbers_each_of_them_once():
    known = {
        "cheng": 3,
        "gill": 6,
        "kumar": 10,  # six of Table 1, three figures, and the epochs
        # I: 22, II: 7, V: 72, VI: 120, VII: 4, IX: 36, X: 42, and of the text alone three, and 21 that it quotes
        "paudel": 327,
        "rahman": 4,  # two of its own, each entered under its name and under its printed formula, and two quoted ones
    }
    assert {name: len(papers.load(name).printed_numbers) for name in known} == known
