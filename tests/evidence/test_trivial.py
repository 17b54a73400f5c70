"""What predictors that have learned nothing score: the same as `metrics.value` of `constant`, on the same splits."""

from dataclasses import replace

import numpy as np
import pytest

from common import papers
from common.data import fractions
from common.evidence import trivial
from common.evidence.constant import Images, class_prevalence, constant_rows, constant_value, prevalence
from common.evidence.counts import SHAPES, THRESHOLDS, Rows
from common.evidence.metrics import STANDARD, of_batches, of_classes, value
from common.evidence.statistics import Prediction
from common.evidence.trivial import BACKGROUND, NOTHING, PREVALENCE, distributions

RAW = "iou|mean2|pooled|keras-raw"
ALL = [
    *STANDARD,
    "dice-loss|fg|batch=2|soft|s=1e-6",
    "bce+dice-loss|fg|batch=16|soft|s=1",
    "recall|bg|batch=7|t=0.3|empty=one",
    "iou|fg|batches=7|t=0.3|empty=one",
    "area-ratio|fg|pooled|t=0.5",
    *of_batches(8),
]
MASKS = fractions.load_fractions("busi", 256, "merged")


def recipe(name="cheng", **changes):
    return papers.load(name).recipe().model_copy(update=changes)


def rows_of(known: fractions.Fractions, positions: np.ndarray, positive: str | None) -> Rows:
    """The rows of these images, in this order, of a network that marks nothing."""
    n, pixels = len(positions), np.full(len(positions), known.side**2)
    zero, one, tumour, total = (getattr(known, name)[positions] for name in fractions.COLUMNS)
    nothing, unknown = np.zeros(n), np.full(n, np.nan)
    return Rows(
        case=known.case[positions],
        label=known.label[positions],
        group=known.case[positions],
        position=np.arange(n),
        pixels=pixels,
        truth_zero=zero,
        truth_soft=pixels - zero - one,
        truth_one=one,
        tp=np.zeros((n, 3), int),
        fp=np.zeros((n, 3), int),
        fn=np.repeat(tumour[:, None], 3, axis=1),
        sum_truth=total,
        sum_prediction=nothing,
        sum_product=nothing,
        prediction_one=nothing,
        both_one=nothing,
        correct=zero,
        cross_entropy=unknown,
        cross_entropy_keras=unknown,
        cross_entropy_torch=unknown,
        hd95=unknown,
        assd=unknown,
        **dict.fromkeys(SHAPES, unknown),
        probability=unknown,
        logit=unknown,
        thresholds=np.array(THRESHOLDS),
        positive=np.array(positive or ""),
    )


@pytest.mark.parametrize("scale", [1.0, 5.0, 12.0])
@pytest.mark.parametrize("name", ["cheng", "paudel"])
def test_many_splits_at_once_are_metrics_of_each(name, scale):
    """A larger share of tumour than BUSI's, so that constant prevalence marks everything, under some thresholds."""
    about = recipe(name)
    known = MASKS.only(about.classes)
    known = replace(known, total=np.minimum(known.total * scale, known.side**2))
    signatures = [*ALL, *of_classes(about)]
    for folds in trivial._splits(known, about, splits=3, seed=1):
        for split in folds[:2]:
            train = Images(known, split.train, about.positive)
            test = Images(known, split.test, about.positive)
            shares = train.pixel_prevalence(), train.class_prevalence()
            for i in range(3):
                rows = [rows_of(known, part[i], about.positive) for part in (split.train, split.test)]
                assert shares[0][i] == pytest.approx(prevalence(rows[0]))
                assert about.positive is None or shares[1][i] == pytest.approx(class_prevalence(rows[0]))
                for signature in signatures:
                    for p, q in ((0 * shares[0], 0 * shares[1]), shares):
                        many = constant_value(signature, test, p, q)
                        one = value(signature, constant_rows(rows[1], p[i], q[i]))
                        assert many[i] == pytest.approx(one, rel=1e-6, abs=1e-12, nan_ok=True), signature


@pytest.mark.parametrize(
    ("name", "sizes"), [("cheng", [(561, 141, 78)]), ("gill", [(663, 117, 117)]), ("rahman", [(517, 130, 130)])]
)
def test_the_parts_have_the_paper_s_sizes_and_share_no_image(name, sizes):
    about = recipe(name)
    known = MASKS.only(about.classes)
    drawn = list(trivial._splits(known, about, splits=501, seed=0))
    assert sum(len(folds[0].test) for folds in drawn) == 501
    for folds in drawn:
        assert [tuple(part.shape[1] for part in vars(split).values()) for split in folds] == sizes
        apart = np.hstack([folds[0].train, *([] if folds[0].selects_on_test else [folds[0].validation]), folds[0].test])
        assert np.array_equal(np.sort(apart, axis=1), np.tile(np.arange(len(known)), (len(apart), 1)))


