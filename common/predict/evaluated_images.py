"""Chooses the images on which networks and predicted masks are evaluated, and how several masks of one image become its
truth."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data import manifest
from common.data.busi import CLASSES
from common.data.case import Case
from common.data.fetch import Found
from common.errors import BadInput
from common.recipe import Recipe
from common.training.request import prepare_for


@dataclass(frozen=True)
class Images:
    """The images that are evaluated.

    known: the positions in the data set of the images whose class is unknown or one that all networks were trained on.
    blank: the positions of the blank images of the class normal, if not all networks were trained on that class.
    cases: these two, in this order.
    files: for each case, the path of its image relative to the folder of the data set; the id of the case if the data
        set is a packed file.
    left_out: by class, the number of images that are not evaluated."""

    known: list[int]
    blank: list[int]
    cases: list[Case]
    files: list[str]
    left_out: dict[str, int]

    @property
    def positions(self) -> np.ndarray:
        return np.array([*self.known, *self.blank])


def choose_images(recipes: list[Recipe], found: Found, masks: str, runs: Path) -> Images:
    """Chooses the images to evaluate. masks: as in `Recipe.masks`. Raises BadInput if no image is of a usable class."""
    labels = [case.label for case in found.cases]
    classes = [label for label in CLASSES if all(label in recipe.classes for recipe in recipes)]
    known = [position for position, label in enumerate(labels) if label in ("", *classes)]
    if not known:
        trained_on = ", ".join(classes) or "no class"
        raise BadInput(f"{found.name} has images of {', '.join(sorted({*labels}))}; trained on by all: {trained_on}.")
    others = sorted({*range(len(labels))} - {*known})
    normal = [position for position in others if labels[position] == "normal"]
    if normal:
        truth = prepare_for(recipes[0].model_copy(update={"masks": masks}), found, runs).masks
        normal = [position for position in normal if not truth[position].any()]
    left_out = dict(Counter(labels[position] for position in sorted({*others} - {*normal})))
    cases = [found.cases[position] for position in (*known, *normal)]
    files = [case.id if found.packed else os.path.relpath(case.image, found.folder) for case in cases]
    return Images(known, normal, cases, files, left_out)


def masks_that_count(recipes: list[Recipe], found: Found, runs: Path) -> str:
    """How several masks of one image become its truth, as in `Recipe.masks`.

    The reading in a recipe is about the masks of BUSI. So it counts only on the published BUSI, and only if there are
    networks and all share it. Otherwise the truth is the union of all masks of an image ("merged")."""
    readings = {recipe.masks for recipe in recipes}
    if len(readings) != 1 or {case.id for case in found.cases} != manifest.published().keys():
        return "merged"
    prepared = prepare_for(recipes[0], found, runs)
    is_busi = manifest.true_name(prepared.name, prepared.fingerprint) == "busi"
    return recipes[0].masks if is_busi else "merged"
