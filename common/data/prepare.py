"""Decode, merge masks and resize every case once, into memory-mapped arrays that training reads instead of files."""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich import get_console
from rich.progress import track

from common.data import manifest
from common.data.case import Case
from common.data.decode import room
from common.data.decoded import on_one_grid, read
from common.data.listing import same_doubts
from common.errors import BadInput, Damaged
from common.files import checksum, read_json, reserve, write_json

logger = logging.getLogger(__name__)

ARRAYS = ("images.npy", "masks.npy")


@dataclass(frozen=True)
class Prepared:
    """images: uint8 (cases, side, side, channels), RGB or grey; masks: uint8 (cases, side, side), 255 is tumour and
    values between are the interpolated edge; both memory-mapped, read-only, in the order of `cases`.
    fingerprint: of the decoded pixels of every case at its own size, the same wherever the files lie.
    doubts: a line for each kind of thing that may not be what was meant, though it can be used, with the cases that it
    is true of."""

    name: str
    cases: tuple[Case, ...]
    images: np.ndarray
    masks: np.ndarray
    fingerprint: str
    doubts: tuple[str, ...] = ()

    def only(self, classes: Sequence[str]) -> np.ndarray:
        """Positions, int64, of the cases of these classes."""
        return np.flatnonzero([case.label in classes for case in self.cases])


def prepare(
    cases: Sequence[Case],
    name: str,
    side: int,
    channels: int,
    masks: str,
    cache: Path,
    *,
    clahe: tuple[float, int] | None = None,
) -> Prepared:
    """The arrays of these cases at side x side pixels, from `cache` where they lie already.

    Resizing is bilinear without antialiasing, as `tf.image.resize` does it. `masks` is one of the values of
    `Recipe.masks`.
    clahe: clip limit and number of tiles, each way, of OpenCV's contrast limited adaptive histogram equalisation of
        the grey image at its own size, 8 bits a pixel; None for none.

    Raises BadInput for all unreadable files, masks whose size does not suit their image and outlines that mark
    nothing, at once, and for CLAHE of a colour image.
    """
    if clahe and channels != 1:
        raise BadInput(f"CLAHE is made of grey images: it needs channels=1, not {channels}.")
    enhanced = f"-clahe{clahe[0]:g}x{clahe[1]}" if clahe else ""
    folder = cache / f"{name}-{side}x{side}x{channels}-{masks}{enhanced}-{_key(cases)}"
    if not _whole(folder):
        _build(cases, side, channels, masks, clahe, folder)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    images, merged = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in ARRAYS)
    return Prepared(name, tuple(cases), images, merged, facts["fingerprint"], tuple(facts["doubts"]))


def _whole(folder: Path) -> bool:
    """Whether a cache is there with the bits that were written, which costs a second for a gigabyte. A damaged one is
    named in a warning and removed, since it can be made again."""
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


def _key(cases: Sequence[Case]) -> str:
    """Identity of the files: name, size and time of modification, so that finding the cache reads no pixel."""
    digest = hashlib.blake2b(digest_size=8)
    for case in cases:
        digest.update(f"{case.id}|{case.scaled}|{case.outlined}\n".encode())
        for path in (case.image, *case.masks):
            try:
                status = path.stat()
            except OSError:  # a link to nowhere, say: there is no cache of it, and decoding tells why
                continue
            digest.update(f"{case.label}/{path.name}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _build(
    cases: Sequence[Case], side: int, channels: int, masks: str, clahe: tuple[float, int] | None, folder: Path
) -> None:
    """Writes into a folder beside and renames it at the end, so that a cache is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        shape = (len(cases), side, side)
        images = np.lib.format.open_memmap(beside / "images.npy", "w+", np.uint8, (*shape, channels))
        merged = np.lib.format.open_memmap(beside / "masks.npy", "w+", np.uint8, shape)
        for name in ARRAYS:
            reserve(beside / name)

        def one(position: int) -> tuple[str, list[str]] | list[str]:
            """The digest of a case and doubts about it, or what is wrong with its files. No pixels: those of all would
            not fit."""
            case = cases[position]
            with room(case):
                found = read(case)
                if found.offenders:
                    return found.offenders
                digest = manifest.case_digest(found.image, found.drawn)
                images[position] = for_network(found.image, side, channels, clahe)
                merged[position] = _resized(merge(on_one_grid(found, case), masks), side)[..., 0]
                return digest, found.doubts

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            outcomes = pool.map(one, range(len(cases)))
            told = f"preparing {len(cases)} images"
            # Elsewhere than on a terminal, a bar that vanishes at the end leaves an empty line behind.
            silent = not get_console().is_terminal
            done = list(track(outcomes, told, len(cases), transient=True, disable=silent))
        if offenders := [each for outcome in done if isinstance(outcome, list) for each in outcome]:
            raise BadInput.listing("These files can't be used:", offenders, "Replace or remove them.")
        images.flush()
        merged.flush()
        digests = [digest for digest, _ in done]
        fingerprint = manifest.fingerprint({case.id: digest for case, digest in zip(cases, digests, strict=True)})
        facts = {
            "cases": [case.id for case in cases],
            "digests": digests,
            "fingerprint": fingerprint,
            "doubts": same_doubts(
                (case.id, doubt) for case, (_, doubts) in zip(cases, done, strict=True) for doubt in doubts
            ),
            "checksums": {name: checksum(beside / name) for name in ARRAYS},
        }
        write_json(beside / "facts.json", facts)
        try:
            beside.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run has just made the same one
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def merge(drawn: list[np.ndarray], masks: str) -> np.ndarray:
    """One mask, uint8 (height, width) in 0..255, from bool masks of the same size: see `Recipe.masks`."""
    if masks == "halved":
        share = 255 if len(drawn) == 1 else 128  # 0.5 of 255, rounded up: at 0.5 it counts as tumour
        return np.minimum(np.sum(drawn, axis=0) * share, 255).astype(np.uint8)
    used = {"merged": drawn, "two": drawn[:2], "first": drawn[:1]}[masks]
    return np.logical_or.reduce(used).astype(np.uint8) * 255


def for_network(image: np.ndarray, side: int, channels: int, clahe: tuple[float, int] | None) -> np.ndarray:
    """The image as a network is given it, uint8 (side, side, channels), from one of any size, uint8 (H, W, 3) RGB."""
    return _resized(_grey(image, clahe) if channels == 1 else image, side)


def _grey(image: np.ndarray, clahe: tuple[float, int] | None) -> np.ndarray:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if not clahe:
        return grey
    limit, tiles = clahe
    return cv2.createCLAHE(limit, (tiles, tiles)).apply(grey)  # made anew each time: threads can't share one


def _resized(pixels: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR).reshape(side, side, -1)
