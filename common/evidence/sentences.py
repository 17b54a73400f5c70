"""What is said of a printed number, in words. Every page, table and command takes its sentences from here."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from common.evidence import claims
from common.evidence.answers import Answer, Runs
from common.evidence.claims.relations import possible_range
from common.evidence.definition import Definition
from common.evidence.results import Compared, Record
from common.evidence.statistics import Prediction
from common.evidence.trivial import BACKGROUND
from common.evidence.verdict import MEANINGS, MOST_REPEATS, RUNS, VERDICTS
from common.paper import Paper
from common.reported import Reported, printed


def say_verdict(answer: Answer) -> str:
    """One plain sentence: why the number has its verdict, or what small runs hint at."""
    return _say_hint(answer) or _why(answer)


def explain(answer: Answer) -> list[str]:
    """What a person can repeat of one number, in a few lines: the verdict; ours; what the number means; what learns
    nothing; whether others contradict it; where else one would see it."""
    head, row = answer.head, answer.row
    lines = [f"{answer.paper.name.capitalize()}, {name_number(head)} ({head.where}): {answer.verdict}."]
    lines += [_say_ours(answer), _say_meaning(answer), _say_nothing(answer)]
    lines += [
        row.note if answer.verdict in ("impossible", "contradicted") else "Nothing that it prints contradicts it."
    ]
    lines += [answer.elsewhere.sentence if answer.elsewhere else ""]
    return [line for line in lines if line]


def say_paper(paper: Paper, found: Iterable[Answer]) -> str:
    """One sentence on a whole paper: how many of its own numbers have which verdict, columns of tables as one."""
    own = _own(found)
    unnamed = {} if paper.data_named else {"other data": ("is of data without a name", "are of data without a name")}
    stale = " Some of the runs are stale." if any(answer.stale and answer.runs for answer in own) else ""
    return _say_counts(own, PLURAL | unnamed) + stale


def say_papers(found: Iterable[Answer]) -> str:
    """The same of several papers, and whether our runs decide any of their numbers."""
    own = _own(found)
    decided = any(answer.verdict in ("holds", "paper higher", "paper lower") for answer in own)
    return _say_counts(own, PLURAL) + ("" if decided else " Our runs do not decide any of them yet.")


def _own(found: Iterable[Answer]) -> list[Answer]:
    """What a paper says of its own work, each number once."""
    return [answer for answer in found if not (answer.again or answer.head.quoted)]


def _say_counts(own: Sequence[Answer], plural: dict[str, tuple[str, str]]) -> str:
    counted = Counter(answer.verdict for answer in own)
    each = [f"{counted[verdict]} {plural[verdict][counted[verdict] > 1]}" for verdict in VERDICTS if counted[verdict]]
    columns = " and columns of tables" if any(len(answer.cells) > 1 for answer in own) else ""
    if len(each) == 1 and len(own) > 1:
        return f"All {each[0].replace(' ', f' numbers{columns} ', 1)}."
    return f"Of {len(own)} numbers{columns}, {_listed(each)}."


# A verdict in a sentence that counts numbers: of one, of several.
PLURAL = {
    "impossible": ("is impossible under its definition", "are impossible under their definitions"),
    "contradicted": ("cannot be right beside others", "cannot all be right as printed"),
    "says nothing": ("could come from a network that has learned nothing",) * 2,
    "holds": ("holds", "hold"),
    "paper higher": ("is higher than ours", "are higher than ours"),
    "paper lower": ("is lower than ours", "are lower than ours"),
    "not decided": ("is not decided", "are not decided"),
    "did not learn": ("rests on networks that did not learn", "rest on networks that did not learn"),
    "other data": ("is of data that we do not have", "are of data that we do not have"),
    "not run": ("is not run at its size yet", "are not run at their size yet"),
    "quoted": ("is quoted", "are quoted"),
}


def name_number(cell: Reported) -> str:
    """Such as "test IoU 0.5667"; "test class accuracy 98.08%, mean of ten folds" of a column."""
    return f"{_part(cell.split)} {cell.name} {cell.value}{cell.unit}"


def _why(answer: Answer) -> str:
    verdict, row = answer.verdict, answer.row
    if verdict in ("impossible", "contradicted"):
        return row.note
    if verdict == "says nothing":
        return _say_nothing(answer)
    if verdict in ("holds", "paper higher", "paper lower"):
        return _say_ours(answer)
    if verdict == "not decided":
        return " ".join(filter(None, [_say_ours(answer), _say_needed(answer)]))
    if verdict == "did not learn":
        return f"Our networks did not learn: {row.note}."
    if verdict == "quoted":
        return f"Quoted from {row.note}."
    if verdict == "other data":
        unnamed = "The paper does not name its data." if not answer.paper.data_named else "We do not have its data."
        return " ".join(filter(None, [unnamed, _say_beside(answer)]))
    return f"{MEANINGS[verdict].capitalize()}."


def _say_ours(answer: Answer) -> str:
    """Ours and how it compares: "Ours is lower: 0.45 (0.40 to 0.50, 5 repeats)."."""
    if answer.shown is None or answer.shown.row.reproduced.mean is None:
        return "" if answer.verdict in ("impossible", "contradicted", "says nothing") else "Not run yet."
    row = answer.shown.row
    if answer.verdict == "holds":
        how = "practically the same"
    elif answer.head.image:
        return f"Ours, over all test images: {_found(answer.shown)}."
    else:
        how = "higher" if row.reproduced.mean > fmean(printed(row.value + row.unit)) else "lower"
    return f"Ours is {how}: {_found(answer.shown)}."


def _say_beside(answer: Answer) -> str:
    if answer.shown is None or answer.shown.row.reproduced.mean is None:
        return ""
    return f"On {answer.shown.assessed.record.dataset.name}, ours is {_found(answer.shown)}."


def _say_hint(answer: Answer) -> str:
    """What the small profile hints at, if the paper's own size was not run."""
    if answer.verdict != "not run" or answer.small is None:
        return ""
    small, row = answer.small, answer.small.row
    if row.note and row.reproduced.mean is not None and row.hint == "":
        unlearned = f"The small networks did not learn: {row.note}."
        return unlearned if not answer.head.image else ""
    if row.hint:
        how = {"near": "practically the same", "paper higher": "less", "paper lower": "more"}[row.hint]
        return f"A hint: small runs give {how}, {_found(small)}."
    if row.reproduced.mean is None:
        return ""
    few = row.reproduced.low is None
    return f"{'Too few small runs' if few else 'Small runs vary too much'} for a hint: {_found(small)}."


