"""One repeat: what it leaves behind. tests/faults/test_killed.py kills some: they end with the same bits."""

import csv
import json
import re
import time
from types import SimpleNamespace
from unittest.mock import Mock

import keras
import numpy as np
import pytest
from rich.progress import Progress
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from common import papers
from common.data import splits
from common.data.busi import index
from common.data.prepare import Need, prepare
from common.evidence import counts, metrics, schema
from common.files import read_json
from common.protocol import protocol_of, recipe_hash
from common.training import fit, logits, model_file, record, resume
from common.training.network import Network

CHENG = papers.load("cheng")
# Cheng's network with two levels (tracing the graph of all four takes longest), a selected epoch and a patience.
TINY = {"filters": (2, 2), "encoder_dropout": (0.1, 0.2), "decoder_dropout": (0.2, 0.1), "bottleneck": 4}
TINY |= {"epochs": 4, "weights": "best", "patience": 3}


@pytest.fixture(scope="module")
def trained(phantom_folder, tmp_path_factory):
    """Trains once, and returns folder and outcome."""
    base = CHENG.recipe("smoke")
    prepared = prepare(index(phantom_folder), "phantom", Need(base.side, 3, "merged"), tmp_path_factory.mktemp("cache"))

    def train(**settings):
        recipe = base.model_copy(update=TINY | settings)
        (split,) = splits.draw(prepared.cases, np.arange(30), recipe, seed=0, repeat=0)
        training = fit.Training(CHENG, Network.of_paper("cheng"), recipe, prepared, "float32", seed=0)
        folder = tmp_path_factory.mktemp("run")
        with Progress(disable=True) as progress:
            outcome = fit.fit(training, split, record.Trial(0), folder, progress)
        return SimpleNamespace(folder=folder, outcome=outcome, recipe=recipe, split=split, prepared=prepared)

    return train


@pytest.fixture(scope="module")
def whole(trained):
    return trained()


def test_if_the_evaluation_fails_the_last_state_is_on_the_disk_when_the_error_arrives(
    trained, tmp_path_factory, monkeypatch
):
    """Else a disk that is slow would lose it: the process ends, and with it the thread that writes."""
    write = resume.write_state
    monkeypatch.setattr(resume, "write_state", lambda *arguments: time.sleep(0.5) or write(*arguments))
    monkeypatch.setattr(fit, "evaluate", Mock(side_effect=OSError("of the evaluation")))
    before = set(tmp_path_factory.getbasetemp().glob("run[0-9]*"))
    with pytest.raises(OSError, match="of the evaluation"):
        trained(epochs=2)
    (folder,) = set(tmp_path_factory.getbasetemp().glob("run[0-9]*")) - before
    with np.load(folder / "resume.npz") as saved:
        assert len(json.loads(str(saved["facts"]))["history"]["loss"]) == 2


def test_it_says_on_what_its_time_went(whole):
    spent = whole.outcome.spent
    assert set(spent) == {"steps", "compiling", "starting", "saving", "evaluating", "comparing"}
    assert min(spent.values()) >= 0
    assert sum(spent.values()) > whole.outcome.seconds, "the evaluation counts too"
    assert record.summary(CHENG, whole.recipe, whole.folder).spent == spent


def test_of_a_finished_repeat_no_state_is_left_but_its_digest(whole):
    """Of weights, optimizer state and whatever else decides how a training goes on."""
    assert not list(whole.folder.glob("resume*"))
    assert re.fullmatch("[0-9a-f]{16}", whole.outcome.state)


def test_the_folder_of_a_repeat_alone_tells_its_protocol(whole):
    assert read_json(whole.folder / "fit.json")["protocol"] == protocol_of(whole.recipe)


def test_the_best_epoch_is_the_one_evaluated(whole):
    curve = whole.outcome.history["val_loss"]
    assert whole.outcome.best_epoch == 1 + int(np.argmin(curve))
    rows = counts.Rows.load(whole.folder / "rows-validation.npz")
    # Equal but for the batches: fit averages over those of the recipe, each weighed by its images.
    assert metrics.value("bce|pixel|pooled", rows) == pytest.approx(min(curve), rel=1e-4)


def least_of(history):
    return 1 + int(np.argmin(history["val_loss"]))


@pytest.mark.parametrize("least", [0.0, 0.6])
@pytest.mark.parametrize("killed_after", [None, 0, 1, 2, 3])
def test_early_stopping_and_the_best_epoch_count_on_after_a_kill(tmp_path, killed_after, least):
    """A validation loss of 3, 2, 2.5, 2.4 with a patience of 2 stops after the fourth epoch and selects the second,
    whatever least improvement up to 1 is asked for."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)

    def started():
        stopping = keras.callbacks.EarlyStopping("val_loss", min_delta=least, patience=2, mode="min")
        every = [stopping, resume.Resumable(tmp_path, "this one", [stopping], least_of)]
        for callback in every:
            callback.set_model(model)
        begun = every[-1].restore(model)
        for callback in every:
            callback.on_train_begin()
        return begun, every

    begun, every = started()
    model.stop_training = False
    for epoch, loss in enumerate([3, 2, 2.5, 2.4, 9, 9]):
        model.set_weights([np.full(each.shape, epoch) for each in model.get_weights()])
        assert epoch == begun or epoch - 1 != killed_after, "goes on with the epoch after the last saved one"
        for callback in every:
            callback.on_epoch_begin(epoch)
        for callback in every:
            callback.on_epoch_end(epoch, {"loss": loss, "val_loss": loss})
        if model.stop_training:
            break
        if epoch == killed_after:
            every[-1].writer.finish()  # its state is on the disk, not only handed to the thread
            begun, every = started()
    stopping, resumable = every
    assert epoch == stopping.stopped_epoch == 3
    assert resumable.stopped
    resumable.use_best_weights()
    assert all((weights == 1).all() for weights in model.get_weights())
    assert resumable.history["val_loss"] == [3, 2, 2.5, 2.4]


def test_a_flat_monitor_is_reported():
    """As Keras' raw IoU is until a sigmoid saturates: the first epoch is 'best' only because none is better."""
    recipe = papers.load("gill").recipe(readings={"monitor": "iou|mean2|pooled|keras-raw"})
    flat, moving = ({"val_iou|mean2|pooled|keras-raw": values} for values in ([0.46] * 11, [0.46, 0.47]))
    (note,) = fit.notes(flat, recipe)
    assert "was flat: 0.4600 in all 11 epochs" in note
    assert fit.notes(moving, recipe) == []


