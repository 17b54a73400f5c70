"""The manifest of a data set: a digest of the decoded pixels of every case. The manifest of BUSI is committed.

It has digests of pixels and not of files: mirrors of BUSI differ in how their PNGs are written (RGB or grey, 1-bit or
RGBA masks) and not in a single pixel. Checksums of the files would refuse them all. To make the manifest again:
`python -m common.data.manifest FOLDER > common/data/busi.manifest.json`.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

import numpy as np

from common.data.busi import index
from common.data.case import Case, read_all
from common.data.listing import first_few
from common.plural import counted
from common.text import for_json, print_line


def case_digest(image: np.ndarray, masks: list[np.ndarray]) -> str:
    """The digest of a decoded case, "<16 hex digits of the image>-<16 hex digits of its masks>". It depends on every
    pixel and shape, and on the order of the masks.

    image: uint8 (H, W, 3) RGB; masks: bool (H, W) each; both as `common.data.decode` reads them.
    """
    return f"{_hash([image])}-{_hash(masks)}"


def _hash(arrays: Iterable[np.ndarray]) -> str:
    digest = blake2b(digest_size=8)
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def fingerprint(digests: Mapping[str, str]) -> str:
    """A hash of 16 hex digits of the ids and pixels of a whole data set, whatever the order of its cases.

    digests: from the id of a case to its `case_digest`.
    """
    lines = "".join(f"{case} {digest}\n" for case, digest in sorted(digests.items()))
    return blake2b(lines.encode(), digest_size=8).hexdigest()


@cache
def published() -> Mapping[str, str]:
    """The committed manifest of BUSI: from the id of each case, such as "benign (4)", to its digest."""
    return json.loads((files("common.data") / "busi.manifest.json").read_text(encoding="ascii"))


def true_name(name: str, pixels: str) -> str:
    """The name of a data set by its pixels. It is "busi" if the fingerprint is that of BUSI, whatever its folder is
    called. It is "busi, changed" if the data set is called busi and has another fingerprint. Else it is `name`.

    pixels: the fingerprint of the data set.
    """
    if pixels == fingerprint(published()):
        return "busi"
    return "busi, changed" if name == "busi" else name


def count_of_busi(digests: Iterable[str]) -> int:
    """The number of these cases that have an image of BUSI, whatever their ids and masks are. Copies of an image with
    other pixels, such as resized ones, are not found. digests: the `case_digest` of each case."""
    images = {digest.split("-")[0] for digest in published().values()}
    return sum(digest.split("-")[0] in images for digest in digests)


def verify(digests: Mapping[str, str]) -> list[str]:
    """A line for each kind of difference between a data set and the published BUSI; [] if there is none.

    digests: from the id of a case to its `case_digest`.
    """
    expected = published()
    both = expected.keys() & digests.keys()
    image_differs = {case for case in both if _part(digests, case, 0) != _part(expected, case, 0)}
    masks_differ = {case for case in both if _part(digests, case, 1) != _part(expected, case, 1)}
    kinds = {
        "missing": expected.keys() - digests.keys(),
        "not in busi": digests.keys() - expected.keys(),
        "image with other pixels": image_differs,
        "masks with other pixels": masks_differ,
    }
    place = {case: at for at, case in enumerate(expected)}  # puts benign (2) before benign (10)

    def in_order(cases: Iterable[str]) -> list[str]:
        return sorted(cases, key=lambda case: (place.get(case, len(place)), case))

    return [f"{kind}: {', '.join(first_few(in_order(cases)))}" for kind, cases in kinds.items() if cases]


def _part(digests: Mapping[str, str], case: str, part: int) -> str:
    return digests[case].split("-")[part]


def digest_all(cases: Sequence[Case]) -> dict[str, str]:
    """Reads the files of all cases. Returns the digest of each case by its id. Raises BadInput with a list of all files
    that can't be read."""
    digests = read_all(
        lambda _, found: case_digest(found.image, found.drawn),
        cases,
        misfits=False,
        title=f"reading {counted(len(cases), 'image')}",
    )
    return dict(zip((case.id for case in cases), digests, strict=True))


if __name__ == "__main__":
    for line in for_json(digest_all(index(Path(sys.argv[1]))), indent=0).split("\n"):
        print_line(line)
