"""Sentences on a printed number. Every page, table and command takes its sentences from here.

`paper_sentences` has the sentences on a whole paper, and `number_cells` the cells of tables."""

from common.evidence import claims
from common.evidence.answers import Answer
from common.evidence.claims.relations import say_range
from common.evidence.columns import interval_of, is_column
from common.evidence.compared import Compared
from common.evidence.definition import Definition
from common.evidence.number_cells import describe_nothing, describe_ours, describe_width, is_unlearned
from common.evidence.phrases import like, listed, name_line, name_number, say_needed, say_widths
from common.evidence.run_values import is_on_published_splits, name_repeats
from common.evidence.statistics import place
from common.evidence.trivial import BACKGROUND
from common.evidence.verdict import MEANINGS, RUNS, Hint, Verdict, varies_too_much
from common.plural import counted
from common.reported import Reported

# Of normally distributed numbers, 95 % lie within this many standard deviations of their mean.
WITHIN_95 = 1.96

# What small runs do, for each hint about a printed number.
HINTED: dict[Hint, str] = {"near": "come near", "paper higher": "give less", "paper lower": "give more"}

# How our value is, compared with the printed one, if the rules have found a difference.
DIFFERING: dict[Verdict, str] = {"paper higher": "lower", "paper lower": "higher"}

# Why a number outside of our interval may not count as different: all numbers of a record are judged together
# (RULES.md).
BY_CHANCE = "one of several may do so by chance"

# Of the numbers that contradict one number, this many are named; the others are only counted.
NAMED = 3


def say_verdict(answer: Answer) -> str:
    """Why a number has its verdict, or what small runs hint at, in plain words."""
    hint = _say_hint(answer)
    return _joined(hint, _say_more(answer) if answer.is_open else "") if hint else _why(answer)


def explain(answer: Answer) -> list[str]:
    """One number in a few lines to tell others.

    They say the verdict; our value; what the number means; what a guess scores; whether other numbers contradict it;
    how many runs would decide it; where else one would see it. Lines without content are left out."""
    head = answer.head
    where = ", ".join(filter(None, [head.where, name_line(head)]))
    lines = [f"{answer.paper.name.capitalize()}, {name_number(head)} ({where}): {answer.verdict}."]
    lines += [_say_hint(answer) or _say_ours(answer), _say_meaning(answer), _say_nothing(answer)]
    lines += [_say_contradictions(answer), _say_more(answer)]
    lines += [answer.elsewhere.sentence if answer.elsewhere else ""]
    return [line for line in lines if line]


def _say_contradictions(answer: Answer) -> str:
    """Whether other numbers of the paper contradict this one: as they stand, on a premise, or not at all."""
    if answer.verdict in ("impossible", "contradicted"):
        return _why(answer)
    if answer.head.quoted:  # the checks leave out what is quoted
        return ""
    impossible = claims.impossible(claims.check(answer.paper))
    again = (cell for cell in answer.paper.reported if cell.same_as == answer.head.id and cell.id in impossible)
    if found := next(again, None):
        said = say_range(found)
        return f"{said[0].upper()}{said[1:]}."
    ids = {cell.id for cell in answer.cells}
    found = [each for each in claims.check(answer.paper) if ids & set(each.cells) and each.chance is None]
    if not found:
        without = claims.check_without_constant(answer.paper, answer.head) if answer.head.smoothed else []
        if not without:
            return "No other number of the paper contradicts this one."
        return f"Only the constant that its printed formula adds keeps it from a contradiction. {without[0].text}"
    first = min(found, key=lambda each: (each.assumed, bool(each.premise)))
    premise = first.premise or "its digits were rounded and not cut off"
    others = [name_number(cell) for cell in answer.paper.reported if cell.id in first.cells and cell.id not in ids]
    if not others:
        return f"It cannot be right if {premise}."
    if further := len(others[NAMED:]):
        others[NAMED:] = [counted(further, "other number")]
    return f"{listed(['It', *others])} cannot {'both' if len(others) == 1 else 'all'} be right if {premise}."


