"""What is said of a printed number, in words. Every page, table and command takes its sentences from here;
`paper_sentences` has those on a whole paper."""

from collections.abc import Iterable

from common.evidence import claims, learned
from common.evidence.answers import Answer, Runs
from common.evidence.claims.relations import possible_range
from common.evidence.columns import is_column, is_count, shown_of
from common.evidence.definition import Definition
from common.evidence.phrases import counted, like, name_metric, name_number, say_needed
from common.evidence.results import Compared, Record
from common.evidence.run_values import is_on_published_splits, name_repeats
from common.evidence.statistics import Prediction
from common.evidence.trivial import BACKGROUND
from common.evidence.verdict import DID_NOT_LEARN, MEANINGS, RUNS, Hint, best_of
from common.reported import Reported

# Of normally distributed numbers, 95 % are within so many standard deviations of their mean.
WITHIN_95 = 1.96

# What small runs give, of a hint about a printed number.
HINTED: dict[Hint, str] = {"near": "practically the same", "paper higher": "less", "paper lower": "more"}


def say_verdict(answer: Answer) -> str:
    """One plain sentence: why the number has its verdict, or what small runs hint at."""
    return _say_hint(answer) or _why(answer)


def explain(answer: Answer) -> list[str]:
    """What a person can repeat of one number, in a few lines: the verdict; ours; what the number means; what learns
    nothing; whether others contradict it; where else one would see it."""
    head = answer.head
    lines = [f"{answer.paper.name.capitalize()}, {name_number(head)} ({head.where}): {answer.verdict}."]
    lines += [_say_ours(answer), _say_meaning(answer), _say_nothing(answer)]
    lines += [_say_contradictions(answer), _say_more(answer)]
    lines += [answer.elsewhere.sentence if answer.elsewhere else ""]
    return [line for line in lines if line]


def _say_contradictions(answer: Answer) -> str:
    """Whether other numbers of the paper contradict it: as they stand, on a premise, or not at all."""
    if answer.verdict in ("impossible", "contradicted"):
        return _why(answer)
    if answer.head.quoted:  # the checks leave out what is quoted
        return ""
    again = [cell.id for cell in answer.paper.reported if cell.same_as == answer.head.id]
    impossible = claims.impossible(claims.check(answer.paper))
    if found := next((impossible[id] for id in again if id in impossible), None):
        return f"It is impossible under another definition: {found.text}"
    ids = {cell.id for cell in answer.cells}
    found = [each for each in claims.check(answer.paper) if ids & set(each.cells) and each.chance is None]
    if not found:
        return "No other number of the paper contradicts this one."
    first = min(found, key=lambda each: (each.assumed, bool(each.premise)))
    premise = first.premise or "its digits were rounded and not cut off"
    return f"It and other numbers cannot all be right if {premise}."


def describe_printed(answer: Answer) -> str:
    """A number as the paper prints it; of a column also what it is of the folds: "98.08%, mean of 10 folds"."""
    head, folds = answer.head, sum(cell.fold is not None for cell in answer.cells)
    value = head.shown
    if len(answer.cells) == 1:
        return value
    return f"{value}, {head.statistic if head.statistic == 'mean' else f'fold {head.fold}'} of {folds} folds"


def describe_ours(answer: Answer, runs: Runs | None = None) -> str:
    """Mean, interval and repeats: "0.60 (0.55 to 0.65, 3 small repeats)"; of a single image, our images; of a cell of a
    confusion matrix, our folds; "-" for none. runs: without these, those that stand beside the number."""
    runs = runs or answer.shown
    if runs is None or runs.row.reproduced.mean is None:
        return "-"
    row = runs.row
    small = "small " if runs.assessed.record.profile == "small" else ""
    repeats = count_repeats(runs.assessed.record, row.reproduced.n, small)
    if answer.head.image or is_count(answer.head):
        repeats = f"{row.reproduced.n} {small}{'image' if answer.head.image else 'fold'}s"
    unlearned = DID_NOT_LEARN if learned.unusable(row.definition, runs.assessed.record) else ""
    about = [_interval(row), repeats, unlearned, "" if runs.assessed.fresh else "stale"]
    return f"{like(row, row.reproduced.mean)} ({', '.join(filter(None, about))})"


def describe_nothing(answer: Answer) -> str:
    """What the best predictor that has learned nothing scores on 95 % of random splits: "0.45 to 0.47"."""
    if answer.nothing is None:
        return "-"
    _, scored = answer.nothing
    low, high = (like(answer.head, end) for end in (scored.low, scored.high))
    return low if low == high else f"{low} to {high}"


def say_in_cells(cell: Reported, row: Compared, nothing: Iterable[Prediction]) -> tuple[str, str, str, str, str]:
    """A row of a small table: the number; as printed; ours with its interval; the best of what learns nothing; the
    verdict, or what small runs hint at. nothing: the scores of each such predictor; empty where only those on the
    splits of the runs are known."""
    scored = list(nothing) or [Prediction(1, mean) for mean in row.trivial.values()]
    best, mean = best_of(row.definition, scored), row.reproduced.mean
    two = row.reproduced.n == 2  # whose interval goes from end to end
    interval = "" if two or not _interval(row) else f" ({_interval(row)})"
    return (
        name_metric(cell),
        row.shown,
        "-" if mean is None else f"{like(row, mean)}{interval}",
        "-" if best is None else like(row, best.mean),
        f"hint: {row.hint}" if row.hint else row.verdict,
    )


