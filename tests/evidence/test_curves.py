"""What `fit` printed in each epoch, under the definitions that are certain."""

from pathlib import Path

import pytest

from common import papers
from common.evidence.curves import _curves, first_epoch, with_epochs
from common.evidence.results import load
from common.evidence.run_values import values
from common.evidence.schema import RUNNING
from tests.evidence.made import folds_of, record_of

RESULTS = Path(__file__).parents[2] / "results"
IOU, BCE, DICE = "iou|mean2|pooled|t=0.5", "bce|pixel|pooled", "dice|fg|pooled|t=0.5"
LOSS, OF_CLASS = "dice-loss|fg|batch=2|soft|s=1e-6", "bce|class|case"
ACCURACY, BOTH = "accuracy|class|case", "bce|class+pixel|sum"


def trained(*curves: list[float], signature=IOU, key="", best_epoch=2, **more):
    """A record of a run for each training curve; the validation curve is 0.1 below. key: of the history."""
    key = key or signature
    return record_of(
        [
            {
                "history": {key: curve, f"val_{key}": [value and value - 0.1 for value in curve]},
                "metrics": {RUNNING: {signature: curve[best_epoch - 1]}},
                "best_epoch": best_epoch,
                "epochs": len(curve),
            }
            | more
            for curve in curves
        ]
    )


def at(record, part, signature=IOU):
    return values(with_epochs(record, signature), part, signature)


def test_the_best_and_the_last_epoch_of_both_curves():
    of_runs = trained([0.5, 0.6, 0.9, 0.8], [0.4, 0.7, 0.6, 0.5])
    assert at(of_runs, "train (best epoch)") == [0.9, 0.7]
    assert at(of_runs, "train (last epoch)") == [0.8, 0.5]
    assert at(of_runs, "test (best epoch)") == pytest.approx([0.8, 0.6])
    assert at(of_runs, "validation (best epoch)") == []


def test_the_validation_curve_is_of_the_validation_images_where_there_are_such():
    of_runs = trained([0.5, 0.6, 0.9], split={"train": 5, "validation": 2, "test": 2})
    assert at(of_runs, "validation (last epoch)") == pytest.approx([0.8])
    assert at(of_runs, "test (last epoch)") == []


def test_the_evaluated_epoch_is_no_other_epoch():
    of_runs = trained([0.5, 0.6, 0.9], [0.5, 0.8, 0.7], best_epoch=3)
    assert at(of_runs, "train (last epoch)") == []
    assert at(of_runs, "train (best epoch)") == [0.9, 0.8]  # it is another one in one of the runs


def test_of_a_loss_the_least_is_best_and_its_curve_is_called_loss():
    of_runs = trained([0.5, 0.4, 0.2, 0.3], signature=LOSS, key="loss")
    assert at(of_runs, "train (best epoch)", LOSS) == [0.2]
    assert at(of_runs, "train (best epoch)", BCE) == []


def test_a_network_with_two_outputs_has_a_curve_of_each_metric_but_only_one_of_a_loss():
    """Keras may average the loss of one output over batches that weigh alike. No cross-entropy of ours does."""
    both = {
        "segmentation_output_loss": [0.5, 0.4, 0.3],
        "classification_output_loss": [0.6, 0.7, 0.8],
        f"segmentation_output_{IOU}": [0.1, 0.2, 0.3],
        f"classification_output_{ACCURACY}": [0.3, 0.4, 0.5],
        "loss": [1.1, 1.1, 1.2],
    }
    running = {IOU: 0.2, ACCURACY: 0.4, BCE: 0.4, OF_CLASS: 0.7, BOTH: 1.1}
    of_runs = trained([0.0, 0.0], history=both, metrics={RUNNING: running})
    last = {each: at(of_runs, "train (last epoch)", each) for each in running}
    assert last == {IOU: [0.3], ACCURACY: [0.5], BCE: [], OF_CLASS: [], BOTH: [1.2]}


def test_a_curve_whose_definition_is_not_certain_is_not_used():
    """The loss that a paper's `model.py` makes has no definition; a Dice that `fit` did not print has no curve."""
    own_loss = trained([0.5, 0.4, 0.3], signature=LOSS, key="loss", metrics={RUNNING: {}})
    other = trained([0.5, 0.4, 0.3], signature=LOSS, key="loss", metrics={RUNNING: {LOSS: 0.41}})
    no_dice = trained([0.5, 0.4, 0.3], metrics={RUNNING: {IOU: 0.4}, "train": {DICE: 0.4}})
    assert at(own_loss, "train (last epoch)", LOSS) == at(other, "train (last epoch)", LOSS) == []
    assert at(no_dice, "train (last epoch)", DICE) == []
    assert first_epoch(own_loss, LOSS, (0.4, 0.4)) is None


def test_a_cross_validation_has_the_mean_of_its_folds():
    of_runs = folds_of(trained([0.5, 0.6, 0.9], [0.5, 0.8, 0.7]), 2)
    assert at(of_runs, "train (best epoch)") == pytest.approx([0.85])


def test_an_epoch_without_a_number_is_not_the_best():
    assert at(trained([0.5, 0.6, None, 0.8], history={IOU: [0.5, 0.6, None, 0.8]}), "train (best epoch)") == [0.8]


@pytest.fixture
def runs():
    return trained([0.5, 0.6, 0.9], [0.3, 0.8, 0.9, 0.95])


@pytest.mark.parametrize(
    ("shown", "epoch"), [((0.35, 0.36), 1), ((0.69, 0.71), 2), ((0.89, 0.91), 3), ((0.91, 0.92), None)]
)
def test_the_mean_curve_reaches_a_number_in_an_epoch_that_all_runs_have(runs, shown, epoch):
    assert first_epoch(runs, IOU, shown) == epoch


def test_a_loss_reaches_a_number_from_above():
    of_runs = trained([0.9, 0.4, 0.2], signature=LOSS, key="loss")
    assert first_epoch(of_runs, LOSS, (0.35, 0.45)) == 2


def test_in_the_committed_records_the_validation_curve_is_what_an_evaluation_gives():
    """In the evaluated epoch, in float32: so each curve is of the definition that it is taken for. In half precision
    the evaluation, always in float32, differs."""
    compared = 0
    for name in papers.names():
        for of in (each for each in load(RESULTS, name) if each.environment.precision == "float32"):
            for run in of.runs:
                for signature in run.metrics[RUNNING]:
                    curves = _curves(run, signature)
                    for part in curves.keys() & run.metrics.keys() - {"train"}:
                        if signature in run.metrics[part]:
                            evaluated = run.metrics[part][signature]
                            assert curves[part][run.best_epoch - 1] == pytest.approx(evaluated, abs=1e-6)
                            compared += 1
    assert compared > 100
