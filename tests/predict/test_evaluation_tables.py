"""What `repro evaluate` shows of few images, and of none."""

import numpy as np
import pytest

from common.evidence.clinical import Measure
from common.evidence.statistics import LEAST_FOR_INTERVAL, PairedDifference
from common.predict.evaluation_tables import _change, _headline_cell


def test_below_so_many_images_there_is_no_interval():
    few, enough = (Measure("Dice", 0.95, 0.94, 0.97, str(LEAST_FOR_INTERVAL + more)) for more in (-1, 0))
    assert str(_headline_cell(few)) == "0.950\ntoo few images for an interval"
    assert str(_headline_cell(enough)) == "0.950\n0.940 to 0.970"


def test_a_difference_of_few_images_has_no_interval_and_is_not_bold():
    difference = PairedDifference(0.1, 0.05, 0.15)
    few, enough = (_change(difference, enough) for enough in (False, True))
    assert (str(few), few.style) == ("+0.1000", "")
    assert (str(enough), enough.spans[-1].style) == ("+0.1000\n+0.0500 to +0.1500", "bold")


@pytest.mark.parametrize(("name", "n", "told"), [
    ("Dice", "0", "no lesion in this set"),
    ("lesions missed", "0 of 0", "no lesion in this set"),
    ("blank images marked", "0 of 0", "no blank image in this set"),
])  # fmt: skip
def test_what_the_set_has_none_of_is_told(name, n, told):
    assert str(_headline_cell(Measure(name, np.nan, np.nan, np.nan, n))) == told
