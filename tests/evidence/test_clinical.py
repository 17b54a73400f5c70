"""What clinicians ask for: a small set of images counted by hand, what can't be measured, and the limits of sizes."""

import math
from dataclasses import replace

import numpy as np
import pytest

from common.data.fractions import load_fractions
from common.evidence.clinical import (
    HEADER,
    clinical_measures,
    clinical_table,
    compare_headlines,
    explain_measures,
    headline,
    size_limits,
)
from common.evidence.counts import SHAPES, Rows, count
from common.evidence.statistics import bootstrap

SIDE = 40
DICE = "dice|fg|image|t=0.5|empty=skip"


def box(top, left, height, width):
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[top : top + height, left : left + width] = 1
    return mask


NOTHING = box(0, 0, 0, 0)
# By name: class, truth, prediction.
IMAGES = {
    "as drawn": ("benign", box(5, 5, 4, 4), box(5, 5, 4, 4)),
    "two lesions, one found, a speck": (
        "benign",
        box(5, 5, 6, 6) + box(25, 25, 4, 4),
        box(5, 5, 6, 6) + box(38, 2, 1, 1),
    ),
    "missed, a mark elsewhere": ("malignant", box(5, 5, 10, 10), box(25, 25, 5, 5)),
    "half": ("malignant", box(5, 5, 20, 20), box(5, 5, 10, 20)),
    "right to mark nothing": ("normal", NOTHING, NOTHING),
    "wrongly marked": ("normal", NOTHING, box(5, 5, 6, 6)),
}


@pytest.fixture(scope="module")
def rows() -> Rows:
    labels, truth, predicted = zip(*IMAGES.values(), strict=True)
    names = list(IMAGES)
    return count(np.stack(predicted), np.stack(truth), names, labels, names)


@pytest.fixture(scope="module")
def measured(rows):
    return {each.name: each for each in clinical_measures("mine", rows)}


def the(measured, start):
    (found,) = (each for name, each in measured.items() if name.startswith(start))
    return found


@pytest.mark.parametrize(
    ("start", "value", "n"),
    [
        ("lesions found", 3 / 5, "3 of 5"),
        ("lesions missed", 2 / 5, "2 of 5"),
        ("marked regions that match no lesion", 2 / 6, "2 in 6"),
        ("specks", 1 / 6, "1 in 6"),
        ("images without a lesion that were marked", 1 / 2, "1 of 2"),
        ("Dice of images with benign", (1 + 72 / (36 + 1 + 52)) / 2, "2"),
        ("Dice of images with malignant", (0 + 2 / 3) / 2, "2"),
        # Areas of 16, 52, 100 and 400: the terciles are the second and the third.
        ("Dice of images with small", 1, "1"),
        ("Dice of images with medium", (72 / 89 + 0) / 2, "2"),
        ("Dice of images with large", 2 / 3, "1"),
    ],
)
def test_shares_and_means_by_hand(measured, start, value, n):
    found = the(measured, start)
    assert found.value == pytest.approx(value)
    assert found.n == n


def test_the_surface_dice_is_the_mean_over_images_with_an_outline(rows, measured):
    found = the(measured, "normalised surface Dice at 2 pixels (side 40)")
    each = [1, None, 0, None, None, 0]  # the image without any outline has no value
    for i in (1, 3):
        each[i] = rows.outline_near[i] / rows.outline[i]
    assert found.value == pytest.approx(np.mean([one for one in each if one is not None]))
    assert found.n == "5"


def test_every_value_has_an_interval_around_it_except_where_resamples_do_not_differ(measured):
    for each in measured.values():
        if each.n == "1" and each.name.startswith("Dice"):
            assert math.isnan(each.low)
        else:
            assert each.low <= each.value <= each.high, each.name
            assert each.low < each.high


def test_the_interval_is_that_of_the_bootstrap(rows):
    """Where all images have a lesion and are of one class, the Dice of that class is the Dice."""
    some = rows.take(np.arange(4))
    some = replace(some, label=np.array(["benign"] * 4))
    found = the({each.name: each for each in clinical_measures("mine", some)}, "Dice of images with benign")
    assert (found.low, found.high) == bootstrap(some, [DICE])[DICE]


