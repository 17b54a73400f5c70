"""Decodes every case once, merges its masks, resizes image and mask, and writes them into memory-mapped arrays.
Training reads these arrays instead of the files."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from common.data import manifest
from common.data.case import Case, Decoded, on_one_grid, read_all
from common.data.listing import group_doubts
from common.data.masks import merge
from common.errors import BadInput, Damaged
from common.files import checksum, read_json, reserve, write_json
from common.lock import temporary_folder
from common.plural import counted
from common.recipe import Recipe

logger = logging.getLogger(__name__)

ARRAYS = ("images.npy", "masks.npy")


@dataclass(frozen=True)
class Need:
    """How a recipe needs its images.

    side: height and width of images and masks, in pixels.
    channels: 1 (grey) or 3 (RGB).
    masks: as in `Recipe.masks`.
    clahe: the clip limit, and the number of tiles along each side, for the CLAHE of grey images; None for no CLAHE.
    """

    side: int
    channels: int
    masks: str
    clahe: tuple[float, int] | None = None

    @classmethod
    def of_recipe(cls, recipe: Recipe) -> "Need":
        return cls(recipe.side, recipe.channels, recipe.masks, recipe.clahe)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The names of the two arrays, first images and then masks, each with the shape of one picture in it."""
        square = f"{self.side}x{self.side}"
        return {
            f"images-{square}x{self.channels}{self._enhanced}": (self.side, self.side, self.channels),
            f"masks-{square}-{self.masks}": (self.side, self.side),
        }

    @property
    def folder(self) -> str:
        """The part of a cache folder's name that stands for this need."""
        return f"{self.side}x{self.side}x{self.channels}-{self.masks}{self._enhanced}"

    @property
    def _enhanced(self) -> str:
        return f"-clahe{self.clahe[0]:g}x{self.clahe[1]}" if self.clahe else ""


@dataclass(frozen=True)
class Prepared:
    """A data set ready for training.

    images: uint8 (cases, side, side, channels), RGB or grey.
    masks: uint8 (cases, side, side). 255 is tumour, and values between 0 and 255 are the interpolated edge, or the mean
        of several masks. Both arrays are in the order of `cases` and, as `prepare` returns them, memory-mapped and
        read-only.
    fingerprint: a hash of the ids and decoded pixels of all cases at their own size (`manifest.fingerprint`). It does
        not depend on where the files are.
    doubts: a line for each kind of doubt, with its cases. A doubt is about something that is used but may be a mistake.
    digests: `manifest.case_digest` of each case; () if they are not known, as for a packed file.
    """

    name: str
    cases: tuple[Case, ...]
    images: np.ndarray
    masks: np.ndarray
    fingerprint: str
    doubts: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def only(self, classes: Sequence[str]) -> np.ndarray:
        """The positions, int64, of the cases of these classes."""
        return np.flatnonzero([case.label in classes for case in self.cases])


def prepare(cases: Sequence[Case], name: str, need: Need, cache: Path) -> Prepared:
    """Prepares the arrays of these cases, or reads them from the folder `cache` if they are there.

    Resizing is bilinear without antialiasing, like `tf.image.resize`. CLAHE is OpenCV's, applied to the grey image of 8
    bits at its own size.

    Raises BadInput with a list of all files that can't be read, all masks whose size does not match their image, and
    all outlines that mark nothing. Also raises BadInput for CLAHE of colour images.
    """
    if need.clahe and need.channels != 1:
        raise BadInput(f"CLAHE works on grey images: it needs channels=1, not {need.channels}.")

    def fill(images: np.ndarray, masks: np.ndarray) -> dict[str, Any]:
        def put(position: int, found: Decoded) -> tuple[str, list[str]]:
            """Writes one case into the arrays. Returns its digest and the doubts about it."""
            images[position] = for_network(found.image, need)
            masks[position] = resized(merge(on_one_grid(found, cases[position]), need.masks), need.side)[..., 0]
            return manifest.case_digest(found.image, found.drawn), found.doubts

        title = f"preparing {counted(len(cases), 'image')}"
        done = dict(zip(ids, read_all(put, cases, misfits=True, title=title), strict=True))
        doubts = group_doubts((id, doubt) for id, (_, doubts) in done.items() for doubt in doubts)
        return {
            "fingerprint": manifest.fingerprint({id: digest for id, (digest, _) in done.items()}),
            "doubts": doubts,
            "digests": [digest for digest, _ in done.values()],
        }

    ids = [case.id for case in cases]
    return cached(cache / f"{name}-{need.folder}-{_key(cases)}", name, cases, need, fill)


