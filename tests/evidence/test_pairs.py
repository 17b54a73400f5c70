"""Two networks on the same test images: image by image in a repeat, split by split over repeats."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from common.evidence import pairs
from common.evidence.kept_counts import counts_folder
from common.evidence.mean_differences import corrected_t, paired_t
from common.evidence.pairs import pair_up, repeats_to_tell, say_pairs, say_what_would_tell
from common.evidence.statistics import paired_bootstrap
from tests.evidence.made import DICE, record, with_counts
from tests.evidence.pixels import rows_of
from tests.evidence.test_spread import OF, design

IMAGE = "dice|fg|image|t=0.5|empty=one"


def test_the_corrected_interval_by_hand():
    """Differences 1, 2, 3: mean 2, standard deviation 1, t of 2 degrees of freedom 4.303. With a test image for each
    four training images: ±4.303 √(1/3 + 1/4)."""
    found = corrected_t([1, 2, 3], 0.25)
    assert found.high - found.mean == pytest.approx(4.3027 * math.sqrt(1 / 3 + 1 / 4), rel=1e-4)
    assert (found.mean, found.low) == (2, pytest.approx(4 - found.high))


def test_one_difference_has_no_interval_and_none_no_mean():
    assert corrected_t([1], 0.25).low is None
    assert corrected_t([], 0.25).mean is None


def overlapping_splits(random, images=100, test=30, splits=10):
    """Differences of two networks that are alike, over overlapping test parts of one set of images: each image has its
    own difference, with mean 0 over all images that there are."""
    of_images = random.normal(0, 1, images)
    return [of_images[random.permutation(images)[:test]].mean() for _ in range(splits)]


def test_repeats_that_share_images_are_not_taken_for_independent_ones():
    """Networks without a true difference: Student's interval has 0 outside in far more than 5 % of the data sets. The
    corrected one is no exact one either (Nadeau & Bengio), but much nearer."""
    random = np.random.default_rng(2)
    sets = [overlapping_splits(random) for _ in range(500)]
    student = np.mean([paired_t(each, [0] * len(each)).certain for each in sets])
    corrected = np.mean([corrected_t(each, 30 / 70).certain for each in sets])
    assert student > 0.3
    assert corrected < 0.12


def test_repeats_on_one_split_count_as_one():
    one, other = design([0.7, 0.6, 0.5, 0.8, 0.6, 0.5]), design([0.6] * 6)
    found = pair_up(OF, one, other, "test", DICE, None)
    assert [pair.split for pair in found.pairs] == [0, 1, 2, 0, 1, 2]
    assert found.by_split == [pytest.approx(each) for each in ([0.1, 0.2], [0, 0], [-0.1, -0.1])]
    expected = corrected_t([0.15, 0, -0.1], 78 / 702)
    assert (found.over_splits.mean, found.over_splits.low) == (
        pytest.approx(expected.mean),
        pytest.approx(expected.low),
    )


def test_only_repeats_that_both_have_are_pairs():
    assert len(pair_up(OF, record([0.7, 0.6, 0.5]), record([0.6, 0.6]), "test", DICE, None).pairs) == 2


# Image by image


@pytest.fixture
def kept(tmp_path):
    """Keeps the counts of the test images of both records, one repeat each; returns the folder, records and counts."""
    random = np.random.default_rng(0)
    truth = random.random((12, 8, 8)) > 0.6
    both = []
    for name, noise in (("own", 0.2), ("unet", 0.35)):
        flipped = random.random(truth.shape) < noise * random.random((12, 1, 1))
        rows = rows_of((truth ^ flipped).astype(float), truth.astype(float))
        of = record([0.7], IMAGE).model_copy(update={"readings": {"network": "unet"} if name == "unet" else {}})
        rows.save(counts_folder(tmp_path, of) / "rows-0-test.npz")
        both.append((with_counts(of, tmp_path), rows))
    return tmp_path, both


def test_within_a_repeat_the_images_are_the_pairs(kept):
    folder, ((one, rows), (other, others)) = kept
    (pair,) = pair_up(OF, one, other, "test", IMAGE, folder).pairs
    expected = paired_bootstrap(rows, others, [IMAGE])[IMAGE]
    assert (pair.images, pair.low, pair.high) == (12, expected.low, expected.high)
    assert 0 < pair.of_images.one < 1
    assert -1 <= pair.of_images.correlation <= 1


def test_a_metric_over_batches_and_records_without_counts_have_no_interval_over_images(kept):
    folder, ((one, _), (other, _)) = kept
    assert pair_up(OF, one, other, "test", IMAGE, None).pairs[0].images == 0
    batched = "iou|fg|batch=8|t=0.5|empty=one"
    (pair,) = pair_up(OF, record([0.7], batched), record([0.6], batched), "test", batched, folder).pairs
    assert (pair.images, pair.low, pair.of_images) == (0, None, None)


def test_the_share_of_the_greatest_spread_by_hand():
    """Values 0 and 1 spread as widely as their mean allows; 0.25 and 0.75 half as much."""
    found = pairs._spread_of_images(np.array([[0.0, 1.0], [0.25, 0.75]]))
    assert (found.one, found.other, found.correlation) == (pytest.approx(1), pytest.approx(0.5), pytest.approx(1))
    assert pairs._spread_of_images(np.array([[0.5, 0.5], [0.2, 0.4]])) is None


# How many would tell


def test_how_many_repeats_would_tell_by_hand():
    """Mean 1, standard deviation 1, no overlap: 2.365 / √8 = 0.84 decides and 2.447 / √7 = 0.925 does too, 2.571 / √6 =
    1.05 does not."""
    assert repeats_to_tell([[0], [1], [2]], 0, fixed=False) == 7


def test_no_number_would_tell_where_the_shared_images_alone_leave_more_than_the_difference():
    """1.96 · √0.25 = 0.98 standard deviations are left, however many splits are drawn."""
    assert repeats_to_tell([[-0.1], [0.9], [1.9]], 0.25, fixed=False) is None
    assert repeats_to_tell([[0.1], [1.1], [2.1]], 0.25, fixed=False) > 10


def test_on_given_splits_only_luck_shrinks():
    luck_alone = [[0, 2], [0.1, 1.9], [-0.1, 2.1]]
    assert repeats_to_tell(luck_alone, 0.4, fixed=True) > 6
    splits_alone = [[-1, -1.01], [1, 1.01], [3, 3.01]]
    assert repeats_to_tell(splits_alone, 0.4, fixed=True) is None


def test_it_can_not_be_told_from_one_split_or_without_a_second_repeat_on_a_given_one():
    with pytest.raises(ValueError, match="one split"):
        repeats_to_tell([[1, 2]], 0.1, fixed=False)
    with pytest.raises(ValueError, match="luck"):
        repeats_to_tell([[1], [2]], 0.1, fixed=True)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=5, unique=True), st.floats(0, 0.5))
def test_the_number_that_it_names_decides_and_one_less_does_not(values, ratio):
    needed = repeats_to_tell([[each] for each in values], ratio, fixed=False)
    spread, middle = np.std(values, ddof=1), abs(np.mean(values))

    def half(repeats):
        return stdtrit(repeats - 1, 0.975) * spread * math.sqrt(1 / repeats + ratio)

    if needed is None:
        assert half(pairs.MOST) >= middle * (1 - 1e-6)
    else:
        assert half(needed) <= middle * (1 + 1e-6)
        assert needed == 2 or half(needed - 1) >= middle * (1 - 1e-6)


def pair_of(results, others, splits="3"):
    return pair_up(OF, design(results, splits), design(others, splits), "test", DICE, None)


def test_the_sentences_name_both_networks_each_repeat_and_what_is_over_all():
    first, second = say_pairs(pair_of([0.7, 0.6, 0.5], [0.6, 0.6, 0.6]), "ours", "network=unet")
    assert first == (
        "ours less network=unet: +0.1000 on the test images of split 1; +0.0000 on the test images of split 2; "
        "-0.1000 on the test images of split 3."
    )
    assert second.startswith("Over all: +0.0000 [-")
    assert second.endswith("of 3 repeats on 3 splits, which share images.")


@pytest.mark.parametrize(
    ("results", "fixed", "said"),
    [
        (
            [0.70, 0.60, 0.65],
            False,
            "About 12 repeats with a split each would tell, if mean and spread stay as in these 3.",
        ),
        ([0.62, 0.50, 0.65], False, "Not even 1000 repeats with a split each would tell: they share their images"),
        (
            [0.70, 0.60, 0.65],
            True,
            "Whether more repeats on these 3 splits would tell can't be said before each has two.",
        ),
        ([0.7, 0.6, 0.5, 0.7, 0.6, 0.5], True, "Not even 1000 repeats on these 3 splits would tell: their own spread"),
        ([0.7], False, "How many repeats would tell can't be said from 1 repeat on 1 split."),
    ],
)
def test_what_would_tell_in_words(results, fixed, said):
    assert say_what_would_tell(pair_of(results, [0.6] * len(results)), fixed).startswith(said)
