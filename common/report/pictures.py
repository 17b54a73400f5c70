"""Images of a data set for the pages, where the data set is at hand: small, with the outline of what its masks mark."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np

from common.data import fetch, manifest
from common.data.audit import merged
from common.data.case import Case
from common.data.decode import Unreadable, read_image, read_mask
from common.data.pack import ENDING
from common.errors import BadInput
from common.report.outlines import outline

_LONGER = 288  # pixels of the longer side: sharp at the size shown, and all of BUSI stays below 6 MB
_QUALITY = 55  # of WebP
_TOLERANCE = 0.8  # pixels of the image's own


@dataclass(frozen=True)
class Picture:
    """file: its path in the site, made of a hash, since the id of a case is whatever a file was called. width, height:
    of the image itself, in pixels. truth: the path round what the masks mark (`outlines`), "" for nothing."""

    file: str
    width: int
    height: int
    truth: str
    webp: bytes


@dataclass(frozen=True)
class Album:
    """The pictures of a data set by id of the case, none where it is not at hand; why: then, in a sentence."""

    pictures: dict[str, Picture]
    why: str = ""


def album(name: str, fingerprint: str, wanted: Collection[str], root: Path, runs: Path) -> Album:
    """The pictures of these cases of the data set with this name, where it is in `root` and every one of its pixels is
    that of the fingerprint (`manifest.fingerprint`); nothing is downloaded or made.

    The whole set is read, about 20 s for BUSI on one core: what a page puts beside a number has to be what it is of.
    """
    try:
        cases = _at_hand(name, root, runs)
    except fetch.Missing:  # whose message is on how to come by it for a training
        return Album({}, f"{name} is not in {root}.")
    except BadInput as error:
        return Album({}, str(error).partition("\n")[0])
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda case: _read(name, case, case.id in wanted), cases))
    if bad := [each for each in found if isinstance(each, Unreadable)]:
        return Album({}, f"{len(bad)} files of {name} can't be read, {bad[0]} for one.")
    digests = {case.id: digest for case, (digest, _) in zip(cases, found, strict=True)}
    if manifest.fingerprint(digests) != fingerprint:
        return Album({}, f"The {name} in {root} has other pixels than that of the results.")
    return Album({case.id: picture for case, (_, picture) in zip(cases, found, strict=True) if picture})


def _at_hand(name: str, root: Path, runs: Path) -> list[Case]:
    if name in fetch.NAMES:
        found = fetch.find(name, root, runs, make=False)
    else:  # a person's own, which is called as its folder or its file is
        place = next((place for end in ("", ".yaml", ENDING) if (place := root / f"{name}{end}").exists()), None)
        if place is None:
            raise BadInput(f"{name} is not in {root}.")
        found = fetch.find(str(place), root, runs)
    if found.packed:
        raise BadInput(f"{found.packed.path} is a packed file, without images.")
    return found.cases


def _read(name: str, case: Case, wanted: bool) -> tuple[str, Picture | None] | Unreadable:
    try:
        image, masks = read_image(case.image), [read_mask(path) for path in case.masks]
    except Unreadable as error:
        return error
    digest = manifest.case_digest(image, masks)
    return digest, _picture(name, case, image, masks) if wanted else None


def _picture(name: str, case: Case, image: np.ndarray, masks: list[np.ndarray]) -> Picture:
    height, width = image.shape[:2]
    shrunk = min(1.0, _LONGER / max(height, width))
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, webp = cv2.imencode(".webp", small[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    key = blake2b(f"{name}/{case.id}".encode(), digest_size=8).hexdigest()
    truth = outline(merged(case, masks, (height, width)), _TOLERANCE)
    return Picture(f"images/{key}.webp", width, height, truth, webp.tobytes())
