"""What a copy among the training images is worth to a test image."""

import numpy as np
import pytest

from common.data.duplicates import known_in_busi
from common.evidence.copy_worth import copy_worth
from common.evidence.counts import count
from common.evidence.kept_counts import counts_folder
from tests.evidence.made import record_of, with_counts

BUSI = {"dataset": {"name": "busi", "cases": 780, "fingerprint": known_in_busi()["fingerprint"]}}
PAIRS = [group for group in known_in_busi()["groups"] if len(group) == 2][:30]
FIRST, SECOND = ([pair[side] for pair in PAIRS] for side in (0, 1))
COPIED = {case for group in known_in_busi()["groups"] for case in group}
ALONE = [case for number in range(1, 438) if (case := f"benign ({number})") not in COPIED][:30]
GROUPED = {"readings": {"split": "grouped"}}


def rows(dice: dict[str, float | None]):
    """Counts of cases with a tumour of 10 pixels and as many marked pixels, by their Dice, a multiple of 0.1. None: no
    tumour, and marked all the same."""
    truth = np.zeros((len(dice), 5, 10), np.float32)
    truth[[value is not None for value in dice.values()], 0] = 1
    marked = np.zeros_like(truth)
    for image, value in enumerate(dice.values()):
        shared = round(10 * (value or 0))
        marked[image, 0, :shared] = marked[image, 1, : 10 - shared] = 1
    return count(marked, truth, [*dice], ["benign"] * len(dice), [*dice])


@pytest.fixture
def stored(tmp_path):
    """Writes a record: for each run the Dice of the test cases, and the ids of the training cases."""

    def store(*runs, **changes):
        about = record_of([{"metrics": {}} for _ in runs], **{"profile": "small"} | BUSI | changes)
        folder = counts_folder(tmp_path, about)
        for number, (test, train) in enumerate(runs):
            rows(test).save(folder / f"rows-{number}-test.npz")
            rows(dict.fromkeys(train or ["other"], 0.5)).save(folder / f"rows-{number}-train.npz")
        return with_counts(about, tmp_path)

    return store


def all_of(cases, dice):
    return dict.fromkeys(cases, dice)


def test_it_is_what_an_image_gains_less_what_images_without_copies_gain(stored, tmp_path):
    """Images with a copy gain 0.3 and others 0.1, whatever their level is."""
    random = stored(
        (all_of(FIRST[:20], 0.9) | all_of(ALONE[:10], 0.5), SECOND),
        (all_of(FIRST[20:25], 0.5) | all_of(ALONE[10:20], 0.8), SECOND),
    )
    grouped = stored(
        (all_of(FIRST[:20], 0.6) | all_of(ALONE[:10], 0.4), []),
        (all_of(FIRST[20:], 0.2) | all_of(ALONE[10:], 0.7), []),  # some of these were not tested with a copy
        **GROUPED,
    )
    found = copy_worth(tmp_path, random, grouped)
    assert (found.images, found.others) == (25, 20)
    assert found.gain.value == pytest.approx(0.3 - 0.1)
    assert (found.gain.low, found.gain.high) == pytest.approx((0.2, 0.2)), "all images gain the same"
    assert found.half == pytest.approx(0.3)
    assert found.idle is None
    assert found.share == 25 / 45
    assert found.sentence == (
        "Image by image (small profile): with a copy among the training images, a test image has on average 0.200 more "
        "Dice than without one (95 % over images: +0.200 to +0.200; other trainings may give more or less). What 20 "
        "images without copies gain is taken off. Half of the 25 images with copies gain 0.300 or less. 56% of the "
        "test images have a copy in training, which makes +0.111 of the mean Dice."
    )


def test_images_whose_copy_was_not_trained_on_check_the_premise(stored, tmp_path):
    random = stored((all_of(FIRST, 0.9) | all_of(ALONE, 0.6), SECOND[:25]))
    grouped = stored((all_of(FIRST[:25], 0.5) | all_of(FIRST[25:], 0.7) | all_of(ALONE, 0.5), []), **GROUPED)
    found = copy_worth(tmp_path, random, grouped)
    assert found.images == 25
    assert found.gain.value == pytest.approx(0.4 - 0.1)
    assert found.idle == pytest.approx(0.2 - 0.1)


