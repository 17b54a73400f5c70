"""What is said about an evaluation besides its numbers: which images were used and which not, what may not be meant so,
which of the images a network may have learned from, and what the numbers mean."""

from pathlib import Path

from common.data.fetch import Found
from common.data.listing import first_few
from common.evidence.clinical import explain_measures
from common.evidence.shapes import LEAST_IOU
from common.predict.evaluate import Evaluated


def describe_files(evaluated: list[Evaluated], found: Found, runs: Path) -> list[str]:
    """A line for each kind of file that is left out or can't be used, and for each doubt about one that is used. Writes
    a file into `runs` (`Found.describe_unusable`)."""
    doubts = dict.fromkeys(doubt for each in evaluated for doubt in each.doubts)
    return found.describe_unusable(runs) + [f"Doubtful: {doubt}" for doubt in first_few(doubts)]


def describe_notes(evaluated: list[Evaluated]) -> list[str]:
    """Which images and masks the numbers are of, where that is not simply all of them, a line for each choice; and a
    warning for each network that was trained on some of the images, as far as that is known."""
    lines, (first, *others) = [], evaluated
    untrained = "not all networks were trained" if others else "the network was not trained"
    if blank := len(first.with_blank) - len(first.rows):
        lines.append(
            f"Blank images of the class normal, on which {untrained}: {blank}. They count in the blank images marked "
            "and in what clinicians ask for, and not in the definitions."
        )
    for label, number in first.left_out.items():
        lines.append(f"Left out: {_count_images(number)} of the class {label}, on which {untrained}.")
    if first.dataset == "busi" and len({each.about.recipe.masks for each in evaluated}) > 1:
        lines.append(
            "The networks were trained with different readings of several masks of an image. Here all masks of an "
            "image are its truth, for every network."
        )
    return lines + [f"{each.prefix}{_describe_seen(each)}" for each in evaluated if each.seen]


def _describe_seen(each: Evaluated) -> str:
    if each.seen_whole:
        known = "Trained on images of this very set"
    else:
        are = "is" if each.seen == 1 else "are"
        known = f"{each.seen} of {_count_images(len(each.rows))} {are} of BUSI, on which this network was trained"
    return f"{known}: its scores here say little about new images."


def explain_headline(evaluated: list[Evaluated]) -> list[str]:
    """What the numbers of `headline_table` mean, in one or two paragraphs."""
    lines = [
        f"{_count_images(len(evaluated[0].rows))} of {evaluated[0].dataset}. Below Dice is its 95 % interval: what "
        "other images of the same kind may give. It takes the images as independent; with several images of a patient "
        "the true interval is wider. A lesion is missed if nothing that the network marks has an IoU above "
        f"{LEAST_IOU} with it. A blank image is one whose mask marks nothing."
    ]
    if len(evaluated) > 1:
        lines.append(
            "Differences are of the same resamples of images (10,000, bootstrap). They are bold if 0 is outside."
        )
    return lines


def explain_definitions(evaluated: list[Evaluated]) -> list[str]:
    """How to read `evaluation_table`."""
    grids = ", ".join(f"{each.prefix}{each.grid}" for each in evaluated)
    return [
        "A definition says what a number is of. fg: the tumour. bg: all else. mean2: the mean of both. pooled: all "
        "pixels together. image: each image by itself, then averaged. batches=N: N images together, then averaged. "
        "t=0.5: a pixel is marked if its probability is above 0.5. soft: from the probabilities themselves. empty: "
        "what an image counts in which neither mask nor network marks anything. results/definitions.md has the rest.",
        "Below each value is its 95 % interval over the images (bootstrap, 10,000 resamples); none if all resamples "
        "have the same value, or if all images are one batch.",
        f"Lengths and areas are in pixels of the size at which the network sees every image: {grids}.",
    ]


def explain_clinical(evaluated: list[Evaluated]) -> list[str]:
    """What the names in `clinical_view` mean."""
    return [f"- {line}" for line in explain_measures(evaluated[0].dataset)]


def _count_images(number: int) -> str:
    return f"{number} image{'' if number == 1 else 's'}"
