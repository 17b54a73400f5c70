"""The curves of a training: what `fit` printed, one value for each epoch, looked up by definition.

`Repeat.history` has the curves under Keras' names. The name of a metric is its signature; in a network with two
outputs, the name of the output stands before it. The loss is called "loss", whatever its definition is. To make sure
that a curve is of a definition, its value at the evaluated epoch is compared with the value under that signature in
`train (running)` (`common.training.record.running_averages`). If they are not equal, the curve is not used.

The losses of single outputs are not used either. Keras 3 weights their batches by the size in the static shape
(`CompileLoss.call`). TensorFlow's graph may not know that size. Then all batches weigh alike, a smaller last one too.
In Paudel's validation parts, whose last batch often is one image, that moved the cross-entropy by up to 0.26.

`fit` prints the training curve while the weights still change, with dropout. It prints the validation curve with the
weights at the end of the epoch, without dropout. If a paper validates on its test images, that curve is of the test
images.
"""

from statistics import fmean
from typing import Literal

from common.evidence import learned
from common.evidence.definition import is_cost
from common.evidence.schema import RUNNING, Record, Repeat
from common.evidence.statistics import Interval

EPOCHS: tuple[Literal["best", "last"], ...] = ("best", "last")


def part_at(part: str, epoch: Literal["best", "last"]) -> str:
    """The name that `with_epochs` gives to a part at an epoch, such as "train (best epoch)"."""
    return f"{part} ({epoch} epoch)"


def with_epochs(record: Record, signature: str) -> Record:
    """A copy of the record whose runs have further parts (`part_at`), each with this one definition.

    The parts are what `fit` printed for the training images and for the validation images, in the epoch in which the
    value is best and in the last epoch. A part is left out if its epoch is the evaluated one in every run."""
    read = [{part: (at, curve[at - 1]) for part, at, curve in _points(run, signature)} for run in record.runs]
    evaluated = [run.best_epoch for run in record.runs]
    parts = {part for of_run in read for part in of_run}
    told = {part for part in parts if [of_run.get(part, (0,))[0] for of_run in read] != evaluated}
    more = [{part: {signature: value} for part, (_, value) in of_run.items() if part in told} for of_run in read]
    runs = [run.model_copy(update={"metrics": run.metrics | new}) for run, new in zip(record.runs, more, strict=True)]
    return record.model_copy(update={"runs": runs})


def first_epoch(record: Record, signature: str, shown: Interval) -> int | None:
    """The first epoch, from 1, in which the mean of the training curves is at least as good as a printed number.

    None if it never is, or if a run has no such curve. Epochs that not all runs have are left out. shown: the least and
    the greatest value that the printed number may be rounded from."""
    curves = [_curves(run, signature).get("train") for run in record.runs]
    if not all(curves):
        return None
    least, most = shown
    for epoch, values in enumerate(zip(*curves, strict=False), start=1):
        if None not in values and (fmean(values) <= most if is_cost(signature) else fmean(values) >= least):
            return epoch
    return None


def _points(run: Repeat, signature: str) -> list[tuple[str, int, list[float | None]]]:
    """For each curve, its best and its last epoch: tuples of the name of the part, the epoch from 1, and the curve."""
    best = min if is_cost(signature) else max
    found = []
    for part, curve in _curves(run, signature).items():
        known = [value for value in curve if value is not None]
        if known:
            found.append((part_at(part, "best"), curve.index(best(known)) + 1, curve))
            found.append((part_at(part, "last"), len(curve), curve))
    return found


def _curves(run: Repeat, signature: str) -> dict[str, list[float | None]]:
    """The curves of a definition, by part: "train", and "validation" or "test". {} if no curve is surely of it."""
    running = run.metrics.get(RUNNING, {}).get(signature)
    of_output = (f"{output}_output_{signature}" for output in learned.outputs_of(signature))
    names = ("loss",) if is_cost(signature) else (signature, *of_output)
    name = next((name for name in names if name in run.history), None)
    if name is None or running is None or run.history[name][run.best_epoch - 1] != running:
        return {}
    validated = "validation" if "validation" in run.split else "test"
    curves = {"train": run.history[name], validated: run.history.get(f"val_{name}", [])}
    return {part: curve for part, curve in curves.items() if curve}
