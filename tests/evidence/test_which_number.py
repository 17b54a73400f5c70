"""Which printed number a person means, by its id, its value in either unit, or words of its name."""

import pytest

from common import papers
from common.errors import BadInput
from common.evidence.answers import Answer, answers
from common.evidence.which_number import LISTED, find_number
from common.paper import Paper
from tests.evidence.made import cell, paper


def number(id: str, value: str, **changes):
    return cell(value).model_copy(update={"id": id, "name": "IoU", **changes})


def answered(about: Paper) -> list[Answer]:
    """One answer for each number, without any run."""
    return answers(about.model_copy(update={"data_named": False}), [])


def found(typed: str, *cells) -> str:
    """The id of the number that is meant."""
    about = paper(*cells)
    return find_number(about, answered(about), typed)[0].answer.head.id


def asked(typed: str, *cells) -> list[str]:
    """The lines of the question that is asked back."""
    with pytest.raises(BadInput) as refused:
        found(typed, *cells)
    return str(refused.value).splitlines()


def ids(lines: list[str]) -> list[str]:
    """The ids that a question lists, in order."""
    return [line.split()[1] for line in lines[1:-1]]


FRACTION, PERCENTAGE = number("fraction", "0.5667"), number("percentage", "95.74%")


@pytest.mark.parametrize("typed", ["fraction", "0.5667", ".5667", "56.67%", "56.67 %", "56.67", "0.567", "57%", "57"])
def test_a_printed_fraction_is_meant_by_its_value_in_either_unit_as_printed_or_rounded(typed):
    assert found(typed, FRACTION, PERCENTAGE) == "fraction"


@pytest.mark.parametrize("typed", ["95.74%", "95.74 %", "95.74", "0.9574", ".957", "96%", "96"])
def test_so_is_a_printed_percentage(typed):
    assert found(typed, FRACTION, PERCENTAGE) == "percentage"


def test_a_percentage_below_1_is_found_without_its_sign_and_a_fraction_is_not_taken_for_one():
    assert found("0.62", number("small", "0.62%"), FRACTION) == "small"
    assert found("0.62", number("loss", "0.0062"), number("close", "0.6172")) == "close"


def test_of_several_each_is_listed_with_its_place_the_nearest_first_and_single_images_last():
    assert asked(
        "0.89",
        number("of-image", "0.89001", image="IV", where="Table IX"),
        number("of-fold", "0.8901", fold=3, table="V", where="Table V"),
        number("far", "0.8945", where="abstract, conclusion"),
        number("near", "89.09%"),
        number("other", "0.8951"),
    ) == [
        "'0.89' may be one of:",
        "  - near      test IoU 89.09% (Table 1)",
        "  - far       test IoU 0.8945 (abstract)",
        "  - of-fold   test IoU 0.8901 (Table V, fold 3)",
        "  - of-image  test IoU 0.89001 (Table IX, single image IV)",
        "For example: repro explain name near",
    ]


def test_of_many_only_some_are_listed_and_the_others_counted():
    lines = asked("0.89", *(number(f"n{i}", f"0.89{i:02}") for i in range(LISTED + 3)))
    assert ids(lines)[:LISTED] == [f"n{i}" for i in range(LISTED)]
    assert lines[-2] == "  - and 3 more"


def test_the_number_that_is_printed_with_these_digits_is_meant_and_not_another_that_rounds_to_them():
    assert found("0.89", number("rounded", "0.8904"), number("printed", "0.89")) == "printed"
    assert found("89%", number("rounded", "0.8904"), number("printed", "0.89")) == "printed"
    assert ids(asked("0.98", number("spread", "0.98%", statistic="deviation"), FRACTION, number("x", "0.981"))) == [
        "x",
        "spread",
    ]


def test_a_quoted_number_is_meant_only_by_its_digits_or_if_no_own_number_fits():
    own, quoted = number("own", "0.8904"), number("quoted", "0.89", quoted="U-Net [1]")
    assert found("0.9", own, number("quoted", "0.8912", quoted="U-Net [1]")) == "own"
    assert asked("0.89", own, quoted)[1:3] == [
        "  - own     test IoU 0.8904 (Table 1)",
        "  - quoted  test IoU 0.89 (Table 1, U-Net [1])",
    ]
    assert found("0.89", quoted, FRACTION) == "quoted"


def test_if_none_fits_the_nearest_few_are_listed():
    many = [number(f"n{i}", f"0.{i}000") for i in range(1, 10)]
    lines = asked("0.8123", *many, number("again", "0.8000", same_as="n8"))
    assert lines[0] == "name prints no number '0.8123'. The nearest are:"
    assert ids(lines) == ["n8", "n9", "n7", "n6", "n5", "n4", "n3", "n2"]
    assert ids(asked("X-io", *many, number("X-iou", "0.7")))[0] == "X-iou"


def test_standard_deviations_are_listed_last():
    spread, far = number("spread", "0.94%", statistic="deviation"), number("far", "0.7")
    assert ids(asked("0.8877", spread, far)) == ["far", "spread"]


def test_a_value_of_a_fold_means_its_column():
    column = [number("mean", "0.90", statistic="mean", table="V"), number("fold-1", "0.91", fold=1, table="V")]
    assert found("0.91", *column) == found("91%", *column) == "mean"


@pytest.mark.parametrize(
    ("typed", "id"),
    [("0.91", "fold-1"), ("FOLD-2", "fold-2"), ("0.913", "fold-2"), ("0.9", "mean"), ("test iou", "mean")],
)
def test_of_a_column_the_mean_is_meant_if_it_fits_or_else_the_nearest_fold(typed, id):
    about = paper(
        number("fold-1", "0.91", fold=1, table="V"),
        number("fold-2", "0.9131", fold=2, table="V"),
        number("mean", "0.90", statistic="mean", table="V"),
    )
    assert [each.cell.id for each in find_number(about, answered(about), typed)] == [id]


def test_all_folds_that_fit_equally_well_are_meant():
    values = {1: "0.91", 2: "0.92", 3: "0.91"}
    folds = [number(f"fold-{fold}", value, fold=fold, table="V") for fold, value in values.items()]
    about = paper(*folds, number("mean", "0.8", statistic="mean", table="V"))
    assert [each.cell.id for each in find_number(about, answered(about), "0.91")] == ["fold-1", "fold-3"]


@pytest.fixture(scope="module")
def paudel() -> tuple[Paper, list[Answer]]:
    about = papers.load("paudel")
    return about, answers(about, [])


@pytest.mark.parametrize("typed", ["0.89", "89%"])
def test_the_iou_of_paudel_is_one_of_three(paudel, typed):
    with pytest.raises(BadInput) as refused:
        find_number(*paudel, typed)
    assert ids(str(refused.value).splitlines()) == ["X-iou", "iou-abstract", "IX-I-iou"]


@pytest.mark.parametrize(("typed", "id"), [("0.890", "X-iou"), ("0.89089", "iou-abstract"), ("0.756", "X-unet-iou")])
def test_with_all_its_digits_it_is_one(paudel, typed, id):
    assert find_number(*paudel, typed)[0].answer.head.id == id
