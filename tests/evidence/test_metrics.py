"""Each definition against an implementation that someone else wrote, or that is too simple to be wrong."""

from itertools import product

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from common.evidence.counts import Rows, constant, count
from common.evidence.metrics import DISTANCES, STANDARD, Definition, value, values
from common.evidence.surfaces import distances

SCIKIT = {"iou": jaccard_score, "dice": f1_score, "precision": precision_score, "recall": recall_score}


def rows_of(p, t) -> Rows:
    names = [f"case {i}" for i in range(len(p))]
    return count(p, t, names, ["benign"] * len(p), names)


def zoo() -> tuple[np.ndarray, np.ndarray]:
    """(prediction, truth) of images that make trouble, and some that don't."""
    random = np.random.default_rng(4)
    empty, full, one = np.zeros((12, 12)), np.ones((12, 12)), np.zeros((12, 12))
    one[3, 4] = 1
    noise = random.random((12, 12))
    blob = np.pad(np.ones((5, 6)), ((3, 4), (2, 4)))
    on_threshold = np.where(blob > 0, 0.5, 0.3)
    soft = np.clip(blob - 0.5 * (noise > 0.8), 0, 1)
    images = [
        (empty, empty),
        (full, full),
        (empty, full),
        (full, empty),
        (one, one),
        (noise, one),
        (one, np.roll(one, 1)),
        (on_threshold, blob),
        (0.9 * blob + 0.05 * noise, soft),
        (noise, soft),
        (noise, (noise > 0.6) * 1.0),
    ]
    p, t = (np.array(arrays, np.float32) for arrays in zip(*images, strict=True))
    return p, t


@st.composite
def pairs(draw):
    shape = (draw(st.integers(1, 5)), 3, 3)
    p = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
    t = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.5, 1.0])))
    return p, t


# Against other implementations


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
    assert value("iou|mean2|pooled|keras-raw", constant(rows, 0)) == pytest.approx((1 - 0.092) / 2)


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
    expected = np.mean([distances(a > 0.5, b >= 0.5) for a, b in zip(p[both], t[both], strict=True)], axis=0)
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


# What must hold of any prediction


@given(pairs())
def test_everything_standard_lies_between_0_and_1_or_is_undefined(pair):
    for signature, result in values(rows_of(*pair)).items():
        unbounded = signature.startswith(("bce", *DISTANCES))
        assert np.isnan(result) or 0 <= result <= (np.inf if unbounded else 1), signature


@given(pairs())
def test_pooled_iou_follows_from_pooled_dice(pair):
    rows = rows_of(*pair)
    dice, iou = (value(f"{metric}|fg|pooled|t=0.5", rows) for metric in ("dice", "iou"))
    assume(not np.isnan(dice))
    assert iou == pytest.approx(dice / (2 - dice))


@given(pairs(), st.sampled_from(["skip", "one", "zero"]))
def test_mean_iou_bounds_mean_dice(pair, empty):
    rows = rows_of(*pair)
    dice, iou = (value(f"{metric}|fg|image|t=0.5|empty={empty}", rows) for metric in ("dice", "iou"))
    assume(not np.isnan(dice))
    assert iou - 1e-12 <= dice <= 2 * iou / (1 + iou) + 1e-12


@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_images_matters_to_batches_alone(pair, random):
    p, t = pair
    order = random.sample(range(len(p)), len(p))
    rows, evaluated_in_another_order = rows_of(p, t), rows_of(p[order], t[order])
    assert values(evaluated_in_another_order) == pytest.approx(values(rows), nan_ok=True)
    sorted_after_evaluation = rows.take(np.array(order))
    batches = "dice|fg|batch=2|soft|s=1"
    assert value(batches, sorted_after_evaluation) == pytest.approx(value(batches, rows))


def test_a_batch_is_made_of_neighbours():
    tumour, nothing = np.ones((2, 2)), np.zeros((2, 2))
    p = np.array([tumour, tumour, tumour, tumour], np.float32)
    t = np.array([tumour, tumour, nothing, nothing], np.float32)
    swapped = [0, 2, 1, 3]
    signature = "iou|fg|batch=2|t=0.5|empty=skip"
    assert value(signature, rows_of(p, t)) == (1 + 0) / 2
    assert value(signature, rows_of(p[swapped], t[swapped])) == 0.5
    assert value("dice|fg|batch=2|t=0.5|empty=skip", rows_of(p, t)) == (1 + 0) / 2
    assert value("dice|fg|batch=2|t=0.5|empty=skip", rows_of(p[swapped], t[swapped])) == pytest.approx(2 / 3)


@given(pairs(), st.sampled_from(["t=0.5|empty=one", "soft|s=1", "soft|empty=zero"]))
def test_batches_of_one_are_images_and_one_batch_is_the_pool(pair, decision):
    rows = rows_of(*pair)
    assert value(f"dice|fg|batch=1|{decision}", rows) == value(f"dice|fg|image|{decision}", rows)
    pooled = value(f"dice|fg|pooled|{decision.partition('|empty')[0]}", rows)
    assume(not np.isnan(pooled))
    assert value(f"dice|fg|batch=9|{decision}", rows) == pooled


@given(pairs())
def test_soft_is_hard_where_everything_is_0_or_1(pair):
    p, t = (np.round(array) for array in pair)
    rows = rows_of(p, t)
    for metric in SCIKIT:
        soft, hard = (value(f"{metric}|fg|pooled|{decision}", rows) for decision in ("soft", "t=0.5"))
        assert soft == pytest.approx(hard, nan_ok=True)


# Nothing there


