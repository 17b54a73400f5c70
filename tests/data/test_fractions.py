"""The committed tumour fractions: those that the prepared masks have, without the images."""

from importlib.resources import files

import numpy as np
import pytest

from common.data import fractions, manifest
from common.data.busi import index
from common.data.prepare import prepare
from common.errors import BadInput
from common.paper import load as paper

COMMITTED = (files("common.data") / "busi.fractions.csv").read_text(encoding="ascii")


def test_every_case_of_busi_is_there_once_in_the_order_of_the_manifest():
    known = fractions.load("busi", 256, "merged")
    assert known.case.tolist() == list(manifest.load("busi"))
    assert {label: int(np.sum(known.label == label)) for label in ("benign", "malignant", "normal")} == {
        "benign": 437,
        "malignant": 210,
        "normal": 133,
    }


def test_the_tumour_s_share_of_busi_is_the_known_one():
    """As measured apart from this code, with tf.image.resize, on the images at 256 x 256 pixels."""
    known = fractions.load("busi", 256, "merged")
    assert known.total.mean() / 256**2 == pytest.approx(0.0783, abs=5e-5)
    assert known.one.mean() / 256**2 == pytest.approx(0.0772, abs=5e-5)
    assert known.zero.mean() / 256**2 == pytest.approx(0.9206, abs=5e-5)
    lesions = known.only(["benign", "malignant"])
    assert (len(lesions), lesions.total.mean() / 256**2) == (647, pytest.approx(0.0944, abs=5e-5))
    first = fractions.load("busi", 256, "first").only(["benign", "malignant"])
    assert first.one.mean() / 256**2 == pytest.approx(0.0917, abs=5e-5)


@pytest.mark.parametrize("side", fractions.SIDES)
def test_counts_of_a_mask_fit_each_other(side):
    known = fractions.load("busi", side, "merged")
    soft = side**2 - known.zero - known.one
    assert np.all(soft >= 0)
    assert np.all((known.one <= known.tumour) & (known.tumour <= known.one + soft))
    assert np.all((known.one <= known.total) & (known.total <= known.one + soft))
    assert np.all(known.total[known.label == "normal"] == 0)


def test_ways_to_merge_differ_in_the_17_cases_with_several_masks_alone():
    merged, first = (fractions.load("busi", 256, masks) for masks in ("merged", "first"))
    several = {line.split(",")[0] for line in COMMITTED.splitlines() if ",first," in line}
    differ = merged.total != first.total
    assert len(several) == 17
    assert several - set(merged.case[differ]) == {"benign (58)"}  # its second mask lies within the first
    assert np.all(merged.total[differ] > first.total[differ])
    halved = fractions.load("busi", 256, "halved")
    assert np.all(halved.one[differ] < merged.one[differ])  # only where two masks overlap is their half sum 1
    three = merged.total != fractions.load("busi", 256, "two").total
    assert merged.case[three].tolist() == ["benign (195)"]


def test_a_hard_mask_has_no_edge():
    known = fractions.load("busi", 196, "merged").hard()
    assert np.array_equal(known.zero + known.one, np.full(780, 196**2))
    assert np.array_equal(known.total, known.tumour)


def test_what_is_not_committed_is_refused_by_name():
    with pytest.raises(BadInput, match="tumour fractions of mini-ddsm are not known"):
        fractions.load("mini-ddsm", 256, "merged")
    with pytest.raises(BadInput, match="known at sides 128, 196, 224, 256, not 100"):
        fractions.load("busi", 100, "merged")


@pytest.mark.parametrize("name", ["cheng", "gill", "paudel", "rahman"])
def test_every_side_at_which_a_paper_sees_busi_is_there(name):
    record = paper(name)
    sides = record.readings["side"].values if "side" in record.readings else [record.recipe().side]
    assert set(sides) <= set(fractions.SIDES)


@pytest.mark.parametrize("masks", ["merged", "first", "two", "halved"])
def test_they_are_those_of_the_images(busi_folder, tmp_path, masks):
    """A handful of cases, those with several masks among them; the command makes all of them again."""
    cases = [case for case in index(busi_folder) if case.id in ("benign (1)", "benign (195)", "normal (7)")]
    known = fractions.load("busi", 196, masks)
    counted = fractions.of(prepare(cases, "busi", 196, 3, masks, tmp_path))
    for case in cases:
        (at,) = np.flatnonzero(known.case == case.id)
        found = [known.zero[at], known.one[at], known.tumour[at], known.total[at] * 255]
        assert found == pytest.approx(list(counted[case.id].values()), rel=1e-12)


def test_the_command_lists_every_case_and_those_with_several_masks_again(phantom_folder, tmp_path):
    cases, lines = index(phantom_folder), fractions.lines(phantom_folder, tmp_path)
    several = [case.id for case in cases if len(case.masks) > 1]
    assert several
    assert [line["case"] for line in lines] == [case.id for case in cases] + several * 3
