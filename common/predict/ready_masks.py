"""Masks that another program predicted: which belongs to which image, and their counts at each image's own size."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.data import manifest
from common.data.case import Case, Decoded, doubts_of_masks, read_all, true_mask
from common.data.decode import decode_mask
from common.data.fetch import Found
from common.data.listing import ENDINGS, first_few, group_doubts, on_disk, plain_name, remind_of_left_out
from common.data.open_image import Unreadable
from common.data.pairing import files_in, is_same, name_images, pair
from common.errors import BadInput
from common.evidence import counts, metrics
from common.evidence.definition import Definition
from common.plural import counted

# What masks decide. The other definitions need probabilities, or differ from these only at soft edges.
DEFINITIONS = [
    each for each in metrics.STANDARD if (one := Definition.parse(each)).decision == 0.5 and one.truth is None
]
# A smaller share of an image is no lesion, if its mask has a larger piece. 23 masks of BUSI have stray pieces of one to
# eight pixels, up to 0.003 % of the image, which vanish at the size of a network. The smallest lesion has 0.21 %.
LEAST_LESION = 5e-5


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


class _Compared(NamedTuple):
    """One case. digest: `manifest.case_digest`. rows: its counts, None if the predicted mask can't be used. wrong: why
    it can't. doubts: about its image and truth. doubts_of_predicted: about the predicted mask. white: as in
    `DecodedMask`; () if the mask can't be used."""

    digest: str
    rows: counts.Rows | None
    wrong: str
    doubts: list[str]
    doubts_of_predicted: list[str]
    white: tuple[float, ...] = ()


def compare_masks(folder: Path, found: Found, masks: str) -> ReadyMasks:
    """Compares the predicted masks in and below a folder with the truth of a data set, pixel by pixel.

    folder: has one mask for each case, called as its image, with or without a word as in scan_mask
        (`pairing.image_of_mask`), or as the id of the case. If nothing is marked, the mask is black all over.
    masks: how several true masks of one image become its truth, as in `Recipe.masks`.

    Raises BadInput for a packed data set, if predicted masks and images do not pair up, for files that can't be read,
    for masks of another size than their image, for masks with a lesion that are the files of the truth, and if white is
    not the same in all masks. The message lists such files. After a lossy compression, as in JPEG, white is not known.
    """
    if found.packed:
        raise BadInput(
            f"{found.folder} is a packed file. Ready masks are compared at the size of the images themselves."
        )
    files = _pair(on_disk(Path(os.path.abspath(folder.expanduser()))), found.cases)

    def compare(position: int, decoded: Decoded) -> _Compared:
        case, file = found.cases[position], files[position]
        digest = manifest.case_digest(decoded.image, decoded.drawn)
        truth = true_mask(case, decoded, masks)
        try:
            marked, doubts, white = decode_mask(file)
        except Unreadable as error:
            return _Compared(digest, None, str(error), decoded.doubts, [])
        if marked.any() and any(is_same(file, mask) for mask in case.masks):
            return _Compared(digest, None, f"{file}: this is the file of the true mask, here or by a link", [], [])
        if marked.shape != truth.shape:
            own, wanted = (f"{width}x{height}" for height, width in (marked.shape, truth.shape))
            wrong = f"{file}: the mask is {own} pixels, not the {wanted} of its image"
            return _Compared(digest, None, wrong, decoded.doubts, doubts)
        doubts = doubts + doubts_of_masks(replace(case, label=""), [marked])
        pixels = (each[None].astype(np.float32) for each in (marked, truth))
        rows = counts.count(*pixels, [case.id], [case.label], [case.group], least_lesion=LEAST_LESION)
        return _Compared(digest, rows, "", decoded.doubts, doubts, white)

    title = f"comparing {counted(len(files), 'mask')}"
    compared = read_all(compare, found.cases, misfits=True, title=title)
    if wrong := [each.wrong for each in compared if each.wrong]:
        raise BadInput.listing("These predicted masks can't be used:", wrong, "Replace them.")
    _refuse_several_whites({file: each.white for file, each in zip(files, compared, strict=True) if each.white})
    pairs = list(zip(found.cases, files, compared, strict=True))
    doubts = [(case.id, doubt) for case, _, each in pairs for doubt in each.doubts]
    doubts += [(str(file), doubt) for _, file, each in pairs for doubt in each.doubts_of_predicted]
    fingerprint = manifest.fingerprint({case.id: each.digest for case, _, each in pairs})
    return ReadyMasks(files, counts.concatenate([each.rows for each in compared]), fingerprint, group_doubts(doubts))


def _refuse_several_whites(whites: dict[Path, tuple[float, ...]]) -> None:
    """Raises BadInput if the masks have different whites. In maps of probabilities, white is the greatest probability
    of each image: half of it marks something even where the program found nothing. Labels of several classes differ
    too. whites: the white of each file that has one."""
    by_white: dict[tuple[float, ...], list[str]] = {}
    for path, white in whites.items():
        by_white.setdefault(white, []).append(str(path))
    if len(by_white) > 1:
        named = [
            (", ".join(f"{value:.7g}" for value in white), first_few(by_white[white])) for white in sorted(by_white)
        ]
        raise BadInput.listing(
            "The greatest value is not the same in all predicted masks:",
            first_few([f"{white} in {', '.join(paths)}" for white, paths in named]),
            "They may be probabilities, labels of several classes, or masks whose edges were smoothed. Write what is "
            "marked as 255, and all else as 0.",
        )


def _pair(folder: Path, cases: Sequence[Case]) -> list[Path]:
    """The file with the predicted mask of each case: by the names of the images' files, or else by the ids of the
    cases. Raises BadInput with a list of what does not pair up."""
    paths, passed = files_in(folder, folder, nested=True)
    left_out = remind_of_left_out(passed)
    if not paths:
        raise BadInput(f"{folder}: there are no masks in it. Known endings: {', '.join(ENDINGS)}.", *left_out)
    ids = {case.image: case.id.split("/") for case in cases}
    by_file = {path: [*folders, plain_name(path.stem)] for path, (*folders, _) in ids.items()}
    attempts = [_pair_by(names, paths, folder) for names in (by_file, ids)]
    drawn, wrong = min(attempts, key=lambda attempt: len(attempt[1]))
    if wrong:
        remedy = "Every image needs one predicted mask, called as it is; black all over if nothing is marked."
        headline = f"Images and the masks in {folder} do not pair up:"
        raise BadInput.listing(headline, wrong, remedy, *left_out)
    return [drawn[case.image] for case in cases]


def _pair_by(names: dict[Path, list[str]], paths: list[Path], folder: Path) -> tuple[dict[Path, Path], list[str]]:
    """The mask of each image, and a line for each file that does not pair up. names: of each image, its folders and its
    own name. paths: the masks, in and below `folder`."""
    below = {path: plain_name(str(path.relative_to(folder).with_suffix(""))).split("/") for path in paths}
    # Only as many folders as both sides have are part of a name.
    parts = min(max(map(len, each.values())) for each in (below, names))
    masks, images = ({path: "/".join(name[-parts:]) for path, name in each.items()} for each in (below, names))
    chosen, wrong = name_images(masks, images.values())
    drawn, alone = pair(images, chosen)
    wrong += [f"{some[1]}: {some[0].name} is a mask of '{id}' too" for id, some in drawn.items() if len(some) > 1]
    return {path: drawn[id][0] for path, id in images.items() if drawn[id]}, wrong + alone