def _why(answer: Answer) -> str:
    verdict, row = answer.verdict, answer.row
    if verdict in ("impossible", "contradicted"):
        return row.note[:1].upper() + row.note[1:]
    if verdict == "says nothing":
        return _say_nothing(answer)
    if verdict in ("holds", "paper higher", "paper lower"):
        return _say_ours(answer)
    if verdict == "not decided":
        return _joined(_say_ours(answer), _say_more(answer))
    if verdict == "did not learn":
        return f"Our network did not learn: {row.note}."
    if verdict == "quoted":
        return f"Quoted from {row.note}."
    if verdict == "other data":
        unnamed = "The paper does not name its data." if not answer.paper.data_named else "We do not have its data."
        return _joined(unnamed, _say_beside(answer))
    return f"{MEANINGS[verdict].capitalize()}."


def _say_ours(answer: Answer) -> str:
    """Our value, and how it compares with the printed one: "Ours is lower: 0.45 (0.40 to 0.50, 5 repeats).".

    If the rules have not decided this, the sentence says whether the printed number lies in our interval. "" if there
    is no value of ours and the verdict needs none."""
    if answer.ours and answer.ours.row.undefined:
        return f"Ours: {describe_ours(answer)}."
    if not answer.has_value:
        decided_before = answer.verdict in ("impossible", "contradicted", "says nothing")
        return "" if decided_before else "Our runs have no value of it." if answer.ours else "Not run yet."
    row = answer.ours.row
    if answer.verdict == "other data":
        return _say_beside(answer)
    if answer.head.image:
        return f"Ours, over all test images: {describe_ours(answer)}."
    if answer.verdict == "holds":
        return f"Ours is practically the same ({say_within(row)}): {describe_ours(answer)}."
    if answer.verdict in DIFFERING:
        return f"Ours is {DIFFERING[answer.verdict]}: {describe_ours(answer)}."
    found = row.reproduced
    if found.low is None or is_unlearned(answer.ours):
        return f"Ours: {describe_ours(answer)}."
    if _lies_outside(answer, row):
        chance = f", but {BY_CHANCE}" if answer.verdict == "not decided" and row.needed is not None else ""
        return f"Ours: {describe_ours(answer)}. The printed number lies outside{chance}."
    return f"Ours: {describe_ours(answer)}. The printed number lies inside."


def _lies_outside(answer: Answer, row: Compared) -> bool:
    return place(interval_of(answer.cells), (row.reproduced.low, row.reproduced.high)) != "inside"


def _say_beside(answer: Answer) -> str:
    """Our value on other data than the paper's; "" if there is none."""
    if not answer.has_value:
        return ""
    return f"On {answer.ours.assessed.record.dataset.name}, ours is {describe_ours(answer)}."


def _say_hint(answer: Answer) -> str:
    """What small runs hint at, or why they give no hint.

    "" for any verdict except "not run", and if there is no small run with a value of the number."""
    if answer.verdict != "not run" or answer.small is None:
        return ""
    small, row = answer.small, answer.small.row
    if row.note and row.reproduced.mean is not None and row.hint == "":
        unlearned = f"The small network did not learn: {row.note}."
        return unlearned if not answer.head.image else ""
    if row.hint:
        do = f"come {say_within(row)}" if row.hint == "near" else HINTED[row.hint]
        return f"A hint: small runs {do}: {describe_ours(answer, small)}."
    if row.reproduced.mean is None:
        return ""
    if row.margin is None:
        return f"Small runs give {describe_ours(answer, small)}."
    if row.reproduced.low is None or (row.reproduced.n < RUNS and not small.assessed.record.folds):
        return f"Too few small runs for a hint: {describe_ours(answer, small)}."
    yet = "" if row.needed == 0 else " yet"
    if varies_too_much(row.reproduced, row.margin):
        return f"Small runs give no hint{yet}: {describe_width(answer, small)}."
    if _lies_outside(answer, row):
        outside = f"The printed number lies outside, but {BY_CHANCE}"
        return f"Small runs give no hint{yet}: {describe_ours(answer, small)}. {outside}."
    between = "is neither practically the same nor clearly different"
    return f"Small runs give no hint{yet}: {describe_ours(answer, small)} {between}."


