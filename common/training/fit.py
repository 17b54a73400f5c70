"""One repeat, or one fold of it: a network trained on one split from one set of initial weights, evaluated on each
part of the data.

    folder/  resume.npz           while it trains, all that the next epoch depends on, the best weights so far included
             resume.before.npz    the same, an epoch older
             log.csv              an epoch a line
             model.keras          the evaluated network, and what it was trained with
             tensorboard/         curves and example predictions
             rows-<part>.npz      counts of each image of train, validation and test
             rows-test-renewed.npz  those of test with statistics of batch normalisation taken anew over the training
                                  images, where the network has any
             test-masks.npz       what it marks on the test images, in the order of rows-test.npz: where it is above
                                  0.5, packed bits, uint8 (images, side, side / 8)
             fit.json             what happened; written last, so where it lies the repeat is done
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
from rich.progress import Progress

from common.data import enlarge, manifest
from common.data.batches import Batches
from common.data.prepare import Prepared
from common.data.splits import Split
from common.files import atomic, write_json
from common.paper import Paper, Recipe
from common.protocol import PROTOCOL
from common.seeds import derive
from common.training import batch_statistics, callbacks, logits, losses, model_file, train_metrics
from common.training.evaluate import evaluate, in_float32
from common.training.loop import train
from common.training.progress import ShowProgress, watch
from common.training.tensorboard import TensorBoard

RENEWED = "rows-test-renewed.npz"


@dataclass(frozen=True)
class Trial:
    """One training among those of a run: a repeat, or one of the `folds` folds of a repeated cross-validation."""

    repeat: int
    fold: int | None = None
    folds: int = 1

    @property
    def number(self) -> int:
        """Its own stream of random numbers."""
        return self.repeat * self.folds + (self.fold or 0)

    def __str__(self) -> str:
        return f"repeat {self.repeat + 1}" + ("" if self.fold is None else f" fold {self.fold + 1} of {self.folds}")


@dataclass(frozen=True)
class Fit:
    """What `fit.json` holds. fold: None without cross-validation; history: from the name of a value to one float an
    epoch; best_epoch counts from 1 and is the evaluated one; seconds: of training, validation included, evaluation
    not; state: 16 hex digits of all weights and whatever else the training ended with (`Resumable.digest`);
    unlearned: as in `results.Repeat`; protocol: that of `common.protocol`."""

    seed: int
    repeat: int
    fold: int | None
    epochs: int
    best_epoch: int
    seconds: float
    split: dict[str, int]
    history: dict[str, list[float]]
    notes: list[str]
    state: str = ""
    unlearned: dict[str, list[str]] = field(default_factory=dict)
    protocol: int = PROTOCOL


def compiled(build: Callable[[Recipe], keras.Model], recipe: Recipe, precision: str) -> keras.Model:
    """The network in this precision up to its logits, ready to train. Draws initial weights from Keras' global seed."""
    keras.config.set_dtype_policy(precision)
    model = logits.of_network(build(recipe))
    optimizer = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[recipe.optimizer]
    decay = {} if recipe.weight_decay is None else {"weight_decay": recipe.weight_decay}
    model.compile(
        optimizer=optimizer(recipe.learning_rate, **decay),
        loss=losses.for_recipe(recipe),
        metrics=train_metrics.for_recipe(recipe),
        # XLA on JAX and on TensorFlow's GPUs; not on its CPU, where a step of Cheng's small profile took twice as long.
        jit_compile="auto",
    )
    model.optimizer.build(model.trainable_variables)
    return model


@dataclass(frozen=True)
class Training:
    """What all repeats of a run share. build: of the paper's `model.py`, from a recipe to a network."""

    paper: Paper
    build: Callable[[Recipe], keras.Model]
    recipe: Recipe
    prepared: Prepared
    precision: str
    seed: int