def _why(answer: Answer) -> str:
    verdict, row = answer.verdict, answer.row
    if verdict in ("impossible", "contradicted"):
        return row.note[:1].upper() + row.note[1:]
    if verdict == "says nothing":
        return _say_nothing(answer)
    if verdict in ("holds", "paper higher", "paper lower"):
        return _say_ours(answer)
    if verdict == "not decided":
        return " ".join(filter(None, [_say_ours(answer), _say_more(answer)]))
    if verdict == "did not learn":
        return f"Our network did not learn: {row.note}."
    if verdict == "quoted":
        return f"Quoted from {row.note}."
    if verdict == "other data":
        unnamed = "The paper does not name its data." if not answer.paper.data_named else "We do not have its data."
        return " ".join(filter(None, [unnamed, _say_beside(answer)]))
    return f"{MEANINGS[verdict].capitalize()}."


def _say_ours(answer: Answer) -> str:
    """Ours and how it compares: "Ours is lower: 0.45 (0.40 to 0.50, 5 repeats)."."""
    if not answer.has_value:
        decided_before = answer.verdict in ("impossible", "contradicted", "says nothing")
        return "" if decided_before else "Our runs have no value of it." if answer.shown else "Not run yet."
    row = answer.shown.row
    if answer.verdict == "other data":
        return _say_beside(answer)
    if answer.head.image:
        return f"Ours, over all test images: {describe_ours(answer)}."
    if learned.unusable(row.definition, answer.shown.assessed.record):
        return f"Ours: {describe_ours(answer)}."
    low, high = shown_of(answer.cells)
    how = "lower" if row.reproduced.mean < low else "higher" if row.reproduced.mean > high else "the same"
    how = "practically the same" if answer.verdict == "holds" or answer.hint == "near" else how
    return f"Ours is {how}: {describe_ours(answer)}."


def _say_beside(answer: Answer) -> str:
    if not answer.has_value:
        return ""
    return f"On {answer.shown.assessed.record.dataset.name}, ours is {describe_ours(answer)}."


def _say_hint(answer: Answer) -> str:
    """What the small profile hints at, if the paper's own size was not run."""
    if answer.verdict != "not run" or answer.small is None:
        return ""
    small, row = answer.small, answer.small.row
    if row.note and row.reproduced.mean is not None and row.hint == "":
        unlearned = f"The small network did not learn: {row.note}."
        return unlearned if not answer.head.image else ""
    if row.hint:
        return f"A hint: small runs give {HINTED[row.hint]}, {describe_ours(answer, small)}."
    if row.reproduced.mean is None:
        return ""
    if row.margin is None:
        return f"Small runs give {describe_ours(answer, small)}."
    few = row.reproduced.low is None or (row.reproduced.n < RUNS and not small.assessed.record.folds)
    why = "Too few small runs" if few else "Small runs vary too much"
    return " ".join(filter(None, [f"{why} for a hint: {describe_ours(answer, small)}.", _say_more(answer)]))


def _say_more(answer: Answer) -> str:
    """Of a number that our runs leave open, how many would decide it; and how far they vary over splits and initial
    weights, where that is known."""
    return " ".join(filter(None, [_say_needed(answer), _say_spread(answer)]))


def _say_needed(answer: Answer) -> str:
    if not answer.is_open or answer.head.image:
        return ""
    row, record = answer.shown.row, answer.shown.assessed.record
    on_published = is_on_published_splits(answer.paper, record)
    unit = name_repeats(answer.paper, record)
    needed, n = row.needed, row.reproduced.n
    if needed is None:
        if n < RUNS and not (is_column(answer.cells) and record.folds):
            return f"It takes at least {RUNS} {unit}."
        if not on_published or row.margin is None:
            return ""
        return "How many repeats it would take can't be said before each published split has two."
    small = record.profile == "small"
    return say_needed(needed, unit, *(("for a hint", "give a hint") if small else ("to decide it", "decide it")))


def _say_spread(answer: Answer) -> str:
    """How much of our spread is split and how much is luck, where runs tell both apart."""
    if answer.spread is None:
        return ""
    split, luck = answer.spread.over_splits.sd, answer.spread.over_initialisations.sd
    alone = answer.row.margin is not None and WITHIN_95 * split > answer.row.margin
    return (
        f"Standard deviation: {like(answer.head, split)} over splits, {like(answer.head, luck)} over initial weights"
        + (", so that splits alone vary more than the margin." if alone else ".")
    )


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
    who, _ = answer.nothing
    scored = describe_nothing(answer)
    splits = "95 % of random splits" if " to " in scored else "every split"
    return f"{_predictor(answer.head, who)} scores {scored} on {splits}."


def _predictor(cell: Reported, who: str) -> str:
    of_class = "class" in Definition.parse(cell.definition).target
    if of_class:
        return "Calling no image positive" if who == BACKGROUND else "Calling every image the larger class"
    return "A blank mask" if who == BACKGROUND else "Giving every pixel the tumour's share as its probability"


def _interval(row: Compared) -> str:
    found: Prediction = row.reproduced
    if found.low is None:
        return ""
    least, most = possible_range(Definition.parse(row.definition))
    return f"{like(row, max(least, found.low))} to {like(row, min(most, found.high))}"


def count_repeats(record: Record, number: int, kind: str = "") -> str:
    """Such as "3 small repeats", "1 cross-validation"."""
    return counted(number, f"{kind}{'cross-validation' if record.folds else 'repeat'}")
