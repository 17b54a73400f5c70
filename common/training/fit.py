"""Trains one repeat, or one fold of it, on one split from one set of initial weights. Then evaluates the network on
each part of the data.

    folder/  resume*.npz          only during training: the state, from which it can be resumed
                                  (`common.training.resume`)
             log.csv              a line for each epoch
             best.keras or        the evaluated network with its settings: from the best epoch or, if the paper selects
             last.keras           none, from the last epoch
             tensorboard/         curves and example predictions
             rows-<part>.npz      counts of each image of train, validation and test
             rows-test-renewed.npz  counts of the test images with new statistics of batch normalisation, if the network
                                  has batch normalisation
             test-masks.npz       the predicted masks of the test images (probability above 0.5), in the order of
                                  rows-test.npz: packed bits, uint8 (images, side, ceil(side / 8))
             fit.json             the outcome; it is written last, so a training with this file is done
             failed.json          in place of the network, the counts and fit.json, if a loss was not finite
"""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
from rich.progress import Progress

from common.data import enlarge, manifest
from common.data.batches import Batches
from common.data.prepare import Prepared
from common.data.splits import Split
from common.evidence.masks import save_masks
from common.evidence.schema import Failure
from common.files import checksum, write_json
from common.paper import Paper
from common.protocol import protocol_of, recipe_hash
from common.recipe import Recipe
from common.seeds import derive
from common.training import batch_statistics, callbacks, model_file, resume, stopwatch
from common.training.compiled import compiled, feeding
from common.training.evaluate import Evaluated, evaluate
from common.training.forget import forget_trainings
from common.training.network import Network
from common.training.programs import compile_once
from common.training.progress import ShowProgress, watch
from common.training.record import MASKS, RENEWED, Fit, Trial, counted_files, note_failure, summary
from common.training.tensorboard import TensorBoard


@dataclass(frozen=True)
class Training:
    """The settings and data that all repeats of a run share."""

    paper: Paper
    network: Network
    recipe: Recipe
    prepared: Prepared
    precision: str
    seed: int


def fit(training: Training, split: Split, trial: Trial, folder: Path, progress: Progress) -> Fit | Failure:
    """Trains the network, evaluates it, and writes the files above into `folder`. Continues after the last epoch saved
    there. Returns the content of `fit.json`, or of `failed.json` if a loss was not finite."""
    with stopwatch.started() as clock:
        task = _prepare(training, split, trial, folder, progress, clock)
        try:
            with task.resumable.saving():
                _train(task)
                clock.begin("evaluating")
                state = task.resumable.digest()  # before the best weights take the place of the last ones
                _evaluate(task)
                clock.begin("comparing")
                outcome = _describe(task, state)
                clock.begin("saving")
        except callbacks.Diverged as diverged:
            return note_failure(folder, training.seed, trial, diverged)
        # At this point the last state is on the disk. It must not be written after fit.json, because whoever finds
        # fit.json deletes the states (`record.ended`).
        outcome = replace(outcome, spent=clock.seconds())
        write_json(folder / "fit.json", asdict(outcome))
        resume.remove_states(folder)
        return outcome


@dataclass(frozen=True)
class _Task:
    """One training that is ready to start or to resume. network_callbacks: those of `Network.callbacks`. begun: the
    number of epochs that are trained already."""

    training: Training
    split: Split
    trial: Trial
    folder: Path
    progress: Progress
    clock: stopwatch.Stopwatch
    batches: Batches
    model: keras.Model
    evaluated: Evaluated
    network_callbacks: list[keras.callbacks.Callback]
    resumable: resume.Resumable
    begun: int

    @property
    def name(self) -> str:
        """Begins the lines for the user."""
        return f"{self.training.paper.name} {self.trial}"

    @property
    def program(self) -> str:
        """A name for the compiled programs of this training (`compile_once`). It has everything that decides them: the
        paper, the recipe, the protocol, the precision and the numbers of images."""
        training, sizes = self.training, f"{len(self.split.train)}-{len(self.split.validation)}"
        made_by = f"{recipe_hash(training.recipe)}-p{protocol_of(training.recipe)}"
        return f"{training.paper.name}-{made_by}-{training.precision}-{sizes}"


def _prepare(
    training: Training, split: Split, trial: Trial, folder: Path, progress: Progress, clock: stopwatch.Stopwatch
) -> _Task:
    """Builds the network with new initial weights, then loads the newest state if the folder has one."""
    network, recipe, prepared, seed = training.network, training.recipe, training.prepared, training.seed
    folder.mkdir(parents=True, exist_ok=True)
    forget_trainings()
    keras.utils.set_random_seed(derive(seed, trial.number, "weights"))
    batches = Batches(prepared, split.train, recipe, recipe.batch_size, (seed, trial.number), network.augment(recipe))
    model = compiled(network, recipe, training.precision, steps=len(batches) * recipe.epochs)
    evaluated = Evaluated(network, recipe)
    network_callbacks = network.callbacks(recipe)
    identity = (
        f"{training.paper.name} {trial}, recipe {recipe_hash(recipe)}, seed {seed}, data {prepared.fingerprint}, "
        f"{training.precision}"
    )
    selects = partial(best_epoch, recipe=recipe) if recipe.weights == "best" else None
    resumable = resume.Resumable(folder, identity, [*network_callbacks, clock], selects)
    begun = resumable.restore(model)
    return _Task(
        training, split, trial, folder, progress, clock, batches, model, evaluated, network_callbacks, resumable, begun
    )