def _say_needed(answer: Answer) -> str:
    needed = answer.row.needed
    if needed is None:
        fewer = answer.runs and answer.runs.row.reproduced.n < RUNS and not answer.head.image
        return f"It takes at least {RUNS} repeats." if fewer else ""
    if needed == 0:
        return "No number of repeats would decide it: they vary too much."
    more = f"more than {MOST_REPEATS}" if needed == MOST_REPEATS else f"about {needed}"
    return f"It would take {more} repeats to decide it."


def _say_meaning(answer: Answer) -> str:
    """What the number is in words, and for a mean IoU what it leaves for the tumour alone."""
    cell = answer.head
    said = f"It is the {Definition.parse(cell.definition).in_words()}."
    alone = claims.of_tumour(answer.paper).get(cell.id)
    if alone:
        iou, dice = (f"{(low + high) / 2:.2f}" for low, high in (alone.iou, alone.dice))
        said += (
            f" Together with the accuracy of {alone.accuracy}, the tumour's own IoU would be {iou}, its Dice {dice}."
        )
    return said


def _say_nothing(answer: Answer) -> str:
    """What the best predictor that has learned nothing scores."""
    if answer.nothing is None:
        return ""
    who, scored = answer.nothing
    low, high = (_like(answer.head, end) for end in (scored.low, scored.high))
    between = low if low == high else f"{low} to {high}"
    return f"{_predictor(answer.head, who)} scores {between} on 95 % of random splits."


def _predictor(cell: Reported, who: str) -> str:
    of_class = "class" in Definition.parse(cell.definition).target
    if of_class:
        return "Calling no image positive" if who == BACKGROUND else "Calling every image the larger class"
    return "A blank mask" if who == BACKGROUND else "Giving every pixel the tumour's share as its probability"


def _found(runs: Runs) -> str:
    """Mean, interval and repeats: "0.60 (0.55 to 0.65, 3 small repeats)"."""
    row, record = runs.row, runs.assessed.record
    return f"{_like(row, row.reproduced.mean)} ({', '.join(filter(None, [_interval(row), _repeats(row, record)]))})"


def _interval(row: Compared) -> str:
    found: Prediction = row.reproduced
    if found.low is None:
        return ""
    least, most = possible_range(Definition.parse(row.definition))
    return f"{_like(row, max(least, found.low))} to {_like(row, min(most, found.high))}"


def _repeats(row: Compared, record: Record) -> str:
    small = "small " if record.profile == "small" else ""
    folded = any(run.fold is not None for run in record.runs)
    what = "cross-validation" if folded else "repeat"
    return f"{row.reproduced.n} {small}{what}{'s' * (row.reproduced.n != 1)}"


def _like(cell: Reported | Compared, value: float) -> str:
    """A value with as many digits as the printed number has, two to four, and in its unit."""
    percent = "%" in cell.value + cell.unit
    digits = len(cell.value.removesuffix("%").strip().partition(".")[2])
    return f"{100 * value:.{min(max(digits, 1), 2)}f}%" if percent else f"{value:.{min(max(digits, 2), 4)}f}"


def _part(split: str) -> str:
    return "training" if split == "train" else split


def _listed(parts: list[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def describe_lines(paper: Paper, found: Iterable[Answer]) -> Iterator[str]:
    """A paper in a few lines: what became of its numbers, then a sentence on each headline number."""
    found = list(found)
    yield say_paper(paper, found)
    by_id = {answer.head.id: answer for answer in found}
    for id in paper.headline:
        answer = by_id[id]
        yield f"{name_number(answer.head)}: {answer.verdict}. {say_verdict(answer)}"
