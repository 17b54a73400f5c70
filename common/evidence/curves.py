"""The curves that `fit` printed of a training, one value for each epoch, by definition.

`Repeat.history` has them under Keras' names. The name of a metric is its signature, after the name of the output in a
network with two. The loss is called "loss", whatever its definition. `train (running)` has the values of the evaluated
epoch under their signatures (`common.training.record.running_averages`). So a curve is of a definition where both have
the same value there; any other curve is not used. Nor are the losses of single outputs. Keras 3 weights their batches
by the size in the static shape (`CompileLoss.call`). TensorFlow's graph may not know it, and then all batches weigh
alike, a smaller last one too. In Paudel's validation parts, whose last batch often is one image, that moved the
cross-entropy by up to 0.26.

The validation curve is of the test images where a paper validates on them. `fit` prints it with the weights at the end
of the epoch and without dropout, the training curve while the weights still change and with dropout.
"""

from statistics import fmean
from typing import Literal

from common.evidence import learned
from common.evidence.definition import COSTS, Definition
from common.evidence.schema import RUNNING, Record, Repeat
from common.evidence.statistics import Interval

EPOCHS: tuple[Literal["best", "last"], ...] = ("best", "last")


def part_at(part: str, epoch: Literal["best", "last"]) -> str:
    """The name of a part of `with_epochs`, such as "train (best epoch)"."""
    return f"{part} ({epoch} epoch)"


def with_epochs(record: Record, signature: str) -> Record:
    """The same record. Its runs have more parts with this one definition: what `fit` printed for the training images,
    and for the validation images, in the epoch where that is best and in the last epoch (`part_at`). A part is left out
    where its epoch is the evaluated one in every run."""
    read = [{part: (at, curve[at - 1]) for part, at, curve in _points(run, signature)} for run in record.runs]
    evaluated = [run.best_epoch for run in record.runs]
    parts = {part for of_run in read for part in of_run}
    told = {part for part in parts if [of_run.get(part, (0,))[0] for of_run in read] != evaluated}
    more = [{part: {signature: value} for part, (_, value) in of_run.items() if part in told} for of_run in read]
    runs = [run.model_copy(update={"metrics": run.metrics | new}) for run, new in zip(record.runs, more, strict=True)]
    return record.model_copy(update={"runs": runs})


def first_epoch(record: Record, signature: str, shown: Interval) -> int | None:
    """The first epoch, counted from 1, in which the mean of the training curves is at least as good as a printed
    number. None where it never is, or where a run has no such curve. shown: least and greatest value that the number
    stands for. Epochs that not all runs have are left out."""
    curves = [_curves(run, signature).get("train") for run in record.runs]
    if not all(curves):
        return None
    least, most = shown
    less_is_better = Definition.parse(signature).metric in COSTS
    for epoch, values in enumerate(zip(*curves, strict=False), start=1):
        if None not in values and (fmean(values) <= most if less_is_better else fmean(values) >= least):
            return epoch
    return None


def _points(run: Repeat, signature: str) -> list[tuple[str, int, list[float | None]]]:
    """Of each curve the best and the last epoch: the name of the part, the epoch, and the curve."""
    best = min if Definition.parse(signature).metric in COSTS else max
    found = []
    for part, curve in _curves(run, signature).items():
        known = [value for value in curve if value is not None]
        if known:
            found.append((part_at(part, "best"), curve.index(best(known)) + 1, curve))
            found.append((part_at(part, "last"), len(curve), curve))
    return found


def _curves(run: Repeat, signature: str) -> dict[str, list[float | None]]:
    """The curves of a definition, of "train" and of "validation" or "test"; {} where none is certain to be its own."""
    running, loss = run.metrics.get(RUNNING, {}).get(signature), Definition.parse(signature).metric in COSTS
    of_output = (f"{output}_output_{signature}" for output in learned.outputs_of(signature))
    names = ("loss",) if loss else (signature, *of_output)
    name = next((name for name in names if name in run.history), None)
    if name is None or running is None or run.history[name][run.best_epoch - 1] != running:
        return {}
    validated = "validation" if "validation" in run.split else "test"
    curves = {"train": run.history[name], validated: run.history.get(f"val_{name}", [])}
    return {part: curve for part, curve in curves.items() if curve}