def test_what_was_not_measured_is_not_zero(rows):
    older = replace(rows, **dict.fromkeys(SHAPES, np.full(len(rows), np.nan)))
    header, *lines = clinical_table("mine", older)
    assert header == HEADER
    unmeasured = [line for line in lines if line[1] == "not measured"]
    assert [name for name, *_ in unmeasured] == [name for name, *_ in lines[:5]]
    assert all(line[2:] == ["-", "-"] for line in unmeasured)
    assert lines[5:] == clinical_table("mine", rows)[6:], "counts of pixels are enough for the rest"


def test_half_measured_is_not_measured(rows):
    half = replace(rows, **{name: np.where(np.arange(6) < 3, getattr(rows, name), np.nan) for name in SHAPES})
    assert all(each.value is None for each in clinical_measures("mine", half)[:5])


def test_no_line_speaks_of_a_median(rows):
    assert not [line for line in clinical_table("mine", rows) if "median" in " ".join(line)]


def test_without_images_of_a_kind_a_value_is_undefined(rows):
    _, *lines = clinical_table("mine", rows.take(np.arange(4)))
    assert ["images without a lesion that were marked", "-", "-", "0 of 0"] in lines
    _, *lines = clinical_table("mine", rows.take(np.array([4, 5])))
    assert lines[1][1:] == lines[2][1:] == ["-", "-", "0 of 0"]
    assert not [name for name, *_ in lines if name.startswith("Dice")]


def test_no_rows_are_refused(rows):
    with pytest.raises(ValueError, match="no rows"):
        clinical_measures("mine", rows.take(np.array([], int)))


def test_the_sizes_of_busi_are_thirds_of_its_647_images_with_a_lesion():
    small, large = size_limits("busi", np.array([0.5, 0.6]))
    known = load_fractions("busi", 256, "merged")
    shares = known.tumour[known.tumour > 0] / 256**2
    thirds = [np.count_nonzero(shares < small), np.count_nonzero(shares > large)]
    assert len(shares) == 647
    assert all(abs(third - 647 / 3) < 1.5 for third in thirds)
    assert "thirds of the 647 images of busi" in " ".join(explain_measures("busi"))


def test_the_sizes_of_another_set_are_thirds_of_the_images_at_hand():
    assert size_limits("busi, changed", np.array([0, 0.1, 0.2, 0.3, 0.4])) == pytest.approx((0.2, 0.3))
    assert "thirds of these images" in " ".join(explain_measures("busi, changed"))


def test_the_headline_is_of_images_with_a_lesion_of_lesions_and_of_blank_images(rows):
    dice, missed, marked = headline(rows)
    of_each = [1, 2 * 36 / (36 + 16 + 37), 0, 2 * 200 / 600]
    assert dice.value == pytest.approx(np.mean(of_each))
    assert dice.low < dice.value < dice.high
    assert [each.n for each in (dice, missed, marked)] == ["4", "2 of 5", "1 of 2"]


def test_without_a_lesion_or_a_blank_image_the_headline_says_so(rows):
    dice, missed, _ = headline(rows.take(np.array([4, 5])))
    assert math.isnan(dice.value)
    assert missed.n == "0 of 0"
    assert headline(rows.take(np.arange(4)))[2].n == "0 of 0"


def test_two_headlines_are_compared_image_by_image(rows):
    right = rows.take(np.array([0, 0, 0, 3]))
    wrong = replace(rows.take(np.array([2, 2, 3, 2])), case=right.case)
    dice, missed, marked = compare_headlines(wrong, right)
    assert dice.value == pytest.approx(headline(wrong)[0].value - headline(right)[0].value)
    assert (dice.low, dice.certain) == (-1, True)
    assert missed.value == 0.75
    assert math.isnan(marked.value), "there is no blank image"
    same, *_ = compare_headlines(right, right)
    assert same.value == 0
    assert math.isnan(same.low), "an interval from 0 to 0 would claim certainty"
