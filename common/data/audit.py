"""Examines a data set for faults: copies of images, copies in two classes, suspect masks, coloured drawings, test
images with a copy among the training images, and images that published curations call doubtful. (audit_files.py writes
the findings.)"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np

from common.data import curations, duplicates, manifest
from common.data.case import Case, Decoded, read_all, union_of_masks
from common.paper import Paper

TINY = 0.002  # share of the image's pixels below which a mask is tiny: 131 pixels of 256 x 256
OUTSIDE = 0.01  # share of the mask's pixels in the surroundings above which a mask is suspect
BLACK = 1  # the brightest grey level of the surroundings; with 2, cysts of BUSI would belong to them
NEAR = 24  # pairs next to the likeness threshold that are shown, on each side of it


@dataclass(frozen=True)
class Examined:
    """What the pixels of one case show.

    width, height: of the image, in pixels.
    digest: `manifest.case_digest`. patterns: `duplicates.patterns`.
    coloured: the share of pixels whose red, green and blue differ. tint: their greatest difference, 0..255.
    tumour: the share of pixels that a mask marks.
    misfit: whether a mask has another size than its image, though masks of this data set should not.
    border: whether a marked pixel is in the first or last row or column.
    outside: the share of marked pixels that lie in the black surroundings of the scan; 0 if none is marked.
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
    """Reads and examines all cases in parallel. Raises BadInput with a list of all files that can't be read."""
    return read_all(lambda position, found: _examine(cases[position], found), cases, misfits=False)


def _examine(case: Case, found: Decoded) -> Examined:
    image = found.image
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    marked = union_of_masks(case, image, found.drawn)
    tints = image.max(axis=-1) - image.min(axis=-1)
    pixels = marked.sum()
    return Examined(
        width=width,
        height=height,
        digest=manifest.case_digest(image, found.drawn),
        patterns=duplicates.patterns(grey),
        coloured=float((tints > 0).mean()),
        tint=int(tints.max()),
        tumour=float(marked.mean()),
        misfit=not case.scaled and any(mask.shape != marked.shape for mask in found.drawn),
        border=bool(marked[[0, -1]].any() or marked[:, [0, -1]].any()),
        outside=float(surroundings(grey)[marked].sum() / pixels) if pixels else 0.0,
    )


def surroundings(grey: np.ndarray) -> np.ndarray:
    """Finds the surroundings of the scan: the black that is connected to a corner of the image, such as beside the
    sector of a curved probe. Black inside the tissue, of a cyst or a shadow, does not count.

    grey: uint8 (height, width). Returns bool (height, width).
    """
    _, regions = cv2.connectedComponents((grey <= BLACK).astype(np.uint8), connectivity=4)
    corners = regions[[0, 0, -1, -1], [0, -1, 0, -1]]
    return np.isin(regions, corners[corners > 0])


def findings_of(
    name: str,
    cases: Sequence[Case],
    found: Sequence[Examined],
    papers: Sequence[Paper],
    lists: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> dict[str, Any]:
    """All findings, as plain data for JSON. Cases are named by their id.

    found: what `examine_all` returns for the cases.
    papers: leaked images are counted for the splits of each paper, with the defaults of its paper profile. A paper is
        left out if the cases can't fill its classes, folds or lists.
    lists: further splits by a name, as `splits.listed` returns them: the positions of the training and the test part.
    """
    by_id = {case.id: each for case, each in zip(cases, found, strict=True)}
    ids = list(by_id)
    alike = duplicates.likeness([each.patterns for each in found])
    grouped = duplicates.groups(alike >= duplicates.THRESHOLD)
    digests = np.array([each.digest.partition("-")[0] for each in found])
    fingerprint = manifest.fingerprint({case: each.digest for case, each in by_id.items()})

    def named(groups: Sequence[Sequence[int]]) -> list[list[str]]:
        return [[ids[position] for position in group] for group in groups]

    def pairs(low: float, high: float, most: int | None) -> list[list[Any]]:
        chosen = islice(duplicates.closest(alike, low, high), most)
        return [[ids[one], ids[other], round(value, 3)] for one, other, value in chosen]

    doubted = curations.compare_curations(fingerprint, named(grouped))
    return {
        "data": manifest.true_name(name, fingerprint),
        "fingerprint": fingerprint,
        "cases": dict(Counter(case.label for case in cases)),
        "same_pixels": named(duplicates.groups(digests[:, None] == digests)),
        "method": duplicates.METHOD,
        "threshold": duplicates.THRESHOLD,
        "groups": named(grouped),
        "two_classes": named([group for group in grouped if len({cases[each].label for each in group}) > 1]),
        "pairs": pairs(duplicates.THRESHOLD, 2, None),
        "pairs_below": pairs(-1, duplicates.THRESHOLD, NEAR),
        "test_images_with_a_copy_in_train": duplicates.leakage_of_papers(cases, alike >= duplicates.THRESHOLD, papers),
        **({"curations": doubted} if doubted else {}),
        **({"lists": _of_lists(fingerprint, ids, alike >= duplicates.THRESHOLD, lists)} if lists else {}),
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


def _of_lists(
    fingerprint: str, ids: Sequence[str], alike: np.ndarray, lists: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, dict[str, Any]]:
    """For each split in `lists` the leaked test images, and how many test images published curations call doubtful."""
    found = duplicates.leakage_of_lists(ids, alike, lists)
    for name, (_, test) in lists.items():
        if doubtful := curations.count_doubtful(fingerprint, [ids[position] for position in test]):
            found[name]["doubtful"] = doubtful
    return found


def _sizes(found: Sequence[Examined]) -> dict[str, Any]:
    """The number of different sizes, the smallest and greatest width and height, and the sizes rounded to 100 pixels as
    [width, height, number of images], the most frequent first."""
    sizes = [(each.width, each.height) for each in found]
    about = Counter((round(width, -2), round(height, -2)) for width, height in sizes)
    widths, heights = zip(*sizes, strict=True)
    return {
        "different": len(set(sizes)),
        "width": [min(widths), max(widths)],
        "height": [min(heights), max(heights)],
        "rounded_to_100": [[*size, number] for size, number in about.most_common()],
    }