def test_an_empty_pair_counts_as_the_signature_says():
    empty, tumour = np.zeros((3, 3)), np.ones((3, 3))
    rows = rows_of(np.array([empty, tumour], np.float32), np.array([empty, tumour], np.float32))
    scores = {empty: value(f"dice|fg|image|t=0.5|empty={empty}", rows) for empty in ("skip", "one", "zero")}
    assert scores == {"skip": 1, "one": 1, "zero": 0.5}
    assert value("iou|mean2|image|t=0.5|empty=skip", rows) == 1  # in each image the one class that is there
    assert value("iou|mean2|image|t=0.5|empty=zero", rows) == 0.5


def test_without_any_tumour_the_pool_is_undefined_and_its_background_is_not():
    nothing = np.zeros((2, 3, 3), np.float32)
    rows = rows_of(nothing, nothing)
    assert np.isnan(value("dice|fg|pooled|t=0.5", rows))
    assert np.isnan(value("dice|fg|image|t=0.5|empty=skip", rows))
    assert value("iou|mean2|pooled|t=0.5", rows) == 1
    assert value("dice|fg|pooled|soft|s=1", rows) == 1


def test_a_tumour_that_is_not_found_gives_precision_0_whatever_empty_says():
    rows = rows_of(np.zeros((1, 3, 3), np.float32), np.ones((1, 3, 3), np.float32))
    assert value("precision|fg|image|t=0.5|empty=one", rows) == 0
    assert value("precision|fg|pooled|t=0.5", rows) == 0


# Signatures


def spellings():
    parts = product(
        ["iou", "dice", "precision", "recall", "dice-loss", "accuracy", "bce"],
        ["fg", "bg", "mean2", "pixel"],
        ["pooled", "image", "batch=2"],
        ["", "|t=0.5", "|t=0.3", "|soft", "|soft|s=1e-6", "|soft|s=1", "|keras-raw"],
        ["", "|truth=hard"],
        ["", "|empty=skip", "|empty=one", "|empty=zero"],
    )
    return [f"{metric}|{target}|{aggregation}{''.join(rest)}" for metric, target, aggregation, *rest in parts]


def test_every_definition_has_one_spelling_and_a_value():
    rows, accepted = rows_of(*zoo()), 0
    for signature in spellings():
        try:
            definition = Definition.parse(signature)
        except ValueError:
            continue
        accepted += 1
        assert str(definition) == signature
        assert Definition.parse(str(definition)) == definition
        assert np.isfinite(value(signature, rows)), signature
    # Of each class and overlap 5 pooled decisions, and as images or batches 2 smooth ones and 3 with 3 conventions.
    overlaps, losses = 4 * 3 * (5 + 2 * (2 + 3 * 3)), 3 * (3 + 2 * (2 + 3))
    assert accepted == overlaps + losses + len(["keras-raw", "bce", "accuracy", "hard at 0.5", "hard at 0.3"])
    assert len(set(STANDARD)) == len([Definition.parse(signature) for signature in STANDARD])


@pytest.mark.parametrize(
    ("signature", "complaint"),
    [
        ("iou", "not of the form"),
        ("iou|fg|pooled|t=0.5|empty=skip|truth=hard", "not of the form"),
        ("jaccard|fg|pooled|t=0.5", "unknown metric 'jaccard'"),
        ("specificity|fg|pooled|t=0.5", r"the specificity of the tumour is recall\|bg"),
        ("iou|tumour|pooled|t=0.5", "iou has no tumour"),
        ("accuracy|fg|pooled|t=0.5", "accuracy has no fg"),
        ("iou|fg|batch=0|t=0.5|empty=one", "no aggregation 'batch=0'"),
        ("accuracy|pixel|image|t=0.5", "accuracy is pooled"),
        ("bce|pixel|pooled|t=0.5", "bce takes the probabilities"),
        ("iou|fg|pooled", "no decision"),
        ("iou|fg|pooled|t=half", "could not convert"),
        ("iou|fg|pooled|t=1.5", "between 0 and 1"),
        ("iou|fg|pooled|t=0.50", r"it is spelt iou\|fg\|pooled\|t=0.5"),
        ("dice|fg|pooled|soft|s=0.000001", r"it is spelt dice\|fg\|pooled\|soft\|s=1e-6"),
        ("dice|fg|pooled|t=0.5|s=1", "s is for soft"),
        ("dice|fg|pooled|soft|s=-1", "positive"),
        ("dice|fg|pooled|soft|s=nan", "positive"),
        ("dice-loss|fg|pooled|t=0.5", "dice-loss is soft"),
        ("iou|fg|pooled|keras-raw", "keras-raw is Keras' MeanIoU"),
        ("iou|fg|pooled|t=0.5|truth=hard", "truth=hard is for accuracy"),
        ("accuracy|pixel|pooled|t=0.3", "at t=0.5 only"),
        ("accuracy|pixel|pooled|soft", "accuracy needs a threshold"),
        ("iou|fg|image|t=0.5", "what an empty pair counts as"),
        ("iou|fg|image|t=0.5|empty=half", "none of skip, one, zero"),
        ("iou|fg|pooled|t=0.5|empty=one", "has no effect"),
        ("dice|fg|image|soft|s=1|empty=one", "has no effect"),
    ],
)
def test_what_is_no_definition_is_refused_by_name(signature, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        Definition.parse(signature)
    assert str(refused.value).startswith(signature)


def test_a_threshold_that_was_not_counted_is_refused():
    with pytest.raises(ValueError, match=r"counted at thresholds 0\.3, 0\.5, 0\.7"):
        value("iou|fg|pooled|t=0.4", rows_of(*zoo()))


def test_no_rows_no_value():
    rows = rows_of(*zoo())
    with pytest.raises(ValueError, match="no rows"):
        value("bce|pixel|pooled", rows.take(np.array([], int)))
