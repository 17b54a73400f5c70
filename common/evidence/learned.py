"""Whether a network has learned at all: for each of its outputs, the signs that it has not, in words.

If an output did not learn, its scores say nothing about a paper, whatever they are. The signs come from the numbers of
one training:

- The output is the same for every test image: it marks nothing or everything, or calls every image the same class.
- Evaluated on the training images, the output is no better than a predictor that does not look at them
  (`_tells_apart`). If it is better on the training images and fails on the test images, it has learned and overfits.
- The loss did not fall, and the output is not known to be better on the training images.
- Two further signs may follow one of the last two. Patience ended the training before the validation loss fell. Or the
  network did better while it trained than with the statistics that batch normalisation keeps.
- New statistics of batch normalisation (`common.training.batch_statistics`) make the output much better.

Two metrics show nothing of this. Keras' raw IoU is that of an empty mask for every network whose sigmoid is never
exactly 1. The accuracy of pixels is 0.9 if nothing is marked, and little more if all tumours are found.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

import numpy as np

from common.evidence.counts import Rows
from common.evidence.definition import Definition
from common.evidence.schema import LAG, RENEWABLE, RENEWED, RUNNING, Output, Record, Repeat, Values
from common.evidence.trivial import BACKGROUND, PREVALENCE
from common.plural import counted

OUTPUTS: tuple[Output, ...] = get_args(Output)

# A score from 0 to 1 is better if it is higher by this: about the standard error of an accuracy of 0.68 on 500 images.
MARGIN = 0.02
# A cross-entropy is better if it is lower than that of the "constant prevalence" predictor by this share of the latter
# (McFadden's R²).
EXPLAINED = 0.05
# A loss has fallen if it fell by more than this share of its value in the first epoch. In dead networks, the losses of
# two epochs may differ by as much.
FALLEN = 0.01
# Probabilities that differ by at most this are the same. If a network learned, they differ far more between images.
SAME = 1e-6
# With fewer test cases than this, a class has few. A network that finds one case in four misses all ten of ten cases in
# 1 of 20 test sets: 0.75^10 = 0.056.
FEW = 10

DICE, MEAN_IOU, HARD = "dice|fg|pooled|t=0.5", "iou|mean2|pooled|t=0.5", "accuracy|pixel|pooled|t=0.5|truth=hard"
ACCURACY = "accuracy|class|case"
BCE: dict[Output, str] = {"segmentation": "bce|pixel|pooled", "classification": "bce|class|case"}

NO_BETTER: dict[Output, str] = {
    "segmentation": "its Dice on the training images is no better than that of marking everything",
    "classification": "its accuracy on the training images is no better than that of always calling the larger class",
}
FLAT = "the loss did not fall"
STOPPED = "patience stopped the training before the validation loss fell"
LAGGING = (
    "it did better during training than when it was evaluated on the same images, because the means and variances of "
    "batch normalisation lag behind"
)


def find_signs(run: Repeat, test: Rows | None = None) -> dict[Output, list[str]]:
    """The signs of each output that did not learn, the plainest first; {} if all have learned, or nothing is known.

    test: the counts of the test images. Without them, an output that is the same for every image is found only if it
    marks nothing, marks everything, or calls every image the same class."""
    outputs = OUTPUTS if run.confusion else OUTPUTS[:1]
    found = {output: [*_same_everywhere(run, output, test), *_no_better(run, output)] for output in outputs}
    return {output: signs for output, signs in found.items() if signs}


def _same_everywhere(run: Repeat, output: Output, test: Rows | None) -> Iterator[str]:
    """The sign that the output is the same for every test image, though the truth is not."""
    if output == "classification":
        if called := _only_call(run, test):
            yield f"every test image is called {called}"
        return
    found = run.metrics.get("test", {})
    shares = found.get("recall|fg|pooled|t=0.5"), found.get("recall|bg|pooled|t=0.5")
    if shares == (0, 1):
        yield "no pixel of any test image is marked"
    elif shares == (1, 0):
        yield "every pixel of every test image is marked"
    elif test is not None:
        marked, tumour = test.tp + test.fp, test.tp + test.fn
        if not np.ptp(marked, axis=0).any() and np.ptp(tumour):
            yield "as many pixels are marked on every test image"


def _only_call(run: Repeat, test: Rows | None) -> str | None:
    """The one class that every test image is called, though there are cases of both classes; None if there is no such.

    Also None if this may be chance: the other class has few test cases, the network calls training images by it, and
    the probabilities differ between test images."""
    table, on_train = run.confusion.get("test", {}), run.confusion.get("train", {})
    if len(table) < 2 or not all(sum(row.values()) for row in table.values()):
        return None
    never = [name for name in table if not _called(table, name)]
    if not never:
        return None
    (missed,) = never
    many = sum(table[missed].values()) >= FEW
    constant = test is not None and np.ptp(test.probability) <= SAME
    return next(iter(table.keys() - never)) if many or constant or not _called(on_train, missed) else None


def _called(table: dict[str, dict[str, int]], name: str) -> int:
    return sum(row.get(name, 0) for row in table.values())


def _no_better(run: Repeat, output: Output) -> Iterator[str]:
    """The signs from the scores on the training images, from the losses, and from new statistics of batch
    normalisation."""
    loss = f"{output}_output_loss" if f"{output}_output_loss" in run.history else "loss"
    better = _tells_apart(run, output, "train")
    flat = not _fell(run, loss)
    if better is False:
        yield NO_BETTER[output]
    if flat and not better:
        yield FLAT
    if better is False or (flat and not better):
        if run.stopped_early and not _fell(run, f"val_{loss}"):
            yield STOPPED
        if _tells_apart(run, output, RUNNING):
            yield LAGGING
    own, renewed = (_measure(run.metrics.get(part, {}), output) for part in ("test", RENEWED))
    if own is not None and renewed is not None and renewed - own > LAG:
        yield RENEWABLE


def _tells_apart(run: Repeat, output: Output, part: str) -> bool | None:
    """Whether the output is better on the training images than a predictor that does not look at them.

    None if that is not known. part: "train", or RUNNING for the averages that `fit` printed.

    Two scores are compared with those of such predictors, and one better score is enough. Each score alone can miss a
    network that has learned: a cautious network marks little at 0.5, and a network trained for overlap is
    overconfident.

    - An overlap or accuracy. For a segmentation, the Dice is compared with that of marking everything, 2π / (1 + π),
      with π the tumour's share of the pixels. No constant answer has a higher Dice. `fit` prints no Dice: there, the
      mean IoU is compared with that of an empty mask. For a classification, the accuracy is compared with the share of
      the larger class.
    - The cross-entropy. It is compared with that of the "constant prevalence" predictor."""
    measured, nothing = run.metrics.get(part, {}), run.trivial.get("train", {})
    score, least = _measure(measured, output), _without_looking(nothing.get(BACKGROUND, {}), output, DICE in measured)
    entropy, of_prevalence = measured.get(BCE[output]), nothing.get(PREVALENCE, {}).get(BCE[output])
    known = []
    if score is not None and least is not None:
        known.append(score > least + MARGIN)
    if entropy is not None and of_prevalence is not None:
        known.append(entropy < (1 - EXPLAINED) * of_prevalence)
    return any(known) if known else None


def _measure(measured: Values, output: Output) -> float | None:
    """The accuracy of a classification; the Dice of a segmentation, or its mean IoU if there is no Dice."""
    return measured.get(ACCURACY) if output == "classification" else measured.get(DICE, measured.get(MEAN_IOU))


def _without_looking(background: Values, output: Output, dice: bool) -> float | None:
    """The best `_measure` that a constant answer can have, computed from the scores of the "all background" predictor.

    dice: whether the `_measure` of a segmentation is its Dice."""
    negative = background.get(ACCURACY if output == "classification" else HARD if dice else MEAN_IOU)
    if negative is None:
        return None
    if output == "classification":
        return max(negative, 1 - negative)
    return 2 * (1 - negative) / (2 - negative) if dice else negative


def _fell(run: Repeat, loss: str) -> bool:
    """Whether a loss fell below its value in the first epoch; true if there are fewer than two epochs to compare."""
    known = [value for value in run.history.get(loss, []) if value is not None]
    return len(known) < 2 or known[0] - min(known[1:]) > FALLEN * abs(known[0])


def outputs_of(definition: str) -> tuple[Output, ...]:
    """The outputs that a metric is computed from. definition: a signature."""
    target = Definition.parse(definition).target
    if target == "class+pixel":
        return OUTPUTS
    return ("classification",) if target.startswith("class") else ("segmentation",)


def why_unlearned(runs: Sequence[Repeat], definition: str) -> str:
    """In how many of these runs an output behind a metric did not learn, with the most frequent sign.

    Such as "in 10 of 10 folds every test image is called benign", or "in 7 of 10 folds, and in 6 of these every test
    image is called benign" if not all of them have the sign; "" if all have learned. definition: a signature."""
    rests_on = outputs_of(definition)
    signs = [found for run in runs if (found := [sign for each in rests_on for sign in run.unlearned.get(each, [])])]
    if not signs:
        return ""
    sign, how_many = Counter(sign for each in signs for sign in each).most_common(1)[0]
    of_these = f", and in {how_many} of these" if how_many < len(signs) else ""
    return f"{in_runs(len(signs), runs)}{of_these} {sign}"


