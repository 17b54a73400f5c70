"""What would explain a gap: one other definition, or one other reading, whose intervals contain all numbers of a kind.

Numbers of a kind are those that a paper prints in one place under one definition, such as the IoU of train and test in
a table. Where one of them lies outside its interval, every other definition that may have the same name is tried for
all of them, and every other reading that was run; for training images also the other pass over them. The more are
tried, and the wider their intervals, the likelier one of them fits by chance. That probability is given too.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from common.evidence import learned
from common.evidence.compare import RUNS_TO_REFUTE, values
from common.evidence.definition import COSTS, LOSSES, OF_TRAINING, Definition
from common.evidence.results import RUNNING, Compared, Record
from common.evidence.statistics import Interval, place, prediction
from common.evidence.trivial import NOTHING
from common.paper import Paper, as_shown
from common.reported import printed

# Metrics that papers call by one name: "IoU" or "Dice" for any of these ratios, "loss" for any of these losses.
FAMILIES = ({"iou", "dice", "printed-dice"}, {"bce", *LOSSES})

OUTSIDE = ("paper higher", "paper lower", "outside (small)")
INSIDE = ("agrees", "undecided", "inside (small)")

_NAMED = 3  # readings; more are only counted
_DRAWS = 20_000  # give the probability of a fit by chance to about one in a hundred of itself


@dataclass(frozen=True)
class Explanation:
    """cells: ids of the numbers of a kind. definitions, readings (as typed): those whose intervals contain all of them,
    the narrowest first. tried: how many of both there were. chance: the probability that numbers drawn uniformly within
    `plausible`, as many and printed as finely, lie in the intervals of one of those tried. sentence: all of it in
    words."""

    cells: tuple[str, ...]
    definitions: tuple[str, ...]
    readings: tuple[str, ...]
    tried: int
    chance: float
    plausible: Interval
    sentence: str


def explanations(
    paper: Paper, record: Record, rows: Iterable[Compared], others: Sequence[Record] = ()
) -> list[Explanation]:
    """One for each kind of numbers of which one lies outside, in the order of the rows.

    rows: those of the record (`compare.rows`) that were compared with whole repeats. Verdicts without a comparison,
        such as "quoted", are left out.
    others: records of other readings of the paper; those of another profile, data set or network are left out.
    """
    kinds: dict[tuple[str, str], list[Compared]] = {}
    for row in rows:
        if row.verdict in (*OUTSIDE, *INSIDE):
            kinds.setdefault((row.where, row.definition), []).append(row)
    outside = [cells for cells in kinds.values() if any(cell.verdict in OUTSIDE for cell in cells)]
    same = [other for other in others if _comparable(paper, record, other)]
    return [explained for cells in outside if (explained := explain_kind(record, cells, same))]


def explain_kind(record: Record, cells: Sequence[Compared], others: Sequence[Record] = ()) -> Explanation | None:
    """The other definitions of this record, and the other records under the cells' own definition, whose intervals
    contain all these cells of one kind. Records whose network did not learn are left out. None where there is nothing
    to try."""
    own = cells[0].definition
    definitions = {name: _box(record, cells, name) for name in _candidates(record, cells)} | _other_pass(record, cells)
    usable = [other for other in others if not learned.unusable(own, other)]
    readings = {_readings(record, other): _box(other, cells, own) for other in usable}
    boxes = {name: box for name, box in (definitions | readings).items() if box}
    if not boxes:
        return None
    shown = [printed(cell.value + cell.unit) for cell in cells]
    found = [
        name
        for name, box in boxes.items()
        if all(place(number, interval) == "inside" for number, interval in zip(shown, box, strict=True))
    ]
    found.sort(key=lambda name: float(np.prod(np.diff(boxes[name]))))
    plausible = plausible_range(record, cells, [own, *(name for name in definitions if name in boxes)], shown)
    chance = chance_of(list(boxes.values()), [(high - low) / 2 for low, high in shown], plausible)
    return Explanation(
        cells=tuple(cell.id for cell in cells),
        definitions=tuple(name for name in found if name in definitions),
        readings=tuple(name for name in found if name in readings),
        tried=len(boxes),
        chance=chance,
        plausible=plausible,
        sentence=_sentence(record, cells, found, boxes, readings, chance, plausible, len(others) - len(usable)),
    )


def _candidates(record: Record, cells: Sequence[Compared]) -> list[str]:
    """The other definitions of the same family, of pixels or of classes alike. One that has the same value as another
    one in every run is listed once. A definition is left out where a network behind it did not learn."""
    own = Definition.parse(cells[0].definition)
    family = next((family for family in FAMILIES if own.metric in family), {own.metric})
    computed = {name: None for run in record.runs for name in run.metrics.get(cells[0].split, {})}
    series, kept = {_series(record, cells, cells[0].definition)}, []
    for name in computed:
        other = Definition.parse(name)
        if other.metric not in family or _kind(other) != _kind(own) or learned.unusable(name, record):
            continue
        if (values_of := _series(record, cells, name)) not in series:
            series.add(values_of)
            kept.append(name)
    return kept


def _other_pass(record: Record, cells: Sequence[Compared]) -> dict[str, list[Interval] | None]:
    """The box of the same definition with the other pass over the training images: evaluated afterwards instead of
    printed by `fit`, or the reverse. {} where no cell is of training images."""
    others = {RUNNING: "train", "train": RUNNING}
    swapped = [cell.model_copy(update={"part": others.get(cell.part, cell.part)}) for cell in cells]
    parts = {cell.part for cell in swapped} & others.keys()
    return {f"{cells[0].definition} of {part}": _box(record, swapped, cells[0].definition) for part in parts}


def _kind(definition: Definition) -> tuple[str, bool]:
    """Whether it is about one class of images, about both, or about pixels; and whether it is never positive."""
    of_class = definition.target if definition.target.startswith("class=") else "classes"
    return of_class if "class" in definition.target else "pixels", definition.metric == "squared-dice-loss"


def _series(record: Record, cells: Sequence[Compared], signature: str) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(values(record, cell.part, signature)) for cell in cells)


def _box(record: Record, cells: Sequence[Compared], signature: str) -> list[Interval] | None:
    """The interval of each cell under one definition; None where one of them has too few runs to refute a number."""
    of_cells = [prediction(series) for series in _series(record, cells, signature)]
    enough = all(each.n >= RUNS_TO_REFUTE for each in of_cells)
    return [(each.low, each.high) for each in of_cells] if enough else None


def plausible_range(
    record: Record, cells: Sequence[Compared], signatures: Sequence[str], shown: Sequence[Interval]
) -> Interval:
    """The range in which a number of this kind can be expected: from the score of a predictor that has learned nothing
    to a perfect score. Of the two predictors the better one counts under each definition. The range is extended to
    printed numbers outside. Over all of 0 to 1, any fit of an accuracy would look unlikely to be chance, since in
    practice no accuracy is below 0.9."""
    own = Definition.parse(cells[0].definition)
    loss = own.metric in COSTS
    ends = [0.0 if loss else 1.0, *(end for interval in shown for end in interval)]
    if str(own) == OF_TRAINING:  # there is no perfect score: the range is one epoch to the most that were seen
        ends += values(record, cells[0].split, OF_TRAINING)
    for signature in signatures:
        for split in {cell.split for cell in cells}:
            runs = [values(record, split, signature, who) for who in NOTHING]
            scores = [fmean(of_runs) for of_runs in runs if of_runs]
            ends += [(min if loss else max)(scores)] if scores else []
    return min(ends), max(ends)


def chance_of(
    boxes: Sequence[Sequence[Interval]], rounding: Sequence[float], plausible: Interval, seed: int = 0
) -> float:
    """The probability that a point lies in one of the boxes, if each of its coordinates is drawn uniformly within the
    plausible range. Boxes are widened by half a unit of the last printed digit. The probability is the volume of their
    union: the sum over boxes of volume times the share of points in the box that lie in no earlier box, estimated by
    drawing (Karp & Luby 1983). This is exact to a few per cent even where the probability is tiny."""
    least, most = plausible
    half = np.array(rounding)
    lows, highs = (np.array(boxes)[..., end] for end in (0, 1))
    lows = ((lows - half).clip(least, most) - least) / (most - least)
    highs = ((highs + half).clip(least, most) - least) / (most - least)
    random, volume = np.random.default_rng(seed), 0.0
    for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
        points = random.uniform(low, high, (_DRAWS, len(low)))
        earlier = np.zeros(_DRAWS, bool)
        for before in range(i):
            earlier |= ((points >= lows[before]) & (points <= highs[before])).all(axis=1)
        volume += float(np.prod(high - low) * np.mean(~earlier))
    return min(volume, 1.0)


def _comparable(paper: Paper, record: Record, other: Record) -> bool:
    network = paper.network_of(record.readings) == paper.network_of(other.readings)
    return network and record.conditions == other.conditions and record.choices != other.choices


def _readings(record: Record, other: Record) -> str:
    """How another record's readings differ from a record's, such as "weights=best", or "weights=default" for a reading
    that only the record has."""
    keys = dict.fromkeys([*other.readings, *record.readings])
    differing = [key for key in keys if other.readings.get(key) != record.readings.get(key)]
    return " ".join(as_shown({key: other.readings.get(key, "default") for key in differing}))


def _sentence(
    record: Record,
    cells: Sequence[Compared],
    found: Sequence[str],
    boxes: dict[str, list[Interval]],
    readings: Collection[str],
    chance: float,
    plausible: Interval,
    unlearned: int,
) -> str:
    """All of an explanation in words. unlearned: how many other readings were left out."""
    numbers = [f"{cell.split} {cell.name} {cell.value}{cell.unit}" for cell in cells]
    small = " (small profile)" if record.profile == "small" else ""
    one = len(cells) == 1
    lie = f"The {numbers[0]} lies" if one else f"Of {', '.join(numbers)}, at least one lies"
    said = f"{lie} outside the interval of `{cells[0].definition}`{small}."
    tried = _tried(boxes.keys() - readings, [name for name in boxes if name in readings])
    left_out = f" Left out: {unlearned} other reading{'s' * (unlearned != 1)} with a network that did not learn."
    left_out *= bool(unlearned)
    it = "it" if one else "all of them"
    if not found:
        return f"{said} {tried}: none contains {it}.{left_out}"
    best = ", ".join(f"{low:.4f} to {high:.4f}" for low, high in boxes[found[0]])
    also = f", and so {'does' if len(found) == 2 else 'do'} {len(found) - 1} more" if len(found) > 1 else ""
    drawn = "A number" if one else f"{len(cells)} numbers"
    between = f"between {plausible[0]:.4g} and {plausible[1]:.4g}"
    explained = f"would have been explained so in {percent(chance)} of draws"
    said += f" {tried}: `{found[0]}` contains {it} ({best}){also}."
    return f"{said} {drawn} drawn at random {between} {explained}.{left_out}"


def _tried(definitions: Collection[str], readings: Collection[str]) -> str:
    """What was tried: "14 other definitions and 2 other readings (weights=best, masks=first) tried"; of many readings
    only their number."""
    counted = {"definition": len(definitions), "reading": len(readings)}
    parts = [f"{number} other {kind}{'s' * (number != 1)}" for kind, number in counted.items() if number]
    named = f" ({', '.join(readings)})" if 0 < len(readings) <= _NAMED else ""
    return f"{' and '.join(parts)}{named} tried"


def percent(chance: float) -> str:
    return f"{chance:.0%}" if chance >= 0.1 else f"{chance:.1%}" if chance >= 0.001 else "less than 0.1%"
