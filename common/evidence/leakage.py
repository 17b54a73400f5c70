"""What a leak was worth: how much higher a metric is under a random split of the images than under a grouped split.

A grouped split keeps all copies of an image on one side, so no copy of a training image is tested."""

from collections.abc import Callable, Iterable, Sequence

from common.evidence import learned
from common.evidence.claims.relations import from_0_to_1
from common.evidence.mean_differences import MeanDifference, welch
from common.evidence.run_values import values
from common.evidence.schema import Record
from common.plural import counted

GROUPED = {"split": "grouped"}

# The parts whose numbers a leak can raise. The network has seen its training images anyway.
PARTS = ("test", "validation")

# A part and a signature.
Key = tuple[str, str]
# Whether today's recipe and protocol made a record.
Fresh = Callable[[Record], bool]


def leak_free(record: Record, others: Iterable[Record], fresh: Fresh) -> Record | None:
    """The record that differs from this one only in its grouped split; None if there is none.

    A stale record and a fresh one are not compared, since different recipes or versions of the code made them."""
    found = _grouped(record, others)
    return found if found and fresh(record) == fresh(found) else None


def outdated_sentence(record: Record, others: Sequence[Record], fresh: Fresh) -> str:
    """A sentence that says which of the two runs, random or grouped split, is of an older protocol or recipe.

    Then the split is not their only difference. "" if the two can be compared, and if there is no grouped run."""
    one_protocol = {"protocol": record.protocol}
    grouped = next((each for each in others if _grouped(record, [each.model_copy(update=one_protocol)])), None)
    older = [name for name, each in (("random", record), ("grouped", grouped)) if each and not fresh(each)]
    if grouped is None or not older or leak_free(record, others, fresh):
        return ""
    runs = "The random and the grouped run are each" if len(older) == 2 else f"The {older[0]} run is"
    again = "both are" if len(older) == 2 else "it is"
    return f"{runs} of an older recipe or protocol; what copies are worth can't be told until {again} run again."


def leaking(record: Record, others: Iterable[Record], fresh: Fresh) -> Record | None:
    """The record whose leak-free record is this one; None if there is none."""
    return next((other for other in others if leak_free(other, [record], fresh)), None)


def _grouped(record: Record, others: Iterable[Record]) -> Record | None:
    if record.readings.get("split") == "grouped":
        return None
    wanted = record.readings | GROUPED
    return next((other for other in others if other.readings == wanted and _about(other) == _about(record)), None)


def leak(random: Record, grouped: Record, part: str, signature: str) -> MeanDifference:
    """How much higher a metric of a part, such as "test", is under the random split than under the grouped split.

    The folds of a cross-validation are one repeat (`run_values`). If a network of one record did not learn
    (`learned.unusable`), the difference has no mean. Raises ValueError for records that differ in their conditions or
    in a reading other than the split.
    """
    if _about(random) != _about(grouped):
        raise ValueError(f"not the same but for the split: {_about(random)} and {_about(grouped)}")
    one, other = (values(record, part, signature) for record in (random, grouped))
    if learned.unusable(signature, random, grouped):
        return MeanDifference(len(one), len(other))
    return welch(one, other)


def leak_sentence(random: Record, grouped: Record, own: Iterable[Key], standard: Iterable[Key]) -> str:
    """What keeping copies on one side of the split changes, in words; "" if nothing was measured under both splits.

    own: part and signature, each pair once, of the numbers that the paper prints. standard: those of further
    metrics."""
    own = list(own)
    printed, further = (_measured(random, grouped, keys) for keys in (own, standard))
    left_out = sum(learned.unusable(signature, random, grouped) for _, signature in own)
    unlearned = ""
    if left_out:
        rest = "rests" if left_out == 1 else "rest"
        unlearned = f"{left_out} of {counted(len(own), 'printed definition')} {rest} on a network that did not learn"
    what = "all copies of an image on one side, and leaves out those with two classes"
    if random.dataset.name != "busi":  # copies are known of BUSI only; other data sets name patients or lesions
        what = "all images of a patient or lesion on one side"
    kept = f"The grouped split ({random.profile} profile) keeps {what}."
    if not printed:
        return f"{kept} Nothing can be compared: {unlearned}." if unlearned else ""
    small = " A larger network can remember more of its training images." if random.profile == "small" else ""
    small += f" Left out: {unlearned}." if unlearned else ""
    numbers = f"{counted(len(printed), 'printed definition')} on test and validation images"
    if all(each.low is None for each in printed.values()):
        shared = ""
        if random.folds:
            shared = ", and its folds, which share their training images, do not either (Bengio & Grandvalet 2004)"
        scale = scale_note(signature for _, signature in printed)
        least = f"{kept} Of {numbers} {_most(printed)} changes most{scale}."
        return f"{least} One repeat of a split does not tell how far repeats vary{shared}.{small}"
    sure, further_sure = ({key: each for key, each in of.items() if each.certain} for of in (printed, further))
    said = f"{kept} The 95 % interval of the difference from the random split excludes 0"
    said += f" for {len(sure) or 'none'} of {numbers}"
    said += f": {_most(sure)}" if len(sure) == 1 else f", most clearly {_most(sure)}" if sure else ""
    if further_sure:
        said += (
            f"; for {len(further_sure)} of {counted(len(further), 'standard one')} on the test images, most clearly "
        )
        said += _most(further_sure)
    chance = " If the split did nothing, one interval in 20 would exclude 0 by chance."
    return f"{said}.{chance * bool(sure or further_sure)}{small}"


def scale_note(signatures: Iterable[str]) -> str:
    """To follow "moves most": says that only metrics between 0 and 1 were ranked. "" if all have the same scale."""
    return " (of the metrics between 0 and 1)" if len(set(map(from_0_to_1, signatures))) > 1 else ""


def _measured(random: Record, grouped: Record, keys: Iterable[Key]) -> dict[Key, MeanDifference]:
    found = {key: leak(random, grouped, *key) for key in keys}
    return {key: each for key, each in found.items() if each.mean is not None}


def _most(found: dict[Key, MeanDifference]) -> str:
    (part, signature), most = max(found.items(), key=_weight)
    interval = "" if most.low is None else f", 95 %: {most.low:.4f} to {most.high:.4f}"
    return f"`{signature}` ({part}; random less grouped split {most.mean:+.4f}{interval})"


def _weight(item: tuple[Key, MeanDifference]) -> tuple[bool, float]:
    """The key for sorting differences: how clear they are, which is their size by the width of their interval. Without
    an interval: their size, with metrics that lie between 0 and 1 above others."""
    (_, signature), found = item
    if found.low is None:
        return from_0_to_1(signature), abs(found.mean)
    return True, abs(found.mean) / max(found.high - found.low, 1e-12)


def _about(record: Record) -> tuple:
    """All that two records must share for the split to be their only difference."""
    return record.conditions, {key: value for key, value in record.readings.items() if key != "split"}
