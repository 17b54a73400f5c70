"""Pictures for the pages: small images of a data set, where it is at hand, and masks as outlines (SVG paths)."""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
from contourpy import contour_generator

from common.data import fetch, manifest
from common.data.case import Case, Decoded, read_all, union_of_masks
from common.data.pack import ENDING
from common.errors import BadInput

GRID = 1000  # units of an outline, each way, whatever the size of the mask
_LONGER = 264  # pixels of the longer side: sharp at the size shown, and all of BUSI stays below 6 MB
_QUALITY = 55  # of WebP
_TOLERANCE = 0.8  # pixels of the image's own


@dataclass(frozen=True)
class Picture:
    """file: its path in the site, made of a hash, since the id of a case is whatever a file was called. width, height:
    of the image itself, in pixels. truth: the path round what the masks mark (`outline`), "" for nothing."""

    file: str
    width: int
    height: int
    truth: str
    webp: bytes


@dataclass(frozen=True)
class Album:
    """The pictures of a data set by id of the case. why: a sentence on why there are none, else ""."""

    pictures: dict[str, Picture]
    why: str = ""


def album(name: str, fingerprint: str, wanted: Collection[str], root: Path, runs: Path) -> Album:
    """The pictures of these cases of a data set, where it is in `root` and has the pixels of this fingerprint
    (`manifest.fingerprint`). Nothing is downloaded or made.

    The whole set is read, about 20 s for BUSI on one core, so that a page shows the images that its numbers are of.
    """
    try:
        cases = _at_hand(name, root, runs)
        found = read_all(
            lambda position, case: _digest_and_picture(name, cases[position], case, wanted), cases, misfits=False
        )
    except fetch.Missing:  # whose message says how to get the data for a training
        return Album({}, f"{name} is not in {root}.")
    except BadInput as error:
        return Album({}, str(error).partition("\n")[0])
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


def _digest_and_picture(name: str, case: Case, found: Decoded, wanted: Collection[str]) -> tuple[str, Picture | None]:
    """The digest of a case, and its picture where it is one of those wanted."""
    digest = manifest.case_digest(found.image, found.drawn)
    if case.id not in wanted:
        return digest, None
    height, width = found.image.shape[:2]
    shrunk = min(1.0, _LONGER / max(height, width))
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    small = cv2.resize(found.image, size, interpolation=cv2.INTER_AREA)
    _, webp = cv2.imencode(".webp", small[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    key = blake2b(f"{name}/{case.id}".encode(), digest_size=8).hexdigest()
    truth = outline(union_of_masks(case, found.image, found.drawn), _TOLERANCE)
    return digest, Picture(f"images/{key}.webp", width, height, truth, webp.tobytes())


def outline(mask: np.ndarray, tolerance: float) -> str:
    """An SVG path along the edges of what is marked, holes too, in a square of GRID x GRID units; "" for nothing.

    mask: bool (H, W). tolerance: how far the path may be from the edge, in pixels of the mask.
    """
    if not mask.any():
        return ""
    height, width = mask.shape
    # With a frame of background, every edge closes; an edge between two pixels runs half-way between their centres.
    framed = np.pad(mask, 1).astype(np.float32)
    closed = contour_generator(z=framed).lines(0.5)
    scale = np.array([GRID / width, GRID / height])
    return "".join(_path((points - 0.5).astype(np.float32), tolerance, scale) for points in closed)


def _path(points: np.ndarray, tolerance: float, scale: np.ndarray) -> str:
    kept = cv2.approxPolyDP(points, tolerance, closed=True)[:, 0]
    corners = np.rint(kept * scale).astype(int).tolist()
    if len(corners) < 3:
        return ""
    return "M" + "L".join(f"{x} {y}" for x, y in corners) + "Z"
