"""What is said about an evaluation besides its numbers: which images were used and which not, what may not be meant so,
and which of the images a network may have learned from."""

from pathlib import Path
from string import ascii_uppercase

from common.data.fetch import Found
from common.data.listing import first_few
from common.predict.evaluate import Evaluated


def describe_files(evaluated: list[Evaluated], found: Found, runs: Path) -> list[str]:
    """A line for each kind of file that is left out or can't be used, and for each doubt about one that is used. Writes
    a file into `runs` (`Found.describe_unusable`)."""
    doubts = dict.fromkeys(doubt for each in evaluated for doubt in each.doubts)
    return found.describe_unusable(runs) + [f"Doubtful: {doubt}" for doubt in first_few(doubts)]


def describe_choice(evaluated: list[Evaluated]) -> list[str]:
    """Which images and masks the numbers are of, where that is not simply all of them: a line for each choice."""
    lines, (first, *others) = [], evaluated
    untrained = "not all networks were trained" if others else "the network was not trained"
    if blank := len(first.with_blank) - len(first.rows):
        lines.append(
            f"Blank images of the class normal, on which {untrained}: {blank}. They count in the blank images marked "
            "and in what clinicians ask for, and not in the definitions."
        )
    for label, number in first.left_out.items():
        lines.append(f"Left out: {count_images(number)} of the class {label}, on which {untrained}.")
    if first.dataset == "busi" and len({each.about.recipe.masks for each in evaluated}) > 1:
        lines.append(
            "The networks were trained with different readings of several masks of an image. Here all masks of an "
            "image are its truth, for every network."
        )
    return lines


def describe_seen(each: Evaluated) -> str:
    """A warning where images are of the set that the network was trained on, "" where none is known to be."""
    little = "its scores here say little about new images."
    if each.seen_whole:
        return f"Trained on images of this very set: {little}"
    if each.seen:
        of = f"{each.seen} of {count_images(len(each.rows))}"
        return f"{of} {'is' if each.seen == 1 else 'are'} of BUSI, on which this network was trained: {little}"
    return ""


def describe_all(evaluated: list[Evaluated], found: Found, runs: Path) -> list[str]:
    """Every line of this module."""
    warnings = [f"{letter}{warning}" for letter, each in with_letters(evaluated) if (warning := describe_seen(each))]
    return describe_files(evaluated, found, runs) + describe_choice(evaluated) + warnings


def with_letters(evaluated: list[Evaluated]) -> list[tuple[str, Evaluated]]:
    """Each network, and what it is called where there are several: "A: ", "B: "; "" where there is one."""
    return [
        (f"{letter}: " if len(evaluated) > 1 else "", each)
        for letter, each in zip(ascii_uppercase, evaluated, strict=False)
    ]


def count_images(number: int) -> str:
    return f"{number} image{'' if number == 1 else 's'}"
