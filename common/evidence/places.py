"""The places where our runs may have a printed number, from the nearest to the farthest from what the paper says.

Numbers of a kind are those that a paper prints in one table or text passage under one definition, such as the IoU of
train and test in a table. A place must have all numbers of a kind. The places are tried in this order:

1. The same definition on another part: the training images evaluated, the training images as `fit` printed them, the
   validation images, the test images.
2. Another definition that may have the same name (`FAMILIES`), on the stated part. Definitions that share more with the
   stated one come first.
3. Another part and another definition.
4. Another epoch: the same definition as `fit` printed it for training or validation images, in the epoch in which it is
   best, and in the last epoch.
5. Another reading of what the paper leaves open, with the stated part and definition. Records with fewer changes come
   first.

The reason is Occam's razor: of two explanations, the one with fewer departures from what the paper says is better. A
slip in the part or in the definition is one departure, both are two. Another epoch or reading departs from how the
network was made, and not only from how its numbers are called.

If a kind has numbers of train and test, a place of 1 or 3 moves the numbers of one of the two. For 4, places that move
both come first, then places that move one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

from common.evidence import curves, learned
from common.evidence.compared import Compared
from common.evidence.definition import LOSSES, Definition
from common.evidence.run_values import values
from common.evidence.schema import RUNNING, Record
from common.evidence.statistics import Prediction, prediction
from common.evidence.verdict import RUNS
from common.readings import as_shown

# Families of metrics. Papers call any of the first "IoU" or "Dice", and any of the second "loss".
FAMILIES = ({"iou", "dice", "printed-dice"}, {"bce", *LOSSES})

PARTS = ("train", RUNNING, "validation", "test")


@dataclass(frozen=True)
class Place:
    """A place where numbers of a kind may be found.

    definition: a signature. parts: for each number the key of `Repeat.metrics`, or a part at an epoch, such as "test
    (best epoch)" (`curves.part_at`). readings: how the readings differ from the record's own, as typed; "" if they do
    not."""

    definition: str
    parts: tuple[str, ...]
    readings: str = ""


def places(
    record: Record, rows: Sequence[Compared], others: Sequence[Record] = ()
) -> Iterator[tuple[Place, list[Prediction]]]:
    """The places to try, in order, each with the interval of one further run for each number.

    Three kinds of places are left out: those with fewer than RUNS repeats, those that rest on a network that did not
    learn, and those that have the same values in every run as the stated place or an earlier one.

    rows: numbers of one kind. others: the records of other readings to search."""
    own = rows[0].cell.definition
    known = {_series(record, own, [row.part for row in rows])}
    for source, where in _candidates(record, rows, others):
        series = _series(source, where.definition, where.parts)
        enough = all(len(of_row) >= RUNS for of_row in series)
        if enough and series not in known and not learned.unusable(where.definition, source):
            known.add(series)
            yield where, [prediction(of_row) for of_row in series]


def _candidates(record: Record, rows: Sequence[Compared], others: Sequence[Record]) -> Iterator[tuple[Record, Place]]:
    own, stated = rows[0].cell.definition, tuple(row.part for row in rows)
    definitions, moved = _other_definitions(record, own), _moves(rows, PARTS)
    yield from ((record, Place(own, parts)) for parts in moved)
    yield from ((record, Place(name, stated)) for name in definitions)
    yield from ((record, Place(name, parts)) for name in definitions for parts in moved)
    in_epochs = curves.with_epochs(record, own)
    of_curves = [curves.part_at(part, epoch) for part in PARTS if part != RUNNING for epoch in curves.EPOCHS]
    together = [tuple(curves.part_at(row.cell.split, epoch) for row in rows) for epoch in curves.EPOCHS]
    yield from ((in_epochs, Place(own, parts)) for parts in [*together, *_moves(rows, of_curves)])
    by_changes = sorted(others, key=lambda other: len(_differing(record, other)))
    yield from ((other, Place(own, stated, _readings(record, other))) for other in by_changes)


def _moves(rows: Sequence[Compared], parts: Iterable[str]) -> list[tuple[str, ...]]:
    """The parts of all numbers if the numbers of one split were of another part: one tuple for each such move.

    No number is moved to the images of another split in `rows`, since two numbers of the same images would be one."""
    stated = {row.cell.split: row.part for row in rows}
    moves = [
        stated | {split: part}
        for split in stated
        for part in parts
        if part != stated[split] and images_of(part) not in stated.keys() - {split}
    ]
    return [tuple(moved[row.cell.split] for row in rows) for moved in moves]


def _other_definitions(record: Record, signature: str) -> list[str]:
    """The other definitions of the same family and kind (`_kind`) that the record has values of.

    Those that differ from `signature` in fewer fields come first, else in the order of the record."""
    own = Definition.parse(signature)
    family = next((family for family in FAMILIES if own.metric in family), {own.metric})
    computed = {name: None for run in record.runs for part in PARTS for name in run.metrics.get(part, {})}
    parsed = [other for name in computed if (other := Definition.parse(name)) != own]
    alike = [other for other in parsed if other.metric in family and _kind(other) == _kind(own)]

    def departures(other: Definition) -> int:
        return sum(one != another for one, another in zip(astuple(own), astuple(other), strict=True))

    return list(map(str, sorted(alike, key=departures)))


def _kind(definition: Definition) -> tuple[str, bool]:
    """What two definitions must share to explain each other: what they are about (one class of images, all classes, or
    pixels), and whether their values are never positive."""
    of_class = definition.target if definition.target.startswith("class=") else "classes"
    return of_class if "class" in definition.target else "pixels", definition.metric == "squared-dice-loss"


def _series(record: Record, signature: str, parts: Iterable[str]) -> tuple[tuple[float, ...], ...]:
    """For each part, the values of all repeats."""
    return tuple(tuple(values(record, part, signature)) for part in parts)


def _differing(record: Record, other: Record) -> list[str]:
    """The keys of the readings that differ between two records."""
    keys = dict.fromkeys([*other.readings, *record.readings])
    return [key for key in keys if other.readings.get(key) != record.readings.get(key)]


def _readings(record: Record, other: Record) -> str:
    """The readings of `other` that differ from the record's, such as "weights=best"; "weights=default" if only the
    record has a reading of weights."""
    return " ".join(as_shown({key: other.readings.get(key, "default") for key in _differing(record, other)}))


def images_of(part: str) -> str:
    """The split whose images a part is of, such as "train" for the part "train (running)"."""
    return part.partition(" (")[0]
