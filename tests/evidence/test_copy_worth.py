"""What a copy among the training images is worth to a test image."""

import numpy as np
import pytest

from common.data.duplicates import known_in_busi
from common.evidence.copy_worth import copy_worth
from common.evidence.counts import count
from common.evidence.kept_counts import counts_folder
from tests.evidence.made import record_of

BUSI = {"dataset": {"name": "busi", "cases": 780, "fingerprint": known_in_busi()["fingerprint"]}}
PAIRS = [group for group in known_in_busi()["groups"] if len(group) == 2]
COPIED = {case for group in known_in_busi()["groups"] for case in group}
ALONE = [case for number in range(1, 438) if (case := f"benign ({number})") not in COPIED]


def rows(dice: dict[str, float]):
    """Counts of cases with a tumour of 10 pixels and as many marked pixels, by their Dice, a multiple of 0.1."""
    truth = np.zeros((len(dice), 5, 10), np.float32)
    truth[:, 0] = 1
    marked = np.zeros_like(truth)
    for image, value in enumerate(dice.values()):
        shared = round(10 * value)
        marked[image, 0, :shared] = marked[image, 1, : 10 - shared] = 1
    return count(marked, truth, [*dice], ["benign"] * len(dice), [*dice])


@pytest.fixture
def stored(tmp_path):
    """Writes a record: for each run the Dice of the test cases, and the ids of the training cases."""

    def store(*runs, **changes):
        about = record_of([{"metrics": {}} for _ in runs], **BUSI | changes)
        for number, (test, train) in enumerate(runs):
            rows(test).save(counts_folder(tmp_path, about) / f"rows-{number}-test.npz")
            rows(dict.fromkeys(train or ["other"], 0.5)).save(
                counts_folder(tmp_path, about) / f"rows-{number}-train.npz"
            )
        return about

    return store


GROUPED = {"readings": {"split": "grouped"}}


def test_it_is_what_an_image_gains_less_what_images_without_copies_gain(stored, tmp_path):
    """Copies gain 0.3 and others 0.1, whatever the level of an image is."""
    (one, its), (two, also), *_ = PAIRS
    random = stored(
        ({one: 0.9, ALONE[0]: 0.5, ALONE[1]: 0.8}, [its, also]),
        ({two: 0.5, its: 0.1, ALONE[0]: 0.5}, [also, ALONE[1]]),  # its copy is in neither part: it does not count
    )
    grouped = stored(({one: 0.6, its: 0.9, ALONE[0]: 0.4}, []), ({two: 0.2, ALONE[1]: 0.7}, []), **GROUPED)
    found = copy_worth(tmp_path, random, grouped)
    assert (found.images, found.others) == (2, 2)
    assert found.gain.value == pytest.approx(0.3 - 0.1)
    assert (found.gain.low, found.gain.high) == pytest.approx((0.2, 0.2)), "all images gain the same"
    assert found.share == 2 / 6
    assert found.sentence == (
        "Image by image: a copy among the training images changes the Dice of a test image by +0.200 (95 %: +0.200 to "
        "+0.200; 2 images, tested with and without one, less what 2 images without copies gain). 33% of the test "
        "images have one, which makes +0.067 of their mean Dice."
    )


def test_an_image_that_was_tested_in_several_runs_counts_once(stored, tmp_path):
    (one, its), *_ = PAIRS
    random = stored(*[({one: dice, ALONE[0]: 0.5}, [its]) for dice in (0.7, 0.9)])
    grouped = stored(*[({one: dice, ALONE[0]: 0.5}, []) for dice in (0.2, 0.3, 0.4)], **GROUPED)
    found = copy_worth(tmp_path, random, grouped)
    assert found.images == 1
    assert found.gain.value == pytest.approx(0.8 - 0.3)


def test_copies_of_each_other_are_drawn_together(stored, tmp_path):
    """So twice as many images that are only copies give no narrower interval."""
    gains = [0.1, 0.5, 0.0, 0.3, 0.2]
    first, second = ({pair[side]: gain + 0.2 for pair, gain in zip(PAIRS, gains, strict=False)} for side in (0, 1))
    alone = dict.fromkeys(ALONE[:5], 0.5)
    once = stored((first | alone, [*second]), readings={"depth": "1"})
    twice = stored((first | alone, [*second]), (second | alone, [*first]), readings={"depth": "2"})
    grouped = stored((dict.fromkeys((*first, *second), 0.2) | alone, []), **GROUPED)
    of_one, of_both = (copy_worth(tmp_path, each, grouped) for each in (once, twice))
    assert (of_one.images, of_both.images) == (5, 10)
    assert of_both.gain.value == pytest.approx(of_one.gain.value)
    assert (of_both.gain.low, of_both.gain.high) == pytest.approx((of_one.gain.low, of_one.gain.high))
    assert of_one.gain.low < of_one.gain.value < of_one.gain.high


def test_a_gain_whose_interval_holds_nothing_is_told_so(stored, tmp_path):
    dice = {pair[0]: value for pair, value in zip(PAIRS, (0.1, 0.9, 0.2, 0.6), strict=False)}
    random = stored((dice | {ALONE[0]: 0.5}, [pair[1] for pair in PAIRS]))
    grouped = stored((dict.fromkeys(dice, 0.5) | {ALONE[0]: 0.5}, []), **GROUPED)
    found = copy_worth(tmp_path, random, grouped)
    assert "changes the Dice of a test image by -0.050 (95 %: -" in found.sentence
    assert "So it can't be told from nothing." in found.sentence


def test_without_images_or_counts_nothing_is_said(stored, tmp_path):
    (one, its), *_ = PAIRS
    tests = {one: 0.9, ALONE[0]: 0.5}
    grouped = stored((tests, []), **GROUPED)
    assert copy_worth(tmp_path, stored((tests, [ALONE[1]])), grouped) is None, "no test image has a copy in training"
    assert copy_worth(tmp_path, stored(({one: 0.9}, [its])), grouped) is None, "there is nothing to take off"
    assert copy_worth(tmp_path, stored((tests, [its])), grouped) is not None
    other = {"dataset": {"name": "mine", "cases": 2, "fingerprint": "f"}}
    assert copy_worth(tmp_path, stored((tests, [its]), **other), stored((tests, []), **GROUPED | other)) is None
    assert copy_worth(tmp_path / "elsewhere", stored((tests, [its])), grouped) is None


def test_networks_that_did_not_learn_say_nothing(stored, tmp_path):
    (one, its), *_ = PAIRS
    tests = {one: 0.9, ALONE[0]: 0.5}
    random, grouped = stored((tests, [its])), stored((tests, []), **GROUPED)
    unlearned = grouped.runs[0].model_copy(update={"unlearned": {"segmentation": ["the loss did not fall"]}})
    assert copy_worth(tmp_path, random, grouped.model_copy(update={"runs": [unlearned]})) is None
