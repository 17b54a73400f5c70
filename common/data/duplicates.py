"""Finds images that show the same thing: how alike two images are, which images form a group of copies, which groups
BUSI has, and how many test images of a split have a copy among the training images.

Two copies of an image may differ in contrast, in size, in how much was cut off, and in calipers and captions drawn on
them. They agree in where the tissue is a little brighter or darker than its surroundings. Each image is reduced to this
pattern, at 48 x 48 pixels. The likeness of two images is the correlation of their patterns where they fit best.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from scipy.sparse.csgraph import connected_components

from common.data import splits
from common.data.case import Case
from common.errors import BadInput
from common.paper import Paper
from common.plural import counted
from common.recipe import Recipe

# The least likeness of copies. The pairs of BUSI leave a gap here: two images that look the same have a likeness of
# 0.39 or more, others of 0.35 or less. Copies and neighbouring frames are found. Other pictures of the same lesion are
# not: their likeness lies below the gap, like that of unlike images. Mammograms for which the threshold was not chosen
# (mammo_masses) have a gap there too, from 0.32 to 0.45.
THRESHOLD = 0.37
REPEATS = 200  # splits drawn for each paper
METHOD = (
    "Pearson correlation of local contrast (grey at 48 x 48 pixels, less its Gaussian mean and over its Gaussian "
    "deviation, sigma 1.5 pixels), the best over shifts of 4 pixels each way and enlargements of one of the two by 1.1 "
    "in height or 1.2 or 1.4 in width"
)
_SIDE = 48
_SHIFT = 4  # the most pixels that two copies may be shifted, each way
# Factors of height and width. Images of a curved probe, with black corners, were also published cut to a rectangle. At
# 48 x 48 pixels, such a copy shows the same but wider.
_ZOOMS = ((1.0, 1.0), (1.1, 1.0), (1.0, 1.2), (1.0, 1.4))
_SIGMA = 1.5  # pixels
_WHITE = 250  # the least grey level of a white frame
_FAINT = 4.0  # grey levels: much lower contrast is noise, and must not become as strong as that of tissue


def patterns(grey: np.ndarray) -> list[np.ndarray]:
    """The local contrast of an image, uint8 (height, width), at each zoom: float32, 48 x 48 pixels or more."""
    inside = _unframed(grey)
    return [_contrast(cv2.resize(inside, size, interpolation=cv2.INTER_AREA)) for size in _sizes()]


def _unframed(grey: np.ndarray) -> np.ndarray:
    """The largest part of the image between rows and columns that are at least four fifths white. They are the frame of
    a scanned film, which has more contrast than anything on the film and would make any two films alike."""
    for _ in range(2):  # rows, then columns
        frame = np.flatnonzero(np.pad((grey >= _WHITE).mean(axis=1) >= 0.8, 1, constant_values=True))
        widest = np.diff(frame).argmax()
        inside = grey[frame[widest] : frame[widest + 1] - 1].T
        grey = inside if inside.size else grey.T
    return grey


def _sizes() -> list[tuple[int, int]]:
    """The width and height of a pattern at each zoom."""
    return [(round(_SIDE * width), round(_SIDE * height)) for height, width in _ZOOMS]


def _contrast(grey: np.ndarray) -> np.ndarray:
    """The local contrast, float32: the difference of each pixel to the mean around it, over the deviation there."""
    grey = grey.astype(np.float32)
    difference = grey - cv2.GaussianBlur(grey, (0, 0), _SIGMA)
    deviation = np.sqrt(cv2.GaussianBlur(difference**2, (0, 0), _SIGMA))
    return difference / (deviation + _FAINT)


def likeness(all_patterns: Sequence[list[np.ndarray]]) -> np.ndarray:
    """The likeness of any two images: float32 (n, n) in -1..1, symmetric, with 0 on the diagonal.

    all_patterns: what `patterns` returns for each of n images. The time grows with n². 780 images take about 15 s on
    one core.
    """
    number, inner = len(all_patterns), _SIDE - 2 * _SHIFT
    best = np.full((number, number), -1, np.float32)
    middle = slice(_SHIFT, _SHIFT + inner)
    cores = _standardised(np.stack([each[0][middle, middle] for each in all_patterns]))
    for zoom, (width, height) in enumerate(_sizes()):
        zoomed = np.stack([each[zoom] for each in all_patterns])
        for top in range(height - inner + 1):
            for left in range(width - inner + 1):
                windows = _standardised(zoomed[:, top : top + inner, left : left + inner])
                np.maximum(best, cores @ windows.T, out=best)
    best = np.maximum(best, best.T)
    np.fill_diagonal(best, 0)
    return best


def _standardised(windows: np.ndarray) -> np.ndarray:
    """Each window as a vector of mean 0 and length 1, so that the product of two is their correlation. A window without
    contrast becomes 0, so that it is not like any other."""
    vectors = windows.reshape(len(windows), -1)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def groups(alike: np.ndarray) -> list[list[int]]:
    """The groups of two or more images that are joined by a chain of alike pairs, as positions in ascending order.

    alike: bool (n, n), symmetric.
    """
    _, joined = connected_components(alike, directed=False)
    members = (np.flatnonzero(joined == number).tolist() for number in np.flatnonzero(np.bincount(joined) > 1))
    return sorted(members)


def closest(alike: np.ndarray, low: float, high: float) -> Iterator[tuple[int, int, float]]:
    """The pairs with a likeness of at least `low` and below `high`, the most alike first.

    alike: float (n, n), symmetric.
    """
    one, other = np.nonzero(np.triu((alike >= low) & (alike < high), 1))
    for at in np.argsort(-alike[one, other], kind="stable"):
        yield int(one[at]), int(other[at]), float(alike[one[at], other[at]])


@cache
def known_in_busi() -> Mapping[str, Any]:
    """The committed groups of copies in BUSI, as `repro data audit` wrote them: the `fingerprint` of the data set in
    which they were found, `method`, `threshold`, and `groups`, each a list of ids of cases."""
    return json.loads((files("common.data") / "busi.duplicates.json").read_text(encoding="ascii"))


def regroup(cases: Sequence[Case], fingerprint: str) -> tuple[tuple[Case, ...], np.ndarray]:
    """Puts all copies of an image into one `Case.group`, so that a grouped split has no copy of a training image in the
    test part. Returns the same cases in the same order, with these groups, and the positions, int64, of the cases to
    use. Groups with images of two classes are not used, since nobody knows their label.

    fingerprint: the `manifest.fingerprint` of the cases. Copies are known only for the published BUSI. The cases of
    other data sets keep their groups and are all used.
    """
    known = known_in_busi()
    if fingerprint != known["fingerprint"]:
        return tuple(cases), np.arange(len(cases))
    first = {case: members[0] for members in known["groups"] for case in members}
    regrouped = tuple(replace(case, group=first.get(case.id, case.group)) for case in cases)
    labels: dict[str, set[str]] = {}
    for case in regrouped:
        labels.setdefault(case.group, set()).add(case.label)
    return regrouped, np.flatnonzero([len(labels[case.group]) == 1 for case in regrouped])


def copies_of(fingerprint: str) -> dict[str, list[str]]:
    """The ids of the copies of each case that has any, by its id. {} if the fingerprint is not that of the published
    BUSI."""
    known = known_in_busi()
    if fingerprint != known["fingerprint"]:
        return {}
    return {case: [other for other in group if other != case] for group in known["groups"] for case in group}


def leakage(cases: Sequence[Case], alike: np.ndarray, recipe: Recipe, repeats: int = REPEATS) -> np.ndarray:
    """The share of test images with a copy among the training images in each repeat with seed 0: float64 (repeats,) in
    0..1. In a cross-validation it is the mean over the folds. Raises BadInput if the cases can't be split as the recipe
    asks.

    alike: bool (n, n), whether two cases are copies.
    """
    used = np.flatnonzero([case.label in recipe.classes for case in cases])
    drawn = (splits.draw(cases, used, recipe, 0, repeat) for repeat in range(repeats))
    return np.array([np.mean([_leaked(alike, one.train, one.test).mean() for one in each]) for each in drawn])


def leakage_of_papers(
    cases: Sequence[Case], alike: np.ndarray, papers: Sequence[Paper]
) -> dict[str, dict[str, float | int]]:
    """The share of leaked test images of each paper under its default splits, by its name: the number of splits, the
    mean, and a range from `low` to `high`. The range holds 95 % of random splits, or all splits that the paper
    publishes. A paper is left out if the cases can't fill its classes, folds or lists."""
    leaked = {}
    for paper in papers:
        try:
            recipe = paper.plain_recipe()
            lists = splits.published_lists(recipe.published) if recipe.split == "published" else []
            shares = leakage(cases, alike, recipe, len(lists) or REPEATS)
        except BadInput:
            continue
        low, high = np.quantile(shares, [0, 1] if lists else [0.025, 0.975]).round(4).tolist()
        mean = round(float(shares.mean()), 4)
        leaked[paper.name] = {
            "repeats": len(shares),
            "published": bool(lists),
            "mean": mean,
            "low": low,
            "high": high,
        }
    return leaked


def say_range(leaked: Mapping[str, Any]) -> str:
    """Says the range of the share of leaked test images. leaked: what `leakage_of_papers` returns for one paper."""
    low, high, number = leaked["low"], leaked["high"], leaked["repeats"]
    over = f"in 95 % of {number} random splits"
    if leaked["published"]:
        over = f"over the {counted(number, 'published split')}"
    return f"{low:.0%} to {high:.0%} {over}"


def leakage_of_lists(
    ids: Sequence[str], alike: np.ndarray, lists: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, dict[str, Any]]:
    """For each split the number of its test images, and the ids of those with a copy among the training images. lists:
    the positions of the training and the test part of each split, by a name."""
    return {
        name: {"test": len(test), "leaked": [ids[one] for one in test[_leaked(alike, train, test)]]}
        for name, (train, test) in lists.items()
    }


def _leaked(alike: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Whether each test image has a copy among the training images, bool (test,). train, test: positions."""
    return alike[np.ix_(test, train)].any(axis=1)
