"""Where else would one see a printed number?

If our runs do not have a number where the paper says, all numbers of its kind (`places`) are searched elsewhere. The
places are tried in a fixed order. The first place that has all numbers of the kind is reported: there, each number lies
in the interval of one further run.

The more places are tried, and the wider their intervals are, the likelier it is that one of them fits by chance. So we
compute the probability that random numbers would be found at this place or at an earlier one. If it is above `TELLING`,
nothing is reported.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from common.evidence import curves
from common.evidence.chance import chance_of, percent, plausible_range
from common.evidence.compared import Compared
from common.evidence.definition import OF_TRAINING, Definition
from common.evidence.phrases import like, listed
from common.evidence.places import Place, images_of, places
from common.evidence.run_values import values
from common.evidence.schema import RUNNING, Record
from common.evidence.statistics import Prediction, place
from common.evidence.verdict import DID_NOT_LEARN, RUNS
from common.paper import Paper, Profile

# An explanation is reported only if random numbers would be found so in at most this share of cases.
TELLING = 0.05

# The words for a part: for its images, and for what follows them in its name.
SPLITS = {"train": "training", "validation": "validation", "test": "test"}
WHEN = {
    "": "",
    " (running)": " during training",
    " (best epoch)": " in the epoch where it is best",
    " (last epoch)": " in the last epoch",
}


@dataclass(frozen=True)
class Explanation:
    """The place where our runs have the numbers of a kind, of which at least one is not where the paper says.

    paper: its name. profile: of our runs. numbers: the comparisons of the printed numbers with these runs.
    found: the first place that has all of the numbers. intervals: what our runs give there, one for each number.
    elsewhere: what our runs give where the paper says the numbers are: the mean, one for each number.
    epoch: the first epoch in which the mean training curve reaches the number, if exactly one number was found on
        training images instead of others; else None.
    chance: the probability that random numbers are found at this place or at an earlier one. They are as many as the
        printed numbers, have as many digits, and are drawn uniformly within `plausible_range`.
    tried: the number of places up to this one."""

    paper: str
    profile: Profile
    numbers: tuple[Compared, ...]
    found: Place
    intervals: tuple[Prediction, ...]
    elsewhere: tuple[float, ...]
    epoch: int | None
    chance: float
    tried: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The ids of the numbers."""
        return tuple(number.cell.id for number in self.numbers)

    @property
    def sentence(self) -> str:
        """The explanation in words.

        Such as "Rahman's 0.96 (Dice coefficient, test images) is what the Dice of the tumour, all pixels together,
        gives: 0.95 to 0.97 on the training images in 3 repeats, first reached in epoch 60; it is 0.72 on the test
        images. A random number would be found so in 1.3% of cases." """
        numbers, found, one = self.numbers, self.found, len(self.numbers) == 1
        printed = [number.cell for number in numbers]
        own, stated = numbers[0].cell.definition, [number.part for number in numbers]
        moved = [i for i, part in enumerate(stated) if found.parts[i] != part]
        subject = "it"
        if found.definition != own:
            subject, moved = f"the {_phrase(own)}", []
        elif found.readings:
            subject = "otherwise it"
        named = listed(f"{each.as_printed} ({each.name}, {SPLITS[each.split]} images)" for each in printed)
        gives = listed(
            f"{like(cell, each.low)} to {like(cell, each.high)}{_on(part, own)}"
            for cell, each, part in zip(printed, self.intervals, found.parts, strict=True)
        )
        shown = moved or range(len(numbers))
        ours = listed(f"{like(printed[i], self.elsewhere[i])}{_on(stated[i], own)}" for i in shown)
        repeats = f" in {self.intervals[0].n} repeats" + " of the small profile" * (self.profile == "small")
        drawn = "A random number" if one else f"{len(numbers)} random numbers"
        return (
            f"{self.paper.capitalize()}'s {named} {'is' if one else 'are'} what the {_phrase(found.definition)} "
            f"gives{found.readings and f' with {found.readings}'}: {gives}{repeats}"
            f"{f', first reached in epoch {self.epoch}' if self.epoch else ''}; {subject} is {ours}. "
            f"{drawn} would be found so in {percent(self.chance)} of cases."
        )


