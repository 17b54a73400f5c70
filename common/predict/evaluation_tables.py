"""The text of `repro evaluate`: notes on the images, and tables with explanations."""

import math
from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

from common.data.fetch import Found
from common.data.listing import first_few
from common.evidence import clinical
from common.evidence.definition import is_distance
from common.evidence.shapes import LEAST_IOU
from common.evidence.statistics import LEAST_FOR_INTERVAL, PairedDifference
from common.plural import counted
from common.predict.bundled import FILE, describe_test_dice
from common.predict.evaluate import Evaluated, Score
from common.predict.ready_masks import LEAST_LESION

_UNDEFINED = Score(math.nan, math.nan, math.nan)
_ABOUT_IMAGES = {clinical.DICE: "mean of", clinical.LESIONS_MISSED: "in"}
_NONE_IN_SET = {
    clinical.DICE: "no lesion in this set",
    clinical.LESIONS_MISSED: "no lesion in this set",
    clinical.BLANK_MARKED: "no blank image in this set",
}


def describe_files(evaluated: list[Evaluated], found: Found, runs: Path) -> list[str]:
    """Lines on the files that are left out or can't be used, and on doubts about images that are used. Writes a file
    into `runs` if images can't be used (`Found.describe_unusable`)."""
    doubts = dict.fromkeys(doubt for each in evaluated for doubt in each.doubts)
    return found.describe_unusable(runs) + [f"Doubtful: {doubt}" for doubt in first_few(doubts)]


def describe_notes(evaluated: list[Evaluated], everything: bool = True) -> list[str]:
    """Lines that a reader of the scores needs: that the phantom is synthetic, which images are not part of every score,
    how several masks of an image were read, and a warning for each network that is known to have been trained on some
    of the images. everything: as in `sections`."""
    lines, first = [], evaluated[0]
    networks = [each for each in evaluated if each.about]
    untrained = "not all networks were trained" if len(networks) > 1 else "the network was not trained"
    if first.dataset == "phantom":
        lines.append("The phantom is synthetic: this shows that the code works and says nothing about patients.")
    if blank := len(first.images.blank):
        have, count = ("has", "It counts") if blank == 1 else ("have", "They count")
        besides = " and in what clinicians ask for, and in no definition" if everything else ""
        only = f"{count} only in '{clinical.BLANK_MARKED}'{besides}."
        lines.append(f"{counted(blank, 'image')} {have} no lesion. {only}")
    for label, number in first.images.left_out.items():
        lines.append(f"Left out: {counted(number, 'image')} of the class {label}, on which {untrained}.")
    if first.dataset == "busi" and len({each.about.recipe.masks for each in networks}) > 1:
        lines.append(
            "The networks were trained with different readings of several masks of an image. Here all masks of an "
            "image are its truth, for every network."
        )
    unknown = "Whether the program that predicted these masks was trained on these images is not known."
    told = [
        (each, _describe_seen(each) if each.about else unknown) for each in evaluated if each.seen or not each.about
    ]
    return lines + [f"{each.prefix}{line}" for each, line in told]


def _describe_seen(each: Evaluated) -> str:
    if each.seen_whole:
        known = "Trained on images of this very set"
    else:
        are = "is" if each.seen == 1 else "are"
        known = f"{each.seen} of {counted(len(each.rows), 'image')} {are} of BUSI, on which this network was trained"
    honest = f" {describe_test_dice()}" if each.file == FILE else ""
    return f"{known}: its scores here say little about new images.{honest}"


def sections(evaluated: list[Evaluated], place: Path, everything: bool) -> Iterator[tuple[Table, list[str]]]:
    """Yields each table, with paragraphs that explain its numbers.

    place: the folder of the images (`Found.folder`). everything: whether to add the tables of every definition and of
    the clinical measures."""
    yield _headline(evaluated, place)
    if everything:
        yield _definitions_table(evaluated), _explain_definitions(evaluated)
        for each in evaluated:
            explained = clinical.explain_measures(each.dataset) if each is evaluated[-1] else []
            yield _clinical_table(each), [f"- {line}" for line in explained]


def _headline(evaluated: list[Evaluated], place: Path) -> tuple[Table, list[str]]:
    """The first table, with its paragraphs. It has a row for each measure of `clinical.headline`, a column for each
    network (A, B, ...) and a column for the difference of each to A."""
    result = _table("", *_columns(evaluated))
    first, *others = [each.with_blank for each in evaluated]
    measures = [clinical.headline(each.with_blank) for each in evaluated]
    changes = [clinical.compare_headlines(other, first) for other in others]
    with_lesion = f"{counted(int(measures[0][0].n), 'image')} with a lesion"
    for number, measure in enumerate(measures[0]):
        of_networks = [_headline_cell(each[number]) for each in measures]
        images = f" ({_ABOUT_IMAGES[measure.name]} {with_lesion})" if measure.name in _ABOUT_IMAGES else ""
        differences = (_change(each[number], _are_enough(measure.n)) for each in changes)
        result.add_row(f"{measure.name}{images}", *of_networks, *differences)
    return result, _explain_headline(evaluated, place, _are_enough(measures[0][0].n))


