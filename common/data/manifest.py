"""What a data set must decode to: a digest of the decoded pixels of every case, committed for BUSI.

Pixels and not files: mirrors of BUSI differ in how their PNGs are written (RGB or grey, 1-bit or RGBA masks) without
differing in a single pixel, and a byte-wise checksum would refuse them all. Made again from a folder by
`python -m common.data.manifest FOLDER > common/data/busi.manifest.json`.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

import numpy as np
from rich import get_console
from rich.progress import track

from common.data.busi import index
from common.data.case import Case
from common.data.decode import read, room
from common.errors import BadInput

_SHOWN = 8  # ids named in one line of `verify`


def case_digest(image: np.ndarray, masks: list[np.ndarray]) -> str:
    """Digest of one decoded case, "<16 hex of the image>-<16 hex of its masks>": it depends on the shape and every
    pixel of each, and on the order of the masks.

    image: uint8 (H, W, 3) RGB, as `read_image` gives it; masks: bool (H, W) each, as `read_mask` gives them.
    """
    return f"{_hash([image])}-{_hash(masks)}"


def _hash(arrays: Iterable[np.ndarray]) -> str:
    digest = blake2b(digest_size=8)
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def fingerprint(digests: Mapping[str, str]) -> str:
    """One name, 16 hex digits, for the pixels of a whole data set, whatever the order of its cases.

    digests: from the id of a case to its `case_digest`.
    """
    lines = "".join(f"{case} {digest}\n" for case, digest in sorted(digests.items()))
    return blake2b(lines.encode(), digest_size=8).hexdigest()


@cache
def load(name: str = "busi") -> Mapping[str, str]:
    """The committed manifest of a data set: from the id of a case, "benign (4)", to its digest."""
    return json.loads((files("common.data") / f"{name}.manifest.json").read_text(encoding="ascii"))


def true_name(name: str, of_pixels: str) -> str:
    """What to call a data set with this fingerprint: "busi" if every pixel is BUSI's, whatever its folder is called,
    and not "busi" if one is not."""
    if of_pixels == fingerprint(load("busi")):
        return "busi"
    return "busi, changed" if name == "busi" else name


def verify(digests: Mapping[str, str], name: str = "busi") -> list[str]:
    """How a data set differs from the committed manifest, a line for each kind of difference; [] when it is the same.

    digests: from the id of a case to its `case_digest`.
    """
    expected = load(name)
    both = expected.keys() & digests.keys()
    image_differs = {case for case in both if _part(digests, case, 0) != _part(expected, case, 0)}
    masks_differ = {case for case in both if _part(digests, case, 1) != _part(expected, case, 1)}
    kinds = {
        "missing": expected.keys() - digests.keys(),
        f"not in {name}": digests.keys() - expected.keys(),
        "image with other pixels": image_differs,
        "masks with other pixels": masks_differ,
    }
    return [f"{kind}: {_enumerate(cases, of=expected)}" for kind, cases in kinds.items() if cases]


def _part(digests: Mapping[str, str], case: str, part: int) -> str:
    return digests[case].split("-")[part]


def _enumerate(cases: Iterable[str], of: Mapping[str, str]) -> str:
    """The first few in the manifest's order, benign (2) before benign (10), and how many more there are."""
    place = {case: i for i, case in enumerate(of)}
    ordered = sorted(cases, key=lambda case: (place.get(case, len(place)), case))
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def digest_all(cases: Sequence[Case]) -> dict[str, str]:
    """From the id of each case to its digest, read from its files. Raises BadInput naming all unreadable ones."""
    with ThreadPoolExecutor() as pool:  # Pillow and blake2b leave the interpreter lock while they work
        told, silent = f"reading {len(cases)} images", not get_console().is_terminal
        outcomes = track(pool.map(_digest, cases), told, len(cases), transient=True, disable=silent)
        digests = dict(zip((case.id for case in cases), outcomes, strict=True))
    if offenders := [each for outcome in digests.values() if isinstance(outcome, list) for each in outcome]:
        raise BadInput.listing("These files can't be read:", offenders, "Replace them.")
    return digests


def _digest(case: Case) -> str | list[str]:
    with room(case):
        image, masks, offenders = read(case)
        return offenders or case_digest(image, masks)


if __name__ == "__main__":
    json.dump(digest_all(index(Path(sys.argv[1]))), sys.stdout, indent=0)
    print()
