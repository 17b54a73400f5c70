"""The committed tumour fractions: those that the prepared masks have, without the images."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from common.data import fractions, manifest
from common.data.busi import index
from common.data.case import Case, Decoded, on_one_grid
from common.data.decode import decode_mask
from common.data.masks import merge
from common.data.prepare import Need, prepare, resized
from common.errors import BadInput

SIDES = (128, 196, 224, 256)  # those of the committed table
COMMITTED = (files("common.data") / "busi.fractions.csv").read_text(encoding="ascii")


def test_every_case_of_busi_is_there_once_in_the_order_of_the_manifest():
    known = fractions.load_fractions("busi", 256, "merged")
    assert known.case.tolist() == list(manifest.published())
    assert {label: int(np.sum(known.label == label)) for label in ("benign", "malignant", "normal")} == {
        "benign": 437,
        "malignant": 210,
        "normal": 133,
    }


def test_the_tumour_s_share_of_busi_is_the_known_one():
    """As measured apart from this code, with tf.image.resize, on the images at 256 x 256 pixels."""
    known = fractions.load_fractions("busi", 256, "merged")
    assert known.total.mean() / 256**2 == pytest.approx(0.0783, abs=5e-5)
    assert known.one.mean() / 256**2 == pytest.approx(0.0772, abs=5e-5)
    assert known.zero.mean() / 256**2 == pytest.approx(0.9206, abs=5e-5)
    lesions = known.only(["benign", "malignant"])
    assert (len(lesions), lesions.total.mean() / 256**2) == (647, pytest.approx(0.0944, abs=5e-5))
    first = fractions.load_fractions("busi", 256, "first").only(["benign", "malignant"])
    assert first.one.mean() / 256**2 == pytest.approx(0.0917, abs=5e-5)


@pytest.mark.parametrize("side", [32, 100, *SIDES, 300, 512])
def test_counts_of_a_mask_fit_each_other(side):
    known = fractions.load_fractions("busi", side, "merged")
    soft = side**2 - known.zero - known.one + 1e-6  # of rounding
    assert np.all(soft >= 0)
    assert np.all((known.one <= known.tumour + 1e-6) & (known.tumour <= known.one + soft))
    assert np.all((known.one <= known.total + 1e-6) & (known.total <= known.one + soft))
    assert np.all(known.total[known.label == "normal"] == 0)


def test_ways_to_merge_differ_in_the_17_cases_with_several_masks_alone():
    merged, first = (fractions.load_fractions("busi", 256, masks) for masks in ("merged", "first"))
    several = {line.split(",")[0] for line in COMMITTED.splitlines() if ",first," in line}
    differ = merged.total != first.total
    assert len(several) == 17
    assert several - set(merged.case[differ]) == {"benign (58)"}  # its second mask lies within the first
    assert np.all(merged.total[differ] > first.total[differ])
    mean = fractions.load_fractions("busi", 256, "mean=2")
    assert np.all(mean.one[differ] < merged.one[differ])  # only where two masks overlap is their mean 1
    three = merged.total != fractions.load_fractions("busi", 256, "union=2").total
    assert merged.case[three].tolist() == ["benign (195)"]


def test_a_hard_mask_has_no_edge():
    known = fractions.load_fractions("busi", 196, "merged").hard()
    assert np.array_equal(known.zero + known.one, np.full(780, 196**2))
    assert np.array_equal(known.total, known.tumour)


def test_what_is_not_committed_is_refused_by_name():
    with pytest.raises(BadInput, match="tumour fractions of mini-ddsm are not known"):
        fractions.load_fractions("mini-ddsm", 256, "merged")
    with pytest.raises(BadInput, match=r"known for masks = merged, first, union=2, mean=2, not mean=3\."):
        fractions.load_fractions("busi", 256, "mean=3")


# At a side that is not committed


def scores(known: fractions.Fractions) -> dict[str, float]:
    """What predictors that have learned nothing score on all images of a data set."""
    shares = {name: getattr(known, name) / known.side**2 for name in fractions.COLUMNS}
    prevalence = shares["total"].mean()
    return {
        "accuracy, and IoU of the background, of an empty mask": 1 - shares["tumour"].mean(),
        "Keras' accuracy of an empty mask": shares["zero"].mean(),
        "Keras' accuracy of a full mask": shares["one"].mean(),
        "cross-entropy of the prevalence": -np.log(prevalence) * prevalence - np.log(1 - prevalence) * (1 - prevalence),
    }


@pytest.mark.parametrize("masks", ["merged", "first", "union=2", "mean=2"])
@pytest.mark.parametrize("left_out", SIDES)
def test_a_committed_side_follows_from_the_others(masks, left_out, monkeypatch):
    counted = fractions.load_fractions("busi", left_out, masks)
    monkeypatch.setattr(fractions, "committed_sides", lambda line: [side for side in SIDES if side != left_out])
    estimated = fractions.load_fractions.__wrapped__("busi", left_out, masks)
    assert not np.array_equal(estimated.total, counted.total)
    assert scores(estimated) == pytest.approx(scores(counted), abs=0.0001)


def test_other_sides_score_what_the_images_do(busi_folder):
    """All masks of BUSI, each read once. The module's docstring has the errors of more sides."""
    sides = (64, 96, 160, 200, 320, 512)

    def count(case: Case) -> list[list[int]]:
        drawn = Decoded(drawn=[decode_mask(path)[0] for path in case.masks])
        mask = merge(on_one_grid(drawn, case), "merged")
        return [list(fractions.count_mask(resized(mask, side)).values()) for side in sides]

    with ThreadPoolExecutor() as pool:
        counts = np.array(list(pool.map(count, index(busi_folder))), np.float64)
    for at, side in enumerate(sides):
        estimated = fractions.load_fractions("busi", side, "merged")
        zero, one, tumour, total = counts[:, at].T
        counted = replace(estimated, zero=zero, one=one, tumour=tumour, total=total / 255)
        assert scores(estimated) == pytest.approx(scores(counted), abs=0.0001), side
        for name in ("tumour", "total"):
            errors = np.abs(getattr(estimated, name) - getattr(counted, name)) / side**2
            assert errors.max() < 0.004
            assert errors.mean() < 0.0005


@pytest.mark.parametrize("masks", ["merged", "first", "union=2", "mean=2"])
def test_they_are_those_of_the_images(busi_folder, tmp_path, masks):
    """A handful of cases, those with several masks among them; the command makes all of them again."""
    cases = [case for case in index(busi_folder) if case.id in ("benign (1)", "benign (195)", "normal (7)")]
    known = fractions.load_fractions("busi", 196, masks)
    counted = fractions.count_pixels(prepare(cases, "busi", Need(196, 3, masks), tmp_path))
    for case in cases:
        (at,) = np.flatnonzero(known.case == case.id)
        found = [known.zero[at], known.one[at], known.tumour[at], known.total[at] * 255]
        assert found == pytest.approx(list(counted[case.id].values()), rel=1e-12)


def test_the_command_lists_every_case_and_those_with_several_masks_again(phantom_folder, tmp_path):
    cases, lines = index(phantom_folder), fractions.make_table(phantom_folder, (16, 24), tmp_path)
    several = [case.id for case in cases if len(case.masks) > 1]
    assert several
    assert [line["case"] for line in lines] == [case.id for case in cases] + several * 3
