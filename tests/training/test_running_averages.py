"""What `fit` prints while a network trains carries the signatures of its definitions."""

from common import papers
from common.training import record
from common.training.record import Fit


def test_what_fit_prints_carries_the_signature_of_the_loss(run):
    running = run(1).runs[0].metrics["train (running)"]
    assert running == {"bce|pixel|pooled": 0.4, "accuracy|pixel|pooled|t=0.5": 0.9}


def test_gills_loss_carries_its_batch_and_smoothing():
    done = Fit(0, 0, None, 1, 1, 1.0, {}, {"loss": [0.5]}, [])
    running = record.running_averages(papers.load("gill").recipe(), done)
    assert running == {"dice-loss|fg|batch=2|soft|s=1e-6": 0.5}


def test_of_two_outputs_each_loss_carries_its_own_signature():
    history = {
        "loss": [0.9],
        "segmentation_output_loss": [0.3],
        "classification_output_loss": [0.6],
        "segmentation_output_accuracy|pixel|pooled|t=0.5": [0.8],
        "classification_output_accuracy|class|case": [0.7],
        "val_loss": [1.0],
    }
    done = Fit(0, 0, 0, 1, 1, 1.0, {}, history, [])
    assert record.running_averages(papers.load("paudel").recipe(), done) == {
        "bce|class+pixel|sum": 0.9,
        "bce|pixel|pooled": 0.3,
        "bce|class|case": 0.6,
        "accuracy|pixel|pooled|t=0.5": 0.8,
        "accuracy|class|case": 0.7,
    }
    of_overlap = record.running_averages(papers.load("paudel").recipe(readings={"loss": "iou"}), done)
    assert of_overlap["iou-loss|fg|batch=8|soft|s=1"] == 0.3
    assert "bce|class+pixel|sum" not in of_overlap


def test_what_a_callback_adds_to_the_history_is_no_metric():
    """As ReduceLROnPlateau adds the learning rate."""
    for name, loss in (("gill", {"loss": [0.5]}), ("paudel", {"segmentation_output_loss": [0.3], "loss": [0.9]})):
        history = loss | {"classification_output_loss": [0.6], "learning_rate": [0.001]}
        done = Fit(0, 0, None, 1, 1, 1.0, {}, history, [])
        assert "learning_rate" not in record.running_averages(papers.load(name).recipe(), done)


def test_a_loss_of_the_papers_own_is_not_called_by_the_name_of_another():
    recipe = papers.load("paudel").recipe().model_copy(update={"loss": "focal"})
    history = {"loss": [0.9], "segmentation_output_loss": [0.3], "classification_output_loss": [0.6]}
    assert record.running_averages(recipe, Fit(0, 0, 0, 1, 1, 1.0, {}, history, [])) == {}
