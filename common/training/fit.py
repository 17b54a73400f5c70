"""Trains one repeat, or one fold of it, on one split from one set of initial weights, and evaluates it on each part of
the data.

    folder/  resume.npz           during training: everything that the next epoch depends on; `common.training.resume`
             resume.*.npz         has the other files
             log.csv              a line for each epoch
             best.keras or        the evaluated network with its settings: that of the best epoch or,
             last.keras           if the paper selects none, of the last epoch
             tensorboard/         curves and example predictions
             rows-<part>.npz      counts of each image of train, validation and test
             rows-test-renewed.npz  counts of the test images with new statistics of batch normalisation, if the network
                                  has batch normalisation
             test-masks.npz       the predicted masks of the test images (probability above 0.5), in the order of
                                  rows-test.npz: packed bits, uint8 (images, side, side / 8)
             fit.json             the outcome; it is written last, so a repeat with this file is done
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.progress import Progress

from common.data import enlarge, manifest
from common.data.batches import Batches, for_backend
from common.data.prepare import Prepared
from common.data.splits import Split
from common.evidence.masks import save_masks
from common.evidence.results import Failure
from common.files import checksum, write_json
from common.paper import Paper
from common.protocol import PROTOCOL, recipe_hash
from common.recipe import Recipe
from common.seeds import derive
from common.training import batch_statistics, callbacks, logits, model_file, resume, stopwatch
from common.training.callbacks import watch
from common.training.evaluate import Evaluated, evaluate
from common.training.forget import forget_trainings
from common.training.network import Network
from common.training.programs import compile_once
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


def compiled(network: Network, recipe: Recipe, precision: str, steps: int) -> keras.Model:
    """The network up to its logits in this precision, compiled for a training of `steps` steps. Its initial weights are
    drawn from Keras' global seed."""
    keras.config.set_dtype_policy(precision)
    kind = keras.Model
    if keras.backend.backend() == "jax":
        from common.training.scan import ScannedModel as kind
    model = logits.of_network(network.build(recipe), kind)
    model.compile(
        optimizer=network.optimizer(recipe, steps),
        loss=network.loss(recipe),
        metrics=network.metrics(recipe),
        # "auto" is XLA on JAX, and on TensorFlow only on a GPU: on a CPU a step of Cheng's small profile took twice as
        # long with XLA.
        jit_compile="auto",
    )
    model.optimizer.build(model.trainable_variables)
    return model


@contextmanager
def feeding(model: keras.Model, batches: Batches, validation: Batches | None) -> Iterator[tuple[Any, Any]]:
    """The training and validation data for `model.fit`. On a GPU under JAX, one item is a whole epoch."""
    if keras.backend.backend() == "jax":
        from common.training import scan

        if scan.usable(batches, validation):
            with scan.on_device(model, batches, validation) as fed:
                yield fed
            return
    yield for_backend(batches), validation and for_backend(validation)


def fit(training: Training, split: Split, trial: Trial, folder: Path, progress: Progress) -> Fit | Failure:
    """Trains from the last finished epoch in `folder`, evaluates, and writes the files above. If a loss is not finite,
    writes `failed.json` instead."""
    with stopwatch.started() as clock:
        return _fit(training, split, trial, folder, progress, clock)


