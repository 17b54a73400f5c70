"""What is wrong with a data set: copies of images, copies in two classes, masks that are suspect, drawings in colour,
and how often a test image has a copy among the images trained on."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np

from common.data import duplicates, manifest, splits
from common.data.case import Case
from common.data.decode import read, room
from common.data.outline import area
from common.errors import BadInput
from common.paper import Paper
from common.recipe import Recipe

TINY = 0.002  # of the image's pixels: 130 pixels of 256 x 256
OUTSIDE = 0.01  # of the mask's pixels
BLACK = 1  # grey level up to which a pixel may belong to the surroundings; from 2 on, cysts of BUSI join them
REPEATS = 200  # splits drawn for each paper
NEAR = 24  # pairs on each side of the threshold that are told and shown


@dataclass(frozen=True)
class Examined:
    """What the pixels of one case show.

    width, height: of the image. digest: `manifest.case_digest`. patterns: `duplicates.patterns`.
    coloured: share of pixels whose red, green and blue differ; tint: the greatest difference, 0..255.
    tumour: share of the pixels that a mask marks. misfit: whether a mask has another size than its image, where it
        should not. border: whether a marked pixel is in the first or last row or column.
    outside: share of the marked pixels that lie in the black surroundings of the image, 0 where none is marked.
    """

    width: int
    height: int
    digest: str
    patterns: list[np.ndarray]
    coloured: float
    tint: int
    tumour: float
    misfit: bool
    border: bool
    outside: float


def examine_all(cases: Sequence[Case]) -> list[Examined]:
    """Each case, read from its files in parallel. Raises BadInput naming all files that can't be read."""
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(_examine, cases))
    if offenders := [line for each in found if isinstance(each, list) for line in each]:
        raise BadInput.listing("These files can't be read:", offenders, "Replace them.")
    return found


def _examine(case: Case) -> Examined | list[str]:
    """What the pixels show, or each file of the case that can't be read, with the reason."""
    with room(case):
        image, masks, offenders = read(case)
        return offenders or _shows(case, image, masks)


def _shows(case: Case, image: np.ndarray, masks: list[np.ndarray]) -> Examined:
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    marked = merged(case, masks, (height, width))
    tints = image.max(axis=-1) - image.min(axis=-1)
    pixels = marked.sum()
    return Examined(
        width=width,
        height=height,
        digest=manifest.case_digest(image, masks),
        patterns=duplicates.patterns(grey),
        coloured=float((tints > 0).mean()),
        tint=int(tints.max()),
        tumour=float(marked.mean()),
        misfit=not case.scaled and any(mask.shape != marked.shape for mask in masks),
        border=bool(marked[[0, -1]].any() or marked[:, [0, -1]].any()),
        outside=float(surroundings(grey)[marked].sum() / pixels) if pixels else 0.0,
    )


