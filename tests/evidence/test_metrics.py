"""Each metric against an implementation that someone else wrote, or that is too simple to be wrong."""

from itertools import product

import keras
import numpy as np
import pytest
from hypothesis import given
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from common.evidence.constant import constant_rows
from common.evidence.definition import DISTANCES
from common.evidence.metrics import of_batches, standard, value
from common.evidence.shapes import compare_shapes
from common.papers import load
from tests.evidence.pixels import pairs, rows_of, zoo

SCIKIT = {"iou": jaccard_score, "dice": f1_score, "precision": precision_score, "recall": recall_score}


@pytest.mark.parametrize(("metric", "threshold"), [*product(SCIKIT, [0.3, 0.5, 0.7])])
def test_pooled_overlap_is_that_of_scikit_learn(metric, threshold):
    p, t = zoo()
    truth, predicted = t.ravel() >= 0.5, p.ravel() > np.float32(threshold)
    tumour, rest = SCIKIT[metric](truth, predicted), SCIKIT[metric](~truth, ~predicted)
    rows = rows_of(p, t)
    assert value(f"{metric}|fg|pooled|t={threshold}", rows) == pytest.approx(tumour)
    assert value(f"{metric}|bg|pooled|t={threshold}", rows) == pytest.approx(rest)
    assert value(f"{metric}|mean2|pooled|t={threshold}", rows) == pytest.approx((tumour + rest) / 2)


def by_sets(metric: str, truth: set, predicted: set, empty: str) -> float | None:
    """A textbook's definition of one image's score."""
    if not truth and not predicted:
        return {"skip": None, "one": 1, "zero": 0}[empty]
    both = len(truth & predicted)
    match metric:
        case "iou":
            return both / len(truth | predicted)
        case "dice":
            return 2 * both / (len(truth) + len(predicted))
        case "precision":
            return both / len(predicted) if predicted else 0
        case "recall":
            return both / len(truth) if truth else 0


@pytest.mark.parametrize(("metric", "target", "empty"), [*product(SCIKIT, ["fg", "bg"], ["skip", "one", "zero"])])
def test_overlap_per_image_is_that_of_sets(metric, target, empty):
    p, t = zoo()
    scores = []
    for image_p, image_t in zip(p, t, strict=True):
        wanted = target == "fg"
        truth = {pixel for pixel, is_tumour in np.ndenumerate(image_t >= 0.5) if is_tumour == wanted}
        predicted = {pixel for pixel, is_tumour in np.ndenumerate(image_p > 0.5) if is_tumour == wanted}
        scores.append(by_sets(metric, truth, predicted, empty))
    mean = np.mean([score for score in scores if score is not None])
    assert value(f"{metric}|{target}|image|t=0.5|empty={empty}", rows_of(p, t)) == pytest.approx(mean)


@given(pairs())
def test_keras_raw_is_what_keras_makes_of_unthresholded_sigmoids(pair):
    p, t = pair
    metric = keras.metrics.MeanIoU(num_classes=2)
    for image_p, image_t in zip(p, t, strict=True):  # as in `fit`, over several batches
        metric.update_state(image_t[None, ..., None], image_p[None, ..., None])
    assert value("iou|mean2|pooled|keras-raw", rows_of(p, t)) == pytest.approx(float(metric.result()), abs=1e-6)


def test_keras_raw_of_a_perfect_but_unsaturated_network_is_that_of_an_empty_mask():
    t = np.zeros((1, 100, 100), np.float32)
    t[0, :10, :92] = 1  # the share f of tumour pixels is 0.092
    rows = rows_of(t * 0.9999, t)
    assert value("dice|fg|pooled|t=0.5", rows) == 1
    assert value("iou|mean2|pooled|keras-raw", rows) == pytest.approx((1 - 0.092) / 2)
    assert value("iou|mean2|pooled|keras-raw", constant_rows(rows, 0)) == pytest.approx((1 - 0.092) / 2)


def test_accuracy_and_cross_entropy_are_those_of_keras():
    p, t = zoo()
    rows = rows_of(p, t)
    accuracy = keras.metrics.BinaryAccuracy()
    accuracy.update_state(t[..., None], p[..., None])
    assert value("accuracy|pixel|pooled|t=0.5", rows) == pytest.approx(float(accuracy.result()), abs=1e-6)
    assert value("accuracy|pixel|pooled|t=0.5|truth=hard", rows) == pytest.approx(np.mean((t >= 0.5) == (p > 0.5)))
    loss = float(keras.losses.BinaryCrossentropy()(t[..., None], p[..., None]))
    assert value("bce|pixel|pooled", rows) == pytest.approx(loss, rel=1e-5)


def test_dice_loss_is_what_evaluate_prints_also_with_a_smaller_last_batch():
    p, t = zoo()
    assert len(p) % 2 == 1

    def dice_loss(truth, predicted):  # over the whole batch, smooth 1e-6
        both, sums = keras.ops.sum(truth * predicted), keras.ops.sum(truth) + keras.ops.sum(predicted)
        return 1 - (2 * both + 1e-6) / (sums + 1e-6)

    inputs = keras.Input((12, 12, 1))
    identity = keras.Model(inputs, keras.layers.Identity()(inputs))
    identity.compile(loss=dice_loss)
    printed = identity.evaluate(p[..., None], t[..., None], batch_size=2, verbose=0)
    assert value("dice-loss|fg|batch=2|soft|s=1e-6", rows_of(p, t)) == pytest.approx(printed, abs=1e-6)


