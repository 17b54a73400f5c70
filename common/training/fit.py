"""One repeat, or one fold of it: a network trained on one split from one set of initial weights, evaluated on each
part of the data.

    folder/  resume.npz           while it trains, all that the next epoch depends on (`common.training.resume`)
             log.csv              an epoch a line
             best.keras           the evaluated network, and what it was trained with: that of the best epoch or, where
             last.keras           the paper selects none, of the last
             tensorboard/         curves and example predictions
             rows-<part>.npz      counts of each image of train, validation and test
             rows-test-renewed.npz  those of test with statistics of batch normalisation taken anew over the training
                                  images, where the network has any
             test-masks.npz       what it marks on the test images, in the order of rows-test.npz: where it is above
                                  0.5, packed bits, uint8 (images, side, side / 8)
             fit.json             what happened; written last, so where it lies the repeat is done
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
from common.evidence.results import Failure
from common.files import atomic, write_json
from common.paper import Paper
from common.recipe import Recipe
from common.seeds import derive
from common.training import batch_statistics, callbacks, logits, model_file, resume
from common.training.evaluate import evaluate, in_float32
from common.training.network import Network
from common.training.progress import watch
from common.training.record import RENEWED, Fit, Trial, note_failure, summary
from common.training.tensorboard import TensorBoard


@dataclass(frozen=True)
class Training:
    """What all repeats of a run share."""

    paper: Paper
    network: Network
    recipe: Recipe
    prepared: Prepared
    precision: str
    seed: int


def compiled(network: Network, recipe: Recipe, precision: str, steps: int) -> keras.Model:
    """The network in this precision up to its logits, ready to train for so many steps. Draws initial weights from
    Keras' global seed."""
    keras.config.set_dtype_policy(precision)
    kind = keras.Model
    if keras.backend.backend() == "jax":
        from common.training.scan import ScannedModel as kind
    model = logits.of_network(network.build(recipe), kind)
    model.compile(
        optimizer=network.optimizer(recipe, steps),
        loss=network.loss(recipe),
        metrics=network.metrics(recipe),
        # XLA on JAX and on TensorFlow's GPUs; not on its CPU, where a step of Cheng's small profile took twice as long.
        jit_compile="auto",
    )
    model.optimizer.build(model.trainable_variables)
    return model


@contextmanager
def feeding(model: keras.Model, batches: Batches, validation: Batches | None) -> Iterator[tuple[Any, Any]]:
    """What `fit` takes for these batches, and for the validation: on a GPU under JAX an epoch at a time."""
    if keras.backend.backend() == "jax":
        from common.training import scan

        if scan.usable(batches, validation):
            with scan.on_device(model, batches, validation) as fed:
                yield fed
            return
    yield for_backend(batches), validation and for_backend(validation)


def fit(training: Training, split: Split, trial: Trial, folder: Path, progress: Progress) -> Fit | Failure:
    """Trains, from the last finished epoch found in `folder`, evaluates, and writes the files above; or notes that a
    loss was not finite, in `failed.json`."""
    network, recipe, prepared, seed = training.network, training.recipe, training.prepared, training.seed
    folder.mkdir(parents=True, exist_ok=True)
    # What Keras keeps of the network before: memory, and the counters that layers are named by. Now a trial leaves the
    # same whichever were trained before it in this process.
    keras.utils.clear_session()
    keras.utils.set_random_seed(derive(seed, trial.number, "weights"))
    batches = Batches(prepared, split.train, recipe, recipe.batch_size, (seed, trial.number), network.augment(recipe))
    # In the paper's own batches, because a Dice loss by batches is another number with wider ones.
    validation = Batches(prepared, split.validation, recipe, recipe.batch_size, seed=None)
    model = compiled(network, recipe, training.precision, steps=len(batches) * recipe.epochs)

    papers_own = network.callbacks(recipe)
    if recipe.weights == "best":
        papers_own.append(resume.checkpoint(folder, f"val_{recipe.monitor}", recipe.mode))
    resumable = resume.Resumable(folder, papers_own)
    begun = resumable.restore(model)
    name = f"{training.paper.name} {trial}"
    if not resumable.stopped and begun < recipe.epochs:
        try:
            with feeding(model, batches, validation) as (data, validation_data):
                model.fit(
                    data,
                    validation_data=validation_data,
                    initial_epoch=begun,
                    epochs=recipe.epochs,
                    shuffle=False,  # the batches know their order
                    verbose=0,
                    callbacks=[
                        callbacks.EpochStart(batches, seed, trial.number),
                        callbacks.StopAtDivergence(len(batches)),
                        *papers_own,
                        TensorBoard(folder / "tensorboard", prepared, split.validation, recipe),
                        callbacks.ShowProgress(name, recipe.epochs, len(batches), progress),
                        resumable,
                    ],
                )
        except callbacks.Diverged as diverged:
            return note_failure(folder, seed, trial, diverged)
    epochs, state = len(resumable.history["loss"]), resumable.digest()
    if recipe.weights == "best":
        model.load_weights(resumable.checkpoint)
    evaluated = in_float32(model, network, recipe)
    model_file.save(evaluated, _about(training, trial), folder / model_file.name_of(recipe))
    both = logits.beside_probabilities(evaluated)

    def count(positions: np.ndarray, what: str, file: str) -> np.ndarray:
        """Keeps the counts of some images; what the network marks on them."""
        shown = partial(watch, progress, f"{name}: evaluating on {what}")
        rows, marked = evaluate(both, prepared, positions, recipe, shown)
        rows.save(folder / file)
        return marked

    parts = split.parts().items()
    marked = {part: count(positions, f"{part} images", f"rows-{part}.npz") for part, positions in parts}
    with atomic(folder / "test-masks.npz") as file:
        np.savez_compressed(file, bits=np.packbits(marked["test"], axis=-1))
    if batch_statistics.renew(evaluated, batches, epochs, seed, trial.number):  # saved and counted it is with its own
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
            *([enlarge.leak(prepared.cases, split, recipe)] if recipe.copies else []),
        ],
        state,
    )
    outcome = replace(outcome, unlearned=summary(training.paper, recipe, folder, outcome).unlearned)
    write_json(folder / "fit.json", asdict(outcome))
    resume.remove_states(folder)
    return outcome


def best_epoch(history: dict[str, list[float]], recipe: Recipe) -> int:
    """The epoch that the monitor selects, the first of equal ones, counted from 1."""
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
    """What a reader of the numbers should know about how the training went."""
    values, selects = history[f"val_{recipe.monitor}"], recipe.weights == "best" or recipe.patience is not None
    said = [recipe.leak] if recipe.leak else []
    if selects and len(values) > 1 and max(values) - min(values) < 1e-6:
        said.append(
            f"The monitored validation {recipe.monitor} was flat: {values[0]:.4f} in all {len(values)} epochs. "
            "It selected the first epoch and says nothing about the others."
        )
    return said