def test_an_image_that_was_tested_in_several_runs_counts_once(stored, tmp_path):
    random = stored(*[(all_of(FIRST, dice) | all_of(ALONE, 0.5), SECOND) for dice in (0.7, 0.9)])
    grouped = stored(*[(all_of(FIRST, dice) | all_of(ALONE, 0.5), []) for dice in (0.2, 0.3, 0.4)], **GROUPED)
    found = copy_worth(tmp_path, random, grouped)
    assert found.images == 30
    assert found.gain.value == pytest.approx(0.8 - 0.3)


def test_copies_of_each_other_are_drawn_together(stored, tmp_path):
    """So twice as many images that are only copies give no narrower interval."""
    first, second = ({case: 0.2 + n % 6 / 10 for n, case in enumerate(side)} for side in (FIRST, SECOND))
    alone = all_of(ALONE, 0.5)
    once = stored((first | alone, SECOND), readings={"depth": "1"})
    twice = stored((first | alone, SECOND), (second | alone, FIRST), readings={"depth": "2"})
    grouped = stored((all_of([*FIRST, *SECOND], 0.2) | alone, []), **GROUPED)
    of_one, of_both = (copy_worth(tmp_path, each, grouped) for each in (once, twice))
    assert (of_one.images, of_both.images) == (30, 60)
    assert of_both.gain.value == pytest.approx(of_one.gain.value)
    assert (of_both.gain.low, of_both.gain.high) == pytest.approx((of_one.gain.low, of_one.gain.high))
    assert of_one.gain.low < of_one.gain.value < of_one.gain.high


def test_a_gain_whose_interval_holds_nothing_is_told_so(stored, tmp_path):
    random = stored(({case: 0.1 * (n % 9) for n, case in enumerate(FIRST)} | all_of(ALONE, 0.5), SECOND))
    grouped = stored((all_of(FIRST, 0.4) | all_of(ALONE, 0.5), []), **GROUPED)
    found = copy_worth(tmp_path, random, grouped)
    assert found.gain.value < 0
    assert f"on average {-found.gain.value:.3f} less Dice than without one (95 % over images: -" in found.sentence
    assert "This can't be told from nothing." in found.sentence


def test_images_without_a_tumour_have_no_part(stored, tmp_path):
    random = stored((all_of(FIRST, 0.9) | all_of(ALONE, 0.5), SECOND))
    grouped = stored((all_of(FIRST, 0.4) | all_of(ALONE, 0.5), []), **GROUPED)
    plain = copy_worth(tmp_path, random, grouped)
    blank = {f"normal ({number})": None for number in range(1, 9)}
    random = stored((all_of(FIRST, 0.9) | all_of(ALONE, 0.5) | blank, SECOND))
    grouped = stored((all_of(FIRST, 0.4) | all_of(ALONE, 0.5) | blank, []), **GROUPED)
    assert copy_worth(tmp_path, random, grouped) == plain


@pytest.mark.parametrize(("copied", "alone", "enough"), [(20, 20, True), (19, 20, False), (20, 19, False)])
def test_of_fewer_than_twenty_images_nothing_is_said(stored, tmp_path, copied, alone, enough):
    tests = all_of(FIRST[:copied], 0.9) | all_of(ALONE[:alone], 0.5)
    random, grouped = stored((tests, SECOND)), stored((tests, []), **GROUPED)
    assert (copy_worth(tmp_path, random, grouped) is not None) == enough


def test_without_copies_or_counts_nothing_is_said(stored, tmp_path):
    tests = all_of(FIRST, 0.9) | all_of(ALONE, 0.5)
    random, grouped = stored((tests, SECOND)), stored((tests, []), **GROUPED)
    assert copy_worth(tmp_path, random, grouped) is not None
    assert copy_worth(tmp_path / "elsewhere", random, grouped) is None
    assert copy_worth(tmp_path, random.model_copy(update={"counts": {}}), grouped) is None
    other = {"dataset": {"name": "mine", "cases": 2, "fingerprint": "f"}}
    assert copy_worth(tmp_path, stored((tests, SECOND), **other), stored((tests, []), **GROUPED | other)) is None


def test_networks_that_did_not_learn_say_nothing(stored, tmp_path):
    tests = all_of(FIRST, 0.9) | all_of(ALONE, 0.5)
    random, grouped = stored((tests, SECOND)), stored((tests, []), **GROUPED)
    unlearned = grouped.runs[0].model_copy(update={"unlearned": {"segmentation": ["the loss did not fall"]}})
    assert copy_worth(tmp_path, random, grouped.model_copy(update={"runs": [unlearned]})) is None
