"""How trained networks do on another labelled set: every metric of a run, differences image by image, and a row of
plain numbers for each image. It shows and writes nothing (evaluation_tables.py, evaluation_files.py)."""

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import keras
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
from common.recipe import Recipe
from common.training.evaluate import NoProbabilities, evaluate
from common.training.logits import beside_probabilities
from common.training.model_file import About
from common.training.request import prepare_for

_WORST = 10  # images of each network whose marked pixels are kept


@dataclass(frozen=True)
class Evaluated:
    """One network on the images that all are evaluated on. recipe: the settings that it was evaluated with, those of
    its training but for the reading of several masks (`evaluate_all`). dataset: the name of the set, that of the
    published one only if it has the published pixels. seen: how many of the images of `rows` are of the set that the
    network was trained on (`_count_seen`); None where that is not known. seen_whole: whether it was trained on this
    very set. doubts: of `Prepared`, on the whole set.
    rows: of the images of the classes that all networks were trained on. with_blank: the same, then the rows of the
    blank images of the class normal where not all were trained on that. cases: of `with_blank`, in the same order.
    left_out: how many images of each other class there are, which are not used.
    values: by signature, over `rows`; interval: of each. against: the differences to the first network, {} for it.
    worst: what the network marks in the images with the most errors, the worst first, by their place in `rows`: bool
    (side, side) each. Those have the lowest Dice, and of equal ones the most wrong pixels; an image without a wrong
    pixel is none of them."""

    file: Path
    about: About
    recipe: Recipe
    dataset: str
    seen: int | None
    seen_whole: bool
    doubts: tuple[str, ...]
    cases: list[Case]
    rows: Rows
    with_blank: Rows
    left_out: dict[str, int]
    values: dict[str, float]
    interval: dict[str, tuple[float, float]]
    against: dict[str, PairedDifference]
    worst: dict[int, np.ndarray] = field(repr=False)

    @property
    def grid(self) -> str:
        """The size, in pixels, at which the network sees every image and at which all lengths and areas are taken."""
        return f"{self.recipe.side}x{self.recipe.side}"


def evaluate_all(networks: list[tuple[Path, keras.Model, About]], found: Found, cache: Path) -> list[Evaluated]:
    """Evaluates every network on the images of those classes that all networks were trained on, and on those without a
    known class; each network at its own size. All are held against one truth (`_masks_that_count`). Normal images that
    not all were trained on are evaluated too, and kept apart (`Evaluated.with_blank`). cache: a folder for the prepared
    arrays, which may be missing.

    Raises BadInput where there are no such images, and for a network whose output for one is no probability.
    """
    recipes = [about.recipe for *_, about in networks]
    classes = [label for label in recipes[0].classes if all(label in recipe.classes for recipe in recipes)]
    positions = np.flatnonzero([case.label in ("", *classes) for case in found.cases])
    if not len(positions):
        there = ", ".join(sorted({case.label for case in found.cases}))
        raise BadInput(f"{found.name} has images of {there}; trained on by all: {', '.join(classes) or 'no class'}.")
    known, knows_classes = len(positions), all(found.cases[position].label for position in positions)
    masks = _masks_that_count(recipes, found, cache)
    others = np.setdiff1d(np.arange(len(found.cases)), positions)
    truth = prepare_for(recipes[0].model_copy(update={"masks": masks}), found, cache).masks
    blank = [each for each in others if found.cases[each].label == "normal" and not truth[each].any()]
    positions = np.concatenate([positions, blank]).astype(int)
    left_out = Counter(found.cases[position].label for position in np.setdiff1d(others, blank))
    done: list[Evaluated] = []
    for file, model, about in networks:
        recipe = about.recipe.model_copy(update={"masks": masks})
        prepared = prepare_for(recipe, found, cache)
        try:
            with_blank, marked = evaluate(beside_probabilities(model), prepared, positions, recipe)
        except NoProbabilities as error:
            raise NoProbabilities(f"{file} can't be used. {error}") from error
        rows = with_blank.take(np.arange(known))
        of_classes = [] if knows_classes else metrics.of_classes(recipe)
        own = [each for each in metrics.standard(recipe) if each not in of_classes]
        paired = _comparable_with(done[0], own, about) if done else []
        done.append(
            Evaluated(
                file=file,
                about=about,
                recipe=recipe,
                dataset=manifest.true_name(prepared.name, prepared.fingerprint),
                seen=_count_seen(about, prepared, found, positions[:known]),
                seen_whole=prepared.fingerprint == about.fingerprint,
                doubts=prepared.doubts,
                cases=[found.cases[position] for position in positions],
                rows=rows,
                with_blank=with_blank,
                left_out=dict(left_out),
                values=metrics.values(rows, own),
                interval=bootstrap(rows, own),
                against=paired_bootstrap(rows, done[0].rows, paired) if done else {},
                worst={image: marked[image].copy() for image in _worst_images(rows)},
            )
        )
    return done


