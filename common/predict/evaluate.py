"""Evaluates trained networks on a labelled data set: every metric of a run, paired differences between networks, and a
row of numbers for each image. evaluation_tables.py shows the results, evaluation_files.py writes them."""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

import numpy as np

from common.data import manifest
from common.data.case import Case
from common.data.fetch import Found
from common.data.prepare import Prepared
from common.errors import BadInput
from common.evidence import metrics
from common.evidence.clinical import dice_of_images
from common.evidence.counts import Rows
from common.evidence.definition import comparable
from common.evidence.shapes import TOLERANCE
from common.evidence.statistics import PairedDifference, bootstrap, paired_bootstrap
from common.predict.bundled import find_network
from common.recipe import Recipe
from common.training import model_file
from common.training.evaluate import NoProbabilities, evaluate
from common.training.logits import beside_probabilities
from common.training.model_file import About
from common.training.request import cache_folder, prepare_for

_WORST = 10  # images of each network whose marked pixels are kept


class Score(NamedTuple):
    """The value of a definition with its 95 % interval over the images; NaN if undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one network. All networks are evaluated on the same images.

    letter: "A", "B", ...; "" if there is only one network.
    recipe: the settings of the evaluation: those of the training, except for the reading of several masks
        (`_masks_that_count`).
    dataset: the name of the data set. It is the name of a published set only if the pixels are the published ones.
    seen: how many images of `rows` belong to the data set that the network was trained on (`_count_seen`); None if that
        is not known.
    seen_whole: whether the network was trained on this very data set.
    doubts: `Prepared.doubts`, about the whole data set.
    cases: the evaluated images, in the order of `with_blank`.
    files: for each case, the path of its image relative to the folder of the data set; the id of the case if the data
        set is a packed file.
    rows: the counts of the images whose class is unknown or one that all networks were trained on.
    with_blank: `rows`, then the counts of the blank images of the class normal, if not all networks were trained on
        that class.
    left_out: by class, the number of images that are not evaluated.
    scores: by signature of the definition, over `rows`.
    against: by signature, the difference to the first network; {} for the first network.
    worst: the predicted masks, bool (side, side), of up to 10 images, by their position in `rows`. Images with a lower
        Dice come first, and among equals those with more wrong pixels. Images without a wrong pixel are not in it."""

    letter: str
    file: Path
    about: About
    recipe: Recipe
    dataset: str
    seen: int | None
    seen_whole: bool
    doubts: tuple[str, ...]
    cases: list[Case]
    files: list[str]
    rows: Rows
    with_blank: Rows
    left_out: dict[str, int]
    scores: dict[str, Score]
    against: dict[str, PairedDifference]
    worst: dict[int, np.ndarray] = field(repr=False)

    @property
    def grid(self) -> str:
        """The size in pixels to which every image is resized for the network. All lengths and areas are in these
        pixels."""
        return f"{self.recipe.side}x{self.recipe.side}"

    @property
    def prefix(self) -> str:
        """The beginning of a line about this network: "A: "; "" if there is only one network."""
        return f"{self.letter}: " if self.letter else ""


def evaluate_all(
    named: list[Path],
    found: Found,
    runs: Path,
    watched: Callable[[Iterable, int], Iterable] = lambda batches, number: batches,
) -> list[Evaluated]:
    """Evaluates networks on the same images and with the same truth (`_masks_that_count`), each at its own image size.

    Evaluated are the images whose class is unknown or one that all networks were trained on. Blank images of the class
    normal are evaluated too if not all networks were trained on it, and kept apart (`Evaluated.with_blank`).

    named: the networks, as in `find_network`. runs: the folder for the prepared arrays. watched: as in
    `common.training.evaluate.evaluate`.

    Raises BadInput for more than 26 networks, for a file that is not a network, if no image of a usable class is there,
    and for a network whose output for an image is not a probability.
    """
    if len(named) > len(ascii_uppercase):
        raise BadInput(f"{len(named)} networks: at most {len(ascii_uppercase)} can be compared.")
    files_of_networks = [find_network(each) for each in named]
    networks = [model_file.load(file) for file in files_of_networks]
    recipes, cache = [about.recipe for _, about in networks], cache_folder(runs)
    masks = _masks_that_count(recipes, found, cache)
    truth = prepare_for(recipes[0].model_copy(update={"masks": masks}), found, cache).masks
    known, blank, left_out = _choose_images(recipes, found, truth)
    positions = np.array([*known, *blank])
    cases = [found.cases[position] for position in positions]
    files = [case.id if found.packed else os.path.relpath(case.image, found.folder) for case in cases]
    knows_classes = all(case.label for case in cases)
    done: list[Evaluated] = []
    for letter, file, (model, about) in zip(ascii_uppercase, files_of_networks, networks, strict=False):
        recipe = about.recipe.model_copy(update={"masks": masks})
        prepared = prepare_for(recipe, found, cache)
        try:
            with_blank, marked = evaluate(beside_probabilities(model), prepared, positions, recipe, watched)
        except NoProbabilities as error:
            raise NoProbabilities(f"{file} can't be used. {error}") from error
        rows = with_blank.take(np.arange(len(known)))
        own = [*metrics.STANDARD, *metrics.of_batches(recipe.batch_size)]
        own += metrics.of_classes(recipe) if knows_classes else []
        values, intervals = metrics.values(rows, own), bootstrap(rows, own)
        done.append(
            Evaluated(
                letter=letter if len(networks) > 1 else "",
                file=file,
                about=about,
                recipe=recipe,
                dataset=manifest.true_name(prepared.name, prepared.fingerprint),
                seen=_count_seen(about, prepared, found, known),
                seen_whole=prepared.fingerprint == about.fingerprint,
                doubts=prepared.doubts,
                cases=cases,
                files=files,
                rows=rows,
                with_blank=with_blank,
                left_out=left_out,
                scores={each: Score(values[each], *intervals[each]) for each in own},
                against=_compare_with(done[0], rows, own, recipe) if done else {},
                worst={image: marked[image].copy() for image in _worst_images(rows)},
            )
        )
    return done


