"""The rows hold what Keras and scikit-learn would count, image by image."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import confusion_matrix

from common.errors import BadInput
from common.evidence.constant import constant_rows, prevalence
from common.evidence.counts import SHAPES, THRESHOLDS, Rows, concatenate, count
from tests.evidence.pixels import rows_of

INTERESTING = [0.0, 1e-9, 0.25, 0.3, 0.5, float(np.nextafter(np.float32(0.5), 1)), 0.7, 0.999, 1.0]


@st.composite
def pairs(draw, most=5):
    """Predictions and soft truths of a few 4 x 4 images, rich in values that sit on a threshold."""
    shape = (draw(st.integers(1, most)), 4, 4)
    p = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from(INTERESTING).map(np.float32)))
    t = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
    return p, t


def assert_same(a: Rows, b: Rows) -> None:
    for name, array in vars(a).items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(array, getattr(b, name), rtol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(array, getattr(b, name), err_msg=name)


@given(pairs())
def test_hard_counts_are_those_of_a_confusion_matrix(pair):
    p, t = pair
    rows = rows_of(p, t)
    for i in range(len(p)):
        for j, threshold in enumerate(THRESHOLDS):
            predicted = p[i].ravel() > np.float32(threshold)
            ((tn, fp), (fn, tp)) = confusion_matrix(t[i].ravel() >= 0.5, predicted, labels=[False, True])
            assert (rows.tp[i, j], rows.fp[i, j], rows.fn[i, j]) == (tp, fp, fn)
            assert rows.pixels[i] == tn + fp + fn + tp


@given(pairs())
def test_correct_pixels_and_cross_entropy_are_those_of_keras(pair):
    p, t = pair
    rows = rows_of(p, t)
    accuracy = keras.metrics.BinaryAccuracy()
    accuracy.update_state(t[..., None], p[..., None])
    assert rows.correct.sum() / rows.pixels.sum() == pytest.approx(float(accuracy.result()), abs=1e-6)
    for i in range(len(p)):
        loss = float(keras.losses.BinaryCrossentropy()(t[i, ..., None], p[i, ..., None]))
        assert rows.cross_entropy_keras[i] / rows.pixels[i] == pytest.approx(loss, rel=1e-5, abs=1e-7)


def test_truth_pixels_are_sorted_into_0_soft_and_1():
    t = np.array([[[0, 0, 0.1], [0.5, 0.9, 1], [1, 1, 1]]], np.float32)
    rows = rows_of(np.ones_like(t), t)
    assert (rows.truth_zero[0], rows.truth_soft[0], rows.truth_one[0]) == (2, 3, 4)
    assert rows.correct[0] == 4  # no prediction is correct on a soft pixel
    assert rows.tp[0, THRESHOLDS.index(0.5)] == 6  # 0.5 and 0.9 are tumour once the truth is made hard


def test_a_probability_on_the_threshold_is_not_above_it():
    t = np.ones((1, 1, len(THRESHOLDS)), np.float32)
    rows = rows_of(np.array([[THRESHOLDS]], np.float32), t)
    assert rows.tp[0].tolist() == [2, 1, 0]


def test_only_exact_ones_count_for_the_raw_iou():
    p = np.array([[[1, 1, np.nextafter(np.float32(1), 0), 1]]], np.float32)
    t = np.array([[[1, 0.999, 1, 0]]], np.float32)
    rows = rows_of(p, t)
    assert (rows.truth_one[0], rows.prediction_one[0], rows.both_one[0]) == (2, 3, 1)


def test_sums_are_exact_where_float32_would_not_be():
    p = np.full((1, 1024, 1024), 0.1, np.float32)
    rows = rows_of(p, np.ones_like(p))
    assert rows.sum_prediction[0] == pytest.approx(float(np.float32(0.1)) * 2**20, rel=1e-14)
    assert rows.sum_product[0] == rows.sum_prediction[0]


def test_float16_is_widened():
    p = np.array([[[0.5, 0.50048828125, 1.0]]], np.float16)
    assert_same(rows_of(p, np.ones_like(p)), rows_of(p.astype(np.float32), np.ones(p.shape, np.float32)))


@given(pairs(), st.sampled_from([0.0, 0.0783, 0.3, 0.5, 0.6, 1.0]))
def test_a_constant_predictor_needs_no_prediction(pair, probability):
    p, t = pair
    # A mask of the whole image has the image's own outline, whose distance says nothing: it is left out.
    unknown = {name: np.full(len(p), np.nan) for name in ("hd95", "assd", *SHAPES)}
    predicted = replace(rows_of(np.full_like(p, probability), t), **unknown)
    assert_same(constant_rows(rows_of(p, t), probability), predicted)


def test_prevalence_is_the_share_of_tumour():
    t = np.array([[[1, 0.5, 0, 0]], [[0, 0, 0, 0]]], np.float32)
    assert prevalence(rows_of(t, t)) == 1.5 / 8


@given(pairs(most=6), st.data())
def test_counting_in_two_goes_is_counting_in_one(pair, data):
    p, t = np.concatenate([pair[0], pair[0]]), np.concatenate([pair[1], pair[1]])
    cut = data.draw(st.integers(1, len(p) - 1))
    whole = rows_of(p, t)
    parts = [
        count(p[part], t[part], whole.case[part], whole.label[part], whole.group[part])
        for part in (slice(0, cut), slice(cut, None))
    ]
    assert_same(concatenate(parts), whole)


def test_parts_counted_at_other_thresholds_do_not_fit_together():
    t = np.ones((1, 2, 2), np.float32)
    with pytest.raises(ValueError, match="thresholds"):
        concatenate([rows_of(t, t), replace(rows_of(t, t), thresholds=np.array([0.3, 0.4, 0.7]))])


def test_rows_survive_the_file(tmp_path):
    t = np.random.default_rng(0).random((3, 5, 5), dtype=np.float32)
    rows = count(t, t, ["benign (4)", "b", "c"], ["benign", "malignant", "normal"], ["x", "x", "y"])
    rows.save(tmp_path / "deep" / "rows-test.npz")
    loaded = Rows.load(tmp_path / "deep" / "rows-test.npz")
    assert all(getattr(loaded, name).dtype == array.dtype for name, array in vars(rows).items())
    assert_same(loaded, rows)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["rows-test.npz"]


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "another file"])
def test_a_damaged_file_is_named(tmp_path, damage):
    path, t = tmp_path / "rows.npz", np.ones((1, 2, 2), np.float32)
    rows_of(t, t).save(path)
    content = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "flipped":
            path.write_bytes(content[:60] + b"????" + content[64:])
        case "another file":
            np.savez(path, a=np.ones(3))
    with pytest.raises(BadInput, match=r"rows\.npz"):
        Rows.load(path)


@pytest.mark.parametrize(
    ("p", "t", "complaint"),
    [
        (np.ones((1, 2, 2)), np.ones((1, 2, 3)), "same"),
        (np.ones((0, 2, 2)), np.ones((0, 2, 2)), "same"),
        (np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 1)), "same"),
        (np.full((1, 2, 2), np.nan), np.ones((1, 2, 2)), "case 0: probabilities from nan"),
        (np.full((1, 2, 2), 1.5), np.ones((1, 2, 2)), "case 0: probabilities from 1.5"),
        (np.ones((1, 2, 2)), np.full((1, 2, 2), 2), "case 0: truth from 2"),
    ],
)
def test_what_is_no_probability_is_refused(p, t, complaint):
    with pytest.raises(ValueError, match=complaint):
        rows_of(p, t)


def test_a_name_for_each_image():
    t = np.ones((2, 2, 2), np.float32)
    with pytest.raises(ValueError, match="2 images, 1 cases"):
        count(t, t, ["a"], ["b", "b"], ["c", "c"])