def _masks_that_count(recipes: list[Recipe], found: Found, cache: Path) -> str:
    """How several masks of an image become its truth, as in `Recipe.masks`. The papers' reading is of BUSI's masks: it
    holds for the published BUSI alone, and where all networks share it. Else all masks are the truth together."""
    readings = {recipe.masks for recipe in recipes}
    if len(readings) > 1 or {case.id for case in found.cases} != manifest.published().keys():
        return "merged"
    prepared = prepare_for(recipes[0], found, cache)
    is_busi = manifest.true_name(prepared.name, prepared.fingerprint) == "busi"
    return recipes[0].masks if is_busi else "merged"


def _count_seen(about: About, prepared: Prepared, found: Found, positions: np.ndarray) -> int | None:
    """How many of these images are of the set that a network was trained on, whichever of its parts they were in. None
    where that is not known: single images are known of BUSI alone, by their pixels, and not of a packed file."""
    if prepared.fingerprint == about.fingerprint:
        return len(positions)
    if manifest.true_name(about.data, about.fingerprint) not in ("busi", "busi, changed") or found.packed:
        return None
    if prepared.digests:
        return manifest.count_of_busi(prepared.digests[position] for position in positions)
    return manifest.count_of_busi(manifest.digest_all([found.cases[position] for position in positions]).values())


def _comparable_with(first: Evaluated, signatures: list[str], about: About) -> list[str]:
    """The signatures of which both networks have a value that can be compared image by image, which one over batches
    can't."""
    same_grid = about.recipe.side == first.about.recipe.side
    of_batches = metrics.of_batches(about.recipe.batch_size)
    return [
        each for each in signatures if each in first.values and each not in of_batches and comparable(each, same_grid)
    ]


def _worst_images(rows: Rows) -> list[int]:
    _, fp, fn, _ = rows.overlap(0.5)
    wrong = fp + fn
    return [image for image in np.lexsort((-wrong, dice_of_images(rows))).tolist() if wrong[image]][:_WORST]


def describe_images(each: Evaluated) -> list[dict[str, str | int | float | None]]:
    """For each image its numbers by name, in the order of `cases`; the names are the columns of images.csv. All
    are of the prediction above 0.5 against the mask, at the size at which the network sees the image: a name that ends
    in `px_at_128x128` is in pixels of that size.

    file: the image. dice, iou: 0 where the network marks something and the mask nothing, or the other way round; None
    where both are empty. true_px, predicted_px: the areas. lesions, found, missed: lesions of the mask
    (`shapes.match_regions`). false_regions: marked regions that match no lesion, specks too. hd95, assd: the distances
    of the outlines (`shapes.surface_distances`), None where either is empty. surface_dice_2px: `shapes.
    count_near_outlines`, None where both are.
    """
    rows, px = each.with_blank, f"px_at_{each.grid}"
    tp, fp, fn, _ = rows.overlap(0.5)
    columns = {
        "file": [str(case.image) for case in each.cases],
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
    """To six digits, which is more than an image decides; None where it is undefined."""
    values = np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=np.asarray(wholes) > 0)
    return [round(value, 6) if math.isfinite(value) else None for value in values.tolist()]
