"""Makes pictures for the pages: small copies of images, if their data set is on this machine, and masks as outlines
(SVG paths)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
from contourpy import contour_generator

from common.data import fetch, manifest
from common.data.case import Case, Decoded, read_all, union_of_masks
from common.data.known import NAMES, Missing
from common.data.pack import ENDING
from common.data.prepare import Need, for_network
from common.errors import BadInput

GRID = 1000  # width and height of the coordinates of an outline, whatever the size of the mask
_LONGER = 264  # pixels of the longer side: sharp at the size shown, and all of BUSI takes less than 6 MB
_QUALITY = 55  # of WebP
_TOLERANCE = 0.8  # of an outline, in pixels of the full-size image


@dataclass(frozen=True)
class Picture:
    """A small copy of an image. file: its path in the site; a hash, because an id may hold any character. width,
    height: of the full-size image in pixels. truth: the outline of the true mask (`outline`), "" if it is blank. webp:
    the content of the file."""

    file: str
    width: int
    height: int
    truth: str
    webp: bytes


@dataclass(frozen=True)
class Album:
    """The pictures of a data set. pictures: by id of the case. why: a sentence that says why there are none, else "".
    enhanced: by id, pictures of some cases after CLAHE, as a network sees them."""

    pictures: dict[str, Picture]
    why: str = ""
    enhanced: dict[str, Picture] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        """The contents of all pictures, by path in the site."""
        return {each.file: each.webp for each in (*self.pictures.values(), *self.enhanced.values())}


def album(
    name: str,
    fingerprint: str,
    wanted: Collection[str],
    root: Path,
    runs: Path,
    enhanced: Mapping[str, tuple[float, int]] | None = None,
) -> Album:
    """Makes the pictures of some cases of a data set.

    name: of the data set. fingerprint: of its pixels (`manifest.fingerprint`), as in a record.
    wanted: the ids of the cases. root: the folder of the data sets. runs: the folder of synthetic data sets.
    enhanced: by id, the clip limit and tiles of CLAHE for the cases that are also shown after CLAHE.

    The album is empty, and says why, if the data set is not there or has other pixels than the fingerprint: a page must
    only show the images behind its numbers. So the whole set is read, about 20 s for BUSI on one core. Nothing is
    downloaded or made.
    """
    try:
        cases = _at_hand(name, root, runs)
        found = read_all(
            lambda position, case: _look(name, cases[position], case, wanted, enhanced or {}), cases, misfits=False
        )
    except Missing:  # its own message says how to get the data, which a page need not
        return Album({}, f"{name} is not in {root}.")
    except BadInput as error:
        return Album({}, error.lines[0])
    digests = {case.id: digest for case, (digest, *_) in zip(cases, found, strict=True)}
    if manifest.fingerprint(digests) != fingerprint:
        return Album({}, f"The {name} in {root} has other pixels than that of the results.")
    plain = {case.id: picture for case, (_, picture, _) in zip(cases, found, strict=True) if picture}
    after = {case.id: picture for case, (*_, picture) in zip(cases, found, strict=True) if picture}
    return Album(plain, "", after)


def _at_hand(name: str, root: Path, runs: Path) -> list[Case]:
    """The cases of a data set that is on this machine. Raises BadInput if it is not, or if it has no images."""
    if name in NAMES:
        found = fetch.find(name, root, runs, make=False)
    else:  # a person's own data set has the name of its folder or file
        place = next((place for end in ("", ".yaml", ENDING) if (place := root / f"{name}{end}").exists()), None)
        if place is None:
            raise BadInput(f"{name} is not in {root}.")
        found = fetch.find(str(place), root, runs)
    if found.packed:
        raise BadInput(f"{found.packed.path} is a packed file, without images.")
    return found.cases


def _look(
    name: str, case: Case, found: Decoded, wanted: Collection[str], enhanced: Mapping[str, tuple[float, int]]
) -> tuple[str, Picture | None, Picture | None]:
    """The digest of a case (`manifest.case_digest`), its picture if it is wanted, and its picture after CLAHE if that
    is wanted."""
    digest = manifest.case_digest(found.image, found.drawn)
    if case.id not in wanted:
        return digest, None, None
    height, width = found.image.shape[:2]
    shrunk = min(1.0, _LONGER / max(height, width))
    size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
    truth = outline(union_of_masks(case, found.image, found.drawn), _TOLERANCE)

    def picture(pixels: np.ndarray, kind: str) -> Picture:
        _, webp = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
        key = blake2b(f"{name}/{case.id}{kind}".encode(), digest_size=8).hexdigest()
        return Picture(f"images/{key}.webp", width, height, truth, webp.tobytes())

    small = cv2.resize(found.image, size, interpolation=cv2.INTER_AREA)
    plain = picture(small[..., ::-1], "")
    if case.id not in enhanced:
        return digest, plain, None
    seen = for_network(found.image, Need(max(size), 1, "merged", enhanced[case.id]))
    return digest, plain, picture(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), " after CLAHE")


def outline(mask: np.ndarray, tolerance: float) -> str:
    """An SVG path along the edges of a mask, holes included, in a square of GRID x GRID units. "" for a blank mask.

    mask: bool (H, W). tolerance: how far the path may lie from the edge, in pixels of the mask.
    """
    if not mask.any():
        return ""
    height, width = mask.shape
    # A frame of background makes every edge a closed line. The line runs half-way between the centres of two pixels.
    framed = np.pad(mask, 1).astype(np.float32)
    closed = contour_generator(z=framed).lines(0.5)
    scale = np.array([GRID / width, GRID / height])
    return "".join(_path((points - 0.5).astype(np.float32), tolerance, scale) for points in closed)


def _path(points: np.ndarray, tolerance: float, scale: np.ndarray) -> str:
    """One closed line as SVG; "" if fewer than three corners are left. points: float32 (n, 2), x and y in pixels.
    scale: units of GRID in a pixel, along x and y."""
    kept = cv2.approxPolyDP(points, tolerance, closed=True)[:, 0]
    corners = np.rint(kept * scale).astype(int).tolist()
    if len(corners) < 3:
        return ""
    # Relative steps take a third less space than coordinates, and there are thousands of outlines.
    steps = np.diff(corners, axis=0).tolist()
    return f"M{corners[0][0]} {corners[0][1]}l{' '.join(f'{x} {y}' for x, y in steps)}Z".replace(" -", "-")
