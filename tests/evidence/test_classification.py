"""Classification against scikit-learn, and against what can be said without it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, precision_score, recall_score

from common.evidence.constant import class_prevalence, constant_rows
from common.evidence.counts import Rows, class_confusion, concatenate, count
from common.evidence.cross_entropy import EPSILON
from common.evidence.metrics import value

CASES = st.lists(
    st.tuples(st.sampled_from(["benign", "malignant"]), st.sampled_from([0.0, 0.2, 0.5, 0.51, 1.0])), min_size=1
)


def rows_of(cases, positive="malignant") -> Rows:
    labels, probabilities = zip(*cases, strict=True)
    names, pixels = [f"case {n}" for n in range(len(cases))], np.zeros((len(cases), 2, 2), np.float32)
    of_class = np.array(probabilities, np.float32)
    return count(pixels, pixels, names, labels, names, positive=positive, of_class=of_class)


@given(CASES)
def test_it_is_what_scikit_learn_says(cases):
    rows = rows_of(cases)
    truth = [label == "malignant" for label, _ in cases]
    called = [probability > 0.5 for _, probability in cases]
    assert value("accuracy|class|case", rows) == pytest.approx(accuracy_score(truth, called))
    for metric, scikit in (("precision", precision_score), ("recall", recall_score), ("dice", f1_score)):
        for name, which in (("malignant", 1), ("benign", 0)):
            expected = scikit(truth, called, pos_label=which, zero_division=np.nan)
            if any(label == name for label, _ in cases):
                assert value(f"{metric}|class={name}|case", rows) == pytest.approx(expected, nan_ok=True)
    ours = class_confusion(rows)
    expected = confusion_matrix(truth, called, labels=[True, False])
    assert [list(row.values()) for row in ours.values()] == expected.tolist()
    if len(set(truth)) == 2:
        assert value("count|class=benign>malignant|case", rows) == expected[1, 0]


@given(CASES)
def test_cross_entropy_is_that_of_scikit_learn(cases):
    rows = rows_of(cases)
    p = rows.probability.clip(EPSILON, 1 - EPSILON)  # as Keras, in float32
    expected = log_loss([label == "malignant" for label, _ in cases], np.column_stack([1 - p, p]), labels=[False, True])
    assert value("bce|class|case|clip=keras", rows) == pytest.approx(expected)
    pixels = value("bce|pixel|pooled|clip=keras", rows)
    assert value("bce|class+pixel|sum|clip=keras", rows) == pytest.approx(expected + pixels)


def test_the_specificity_of_one_class_is_the_sensitivity_of_the_other():
    rows = rows_of([("benign", 0.1), ("benign", 0.9), ("malignant", 0.9), ("malignant", 0.7), ("malignant", 0.2)])
    assert value("recall|class=benign|case", rows) == 1 / 2
    assert value("recall|class=malignant|case", rows) == 2 / 3


def test_what_can_not_be_said_is_undefined():
    nothing_called = rows_of([("malignant", 0.1), ("benign", 0.2)])
    assert np.isnan(value("precision|class=malignant|case", nothing_called))
    assert value("dice|class=malignant|case", nothing_called) == 0


def test_a_network_that_only_segments_has_no_classes():
    with pytest.raises(ValueError, match="does not classify"):
        value("accuracy|class|case", rows_of([("benign", 0.0)], positive=""))


def test_an_unknown_class_is_refused_with_the_known():
    with pytest.raises(ValueError, match="the classes are malignant, benign"):
        value("recall|class=normal|case", rows_of([("benign", 0.0), ("malignant", 1.0)]))


def test_three_classes_are_refused():
    with pytest.raises(ValueError, match="malignant against several classes: benign, normal"):
        class_confusion(rows_of([("benign", 0.0), ("malignant", 1.0), ("normal", 0.0)]))


@pytest.mark.parametrize(
    ("signature", "complaint"),
    [
        ("iou|class|case", "of classes there are"),
        ("recall|class=benign|image", "of classes there are"),
        ("accuracy|class=benign|case", "of classes there are"),
        ("bce|class+pixel|case", "of classes there are"),
        ("recall|class=benign|case|t=0.3", "decided at 0.5"),
        ("count|class=benign|case", "of classes there are"),
        ("recall|class=benign>malignant|case", "of classes there are"),
        ("count|class=benign>normal|case", "the classes are"),
    ],
)
def test_what_is_no_definition_is_refused(signature, complaint):
    with pytest.raises(ValueError, match=complaint):
        value(signature, rows_of([("benign", 0.0), ("malignant", 1.0)]))


def test_what_knows_nothing_says_the_same_of_every_image():
    rows = rows_of([("benign", 0.1), ("benign", 0.9), ("benign", 0.3), ("malignant", 0.9)])
    assert class_prevalence(rows) == 0.25
    for probability in (0.0, 0.25):
        assert value("accuracy|class|case", constant_rows(rows, 0.0, probability)) == 0.75
    expected = -(np.log(0.25) + 3 * np.log(0.75)) / 4
    assert value("bce|class|case", constant_rows(rows, 0.0, 0.25)) == pytest.approx(expected)


def test_rows_keep_probability_and_class_on_the_way(tmp_path):
    rows = rows_of([("benign", 0.1), ("malignant", 0.9)])
    rows.save(tmp_path / "rows.npz")
    both = concatenate([Rows.load(tmp_path / "rows.npz"), rows.take(np.array([1]))])
    assert class_confusion(both) == {
        "malignant": {"malignant": 2, "benign": 0},
        "benign": {"malignant": 0, "benign": 1},
    }