def fit(
    training: Training,
    split: Split,
    trial: Trial,
    folder: Path,
    progress: Progress,
    judge: Callable[[Fit], dict[str, list[str]]] = lambda done: {},
) -> Fit:
    """Trains, from the last finished epoch found in `folder`, evaluates, and writes the files above. judge: tells from
    what is about to be written which outputs did not learn (`results.Repeat.unlearned`).

    Raises callbacks.Diverged where a loss is not finite; the states of the last good epochs stay in the folder."""
    build, recipe, prepared, seed = training.build, training.recipe, training.prepared, training.seed
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(derive(seed, trial.number, "weights"))
    model = compiled(build, recipe, training.precision)
    batches = Batches(prepared, split.train, recipe, recipe.batch_size, seed=(seed, trial.number))
    # In the paper's own batches, because a Dice loss by batches is another number with wider ones.
    validation = Batches(prepared, split.validation, recipe, recipe.batch_size, seed=None)

    selection = None
    if recipe.weights == "best" or recipe.patience is not None:
        mode = "min" if recipe.monitor == "loss" else "max"
        keep_best = recipe.weights == "best"
        selection = callbacks.Selection(f"val_{recipe.monitor}", mode, recipe.patience, keep_best)
    resumable = callbacks.Resumable(folder, selection)
    resumable.set_model(model)
    begun = resumable.restore()
    stopped = selection and selection.stopped_epoch
    name = f"{training.paper.name} {trial}"
    if not stopped and begun < recipe.epochs:
        train(
            model,
            batches,
            validation,
            begun,
            recipe.epochs,
            [
                callbacks.EpochStart(batches, seed, trial.number),
                callbacks.StopAtDivergence(len(batches)),
                *filter(None, [selection]),
                TensorBoard(folder / "tensorboard", prepared, split.validation, recipe),
                ShowProgress(name, recipe.epochs, len(batches), progress),
                resumable,
            ],
        )
    epochs, state = len(resumable.history["loss"]), resumable.digest()
    if recipe.weights == "best":
        model.set_weights(selection.best_weights)
    evaluated = in_float32(model, build, recipe)
    model_file.save(evaluated, _about(training, trial), folder / "model.keras")
    both = logits.beside_probabilities(evaluated)
    for part, positions in split.parts().items():
        rows, marked = evaluate(
            both, prepared, positions, recipe, partial(watch, progress, f"{name}: evaluating on {part} images")
        )
        rows.save(folder / f"rows-{part}.npz")
        if part == "test":
            with atomic(folder / "test-masks.npz") as file:
                np.savez_compressed(file, bits=np.packbits(marked, axis=-1))
    if batch_statistics.renew(evaluated, batches, epochs, seed, trial.number):  # saved and counted it is with its own
        shown = partial(watch, progress, f"{name}: evaluating on test images with renewed statistics")
        evaluate(both, prepared, split.test, recipe, shown)[0].save(folder / RENEWED)
    outcome = Fit(
        seed,
        trial.repeat,
        trial.fold,
        epochs,
        selection.best_epoch + 1 if recipe.weights == "best" else epochs,
        resumable.seconds,
        {part: len(positions) for part, positions in split.parts().items()},
        resumable.history,
        [
            *remarks(resumable.history, recipe),
            *([enlarge.leak(prepared.cases, split, recipe)] if recipe.copies else []),
        ],
        state,
    )
    outcome = replace(outcome, unlearned=judge(outcome))
    write_json(folder / "fit.json", asdict(outcome))
    callbacks.remove_states(folder)
    return outcome


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


def remarks(history: dict[str, list[float]], recipe: Recipe) -> list[str]:
    """What a reader of the numbers should know about how the training went."""
    values, selects = history[f"val_{recipe.monitor}"], recipe.weights == "best" or recipe.patience is not None
    said = [recipe.leak] if recipe.leak else []
    if selects and len(values) > 1 and max(values) - min(values) < 1e-6:
        said.append(
            f"The monitored validation {recipe.monitor} was flat: {values[0]:.4f} in all {len(values)} epochs. "
            "It selected the first epoch and says nothing about the others."
        )
    return said