def _choose_images(
    recipes: list[Recipe], found: Found, truth: np.ndarray
) -> tuple[list[int], list[int], dict[str, int]]:
    """Chooses the images to evaluate. truth: the prepared masks, uint8 (cases, side, side).

    Returns the positions of the images whose class is unknown or one that all networks were trained on, the positions
    of the other blank images of the class normal, and by class how many images are left out. Raises BadInput if the
    first list is empty."""
    labels = [case.label for case in found.cases]
    classes = [label for label in recipes[0].classes if all(label in recipe.classes for recipe in recipes)]
    known = [position for position, label in enumerate(labels) if label in ("", *classes)]
    if not known:
        trained_on = ", ".join(classes) or "no class"
        raise BadInput(f"{found.name} has images of {', '.join(sorted({*labels}))}; trained on by all: {trained_on}.")
    others = sorted({*range(len(labels))} - {*known})
    blank = [position for position in others if labels[position] == "normal" and not truth[position].any()]
    return known, blank, dict(Counter(labels[position] for position in sorted({*others} - {*blank})))


def _masks_that_count(recipes: list[Recipe], found: Found, cache: Path) -> str:
    """How several masks of one image become its truth, as in `Recipe.masks`.

    The reading in a recipe is about the masks of BUSI. So it counts only on the published BUSI, and only if all
    networks share it. Otherwise the truth is the union of all masks of an image ("merged")."""
    readings = {recipe.masks for recipe in recipes}
    if len(readings) > 1 or {case.id for case in found.cases} != manifest.published().keys():
        return "merged"
    prepared = prepare_for(recipes[0], found, cache)
    is_busi = manifest.true_name(prepared.name, prepared.fingerprint) == "busi"
    return recipes[0].masks if is_busi else "merged"


def _count_seen(about: About, prepared: Prepared, found: Found, positions: list[int]) -> int | None:
    """How many of these images belong to the data set that a network was trained on, in whichever part of its split.

    None if that is not known: single images can only be recognised if the network was trained on BUSI (by their
    pixels), and not in a packed file."""
    if prepared.fingerprint == about.fingerprint:
        return len(positions)
    if manifest.true_name(about.data, about.fingerprint) not in ("busi", "busi, changed") or found.packed:
        return None
    if prepared.digests:
        return manifest.count_of_busi(prepared.digests[position] for position in positions)
    return manifest.count_of_busi(manifest.digest_all([found.cases[position] for position in positions]).values())


def _compare_with(first: Evaluated, rows: Rows, signatures: list[str], recipe: Recipe) -> dict[str, PairedDifference]:
    """The paired differences to the first network, by signature: for the definitions that both networks have and that
    can be compared image by image. Definitions over batches can't."""
    same_grid, of_batches = recipe.side == first.recipe.side, metrics.of_batches(recipe.batch_size)
    both = [each for each in signatures if each in first.scores and each not in of_batches]
    return paired_bootstrap(rows, first.rows, [each for each in both if comparable(each, same_grid)])


def _worst_images(rows: Rows) -> list[int]:
    """The positions in `rows` of the worst images, as `Evaluated.worst` describes."""
    _, fp, fn, _ = rows.overlap(0.5)
    wrong = fp + fn
    return [image for image in np.lexsort((-wrong, dice_of_images(rows))).tolist() if wrong[image]][:_WORST]


def describe_images(each: Evaluated) -> list[dict[str, str | int | float | None]]:
    """One row of numbers for each image, in the order of `cases`. The keys are the columns of images.csv.

    All numbers compare the prediction above 0.5 with the mask, at the size to which the image is resized for the
    network. A key that ends in `px_at_128x128`, for example, is in pixels of that size.

        file                    as in `Evaluated.files`
        dice, iou               0 if only one of prediction and mask is empty, None if both are
        true_px, predicted_px   areas of the mask and of the prediction
        lesions, found, missed  numbers of lesions of the mask (`shapes.match_regions`)
        false_regions           number of marked regions that match no lesion, specks included
        hd95, assd              distances of the outlines (`shapes.surface_distances`), None if either is empty
        surface_dice_2px        `shapes.count_near_outlines`, None if both outlines are empty
    """
    rows, px = each.with_blank, f"px_at_{each.grid}"
    tp, fp, fn, _ = rows.overlap(0.5)
    columns = {
        "file": each.files,
        "dice": _ratios(dice_of_images(rows), 1),
        "iou": _ratios(tp, tp + fp + fn),
        f"true_{px}": (tp + fn).tolist(),
        f"predicted_{px}": (tp + fp).tolist(),
        "lesions": rows.lesions.astype(int).tolist(),
        "found": rows.lesions_found.astype(int).tolist(),
        "missed": (rows.lesions - rows.lesions_found).astype(int).tolist(),
        "false_regions": (rows.regions - rows.regions_matched).astype(int).tolist(),
        f"hd95_{px}": _ratios(rows.hd95, 1),
        f"assd_{px}": _ratios(rows.assd, 1),
        f"surface_dice_{TOLERANCE}px": _ratios(rows.outline_near, rows.outline),
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _ratios(parts: np.ndarray, wholes: np.ndarray | int) -> list[float | None]:
    """parts / wholes, rounded to six decimals, more than one image can tell apart. None if undefined."""
    values = np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=np.asarray(wholes) > 0)
    return [round(value, 6) if math.isfinite(value) else None for value in values.tolist()]