def _fit(
    training: Training, split: Split, trial: Trial, folder: Path, progress: Progress, clock: stopwatch.Stopwatch
) -> Fit | Failure:
    network, recipe, prepared, seed = training.network, training.recipe, training.prepared, training.seed
    folder.mkdir(parents=True, exist_ok=True)
    forget_trainings()
    keras.utils.set_random_seed(derive(seed, trial.number, "weights"))
    batches = Batches(prepared, split.train, recipe, recipe.batch_size, (seed, trial.number), network.augment(recipe))
    # In the paper's batch size, because the value of a Dice loss over batches depends on it.
    validation = Batches(prepared, split.validation, recipe, recipe.batch_size, seed=None)
    model = compiled(network, recipe, training.precision, steps=len(batches) * recipe.epochs)
    evaluated = Evaluated(network, recipe)

    papers_own, name = network.callbacks(recipe), f"{training.paper.name} {trial}"
    which = f"{name}, recipe {recipe_hash(recipe)}, seed {seed}, data {prepared.fingerprint}, {training.precision}"
    selects = partial(best_epoch, recipe=recipe) if recipe.weights == "best" else None
    resumable = resume.Resumable(folder, which, [*papers_own, clock], selects)
    begun = resumable.restore(model)
    program = _program(training, split)
    if not resumable.stopped and begun < recipe.epochs:
        try:
            with (
                feeding(model, batches, validation) as (data, validation_data),
                compile_once(f"{program}-steps", name, progress) as stored,
                resumable.saving(),
            ):
                model.fit(
                    data,
                    validation_data=validation_data,
                    initial_epoch=begun,
                    epochs=recipe.epochs,
                    shuffle=False,  # `Batches` draws the order
                    verbose=0,
                    callbacks=[
                        clock,
                        callbacks.EpochStart(batches, seed, trial.number),
                        callbacks.StopAtDivergence(len(batches)),
                        *papers_own,
                        TensorBoard(folder / "tensorboard", prepared, split.validation, recipe, evaluated),
                        callbacks.AfterEpoch(stored),  # after the one that also predicts
                        callbacks.ShowProgress(name, recipe.epochs, len(batches), progress),
                        resumable,
                    ],
                )
        except callbacks.Diverged as diverged:
            return note_failure(folder, seed, trial, diverged)
    else:
        resumable.restore_memories()  # else Keras has it done when the training begins
    clock.begin("evaluating")
    epochs, state = len(resumable.history["loss"]), resumable.digest()
    if recipe.weights == "best":
        resumable.use_best_weights()
    evaluated.take_weights(model)
    clock.begin("saving")
    model_file.save(evaluated.model, _about(training, trial), folder / model_file.name_of(recipe))
    clock.begin("evaluating")

    def count(positions: np.ndarray, what: str, file: str) -> np.ndarray:
        """Saves the counts of some images, and returns their predicted masks."""
        shown = partial(watch, progress, f"{name}: evaluating on {what}")
        rows, marked = evaluate(evaluated.both, prepared, positions, recipe, shown)
        rows.save(folder / file)
        return marked

    parts = split.parts().items()
    marked = {part: count(positions, f"{part} images", f"rows-{part}.npz") for part, positions in parts}
    save_masks(folder / MASKS, marked["test"])
    # The saved network and the counts above have the old statistics; this is one more evaluation with new ones.
    with compile_once(f"{program}-statistics", name, progress):
        renewed = batch_statistics.renew(evaluated.model, batches, epochs, seed, trial.number)
    if renewed:
        count(split.test, "test images with renewed statistics", RENEWED)
    outcome = Fit(
        seed,
        trial.repeat,
        trial.fold,
        epochs,
        best_epoch(resumable.history, recipe) if recipe.weights == "best" else epochs,
        resumable.seconds,
        {part: len(positions) for part, positions in split.parts().items()},
        resumable.history,
        [
            *notes(resumable.history, recipe),
            *resumable.notes(),
            *([enlarge.leak(prepared.cases, split, recipe)] if recipe.copies else []),
        ],
        state,
        paper=training.paper.name,
        recipe=recipe_hash(recipe),
        data=prepared.fingerprint,
        counts={name: checksum(folder / name) for name in counted_files(folder, marked)},
    )
    clock.begin("comparing")
    outcome = replace(outcome, unlearned=summary(training.paper, recipe, folder, outcome).unlearned)
    clock.begin("saving")
    resumable.finish()  # before fit.json is there: whoever finds it deletes the states (`record.ended`)
    outcome = replace(outcome, spent=clock.seconds())
    write_json(folder / "fit.json", asdict(outcome))
    resume.remove_states(folder)
    return outcome


def _program(training: Training, split: Split) -> str:
    """Names what decides the compiled programs of a training: the recipe, and the number of images in an epoch."""
    sizes = f"{len(split.train)}-{len(split.validation)}"
    return f"{training.paper.name}-{recipe_hash(training.recipe)}-p{PROTOCOL}-{training.precision}-{sizes}"


def best_epoch(history: dict[str, list[float]], recipe: Recipe) -> int:
    """The epoch that the monitor selects, counted from 1. Of equal epochs it is the first."""
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