def test_soft_dice_and_iou_per_image_by_their_formulas():
    p, t = (array.astype(float) for array in zoo())
    both, sums = (p * t).sum((1, 2)), p.sum((1, 2)) + t.sum((1, 2))
    rows = rows_of(*zoo())
    assert value("dice|fg|image|soft|s=1", rows) == pytest.approx(np.mean((2 * both + 1) / (sums + 1)))
    assert value("iou|fg|image|soft|s=1", rows) == pytest.approx(np.mean((both + 1) / (sums - both + 1)))


def test_distances_are_means_over_the_images_with_both_outlines():
    p, t = zoo()
    rows = rows_of(p, t)
    both = [(a > 0.5).any() and (b >= 0.5).any() for a, b in zip(p, t, strict=True)]
    shapes = [compare_shapes(a > 0.5, b >= 0.5) for a, b in zip(p[both], t[both], strict=True)]
    expected = [np.mean([each[name] for each in shapes]) for name in DISTANCES]
    found = [value(f"{name}|fg|image|t=0.5|empty=skip", rows) for name in DISTANCES]
    assert found == pytest.approx(expected)


def test_the_distance_of_nothing_is_undefined():
    p, t = (part[:1] for part in zoo())
    assert np.isnan(value("hd95|fg|image|t=0.5|empty=skip", rows_of(p, t)))


def test_formulas_printed_under_another_name_have_their_own():
    """Rahman: the Dice as printed is an intersection over union; the loss as printed is least without any overlap."""
    p, t = zoo()
    rows, form = rows_of(p, t), "{}|fg|image|t=0.5|empty=one"
    assert value(form.format("printed-dice"), rows) == value(form.format("iou"), rows)
    dice = np.array([value("dice|fg|pooled|soft|s=1", rows_of(p[i : i + 1], t[i : i + 1])) for i in range(len(p))])
    assert value("squared-dice-loss|fg|image|soft|s=1", rows) == pytest.approx(-np.mean((1 - dice) ** 2))
    assert value("dice-loss|fg|image|soft|s=1", rows) == pytest.approx(np.mean(1 - dice))
    both = value("bce+dice-loss|fg|image|soft|s=1", rows)
    assert both == pytest.approx(value("bce|pixel|pooled", rows) + np.mean(1 - dice))
    iou = np.array([value("iou|fg|pooled|soft|s=1", rows_of(p[i : i + 1], t[i : i + 1])) for i in range(len(p))])
    assert value("iou-loss|fg|image|soft|s=1", rows) == pytest.approx(np.mean(1 - iou))


def test_the_ratio_of_areas_is_marked_pixels_over_those_of_tumour():
    p, t = zoo()
    marked, tumour = np.count_nonzero(p > 0.5), np.count_nonzero(t >= 0.5)
    assert value("area-ratio|fg|pooled|t=0.5", rows_of(p, t)) == pytest.approx(marked / tumour)


def test_without_any_tumour_there_is_no_ratio_of_areas():
    nothing, everything = np.zeros((1, 4, 4), np.float32), np.ones((1, 4, 4), np.float32)
    assert np.isnan(value("area-ratio|fg|pooled|t=0.5", rows_of(everything, nothing)))
    assert value("area-ratio|fg|pooled|t=0.5", rows_of(nothing, everything)) == 0


def test_by_batches_is_what_keras_prints_of_a_function_and_by_batch_weighs_by_images():
    """As notebooks write it: sums over the batch, with a constant above and below."""

    def iou(truth, predicted):
        both = keras.ops.sum(truth * predicted)
        return (both + 1) / (keras.ops.sum(truth) + keras.ops.sum(predicted) - both + 1)

    p, t = zoo()
    network = keras.Sequential([keras.layers.Identity()])
    network.compile(loss="binary_crossentropy", metrics=[iou])
    printed = network.evaluate(p, t, batch_size=4, verbose=0, return_dict=True)["iou"]
    assert len(p) % 4, "the last batch is smaller"
    assert value("iou|fg|batches=4|soft|s=1", rows_of(p, t)) == pytest.approx(printed, rel=1e-5)
    of_batches = [value("iou|fg|batch=4|soft|s=1", rows_of(p[i : i + 4], t[i : i + 4])) for i in range(0, len(p), 4)]
    sizes = [len(p[i : i + 4]) for i in range(0, len(p), 4)]
    by_images = value("iou|fg|batch=4|soft|s=1", rows_of(p, t))
    assert by_images == pytest.approx(np.average(of_batches, weights=sizes))


def test_a_batch_without_any_rows_does_not_count():
    signature, rows = "iou|fg|batches=4|soft|s=1", rows_of(*zoo())
    of_batches = [value(signature, rows.take(rows.position // 4 == batch)) for batch in (0, 2)]
    assert value(signature, rows.take(rows.position // 4 != 1)) == pytest.approx(np.mean(of_batches))


def test_an_empty_batch_counts_as_one():
    empty, tumour = np.zeros((2, 4, 4), np.float32), np.ones((2, 4, 4), np.float32)
    rows = rows_of(np.concatenate([empty, empty]), np.concatenate([empty, tumour]))
    hard, _ = iou_of_two = [each for each in of_batches(2) if each.startswith("iou")]
    assert [value(each, rows) for each in iou_of_two] == [0.5, pytest.approx((1 + 1 / 33) / 2)]
    assert hard == "iou|fg|batches=2|t=0.5|empty=one"


@pytest.mark.parametrize(("paper", "batch", "classes"), [("cheng", 8, 0), ("gill", 2, 0), ("paudel", 8, 9)])
def test_a_run_is_given_the_batches_of_its_recipe_and_the_classes_of_its_network(paper, batch, classes):
    signatures = standard(load(paper).recipe())
    assert len(set(signatures)) == len(signatures)
    assert {each for each in signatures if "batches=" in each} == set(of_batches(batch))
    assert len([each for each in signatures if "|class" in each]) == classes