def unusable(definition: str, *records: Record) -> bool:
    """Whether an output behind a metric did not learn in at least one run of these records."""
    return any(why_unlearned(record.runs, definition) for record in records)


def unlearned_sentences(record: Record) -> list[str]:
    """What did not learn in some of the runs, with all signs: a text for each output.

    If a sign is seen in only some of these runs, their number follows it."""
    runs, found = record.runs, []
    which = ", ".join([f"{record.profile} profile", *(f"{key}={value}" for key, value in record.readings.items())])
    for output in OUTPUTS:
        signs = [run.unlearned[output] for run in runs if output in run.unlearned]
        if not signs:
            continue
        counted = Counter(sign for each in signs for sign in each)
        listed = [f"{sign}{f' (in {n})' if n < len(signs) else ''}" for sign, n in counted.most_common()]
        where = f"{in_runs(len(signs), runs)} ({which})"
        said = f"The {output} did not learn {where}, so that it says nothing about the paper."
        found.append(f"{said} The sign{'s' * (len(listed) > 1)}: {'; '.join(listed)}.")
    return found


def describe_unlearned(run: Repeat) -> list[str]:
    """A phrase for each output that did not learn: "its classification did not learn: every test image is called
    benign". run: anything with `unlearned`, such as the content of a fit.json."""
    return [f"its {output} did not learn: {signs[0]}" for output, signs in run.unlearned.items()]


def in_runs(how_many: int, runs: Sequence[Repeat]) -> str:
    """ "in 3 of 3 repeats", "in 10 of 10 folds"; "in 2 of 20 trainings" if several repeats have folds."""
    folds, repeats = any(run.fold is not None for run in runs), len({run.repeat for run in runs})
    unit = "repeat" if not folds else "fold" if repeats == 1 else "training"
    return f"in {how_many} of {counted(len(runs), unit)}"
