"""Packs a prepared data set into one file, and unpacks it on a machine that trains without the images.

The file is a zip archive whose members are not compressed again:

    pack.json                       what is in the file: `Contents`
    images-256x256x3/0.webp         each case of an array as a picture in lossless WebP, by its position
    masks-256x256-merged/0.webp

A picture is left out if another array of the same side has the same one: a grey picture that equals the colour picture,
or a mask that equals the merged mask. Most of BUSI is grey, and few of its images have several masks.

Unpacked arrays are those that were packed, bit for bit. The archive's CRC-32 of each member and the BLAKE2 digest of
each array show whether the file was changed on the way. The name of the data set is not checked, since the images at
their own size are not in the file.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile, ZipFile, ZipInfo, is_zipfile

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from common.data.case import Case
from common.data.prepare import Need, Prepared, cached, prepare
from common.errors import BadInput
from common.files import refuse_inflating, write_atomically
from common.lock import temporary_folder
from common.protocol import step_of_all

ENDING = ".pack"
FORMAT = 2
_CONTENTS = "pack.json"
_LARGEST_CONTENTS = 2**26  # bytes of pack.json; ten thousand cases take a million


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackedCase(_Record):
    id: str
    label: str
    group: str


class Array(_Record):
    """An array in a packed file. digest: BLAKE2 of the bytes of the array, 32 hex digits. like: the name of the array
    that has the pictures left out in this one; None for an array with all its pictures."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    like: str | None = None


class Contents(_Record):
    """What is in a packed file.

    protocol: the protocol step of the code that made the arrays.
    name, fingerprint, doubts: as in `Prepared`.
    arrays: by the name of their folder in the archive.
    """

    format: int
    name: Annotated[str, StringConstraints(pattern=r"^[^./\\\x00][^/\\\x00]*$")]  # it becomes part of a path
    protocol: int
    fingerprint: str
    cases: tuple[PackedCase, ...]
    arrays: dict[str, Array]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packed:
    """A packed file that was found."""

    path: Path
    contents: Contents

    @property
    def cases(self) -> list[Case]:
        """The cases, each with the path of the packed file as its image, and without masks."""
        return [Case(case.id, case.label, case.group, self.path, ()) for case in self.contents.cases]

    def unpack(self, need: Need, cache: Path) -> Prepared:
        """The arrays as `prepare` would make them. They are unpacked into the folder `cache`, or read from there.

        Raises BadInput if the file lacks these arrays, was made under another protocol, or is damaged.
        """
        there = self.contents.arrays
        if missing := need.shapes.keys() - there.keys():
            raise BadInput(
                f"{self.path} has no {' and no '.join(sorted(missing))}. It has {', '.join(there)}. `repro data pack` "
                "makes another, where the images are; its --profile says for which size."
            )
        if self.contents.protocol != (today := step_of_all()):
            raise BadInput(
                f"{self.path} was packed under protocol {self.contents.protocol}; this version of the suite has "
                f"{today}. Pack it again with this version, or use that one here."
            )
        about = self.contents

        def fill(images: np.ndarray, masks: np.ndarray) -> dict[str, Any]:
            with _open(self.path) as archive:
                for name, pixels in zip(need.shapes, (images, masks), strict=True):
                    self._extract(archive, name, pixels)
            return {"fingerprint": about.fingerprint, "doubts": about.doubts}

        key = blake2b("".join(there[name].digest for name in need.shapes).encode(), digest_size=8).hexdigest()
        return cached(cache / f"{about.name}-{need.folder}-packed-{key}", about.name, self.cases, need, fill)

    def _extract(self, archive: ZipFile, name: str, pixels: np.ndarray) -> None:
        """Unpacks the pictures of the array `name` into `pixels`. Raises BadInput if they are not those that were
        packed."""
        about, members = self.contents.arrays[name], set(archive.namelist())
        for at in range(len(pixels)):
            own = _member(name, at)
            picture = archive.read(own if own in members else _member(about.like, at))
            pixels[at] = _decoded(picture, pixels.shape[1:])
        if _digest(pixels).hex() != about.digest:
            raise _damaged(self.path, f"the pixels of {name} are not those that were packed")


def read_pack(path: Path) -> Packed | None:
    """Reads a packed file without its pictures. None for a file of another kind. Raises BadInput if the file is damaged
    or was packed by a version of the suite with another format."""
    if not is_zipfile(path):
        if path.suffix == ENDING:
            raise _damaged(path, "it is not a whole zip archive")
        return None
    with _open(path) as archive:
        if _CONTENTS not in archive.namelist():
            return None
        refuse_inflating(archive, path, {_CONTENTS: _LARGEST_CONTENTS})
        try:
            contents = Contents.model_validate_json(archive.read(_CONTENTS))
        except ValidationError as error:
            raise _other_version(path) from error
    if contents.format != FORMAT:
        raise _other_version(path)
    return Packed(path, contents)


