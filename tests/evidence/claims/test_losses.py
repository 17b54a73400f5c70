"""What accuracy and IoU leave for a loss: true of any prediction, and no wider than what a prediction can reach."""

import math

import numpy as np
import pytest

from common.evidence import claims
from common.evidence.counts import count
from common.evidence.metrics import value
from tests.evidence.claims.tables import cell, paper, rounded

ACCURACY, IOU, MEAN = "accuracy|pixel|pooled|t=0.5|truth=hard", "iou|fg|pooled|t=0.5", "iou|mean2|pooled|t=0.5"
BCE, DICE, BOTH = "bce|pixel|pooled", "dice-loss|fg|pooled|soft|s=1e-6", "bce+dice-loss|fg|pooled|soft|s=1e-6"
LOSSES = [BCE, DICE, BOTH, "iou-loss|fg|pooled|soft|s=1e-6", "squared-dice-loss|fg|pooled|soft|s=1e-6"]


def predicted(random: np.random.Generator):
    """Counts of some images of which a network finds a part of the tumour, more or less sure of itself."""
    truth = (random.random((4, 12, 12)) < random.uniform(0.05, 0.4)).astype(np.float32)
    found = np.where(random.random(truth.shape) < random.uniform(0.7, 1), truth, 1 - truth)
    probability = np.abs(1 - found - random.random(truth.shape) ** random.uniform(0.2, 5) / 2)
    names = [str(i) for i in range(4)]
    return count((1 - probability).astype(np.float32), truth, names, names, names)


def regions(accuracy: str, iou: str, loss: str, definition: str, data=None):
    cells = [cell("A", accuracy, ACCURACY), cell("J", iou, IOU), cell("L", loss, definition)]
    return {region.definition: region for region in claims.regions(paper(*cells), data)}


@pytest.mark.parametrize("definition", LOSSES)
def test_the_loss_of_any_prediction_is_left_by_its_accuracy_and_its_iou_of_either_kind(definition):
    random = np.random.default_rng(len(definition))
    for _ in range(4):
        rows = predicted(random)
        loss, accuracy = value(definition, rows), value(ACCURACY, rows)
        share = float((rows.tp + rows.fn)[:, 1].sum() / rows.pixels.sum())
        for form in (IOU, MEAN):
            iou = rounded(value(form, rows), 4)
            for data in (None, {"test": (share - 0.01, share + 0.01)}):
                region = regions(rounded(accuracy, 4), iou, rounded(loss, 4), definition, data)[form]
                assert region.loss[0] <= loss <= region.loss[1]
                assert region.loss_agrees


def test_the_bounds_of_a_soft_dice_are_reached():
    """8 pixels found and 4 missed, of 100: as sure as can be where it is right, and as unsure."""
    truth, marked = np.zeros((1, 10, 10), np.float32), np.zeros((1, 10, 10), bool)
    truth[0, 0], truth[0, 1, :2], marked[0, 0, :8] = 1, 1, True
    sure = np.where(marked, 1, truth / 2)
    unsure = np.where(marked, 0.5 + 1e-6, (1 - truth) / 2)
    ends = []
    for probability in (sure, unsure):
        rows = count(probability.astype(np.float32), truth, ["a"], ["a"], ["a"])
        assert (value(ACCURACY, rows), value(IOU, rows)) == (0.96, pytest.approx(8 / 12))
        ends.append(value(DICE, rows))
    region = regions("0.96000", "0.66667", "0.5", DICE)[IOU]
    assert region.loss == pytest.approx(tuple(ends), abs=1e-3)


def test_a_loss_that_no_prediction_with_this_accuracy_and_iou_has_is_outside():
    assert regions("0.9163", "0.4543", "0.0100", BCE)[IOU].loss_agrees is False, "wrong pixels cost more"
    inside = regions("0.9163", "0.4543", "0.2423", BCE)[IOU]
    assert (inside.loss_agrees, inside.cells) == (True, ("A", "J", "L"))
    assert inside.loss[0] == pytest.approx((1 - 0.91635) * math.log(2), abs=1e-4)
    assert "0.2423 (Table T) is inside" in inside.text


def test_what_is_known_of_the_data_narrows_the_loss():
    alone, known = (regions("0.90", "0.60", "0.5", DICE, data)[MEAN] for data in (None, {"test": (0.08, 0.09)}))
    assert alone.loss[0] <= known.loss[0] <= known.loss[1] <= alone.loss[1]
    assert alone.loss != known.loss


def test_a_mean_over_batches_is_bounded_on_the_premise_alone_that_it_is_none():
    region = regions("0.90", "0.60", "0.5", "dice-loss|fg|batch=2|soft|s=1e-6")[IOU]
    assert "of all images together (a mean over batches has no bound)" in region.text


def test_keras_raw_iou_leaves_the_share_and_the_accuracy_the_loss():
    region = regions("0.9163", "0.4543", "0.2423", BCE)["iou|mean2|pooled|keras-raw"]
    assert region.prevalence == pytest.approx((0.0913, 0.0915))
    assert region.loss_agrees
    assert set(region.cells) == {"A", "J", "L"}


def test_where_no_mask_gives_both_there_is_nothing_to_say_of_the_loss():
    region = regions("0.9163", "0.4543", "0.2423", BCE)[MEAN]
    assert (region.prevalence, region.loss, region.loss_agrees) == (None, None, None)