def merged(case: Case, masks: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The union of the masks of a case, bool, on the grid of its image, which has this height and width."""
    union = np.zeros(shape, bool)
    for mask in masks:
        drawn = area(mask, case.outlined)[0].view(np.uint8)
        union |= cv2.resize(drawn, shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    return union


def surroundings(grey: np.ndarray) -> np.ndarray:
    """Where a grey image, uint8 (height, width), shows nothing, bool: the black that reaches a corner of it, such as
    that beside the sector of a curved probe. Black inside the tissue, a cyst's or a shadow's, does not count."""
    _, regions = cv2.connectedComponents((grey <= BLACK).astype(np.uint8), connectivity=4)
    corners = regions[[0, 0, -1, -1], [0, -1, 0, -1]]
    return np.isin(regions, corners[corners > 0])


def leakage(cases: Sequence[Case], alike: np.ndarray, recipe: Recipe, repeats: int = REPEATS) -> np.ndarray:
    """The share of test images with a copy among the training images, float64 (repeats,) in 0..1: one for each repeat
    with seed 0, the mean over its folds where there are any. Raises BadInput where the cases can't be split so.

    alike: bool (n, n), whether two cases are copies.
    """
    used = np.flatnonzero([case.label in recipe.classes for case in cases])
    drawn = (splits.draw(cases, used, recipe, 0, repeat) for repeat in range(repeats))
    return np.array(
        [np.mean([alike[np.ix_(one.test, one.train)].any(axis=1).mean() for one in each]) for each in drawn]
    )


def report(name: str, cases: Sequence[Case], found: Sequence[Examined], papers: Sequence[Paper]) -> dict[str, Any]:
    """All findings as plain data for JSON, cases by their id.

    found: what `examine_all` gives for the cases. papers: those under whose splits (defaults of the paper profile)
    leaked images are counted; one whose classes or folds the cases can't fill is left out.
    """
    by_id = {case.id: each for case, each in zip(cases, found, strict=True)}
    ids = list(by_id)
    alike = duplicates.likeness([each.patterns for each in found])
    grouped = duplicates.groups(alike >= duplicates.THRESHOLD)
    fingerprint = manifest.fingerprint({case: each.digest for case, each in by_id.items()})

    def named(groups: Sequence[Sequence[int]]) -> list[list[str]]:
        return [[ids[position] for position in group] for group in groups]

    def pairs(low: float, high: float, most: int | None) -> list[list[Any]]:
        chosen = islice(duplicates.closest(alike, low, high), most)
        return [[ids[one], ids[other], round(value, 3)] for one, other, value in chosen]

    return {
        "data": manifest.true_name(name, fingerprint),
        "fingerprint": fingerprint,
        "cases": dict(Counter(case.label for case in cases)),
        "same_pixels": named(_equal([each.digest.split("-")[0] for each in found])),
        "method": duplicates.METHOD,
        "threshold": duplicates.THRESHOLD,
        "groups": named(grouped),
        "two_classes": named([group for group in grouped if len({cases[each].label for each in group}) > 1]),
        "pairs": pairs(duplicates.THRESHOLD, 2, None),
        "pairs_below": pairs(-1, duplicates.THRESHOLD, NEAR),
        "test_images_with_a_copy_in_train": _leaked(cases, alike >= duplicates.THRESHOLD, papers),
        "masks": {
            "empty": dict(Counter(case.label for case in cases if by_id[case.id].tumour == 0)),
            "other_size": [case for case, each in by_id.items() if each.misfit],
            "outside": {case: round(each.outside, 4) for case, each in by_id.items() if each.outside > OUTSIDE},
            "tiny": {case: round(each.tumour, 5) for case, each in by_id.items() if 0 < each.tumour < TINY},
            "border": [case for case, each in by_id.items() if each.border],
        },
        "coloured": {
            case: {"share": round(each.coloured, 4), "tint": each.tint} for case, each in by_id.items() if each.tint
        },
        "sizes": _sizes(found),
    }


def _equal(keys: Sequence[str]) -> list[list[int]]:
    """The positions of equal keys, two or more each."""
    positions: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    return [members for members in positions.values() if len(members) > 1]


def _leaked(cases: Sequence[Case], alike: np.ndarray, papers: Sequence[Paper]) -> dict[str, dict[str, float]]:
    """For each paper the share of leaked test images: mean and the middle 95 % of its splits."""
    told = {}
    for paper in papers:
        try:
            shares = leakage(cases, alike, paper.plain_recipe())
        except BadInput:
            continue
        low, high = np.quantile(shares, [0.025, 0.975]).round(4).tolist()
        told[paper.name] = {"repeats": len(shares), "mean": round(float(shares.mean()), 4), "low": low, "high": high}
    return told


def _sizes(found: Sequence[Examined]) -> dict[str, Any]:
    """How many different sizes there are, the smallest and greatest, and groups of about the same: [width, height,
    number of images], the largest first."""
    sizes = [(each.width, each.height) for each in found]
    about = Counter((round(width, -2), round(height, -2)) for width, height in sizes)
    widths, heights = zip(*sizes, strict=True)
    return {
        "different": len(set(sizes)),
        "width": [min(widths), max(widths)],
        "height": [min(heights), max(heights)],
        "rounded_to_100": [[*size, number] for size, number in about.most_common()],
    }
