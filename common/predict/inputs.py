"""Which files a person means, and what the files made from each are called."""

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.data.decode import read_image
from common.errors import BadInput
from common.predict import dicom
from common.predict.picture import Picture

MASKS, OVERLAYS = "masks", "overlays"  # the folders of what is written
_DICOM = (".dcm", ".dicom")
_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", *_DICOM)
_MASK = re.compile(r"_mask(_\d+)?$")  # the mask beside an image in BUSI's layout


@dataclass(frozen=True)
class Input:
    """An image file, and the path, without ending, of what is written about it, below the output folder's parts."""

    path: Path
    name: str


def find(words: Iterable[str], output: Path) -> tuple[list[Input], list[str]]:
    """The images that files, folders and patterns such as 'scans/*.png' mean, each once, in the order of the words and,
    within a folder, by name; and a line for each word that means none.

    A folder means all images in it and below: by their ending or, as files from scanners often have none, where they
    begin as a DICOM file does; hidden files and what was written to `output` before are left out. So is, wherever
    it comes from, a mask whose image is meant too: `x_mask.png` beside `x.png`.
    """
    found: dict[Path, Path] = {}
    missing = []
    for word in words:
        paths = _meant(word, output)
        if not paths:
            missing.append(f"{word}: {'no image in this folder' if Path(word).is_dir() else 'there is no such file'}")
        for path in paths:
            found.setdefault(path.resolve(), path)
    images = {_without_ending(path) for path in found}
    chosen = [path for whole, path in found.items() if _masked(whole) not in images]
    return _named(chosen), missing


def _meant(word: str, output: Path) -> list[Path]:
    path = Path(word).expanduser()
    if path.is_dir():
        return _images_in(path, output)
    if path.exists():  # before the pattern: "x [1].png" may be the name of a file
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    return [image for match in matches for image in (_images_in(match, output) if match.is_dir() else [match])]


def _images_in(folder: Path, output: Path) -> list[Path]:
    written = [(output / part).resolve() for part in (MASKS, OVERLAYS)]
    images = []
    for place, folders, files in os.walk(folder):
        inside = Path(place)
        folders[:] = sorted(each for each in folders if each[0] != "." and (inside / each).resolve() not in written)
        here = [inside / name for name in sorted(files) if name[0] != "."]
        images += [path for path in here if path.suffix.lower() in _ENDINGS or dicom.is_dicom(path)]
    return images


def _without_ending(path: Path) -> Path:
    """Not `with_suffix`, which takes ".." for the name of "...png"."""
    return Path(os.path.splitext(path)[0])


def _masked(path: Path) -> Path | None:
    """The image, without ending, whose mask this file is called; None where it is not called a mask."""
    image = _MASK.sub("", path.stem)
    return None if image == path.stem else path.with_name(image)


def _named(paths: list[Path]) -> list[Input]:
    """A name for each, its place below the folder that they all share; "-2", "-3" are added where two would have the
    same, as x.png and x.jpg would, also on a disk that does not tell X from x. None has a ".." in it, which would lead
    out of the output folder."""
    if not paths:
        return []
    whole = [Path(os.path.abspath(path)) for path in paths]  # not Path.absolute, which keeps ".."
    shared = os.path.commonpath([path.parent for path in whole])
    taken, inputs = set(), []
    for path, placed in zip(paths, whole, strict=True):
        plain = placed.relative_to(shared)
        plain = _without_ending(plain) if path.suffix.lower() in _ENDINGS else plain
        name, number = str(plain), 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        inputs.append(Input(path, name))
    return inputs


def read(path: Path) -> Picture:
    """The picture in a PNG, JPEG, TIFF or BMP file, decoded as for training, or in a DICOM file of one frame.

    The resolution that the former may state is one for printing: no scale is taken from it. Raises BadInput, naming the
    file, where it can't be read.
    """
    if path.suffix.lower() in _DICOM or dicom.is_dicom(path):
        return dicom.read(path)
    return Picture(read_image(path))


def refuse_nothing(inputs: list[Input], missing: list[str]) -> None:
    """Raises BadInput where not a single image was found."""
    if not inputs:
        remedy = f"Expected images ({', '.join(_ENDINGS)}), folders of them, or patterns such as 'scans/*.png'."
        raise BadInput.listing("No image to predict on:", missing, remedy)