def _train(task: _Task) -> None:
    """Trains to the last epoch. Raises Diverged if a loss is not finite."""
    recipe, prepared, resumable = task.training.recipe, task.training.prepared, task.resumable
    if resumable.stopped or task.begun >= recipe.epochs:
        resumable.restore_memories()  # otherwise `on_train_begin` does this
        return
    # The paper's batch size, because the value of a Dice loss over batches depends on it.
    validation = Batches(prepared, task.split.validation, recipe, recipe.batch_size, seed=None)
    with (
        feeding(task.model, task.batches, validation) as (data, validation_data),
        compile_once(f"{task.program}-steps", task.name, task.progress) as stored,
    ):
        task.model.fit(
            data,
            validation_data=validation_data,
            initial_epoch=task.begun,
            epochs=recipe.epochs,
            shuffle=False,  # `Batches` draws the order
            verbose=0,
            callbacks=[
                task.clock,
                callbacks.EpochStart(task.batches, task.training.seed, task.trial.number),
                callbacks.StopAtDivergence(len(task.batches)),
                *task.network_callbacks,
                TensorBoard(task.folder / "tensorboard", prepared, task.split.validation, recipe, task.evaluated),
                # After TensorBoard, whose predictions are compiled too.
                keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: stored()),
                ShowProgress(task.name, recipe.epochs, len(task.batches), task.progress),
                resumable,
            ],
        )


def _evaluate(task: _Task) -> None:
    """Saves the selected network, the counts of each part, and the masks of the test images."""
    training, split, folder, evaluated = task.training, task.split, task.folder, task.evaluated
    if task.resumable.best_epoch:
        task.resumable.use_best_weights()
    evaluated.take_weights(task.model)
    task.clock.begin("saving")
    model_file.save(evaluated.model, _about(training, task.trial), folder / model_file.name_of(training.recipe))
    task.clock.begin("evaluating")
    marked = {
        part: _count(task, positions, f"{part} images", f"rows-{part}.npz") for part, positions in split.parts().items()
    }
    save_masks(folder / MASKS, marked["test"])
    # The saved network and the counts above have the old statistics. This is a further evaluation with new ones.
    epochs = len(task.resumable.history["loss"])
    with compile_once(f"{task.program}-statistics", task.name, task.progress):
        renewed = batch_statistics.renew(evaluated.model, task.batches, epochs, training.seed, task.trial.number)
    if renewed:
        _count(task, split.test, "test images with renewed statistics", RENEWED)


def _count(task: _Task, positions: np.ndarray, what: str, file: str) -> np.ndarray:
    """Saves the counts of the images at `positions`, and returns their predicted masks, bool (images, side, side)."""
    shown = partial(watch, task.progress, f"{task.name}: evaluating on {what}")
    rows, marked = evaluate(task.evaluated.both, task.training.prepared, positions, task.training.recipe, shown)
    rows.save(task.folder / file)
    return marked


def _describe(task: _Task, state: str) -> Fit:
    """The outcome without its `spent`, which is not known yet. state: `Resumable.digest` at the end of the training."""
    training, trial, folder, resumable = task.training, task.trial, task.folder, task.resumable
    recipe, prepared, history = training.recipe, training.prepared, resumable.history
    epochs, parts = len(history["loss"]), task.split.parts()
    outcome = Fit(
        training.seed,
        trial.repeat,
        trial.fold,
        epochs,
        resumable.best_epoch(history) if resumable.best_epoch else epochs,
        resumable.seconds,
        {part: len(positions) for part, positions in parts.items()},
        history,
        [
            *notes(history, recipe),
            *resumable.notes(),
            *([enlarge.leak(prepared.cases, task.split, recipe)] if recipe.copies else []),
        ],
        state,
        protocol=protocol_of(recipe),
        paper=training.paper.name,
        recipe=recipe_hash(recipe),
        data=prepared.fingerprint,
        counts={name: checksum(folder / name) for name in counted_files(folder, parts)},
    )
    return replace(outcome, unlearned=summary(training.paper, recipe, folder, outcome).unlearned)


def best_epoch(history: dict[str, list[float]], recipe: Recipe) -> int:
    """The epoch with the best value of the monitor, counted from 1. Of equal epochs it is the first."""
    values = history[f"val_{recipe.monitor}"]
    return 1 + int(np.argmin(values) if recipe.mode == "min" else np.argmax(values))


def _about(training: Training, trial: Trial) -> model_file.About:
    return model_file.About(
        paper=training.paper.name,
        recipe=training.recipe,
        data=manifest.true_name(training.prepared.name, training.prepared.fingerprint),
        fingerprint=training.prepared.fingerprint,
        precision=training.precision,
        seed=training.seed,
        repeat=trial.repeat,
        fold=trial.fold,
    )


def notes(history: dict[str, list[float]], recipe: Recipe) -> list[str]:
    """Remarks on the training that a reader of its numbers should know."""
    values, selects = history[f"val_{recipe.monitor}"], recipe.weights == "best" or recipe.patience is not None
    said = [recipe.leak] if recipe.leak else []
    if selects and len(values) > 1 and max(values) - min(values) < 1e-6:
        said.append(
            f"The monitored validation {recipe.monitor} was flat: {values[0]:.4f} in all {len(values)} epochs. "
            "It selected the first epoch and says nothing about the others."
        )
    return said
