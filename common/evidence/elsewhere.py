"""Where else would one see a printed number?

Numbers of a kind (`places`) are searched where one of them is not where the paper says. The places are tried in a fixed
order. The first that has all numbers of the kind is told: each lies there in the interval of one further run.

The more places are tried, and the wider their intervals, the likelier one of them fits by chance. So each place comes
with the chance that random numbers would be found there or before. Nothing is told above `TELLING`.
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

# An explanation is told only if random numbers would be found so in no larger share of cases.
TELLING = 0.05

# Parts in words: their images, and what stands behind these.
SPLITS = {"train": "training", "validation": "validation", "test": "test"}
WHEN = {
    "": "",
    " (running)": " during training",
    " (best epoch)": " in the epoch where it is best",
    " (last epoch)": " in the last epoch",
}


@dataclass(frozen=True)
class Explanation:
    """Where else one would see the numbers of a kind, of which one at least is not where the paper says.

    paper: its name. profile: of our runs. numbers: as compared with them.
    found: the first place that has all of the numbers. intervals: what it gives for each of them. elsewhere: for each
        of them the mean where the paper says it is.
    epoch: the first epoch in which the mean training curve reaches the number, where one was found on training images
        instead of others; else None.
    chance: the probability that numbers drawn uniformly within `plausible_range`, as many and printed as finely, are
        found in this place or in one before. tried: how many places that are."""

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
        return tuple(number.id for number in self.numbers)

    @property
    def sentence(self) -> str:
        """In words, such as "Rahman's 0.96 (Dice coefficient, test images) is what the Dice of the tumour, all pixels
        together, gives: 0.95 to 0.97 on the training images in 3 repeats, first reached in epoch 60; it is 0.72 on the
        test images. A random number would be found so in 1.3% of cases." """
        numbers, found, one = self.numbers, self.found, len(self.numbers) == 1
        own, stated = numbers[0].definition, [number.part for number in numbers]
        moved = [i for i, part in enumerate(stated) if found.parts[i] != part]
        subject = "it"
        if found.definition != own:
            subject, moved = f"the {_phrase(own)}", []
        elif found.readings:
            subject = "otherwise it"
        named = listed(f"{each.as_printed} ({each.name}, {SPLITS[each.split]} images)" for each in numbers)
        gives = listed(
            f"{like(number, each.low)} to {like(number, each.high)}{_on(part, own)}"
            for number, each, part in zip(numbers, self.intervals, found.parts, strict=True)
        )
        shown = moved or range(len(numbers))
        ours = listed(f"{like(numbers[i], self.elsewhere[i])}{_on(stated[i], own)}" for i in shown)
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
    """One for each kind of numbers that is not where the paper says but in another place, in the order of the rows. []
    for a record of the smoke profile or of other data than the paper's.

    rows: those of the record (`compare.rows`) that were compared with whole repeats.
    others: records of other readings of the paper; those of another profile, data set or network are left out.
    """
    if record.profile == "smoke" or record.dataset.name != paper.data:
        return []
    kinds: dict[tuple[str, str], list[Compared]] = {}
    for row in rows:
        if row.reproduced.n and row.verdict not in ("quoted", "impossible", DID_NOT_LEARN):
            kinds.setdefault((row.where, row.definition), []).append(row)
    searched = [cells for cells in kinds.values() if any(map(_differs, cells))]
    same = [other for other in others if _comparable(paper, record, other)]
    return [found for cells in searched if (found := explain_kind(record, cells, same))]


def _differs(row: Compared) -> bool:
    """Whether a number is not where the paper says. The verdict does not tell where it answers another question."""
    if row.verdict not in ("other data", "contradicted"):
        return row.differs
    ours = row.reproduced
    return ours.n >= RUNS and place(row.interval, (ours.low, ours.high)) != "inside"


def explain_kind(record: Record, cells: Sequence[Compared], others: Sequence[Record] = ()) -> Explanation | None:
    """The first place that has all these numbers of one kind. None where no place has them, or where random numbers
    would be found as early in more than `TELLING` of cases."""
    shown = [cell.interval for cell in cells]
    boxes = []
    for found, intervals in places(record, cells, others):
        boxes.append([(each.low, each.high) for each in intervals])
        if not all(place(number, interval) == "inside" for number, interval in zip(shown, boxes[-1], strict=True)):
            continue
        chance = chance_of(boxes, [(high - low) / 2 for low, high in shown], plausible_range(record, cells, shown))
        if chance > TELLING:
            return None
        elsewhere = tuple(fmean(values(record, cell.part, cell.definition)) for cell in cells)
        epoch = _first_epoch(record, cells, found)
        return Explanation(
            record.paper, record.profile, tuple(cells), found, tuple(intervals), elsewhere, epoch, chance, len(boxes)
        )
    return None


def _first_epoch(record: Record, cells: Sequence[Compared], found: Place) -> int | None:
    """The first epoch in which the mean training curve reaches the number that was found on training images instead of
    others. None for several such numbers."""
    moved = [
        cell for cell, part in zip(cells, found.parts, strict=True) if part != cell.part and part in ("train", RUNNING)
    ]
    if len(moved) != 1:
        return None
    return curves.first_epoch(record, found.definition, moved[0].interval)


def _comparable(paper: Paper, record: Record, other: Record) -> bool:
    network = paper.network_of(record.readings) == paper.network_of(other.readings)
    return network and record.conditions == other.conditions and record.choices != other.choices


def _phrase(signature: str) -> str:
    words = Definition.parse(signature).in_words()
    return f"{words}," if "," in words else words


def _on(part: str, definition: str) -> str:
    """A part, or a part in an epoch, in words: " on the test images in the epoch where it is best". "" for what is not
    of images."""
    images = images_of(part)
    return "" if definition == OF_TRAINING else f" on the {SPLITS[images]} images{WHEN[part.removeprefix(images)]}"