def explanations(
    paper: Paper, record: Record, rows: Iterable[Compared], others: Sequence[Record] = ()
) -> list[Explanation]:
    """One explanation for each kind of numbers that is found in another place than the paper says, in the order of the
    rows.

    [] for a record of the smoke profile or of other data than the paper's.

    rows: the rows of the record (`compare.rows`) that were compared with whole repeats.
    others: further records of the paper. Only records of other readings, and of the same network and conditions
        (`Record.conditions`), are searched.
    """
    if record.profile == "smoke" or record.dataset.name != paper.data:
        return []
    kinds: dict[tuple[str, str], list[Compared]] = {}
    for row in rows:
        if row.reproduced.n and row.verdict not in ("quoted", "impossible", DID_NOT_LEARN):
            kinds.setdefault((row.cell.where, row.cell.definition), []).append(row)
    searched = [kind for kind in kinds.values() if any(map(_differs, kind))]
    same = [other for other in others if _comparable(paper, record, other)]
    return [found for kind in searched if (found := explain_kind(record, kind, same))]


def _differs(row: Compared) -> bool:
    """Whether our runs do not have a number where the paper says.

    The verdicts "other data" and "contradicted" do not answer this. For them, the interval of our runs decides."""
    if row.verdict not in ("other data", "contradicted"):
        return row.differs
    ours = row.reproduced
    return ours.n >= RUNS and place(row.cell.interval, (ours.low, ours.high)) != "inside"


def explain_kind(record: Record, rows: Sequence[Compared], others: Sequence[Record] = ()) -> Explanation | None:
    """The first place that has all these numbers of one kind.

    None if no place has them, or if random numbers would be found as early in more than `TELLING` of cases."""
    shown = [row.cell.interval for row in rows]
    boxes = []
    for found, intervals in places(record, rows, others):
        boxes.append([(each.low, each.high) for each in intervals])
        if not all(place(number, interval) == "inside" for number, interval in zip(shown, boxes[-1], strict=True)):
            continue
        chance = chance_of(boxes, [(high - low) / 2 for low, high in shown], plausible_range(record, rows))
        if chance > TELLING:
            return None
        elsewhere = tuple(fmean(values(record, row.part, row.cell.definition)) for row in rows)
        epoch = _first_epoch(record, rows, found)
        return Explanation(
            record.paper, record.profile, tuple(rows), found, tuple(intervals), elsewhere, epoch, chance, len(boxes)
        )
    return None


def _first_epoch(record: Record, rows: Sequence[Compared], found: Place) -> int | None:
    """The first epoch in which the mean training curve reaches the number that was found on training images, while the
    paper says other images. None if there are several such numbers, or none."""
    moved = [
        row for row, part in zip(rows, found.parts, strict=True) if part != row.part and part in ("train", RUNNING)
    ]
    if len(moved) != 1:
        return None
    return curves.first_epoch(record, found.definition, moved[0].cell.interval)


def _comparable(paper: Paper, record: Record, other: Record) -> bool:
    network = paper.network_of(record.readings) == paper.network_of(other.readings)
    return network and record.conditions == other.conditions and record.choices != other.choices


def _phrase(signature: str) -> str:
    words = Definition.parse(signature).in_words()
    return f"{words}," if "," in words else words


def _on(part: str, definition: str) -> str:
    """The end of a phrase, for a part: " on the test images in the epoch where it is best". "" for a number of epochs,
    which is not of images."""
    images = images_of(part)
    return "" if definition == OF_TRAINING else f" on the {SPLITS[images]} images{WHEN[part.removeprefix(images)]}"