def _key(cases: Sequence[Case]) -> str:
    """A hash of the paths, sizes and times of all files, so that a cache is found without decoding them.

    Paths count, with links followed: masks of the same images by two people may have the same names, sizes and times of
    modification. `st_ctime`, which no copying program can set, tells a file from the one that it replaced. A data set
    whose folder was moved is prepared again.
    """
    digest = hashlib.blake2b(digest_size=8)
    for case in cases:
        digest.update(f"{case.id}|{case.scaled}|{case.outlined}\n".encode())
        for path in (case.image, *case.masks):
            try:
                status = path.stat()
            except OSError:  # such as a broken link: then there is no cache, and decoding reports the file
                continue
            facts = (case.label, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            digest.update(os.fsencode(os.path.realpath(path)) + f"|{facts}\n".encode())
    return digest.hexdigest()


def cached(
    folder: Path, name: str, cases: Sequence[Case], need: Need, fill: Callable[[np.ndarray, np.ndarray], dict[str, Any]]
) -> Prepared:
    """Reads the arrays from this folder. If they are missing or damaged, it makes new ones first.

    fill: writes all pictures into two empty arrays, images and masks. Returns a dict with `fingerprint`, `doubts` and,
    if they are known, `digests`, as in `Prepared`.
    """
    if not _is_whole(folder):
        _build(folder, len(cases), need, fill)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    images, masks = (np.load(folder / array, mmap_mode="r", allow_pickle=False) for array in ARRAYS)
    digests = tuple(facts.get("digests", ()))  # caches of packed files and older caches have none
    return Prepared(name, tuple(cases), images, masks, facts["fingerprint"], tuple(facts["doubts"]), digests)


def _is_whole(folder: Path) -> bool:
    """Whether a cache is there and its checksums fit. (This takes a second for a gigabyte.) A damaged cache is reported
    in a warning and removed, because it can be made again."""
    if not folder.is_dir():
        return False
    try:
        for name, written in read_json(folder / "facts.json")["checksums"].items():
            if checksum(folder / name) != written:
                raise Damaged(folder / name, "its checksum does not fit: it was changed after it was written")
    except (Damaged, KeyError, OSError) as error:
        logger.warning(f"{error if isinstance(error, Damaged) else Damaged(folder, str(error))} It is made again.")
        shutil.rmtree(folder)
        return False
    return True


def _build(folder: Path, number: int, need: Need, fill: Callable[[np.ndarray, np.ndarray], dict[str, Any]]) -> None:
    """Makes a cache of `number` cases. Writes into a temporary folder and renames it at the end, so that a cache is
    complete or missing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(folder.parent, ".building-") as beside:
        arrays = [
            np.lib.format.open_memmap(beside / name, "w+", np.uint8, (number, *shape))
            for name, shape in zip(ARRAYS, need.shapes.values(), strict=True)
        ]
        for name in ARRAYS:
            reserve(beside / name)
        facts = fill(*arrays)
        for array in arrays:
            array.flush()
        write_json(beside / "facts.json", facts | {"checksums": {name: checksum(beside / name) for name in ARRAYS}})
        try:
            beside.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process has just made the same cache
                raise


def for_network(image: np.ndarray, need: Need) -> np.ndarray:
    """Turns an RGB image of any size, uint8 (H, W, 3), into the input of a network, uint8 (side, side, channels)."""
    if need.channels == 1:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if need.clahe:
            limit, tiles = need.clahe
            image = cv2.createCLAHE(limit, (tiles, tiles)).apply(image)  # threads can't share a CLAHE object
    return resized(image, need.side)


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Resizes uint8 (H, W) or (H, W, channels) to uint8 (side, side, channels)."""
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR).reshape(side, side, -1)