def _explain_headline(evaluated: list[Evaluated], place: Path, enough: bool) -> list[str]:
    interval = (
        "Below Dice is its 95 % interval: what other images of the same kind may give. It takes the images as "
        "independent; with several images of a patient the true interval is wider."
        if enough
        else f"Of fewer than {LEAST_FOR_INTERVAL} images with a lesion, a 95 % interval would be far too narrow."
    )
    blank = len(evaluated[0].images.blank)
    besides = f", and {counted(blank, 'blank one')} apart" if blank else ""
    images = f"{counted(len(evaluated[0].rows), 'image')} of {evaluated[0].dataset}{besides}"
    lines = [
        f"{images} ({place}). {interval} A lesion is missed if no marked region "
        f"has an IoU above {LEAST_IOU} with it. A blank image is one whose mask marks nothing."
    ]
    if len(evaluated) > 1:
        lines.append(
            "The interval of a difference is of the same resamples of images for both (10,000, bootstrap); it "
            f"is shown from {LEAST_FOR_INTERVAL} images on. A difference is bold if 0 is outside."
        )
    return lines


def _definitions_table(evaluated: list[Evaluated]) -> Table:
    """The table of all definitions: a row for each, and columns as in `_headline`."""
    result, enough = _table("definition", *_columns(evaluated)), len(evaluated[0].rows) >= LEAST_FOR_INTERVAL
    for signature in dict.fromkeys(each for one in evaluated for each in one.scores):
        scores = [_cell(*each.scores.get(signature, _UNDEFINED), enough=enough) for each in evaluated]
        changes = [_change(each.against.get(signature), enough) for each in evaluated[1:]]
        result.add_row(f"{signature}\n{'in pixels' if is_distance(signature) else ''}", *scores, *changes)
    return result


def _explain_definitions(evaluated: list[Evaluated]) -> list[str]:
    grids = ", ".join(f"{each.prefix}{each.grid}" for each in evaluated)
    images = len(evaluated[0].rows)
    of_masks = (
        "Masks of another program are compared at the size of each image. In pooled definitions, an image with more "
        "pixels counts more. Definitions that need probabilities have no value for them. Beside a larger piece of a "
        f"mask, one below {100 * LEAST_LESION:g} % of the image is no lesion."
    )
    true, _, missed, _ = evaluated[0].rows.overlap(0.5)
    of_blank = (
        " A blank image in which something is marked counts as 0 in dice|fg|image|t=0.5, and not at all in the Dice of "
        "the first table."
        if not (true + missed).all()
        else ""
    )
    return [
        f"Each definition is of {'all ' * (images > 1)}{counted(images, 'image')}, with a lesion or without.{of_blank}",
        "A definition says what a number is of. fg: the tumour. bg: all else. mean2: the mean of both. pooled: all "
        "pixels together. image: each image by itself, then averaged. batches=N: N images together, then averaged. "
        "t=0.5: a pixel is marked if its probability is above 0.5. soft: from the probabilities themselves. empty: "
        "what an image counts in which nothing is drawn and nothing is marked. results/definitions.md has "
        "the rest.",
        "Below each value is its 95 % interval over the images (bootstrap, 10,000 resamples); none if all resamples "
        f"have the same value, if all images are one batch, or of fewer than {LEAST_FOR_INTERVAL} images.",
        f"Lengths and areas are in pixels of the size at which the images are evaluated: {grids}.",
        *([of_masks] if any(each.about is None for each in evaluated) else []),
    ]


def _clinical_table(each: Evaluated) -> Table:
    header, *lines = clinical.clinical_table(each.dataset, each.with_blank)
    result = _table(*header)
    result.title, result.title_justify = f"{each.prefix}what clinicians ask for".capitalize(), "left"
    for name, value, interval, n in lines:
        result.add_row(name, value, interval if _are_enough(n) else "-", n)
    return result


def _columns(evaluated: list[Evaluated]) -> list[str]:
    return [each.letter or "value" for each in evaluated] + [f"{each.letter} - A" for each in evaluated[1:]]


def _table(first: str, *others: str) -> Table:
    # Long definitions are folded, not cut off: a definition that is cut off reads as a different one.
    return Table(Column(first, overflow="fold"), *others, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)


def _are_enough(n: str) -> bool:
    """Whether there are enough images or lesions for an interval. n: as in `clinical.Measure`, "12" or "3 of 12"."""
    whole = n.split()[-1]
    return whole.isdecimal() and int(whole) >= LEAST_FOR_INTERVAL


def _headline_cell(measure: clinical.Measure) -> Text:
    if measure.n.split()[-1] == "0":
        return Text(_NONE_IN_SET[measure.name])
    if measure.name != clinical.DICE:
        return Text(f"{measure.n} ({measure.value:.0%})")
    enough = _are_enough(measure.n)
    cell = _cell(measure.value, measure.low, measure.high, digits=3, enough=enough)
    return cell if enough else cell.append("\ntoo few images for an interval", "dim")


def _cell(value: float, low: float, high: float, sign: str = "", digits: int = 4, enough: bool = True) -> Text:
    """A value, and below it its interval if there are enough images. An interval of no width is not shown: all
    resamples gave the same value, which says nothing about other images."""
    if not math.isfinite(value):
        return Text("-")
    form = f"{sign}.{digits}f"
    interval = f"\n{low:{form}} to {high:{form}}" if enough and low < high else ""
    return Text.assemble(f"{value:{form}}", (interval, "dim"))


def _change(difference: PairedDifference | None, enough: bool) -> Text:
    """A difference and its interval, as in `_cell`. It is bold if there are enough images and 0 is outside the
    interval."""
    if difference is None:
        return Text("-")
    text = _cell(difference.value, difference.low, difference.high, sign="+", enough=enough)
    if enough and difference.certain:
        text.stylize("bold")
    return text
