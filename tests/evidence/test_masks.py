"""Stored masks: every bit comes back, and a damaged file is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from common.errors import Damaged
from common.evidence.counts import SHAPES, Rows, concatenate
from common.evidence.masks import load_masks, save_masks
from tests.evidence.pixels import rows_of, zoo

RESULTS = Path(__file__).parents[2] / "results"


def test_each_committed_file_marks_the_pixels_that_its_rows_count():
    """Above 0.5, in the order of the rows. Without the data, TP and FP are not known apart."""
    files = sorted(RESULTS.glob("*/*/masks-*-test.npz"))
    assert files
    for path in files:
        rows = Rows.load(path.with_name(path.name.replace("masks", "rows")))
        tp, fp, *_ = rows.overlap(0.5)
        assert load_masks(path).sum(axis=(1, 2)).tolist() == (tp + fp).tolist(), path


@given(st.integers(1, 3), st.integers(1, 17), st.data())
def test_every_bit_comes_back(tmp_path_factory, images, side, data):
    marked = data.draw(hnp.arrays(bool, (images, side, side)))
    path = tmp_path_factory.mktemp("masks") / "masks.npz"
    save_masks(path, marked)
    loaded = load_masks(path)
    assert loaded.dtype == bool
    assert np.array_equal(loaded, marked)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more"], ids=["missing", "empty", "truncated"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "masks.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Damaged, match=r"masks\.npz"):
        load_masks(path)


def test_another_archive_is_named_too(tmp_path):
    np.savez(tmp_path / "masks.npz", other=np.ones(3))
    with pytest.raises(Damaged, match=r"masks\.npz"):
        load_masks(tmp_path / "masks.npz")


def test_rows_without_shapes_are_read_and_say_that_nothing_was_measured(tmp_path):
    rows = rows_of(*zoo())
    assert rows.has_shapes
    older = {name: array for name, array in vars(rows).items() if name not in SHAPES}
    np.savez_compressed(tmp_path / "rows.npz", **older)
    loaded = Rows.load(tmp_path / "rows.npz")
    assert not loaded.has_shapes
    assert all(np.isnan(getattr(loaded, name)).all() for name in SHAPES)
    for name, array in older.items():
        np.testing.assert_array_equal(getattr(loaded, name), array)
    assert not concatenate([rows, loaded]).has_shapes, "a part that was not measured is not measured"