def say_within(row: Compared) -> str:
    """The margin in words: "within 0.05", "within 10 points"."""
    return f"within {say_widths(row.cell, row.margin)[0]}"


def _say_more(answer: Answer) -> str:
    """How many repeats would decide a number that our runs leave open, and how far our runs vary over splits and over
    initial weights; "" for what is not known."""
    return _joined(_say_needed(answer), _say_spread(answer))


def _say_needed(answer: Answer) -> str:
    if not answer.is_open or answer.head.image:
        return ""
    row, record = answer.ours.row, answer.ours.assessed.record
    on_published = is_on_published_splits(answer.paper, record)
    unit = name_repeats(answer.paper, record)
    purpose, does = ("for a hint", "give a hint") if record.profile == "small" else ("to decide it", "decide it")
    needed, n = row.needed, row.reproduced.n
    if needed is None:
        if n < RUNS and not (is_column(answer.cells) and record.folds):
            return f"It takes at least {RUNS} {unit}."
        if not on_published or row.margin is None:
            return ""
        return f"Each published split needs two repeats before we can say how many would {does}."
    return say_needed(needed, unit, purpose, does)


def _say_spread(answer: Answer) -> str:
    """How far our runs vary over splits and over initial weights; "" if the runs can't tell both apart."""
    if answer.spread is None:
        return ""
    split, luck = answer.spread.over_splits.sd, answer.spread.over_initialisations.sd
    alone = answer.row.margin is not None and WITHIN_95 * split > answer.row.margin
    return (
        f"Standard deviation: {like(answer.head, split)} over splits, {like(answer.head, luck)} over initial weights"
        + (", so that splits alone vary more than the margin." if alone else ".")
    )


def _say_meaning(answer: Answer) -> str:
    """The definition of the number in words. For a mean IoU, also which IoU and Dice of the tumour alone it leaves."""
    cell = answer.head
    read = "We read it as" if answer.depends_on_reading else "It is"
    said = f"{read} the {Definition.parse(cell.definition).in_words()}."
    alone = claims.of_tumour(answer.paper).get(cell.id)
    if alone:
        iou, dice = (f"{low:.2f} to {high:.2f}" for low, high in (alone.iou, alone.dice))
        said += (
            f" Together with the accuracy of {alone.accuracy}, the tumour's own IoU would be {iou} and its Dice "
            f"{dice}, if a probability of 0.5 decides."
        )
    return said


def _say_nothing(answer: Answer) -> str:
    """What the best predictor that has learned nothing scores; "" if that is not known.

    If the number says nothing only as we read it, the sentences name the premise of our reading, and the premises
    under which the number is better than a guess."""
    if answer.nothing is None:
        return ""
    who, _ = answer.nothing
    scored = describe_nothing(answer)
    splits = "95 % of random splits" if " to " in scored else "every split"
    said = f"{_predictor(answer.head, who)} scores {scored} on {splits}."
    if not answer.depends_on_reading:
        return said
    better = (f"If {premise}, the printed number is better than a guess." for premise in answer.better_if)
    return _joined(f"If {answer.head.premise}, {said[0].lower()}{said[1:]}", *better)


def _predictor(cell: Reported, who: str) -> str:
    of_class = "class" in Definition.parse(cell.definition).target
    if of_class:
        return "Calling no image positive" if who == BACKGROUND else "Calling every image the larger class"
    return "A blank mask" if who == BACKGROUND else "Giving every pixel the tumour's share as its probability"


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
