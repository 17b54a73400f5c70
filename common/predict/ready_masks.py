"""Masks that another program predicted: which belongs to which image, and their counts at each image's own size."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.data import manifest
from common.data.case import Case, Decoded, on_one_grid, read_all, read_case, true_mask
from common.data.fetch import Found
from common.data.listing import group_doubts, on_disk, plain_name
from common.data.pairing import files_in, name_images, pair
from common.errors import BadInput
from common.evidence import counts, metrics
from common.evidence.definition import Definition
from common.plural import counted

# What masks decide. The other definitions need probabilities, or differ from these only at soft edges.
DEFINITIONS = [
    each for each in metrics.STANDARD if (one := Definition.parse(each)).decision == 0.5 and one.truth is None
]
# A smaller share of an image is no lesion. 21 masks of BUSI have stray pieces of one to eight pixels, up to 0.003 % of
# the image, which vanish at the size of a network. The smallest lesion of BUSI has 0.21 %.
_LEAST_LESION = 5e-5


class ReadyMasks(NamedTuple):
    """Predicted masks, compared with the truth of a data set.

    files: the file with the predicted mask of each case, in the order of the cases.
    rows: the counts of each case, in pixels of its image. A marked pixel has the probability 1.
    fingerprint: of the data set, as in `manifest.fingerprint`.
    doubts: a line for each kind of doubt, with the cases or the predicted masks that it is about."""

    files: list[Path]
    rows: counts.Rows
    fingerprint: str
    doubts: list[str]


def compare_masks(folder: Path, found: Found, masks: str) -> ReadyMasks:
    """Compares the predicted masks in and below a folder with the truth of a data set.

    folder: has one mask for each case, called as its image, with or without a word as in scan_mask
        (`pairing.image_of_mask`). If nothing is marked, the mask is black all over. Folders below count as in
        `pairing.ids_by_name`.
    masks: how several true masks of one image become its truth, as in `Recipe.masks`.

    Raises BadInput for a packed data set, if predicted masks and images do not pair up, for files that can't be read,
    and for masks of another size than their image. The message lists all such files.
    """
    if found.packed:
        raise BadInput(
            f"{found.folder} is a packed file. Ready masks are compared at the size of the images themselves."
        )
    files = _pair(on_disk(Path(os.path.abspath(folder.expanduser()))), found.cases)
    predicted = [Case(case.id, "", "", case.image, (file,)) for case, file in zip(found.cases, files, strict=True)]

    def describe_truth(position: int, decoded: Decoded) -> tuple[str, list[str]]:
        on_one_grid(decoded, found.cases[position])  # adds the doubts
        return manifest.case_digest(decoded.image, decoded.drawn), decoded.doubts

    def compare(position: int, decoded: Decoded) -> tuple[counts.Rows, list[str]]:
        case = found.cases[position]
        (marked,) = on_one_grid(decoded, predicted[position])
        pixels = (each[None].astype(np.float32) for each in (marked, true_mask(case, read_case(case), masks)))
        rows = counts.count(*pixels, [case.id], [case.label], [case.group], least_lesion=_LEAST_LESION)
        return rows, decoded.doubts

    truths = read_all(describe_truth, found.cases, misfits=True, title=f"reading {counted(len(files), 'image')}")
    rows, doubts = zip(*read_all(compare, predicted, misfits=True, title="comparing"), strict=True)
    doubted = [(case.id, doubt) for case, (_, doubts) in zip(found.cases, truths, strict=True) for doubt in doubts]
    of_predicted = [
        (str(file), doubt)
        for case, file, said in zip(found.cases, files, doubts, strict=True)
        for doubt in said
        if (case.id, doubt) not in doubted  # what is said of the image was said with its truth
    ]
    digests = {case.id: digest for case, (digest, _) in zip(found.cases, truths, strict=True)}
    fingerprint = manifest.fingerprint(digests)
    return ReadyMasks(files, counts.concatenate(rows), fingerprint, group_doubts([*doubted, *of_predicted]))


def _pair(folder: Path, cases: Sequence[Case]) -> list[Path]:
    """The file with the predicted mask of each case. Raises BadInput with a list of what does not pair up."""
    paths, _ = files_in(folder, folder, nested=True)
    below = {path: plain_name(str(path.relative_to(folder).with_suffix(""))).split("/") for path in paths}
    ids = {case.image: case.id.split("/") for case in cases}
    # Only as many folders as both sides have are part of a name.
    parts = min(max(map(len, names.values()), default=1) for names in (below, ids))
    named = {path: "/".join(name[-parts:]) for path, name in below.items()}
    images = {path: "/".join(name[-parts:]) for path, name in ids.items()}
    chosen, wrong = name_images(named, images.values())
    drawn, alone = pair(images, chosen)
    several = [f"{drawn[id][1]}: {drawn[id][0].name} is a mask of '{id}' too" for id in drawn if len(drawn[id]) > 1]
    if wrong or alone or several:
        remedy = (
            "Every image needs one predicted mask, called as it is; one that is black all over if nothing is marked."
        )
        raise BadInput.listing(f"Images and the masks in {folder} do not pair up:", [*wrong, *several, *alone], remedy)
    return [drawn[images[case.image]][0] for case in cases]
