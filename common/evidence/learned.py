"""Whether a network has learned at all: of each of its outputs the signs that it has not, in words.

What an output that did not learn scores says nothing about a paper, on whichever side of an interval it lies. The
signs come from the numbers of one run:

- The output is the same for every test image: nothing is marked, or everything, or every image is called the same.
- On the training images, evaluated, it is no better than what does not look at them (`_tells_apart`). A network that
  is better there and fails on the test images has learned, and overfits.
- Where that is so, what goes with it: a loss that did not fall, a patience that ended the training before it could, and
  a network that did better while it trained, in batches, than with the statistics that batch normalisation keeps.
- Statistics of batch normalisation taken anew (`common.training.batch_statistics`) make it much better.

Keras' raw IoU and the accuracy of pixels can't tell. The first is that of an empty mask for every network without a
saturated sigmoid, learned or not; the second is 0.9 where nothing is marked, and little more where all is found.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

import numpy as np

from common.evidence.counts import Rows
from common.evidence.definition import Definition
from common.evidence.results import RENEWED, RUNNING, Output, Record, Repeat, Values
from common.evidence.trivial import BACKGROUND, PREVALENCE

OUTPUTS: tuple[Output, ...] = get_args(Output)

# By how much a share, from 0 to 1, has to be better: about the standard error of an accuracy of 0.68 on 500 images.
MARGIN = 0.02
# As much of the cross-entropy of the bare prevalence has to be explained (McFadden's R²).
EXPLAINED = 0.05
# A loss that fell by less of its first epoch's value has not moved: epochs of a dead network differ by up to as much.
FALLEN = 0.01
# Probabilities that differ by less are the same: an unlike image moves those of a living network by far more.
SAME = 1e-6
# Of so many cases of a class a network that finds one in four misses all in 1 of 20 test sets: 0.75^10 = 0.056.
FEW = 10
# What the statistics of batch normalisation alone may move: the whole width of the widest interval that a number can
# agree with (`compare.WIDEST_HALF`). Where they move more, the verdict would be about them.
LAG = 0.1

DICE, MEAN_IOU, HARD = "dice|fg|pooled|t=0.5", "iou|mean2|pooled|t=0.5", "accuracy|pixel|pooled|t=0.5|truth=hard"
ACCURACY = "accuracy|class|case"
BCE: dict[Output, str] = {"segmentation": "bce|pixel|pooled", "classification": "bce|class|case"}

NO_BETTER: dict[Output, str] = {
    "segmentation": "its Dice on the training images is no better than that of marking everything",
    "classification": "its accuracy on the training images is no better than that of always calling the larger class",
}
FLAT = "the loss did not fall"
STOPPED = "patience stopped the training before the validation loss fell"
LAGGING = "it did better while it trained, so that the statistics of batch normalisation lag behind"
RENEWABLE = f"with new statistics of batch normalisation it is better by more than {LAG:g}, so that its own lag behind"


def of(run: Repeat) -> dict[Output, list[str]]:
    """What was written down with the run; of records from before that, what its numbers tell."""
    return judge(run) if run.unlearned is None else run.unlearned


def judge(run: Repeat, test: Rows | None = None) -> dict[Output, list[str]]:
    """Of each output that did not learn the signs, the plainest first; {} where all have learned, or nothing is known.

    test: the counts of the test images. Without them, an output that is the same for every image is found where it is
    empty, full or of one class."""
    outputs = OUTPUTS if run.confusion else OUTPUTS[:1]
    found = {output: [*_alike(run, output, test), *_signs(run, output)] for output in outputs}
    return {output: signs for output, signs in found.items() if signs}


def _alike(run: Repeat, output: Output, test: Rows | None) -> Iterator[str]:
    """That the output is the same for every test image, though the truth is not."""
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
    """The one class that every test image is called though both are there; None where that may be chance: of a class
    with a few test cases alone, that is called among the training images and given different probabilities."""
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


def _signs(run: Repeat, output: Output) -> Iterator[str]:
    loss = f"{output}_output_loss" if f"{output}_output_loss" in run.history else "loss"
    looks = _tells_apart(run, output, "train")
    flat = not _fell(run, loss)
    if looks is False:
        yield NO_BETTER[output]
    if flat and not looks:
        yield FLAT
    if looks is False or (flat and not looks):
        if run.stopped_early and not _fell(run, f"val_{loss}"):
            yield STOPPED
        if _tells_apart(run, output, RUNNING):
            yield LAGGING
    own, renewed = (_measure(run.metrics.get(part, {}), output) for part in ("test", RENEWED))
    if own is not None and renewed is not None and renewed - own > LAG:
        yield RENEWABLE


def _tells_apart(run: Repeat, output: Output, part: str) -> bool | None:
    """Whether training images, evaluated or, with RUNNING, as they were trained on, come out better than by a predictor
    that does not look at them. One of two values suffices, since either can fail a network that has learned: at 0.5 one
    that is cautious marks little, and one that was trained for overlap alone is overconfident. None where neither is
    known.

    Of the segmentation the Dice against that of marking everything, 2π / (1 + π) with π the tumour's share of the
    pixels, which no constant answer exceeds (while training, where `fit` prints no Dice, the mean IoU against an empty
    mask's); of the classification the accuracy against the share of the larger class; and of both the cross-entropy
    against that of the bare prevalence."""
    measured, nothing = run.metrics.get(part, {}), run.trivial.get("train", {})
    share, least = _measure(measured, output), _without_looking(nothing.get(BACKGROUND, {}), output, DICE in measured)
    entropy, of_prevalence = measured.get(BCE[output]), nothing.get(PREVALENCE, {}).get(BCE[output])
    known = []
    if share is not None and least is not None:
        known.append(share > least + MARGIN)
    if entropy is not None and of_prevalence is not None:
        known.append(entropy < (1 - EXPLAINED) * of_prevalence)
    return any(known) if known else None


def _measure(measured: Values, output: Output) -> float | None:
    return measured.get(ACCURACY) if output == "classification" else measured.get(DICE, measured.get(MEAN_IOU))


def _without_looking(background: Values, output: Output, dice: bool) -> float | None:
    """The best that `_measure` gives a constant answer, from the scores of what calls everything the negative class."""
    negative = background.get(ACCURACY if output == "classification" else HARD if dice else MEAN_IOU)
    if negative is None:
        return None
    if output == "classification":
        return max(negative, 1 - negative)
    return 2 * (1 - negative) / (2 - negative) if dice else negative


def _fell(run: Repeat, loss: str) -> bool:
    """Whether a loss was ever below its first epoch's; taken for granted where there are not two epochs to compare."""
    known = [value for value in run.history.get(loss, []) if value is not None]
    return len(known) < 2 or known[0] - min(known[1:]) > FALLEN * abs(known[0])


def outputs_of(definition: str) -> tuple[Output, ...]:
    """What a number rests on: the segmentation, the classification, or both."""
    target = Definition.parse(definition).target
    if target == "class+pixel":
        return OUTPUTS
    return ("classification",) if target.startswith("class") else ("segmentation",)


def why_not(runs: Sequence[Repeat], definition: str) -> str:
    """In how many of these runs an output that a number rests on did not learn, and the plainest sign: in 10 of 10
    folds every test image is called benign. "" where all have learned."""
    rests_on = outputs_of(definition)
    signs = [found for run in runs if (found := [sign for each in rests_on for sign in of(run).get(each, [])])]
    if not signs:
        return ""
    sign, how_many = Counter(sign for each in signs for sign in each).most_common(1)[0]
    others = f", {len(signs) - how_many} more did not learn either" if len(signs) > how_many else ""
    return f"{_in(how_many, runs)} {sign}{others}"


def unusable(definition: str, *records: Record) -> bool:
    """Whether a number rests, in one of these records, on an output that did not learn in one of its runs."""
    return any(why_not(record.runs, definition) for record in records)


def sentences(record: Record) -> list[str]:
    """One for each output that did not learn in some of the runs: each sign once, with the number of runs that have it
    where not all of those have."""
    runs, found = record.runs, []
    which = ", ".join([f"{record.profile} profile", *(f"{key}={value}" for key, value in record.readings.items())])
    for output in OUTPUTS:
        signs = [of(run)[output] for run in runs if output in of(run)]
        if not signs:
            continue
        counted = Counter(sign for each in signs for sign in each)
        listed = [f"{sign}{f' ({n})' if n < len(signs) else ''}" for sign, n in counted.most_common()]
        said = f"The {output} did not learn {_in(len(signs), runs)} ({which}), so that it says nothing about the paper"
        found.append(f"{said}: {'; '.join(listed)}.")
    return found


def told(unlearned: dict[Output, list[str]]) -> list[str]:
    """Of the outputs of one run that did not learn, for the line in which its end is said: its classification did not
    learn: every test image is called benign."""
    return [f"its {output} did not learn: {signs[0]}" for output, signs in unlearned.items()]


def _in(how_many: int, runs: Sequence[Repeat]) -> str:
    folds, repeats = any(run.fold is not None for run in runs), len({run.repeat for run in runs})
    unit = "repeat" if not folds else "fold" if repeats == 1 else "training"
    return f"in {how_many} of {len(runs)} {unit}{'s' * (len(runs) != 1)}"