def test_a_record_says_that_the_network_was_given_the_mask():
    recipe = papers.load("paudel").recipe(readings={"input": "image+mask"})
    assert fit.notes({"val_loss": [0.5, 0.4]}, recipe) == [recipe.leak]


def test_the_saved_network_predicts_what_was_counted(whole):
    model, about = model_file.load(whole.folder / "best.keras")
    assert (about.paper, about.data, about.fingerprint) == ("cheng", "phantom", whole.prepared.fingerprint)
    assert recipe_hash(about.recipe) == recipe_hash(whole.recipe)
    rows, marked = fit.evaluate(logits.beside_probabilities(model), whole.prepared, whole.split.test, whole.recipe)
    kept = counts.Rows.load(whole.folder / "rows-test.npz")
    assert np.array_equal(rows.tp, kept.tp)
    with np.load(whole.folder / "test-masks.npz") as file:
        assert np.array_equal(np.unpackbits(file["bits"], axis=-1).astype(bool), marked)
    assert marked.sum() == (kept.tp + kept.fp)[:, list(counts.THRESHOLDS).index(0.5)].sum()


def test_rows_name_the_cases_of_the_split_in_its_order(whole):
    for part, positions in whole.split.parts().items():
        rows = counts.Rows.load(whole.folder / f"rows-{part}.npz")
        assert list(rows.case) == [whole.prepared.cases[position].id for position in positions]


def test_the_log_has_a_line_for_each_epoch(whole):
    with (whole.folder / "log.csv").open() as file:
        assert [int(line["epoch"]) for line in csv.DictReader(file)] == [0, 1, 2, 3]


def test_tensorboard_shows_every_epoch_and_examples_of_the_validation_images(whole):
    train, validation = (EventAccumulator(str(whole.folder / "tensorboard" / part)).Reload() for part in
                         ("train", "validation"))  # fmt: skip
    assert [(event.step, event.value) for event in train.Scalars("loss")] == [
        (epoch, pytest.approx(loss)) for epoch, loss in enumerate(whole.outcome.history["loss"], start=1)
    ]
    assert [event.value for event in validation.Scalars("loss")] == pytest.approx(whole.outcome.history["val_loss"])
    assert len(train.Tags()["scalars"]) == len(validation.Tags()["scalars"])
    shown = [f"examples/{whole.prepared.cases[position].id}" for position in whole.split.validation[:4]]
    names = [re.sub(r"[^-/\w.]", "_", name) for name in shown]
    assert sorted(validation.Tags()["images"]) == sorted(names)
    (drawn, *later) = validation.Images(names[0])
    assert (drawn.width, drawn.height) == (whole.recipe.side, whole.recipe.side)
    assert len(later) == 3


def test_each_fold_of_each_repeat_has_its_own_randomness():
    trials = [record.Trial(repeat, fold, 10) for repeat in range(3) for fold in range(10)]
    assert len({trial.number for trial in trials}) == 30
    assert [record.Trial(repeat).number for repeat in range(3)] == [0, 1, 2]


def test_the_test_images_are_counted_once_more_with_renewed_statistics(whole):
    """The network is saved and counted with its own; only the tumour's probabilities differ between the two counts."""
    own, renewed = (counts.Rows.load(whole.folder / name) for name in ("rows-test.npz", record.RENEWED))
    for same in ("case", "position", "truth_one", "sum_truth"):
        assert np.array_equal(getattr(own, same), getattr(renewed, same)), same
    assert not np.array_equal(own.sum_prediction, renewed.sum_prediction)
    run = record.summary(CHENG, whole.recipe, whole.folder)
    soft = "dice|fg|image|soft|s=1"
    assert run.metrics[schema.RENEWED][soft] == metrics.value(soft, renewed) != run.metrics["test"][soft]


def test_a_network_without_classes_is_scored_under_no_definition_of_classes(whole):
    """The paper's own network may have them, and this one be a baseline of it."""
    of_class = CHENG.reported[0].model_copy(update={"definition": "accuracy|class|case"})
    about = CHENG.model_copy(update={"reported": [*CHENG.reported, of_class]})
    assert record.summary(about, whole.recipe, whole.folder) == record.summary(CHENG, whole.recipe, whole.folder)


def test_four_epochs_of_a_tiny_network_on_the_phantom_are_told_to_have_taught_it_nothing(whole):
    """The statistics of batch normalisation have hardly begun to move, so that evaluated it marks nothing."""
    unlearned = record.summary(CHENG, whole.recipe, whole.folder).unlearned
    assert set(unlearned) == {"segmentation"}