def write_pack(path: Path, name: str, cases: Sequence[Case], needs: Sequence[Need], work: Path) -> Contents:
    """Prepares these cases for all needs, and packs the arrays into a file, which appears whole or not at all. Returns
    the contents that the file states.

    work: a folder for temporary arrays, of one need at a time.

    Raises BadInput for cases that `prepare` refuses.
    """
    work.mkdir(parents=True, exist_ok=True)
    buffer, arrays = io.BytesIO(), {}
    first: dict[tuple[str, int], str] = {}  # the first array of each kind and side: it has all its pictures
    pictures: dict[str, list[bytes]] = {}  # the digests of the pictures of each first array
    with ZipFile(buffer, "w") as archive, ThreadPoolExecutor() as pool:
        # Colour images and merged masks come first, since most pictures of the other arrays equal theirs.
        for need in sorted(needs, key=lambda each: (each.side, -each.channels, each.masks != "merged")):
            if need.shapes.keys() <= arrays.keys():
                continue
            with temporary_folder(work, ".packing-") as cache:
                prepared = prepare(cases, name, need, cache)
                for own, pixels in zip(need.shapes, (prepared.images, prepared.masks), strict=True):
                    if own in arrays:
                        continue
                    like = first.setdefault((own.partition("-")[0], need.side), own)
                    digests = list(pool.map(_digest, _distinct_channels(pixels)))
                    theirs = pictures.setdefault(like, digests)
                    alone = [at for at in range(len(pixels)) if like == own or digests[at] != theirs[at]]
                    for at, picture in zip(alone, pool.map(_encoded, (pixels[at] for at in alone)), strict=True):
                        archive.writestr(ZipInfo(_member(own, at)), picture)
                    arrays[own] = Array(digest=_digest(pixels).hex(), like=None if like == own else like)
        about = Contents(
            format=FORMAT,
            name=name,
            protocol=step_of_all(),
            fingerprint=prepared.fingerprint,
            cases=tuple(PackedCase(id=case.id, label=case.label, group=case.group) for case in cases),
            arrays=arrays,
            doubts=prepared.doubts,
        )
        archive.writestr(ZipInfo(_CONTENTS), about.model_dump_json())
    write_atomically(path, buffer.getvalue())
    return about


def _distinct_channels(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """The pictures, uint8 (side, side, channels). A picture whose channels are all equal has only one: (side, side)."""
    for picture in pixels:
        planes = np.atleast_3d(picture)
        yield planes[..., 0] if (planes == planes[..., :1]).all() else planes


def _digest(pixels: np.ndarray) -> bytes:
    return blake2b(np.ascontiguousarray(pixels), digest_size=16).digest()


def _member(array: str | None, position: int) -> str:
    return f"{array}/{position}.webp"


def _encoded(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # We measured higher qualities: they take longer, and the files are not smaller.
    Image.fromarray(picture.squeeze()).save(buffer, "WEBP", lossless=True, quality=75)
    return buffer.getvalue()


def _decoded(picture: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """The decoded picture, uint8 of this shape. Raises ValueError if it is no picture or has another size."""
    try:
        image = Image.open(io.BytesIO(picture), formats=["WEBP"])
        if image.size != (shape[1], shape[0]):  # before a pixel is decoded
            raise ValueError(f"a picture of {image.size[0]}x{image.size[1]} pixels in it")
        colour = image.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:  # OSError from here on would be one of the disk
        raise ValueError(str(error)) from error
    return np.asarray(colour)[..., : shape[2] if len(shape) == 3 else 1].reshape(shape)


@contextmanager
def _open(path: Path) -> Iterator[ZipFile]:
    """Opens the archive. An error that shows that it is damaged becomes BadInput with the name of the file."""
    try:
        with ZipFile(path) as archive:
            yield archive
    except (BadZipFile, KeyError, EOFError, ValueError, RuntimeError, zlib.error) as error:
        raise _damaged(path, str(error).strip("\"'")) from error


def _damaged(path: Path, reason: str) -> BadInput:
    return BadInput(f"{path} is damaged: {reason}. Copy or pack it again.")


def _other_version(path: Path) -> BadInput:
    return BadInput(
        f"{path}: this version of the suite can't read its {_CONTENTS}. Pack the data again with this version, or use "
        "the one that packed it."
    )