def test_folds_are_stratified_and_each_image_is_tested_once():
    about = recipe("paudel")
    known = MASKS.only(about.classes)
    (folds,) = trivial._splits(known, about, splits=20, seed=0)
    assert len(folds) == 10
    tested = np.sort(np.hstack([split.test for split in folds]), axis=1)
    assert np.array_equal(tested, np.tile(np.arange(647), (20, 1)))
    assert {int(n) for split in folds for n in (known.label[split.test] == "malignant").sum(axis=1)} == {21}
    for split, following in zip(folds, [*folds[1:], folds[0]], strict=True):
        assert np.array_equal(split.validation, following.test)
        whole = np.sort(np.hstack([split.train, split.validation, split.test]), axis=1)
        assert np.array_equal(whole, tested)
    labels = known.label[folds[0].test]
    assert len({tuple(row) for row in labels}) == 20  # classes come in another order each time


def test_an_empty_mask_s_raw_iou_is_half_the_share_of_background():
    found = distributions(MASKS, recipe(), [("test", RAW)], splits=2000)["test", RAW]
    assert found[BACKGROUND] == found[PREVALENCE]
    f1 = MASKS.one / MASKS.side**2
    assert found[BACKGROUND].mean == pytest.approx((1 - f1.mean()) / 2, abs=3e-4)
    # 78 of 780 drawn without replacement: the usual standard error of a mean, less a tenth of its square
    spread = f1.std(ddof=1) / 2 * np.sqrt((1 - 78 / 780) / 78)
    half = (found[BACKGROUND].high - found[BACKGROUND].low) / 2
    assert half == pytest.approx(1.96 * spread, rel=0.05)


def test_one_further_split_falls_inside_with_95_percent():
    wanted = [("test", "accuracy|pixel|pooled|t=0.5")]
    known, about = MASKS, recipe("gill", side=256)
    interval = distributions(known, about, wanted, splits=3000)[wanted[0]][BACKGROUND]
    others = [folds[0].test for folds in trivial._splits(known, about, splits=2000, seed=7)]
    scores = known.zero[np.concatenate(others)].mean(axis=1) / known.side**2
    assert np.mean((scores >= interval.low) & (scores <= interval.high)) == pytest.approx(0.95, abs=0.02)


def test_a_mean_of_folds_hardly_varies():
    """Every image is tested once, so that all folds together are the whole set, however it is cut."""
    wanted = [("test", "dice|fg|image|soft|s=1")]
    folds, alone = (recipe("paudel", folds=number) for number in (10, None))
    of_folds, of_one = (
        distributions(MASKS, about, wanted, splits=200)[wanted[0]][PREVALENCE] for about in (folds, alone)
    )
    assert (of_folds.n, of_one.n) == (200, 200)
    assert of_folds.mean == pytest.approx(of_one.mean, abs=0.01)
    assert of_one.high - of_one.low > 20 * (of_folds.high - of_folds.low)


def test_what_is_undefined_has_no_distribution():
    wanted = [("test", "hd95|fg|image|t=0.5|empty=skip"), ("test", "precision|class=malignant|case")]
    wanted += [("train", "epochs|training|run")]
    for found in distributions(MASKS, recipe("paudel"), wanted, splits=5).values():
        assert found == dict.fromkeys(NOTHING, Prediction(n=0))


def test_every_reported_number_of_a_paper_gets_its_distributions():
    gill = papers.load("gill")
    found = trivial.distributions_of_cells(gill, splits=50)
    assert list(found) == [cell.id for cell in gill.reported]
    assert all(tuple(by_predictor) == NOTHING and by_predictor[BACKGROUND].n == 50 for by_predictor in found.values())
    trivial._cached_distributions.cache_clear()
    assert found == trivial.distributions_of_cells(gill, splits=50)  # the same each time


def test_data_without_known_fractions_have_none():
    kumar = papers.load("kumar")
    assert trivial.distributions_of_cells(kumar) == {}


def test_copies_made_before_the_split_have_none_since_nobody_knows_their_tumour():
    gill = papers.load("gill")
    assert trivial.distributions_of_cells(gill, gill.recipe().model_copy(update={"copies": 4})) == {}


def test_the_share_of_tumour_in_random_parts_of_busi():
    """Known of all 780 images: 0.0783 of the pixels (0.0944 where the normal ones are left out)."""
    for name, mean in (("cheng", 0.0783), ("rahman", 0.0944)):
        parts = trivial.prevalence(papers.load(name), splits=500)
        low, high = parts["test"]
        assert 0.6 * mean < low < mean < high < 1.5 * mean
        of_train = parts["train"]
        assert low < of_train[0] < mean < of_train[1] < high, "a larger part varies less"
    assert trivial.prevalence(papers.load("kumar")) == {}


@pytest.mark.parametrize("folds", [10, None])
def test_a_balanced_sample_has_half_of_its_images_of_each_class(folds):
    about = recipe("paudel", sample="balanced", folds=folds)
    known = MASKS.only(about.classes)
    (drawn,) = trivial._splits(known, about, splits=3, seed=0)
    for split in drawn:
        for i in range(3):
            used = np.concatenate([part[i] for part in vars(split).values()])
            assert len(used) == len(set(used)) == 420
            assert (known.label[used] == "malignant").sum() == 210
