"""The cells that the Markdown pages share."""

from common.evidence import tables
from common.evidence.statistics import Prediction


def test_an_interval_is_shown_within_what_the_metric_can_be():
    assert tables.estimate(Prediction(3, 0.1, -0.2, 20.0), "hd95|fg|image|t=0.5|empty=skip")[1] == "[0.0000, 20.0000]"
    below = tables.estimate(Prediction(3, -0.1, -1.2, 0.3), "squared-dice-loss|fg|image|soft|s=1")
    assert below[1] == "[-1.0000, 0.0000]"
