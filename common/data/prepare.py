"""Decode, merge masks and resize every case once, into memory-mapped arrays that training reads instead of files."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from common.data import manifest
from common.data.case import Case
from common.data.decode import Unreadable, read_image, read_mask
from common.errors import BadInput


@dataclass(frozen=True)
class Prepared:
    """images: uint8 (cases, side, side, channels), RGB or grey; masks: uint8 (cases, side, side), 255 is tumour and
    values between are the interpolated edge; both memory-mapped, read-only, in the order of `cases`.
    fingerprint: of the decoded pixels of every case at its own size, the same wherever the files lie."""

    name: str
    cases: tuple[Case, ...]
    images: np.ndarray
    masks: np.ndarray
    fingerprint: str

    def only(self, classes: Sequence[str]) -> np.ndarray:
        """Positions, int64, of the cases of these classes."""
        return np.flatnonzero([case.label in classes for case in self.cases])


def prepare(cases: Sequence[Case], name: str, side: int, channels: int, masks: str, cache: Path) -> Prepared:
    """The arrays of these cases at side x side pixels, from `cache` where they lie already.

    Resizing is bilinear without antialiasing, as `tf.image.resize` does it. `masks` is one of the values of
    `Recipe.masks`. Raises BadInput for all unreadable files, and masks of another size than their image, at once.
    """
    folder = cache / f"{name}-{side}x{side}x{channels}-{masks}-{_key(cases)}"
    if not folder.is_dir():
        _build(cases, side, channels, masks, folder)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    images, merged = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("images", "masks"))
    return Prepared(name, tuple(cases), images, merged, facts["fingerprint"])


def _key(cases: Sequence[Case]) -> str:
    """Identity of the files: name, size and time of modification, so that finding the cache reads no pixel."""
    digest = hashlib.blake2b(digest_size=8)
    for case in cases:
        for path in (case.image, *case.masks):
            status = path.stat()
            digest.update(f"{case.label}/{path.name}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _build(cases: Sequence[Case], side: int, channels: int, masks: str, folder: Path) -> None:
    """Writes into a folder beside and renames it at the end, so that a cache is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        shape = (len(cases), side, side)
        images = np.lib.format.open_memmap(beside / "images.npy", "w+", np.uint8, (*shape, channels))
        merged = np.lib.format.open_memmap(beside / "masks.npy", "w+", np.uint8, shape)

        def one(position: int) -> str | Unreadable:
            try:
                image, drawn = _decode(cases[position])
            except Unreadable as error:
                return error
            images[position] = _resized(image if channels == 3 else _grey(image), side)
            merged[position] = _resized(merge(drawn, masks), side)[..., 0]
            return manifest.case_digest(image, drawn)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = pool.map(one, range(len(cases)))
            digests = list(track(outcomes, f"preparing {len(cases)} images", len(cases), transient=True))
        if offenders := [str(outcome) for outcome in digests if isinstance(outcome, Unreadable)]:
            raise BadInput.listing("These files can't be used:", offenders, "Replace or remove them.")
        images.flush()
        merged.flush()
        fingerprint = manifest.fingerprint({case.id: digest for case, digest in zip(cases, digests, strict=True)})
        facts = {"cases": [case.id for case in cases], "digests": digests, "fingerprint": fingerprint}
        (beside / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        try:
            beside.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run has just made the same one
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _decode(case: Case) -> tuple[np.ndarray, list[np.ndarray]]:
    image, drawn = read_image(case.image), [read_mask(path) for path in case.masks]
    for path, mask in zip(case.masks, drawn, strict=True):
        if mask.shape != image.shape[:2]:
            height, width = mask.shape
            expected = f"{image.shape[1]}x{image.shape[0]} of its image"
            raise Unreadable(f"{path}: the mask is {width}x{height} pixels, not the {expected}")
    return image, drawn


def merge(drawn: list[np.ndarray], masks: str) -> np.ndarray:
    """One mask, uint8 (height, width) in 0..255, from bool masks of the same size: see `Recipe.masks`."""
    if masks == "halved":
        share = 255 if len(drawn) == 1 else 128  # 0.5 of 255, rounded up: at 0.5 it counts as tumour
        return np.minimum(np.sum(drawn, axis=0) * share, 255).astype(np.uint8)
    used = {"merged": drawn, "two": drawn[:2], "first": drawn[:1]}[masks]
    return np.logical_or.reduce(used).astype(np.uint8) * 255


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _resized(pixels: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR).reshape(side, side, -1)
