"""Images that show the same thing: how alike two are, which of them form a group, which groups BUSI has, and how many
test images of a split have a copy among the training images.

Two copies of an image may differ in contrast, in size, in how much was cut off, and in calipers and captions drawn on
them. They agree in where the tissue is a little brighter or darker than its surroundings. Each image is reduced to this
pattern, at 48 x 48 pixels; the likeness of two images is the correlation of their patterns where they fit best.
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

# The pairs of BUSI leave a gap here: two images that look the same have a likeness of 0.39 or more, others of 0.35 or
# less. Other pictures of the same lesion lie below the gap, among unlike pairs: copies and neighbouring frames are
# found, and not all images of a patient. Mammograms that the threshold was not chosen for (mammo_masses) have a gap
# there too, from 0.32 to 0.45.
THRESHOLD = 0.37
REPEATS = 200  # splits drawn for each paper
METHOD = (
    "Pearson correlation of local contrast (grey at 48 x 48 pixels, less its Gaussian mean and over its Gaussian "
    "deviation, sigma 1.5 pixels), the best over shifts of 4 pixels each way and enlargements of one of the two by 1.1 "
    "in height or 1.2 or 1.4 in width"
)
_SIDE = 48
_SHIFT = 4  # pixels, each way, that an image may lie off
# An image with black corners, as a curved probe gives, was also published cut to a rectangle: the same, but wider.
_ZOOMS = ((1.0, 1.0), (1.1, 1.0), (1.0, 1.2), (1.0, 1.4))  # of height and width
_SIGMA = 1.5
_WHITE = 250  # grey level
_FAINT = 4.0  # grey levels: contrast far below it is noise, and is not raised to that of tissue


def patterns(grey: np.ndarray) -> list[np.ndarray]:
    """The local contrast of an image, uint8 (height, width), at each zoom: float32, 48 x 48 pixels or more."""
    inside = _unframed(grey)
    return [_contrast(cv2.resize(inside, size, interpolation=cv2.INTER_AREA)) for size in _sizes()]


def _unframed(grey: np.ndarray) -> np.ndarray:
    """The largest part of the image between rows and columns that are four fifths white: the frame of a scanned film
    has more contrast than anything on it, and would make any two films alike."""
    for _ in range(2):  # rows, then columns
        frame = np.flatnonzero(np.pad((grey >= _WHITE).mean(axis=1) >= 0.8, 1, constant_values=True))
        widest = np.diff(frame).argmax()
        inside = grey[frame[widest] : frame[widest + 1] - 1].T
        grey = inside if inside.size else grey.T
    return grey


def _sizes() -> list[tuple[int, int]]:
    """Width and height at each zoom."""
    return [(round(_SIDE * width), round(_SIDE * height)) for height, width in _ZOOMS]


def _contrast(grey: np.ndarray) -> np.ndarray:
    grey = grey.astype(np.float32)
    difference = grey - cv2.GaussianBlur(grey, (0, 0), _SIGMA)
    deviation = np.sqrt(cv2.GaussianBlur(difference**2, (0, 0), _SIGMA))
    return difference / (deviation + _FAINT)


def likeness(all_patterns: Sequence[list[np.ndarray]]) -> np.ndarray:
    """How alike any two images are: float32 (n, n) in -1..1, symmetric, with 0 on the diagonal.

    all_patterns: what `patterns` gives for each of n images. Time grows with n², some 15 s of one core for 780.
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
    """Each window as a vector of mean 0 and length 1, so that a product of two is their correlation. A window without
    contrast becomes 0, and is like nothing."""
    vectors = windows.reshape(len(windows), -1)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def groups(alike: np.ndarray) -> list[list[int]]:
    """Groups of two or more images that a chain of alike pairs joins: their positions, in ascending order.

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
    """The committed groups of BUSI, as `repro data audit` wrote them: `fingerprint` of the pixels that they were found
    in, `method`, `threshold`, and `groups`, each a list of ids of cases."""
    return json.loads((files("common.data") / "busi.duplicates.json").read_text(encoding="ascii"))


def regroup(cases: Sequence[Case], fingerprint: str) -> tuple[tuple[Case, ...], np.ndarray]:
    """Cases for a split that has no copy of a training image in the test part: the same cases in the same order, with
    all copies of an image in one `Case.group`, and the positions, int64, of those to be used. Groups with images of two
    classes are not used, since nobody knows their label.

    fingerprint: of the cases' pixels (`manifest.fingerprint`). Copies are known of the published BUSI alone; other
    cases keep their group and are all used.
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
    """From the id of a case to those of its copies; {} where the fingerprint is not that of the published BUSI."""
    known = known_in_busi()
    if fingerprint != known["fingerprint"]:
        return {}
    return {case: [other for other in group if other != case] for group in known["groups"] for case in group}


def leakage(cases: Sequence[Case], alike: np.ndarray, recipe: Recipe, repeats: int = REPEATS) -> np.ndarray:
    """The share of test images with a copy among the training images: float64 (repeats,) in 0..1, of each repeat with
    seed 0, averaged over its folds. Raises BadInput where the cases can't be split so.

    alike: bool (n, n), whether two cases are copies.
    """
    used = np.flatnonzero([case.label in recipe.classes for case in cases])
    drawn = (splits.draw(cases, used, recipe, 0, repeat) for repeat in range(repeats))
    return np.array([np.mean([_leaked(alike, one.train, one.test).mean() for one in each]) for each in drawn])


def leakage_of_papers(
    cases: Sequence[Case], alike: np.ndarray, papers: Sequence[Paper]
) -> dict[str, dict[str, float | int]]:
    """For each paper the share of leaked test images under its default splits, and how many splits these are: the mean,
    and the ends between which 95 % of random splits, or all that it publishes, lie. A paper whose classes, folds or
    lists the cases can't fill is left out."""
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
    """From where to where the share of leaked test images goes. leaked: of one paper (`leakage_of_papers`)."""
    low, high, number = leaked["low"], leaked["high"], leaked["repeats"]
    over = f"in 95 % of {number} random splits"
    if leaked["published"]:
        over = f"over the {counted(number, 'published split')}"
    return f"{low:.0%} to {high:.0%} {over}"


def leakage_of_lists(
    ids: Sequence[str], alike: np.ndarray, lists: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, dict[str, Any]]:
    """For each split, the positions of its training and test part: how many test images it has, and the ids of those
    with a copy among the training images."""
    return {
        name: {"test": len(test), "leaked": [ids[one] for one in test[_leaked(alike, train, test)]]}
        for name, (train, test) in lists.items()
    }


def _leaked(alike: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Which test images have a copy among the training images, bool (test,)."""
    return alike[np.ix_(test, train)].any(axis=1)
