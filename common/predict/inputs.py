"""Which files a person means, and what the files made from each are called."""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from common.data.case import brightness_doubts
from common.data.decode import decode_image, read_size
from common.data.listing import (
    ENDINGS,
    count_kinds,
    first_bytes,
    is_image,
    is_of_system,
    kind_of_file,
    on_disk,
    plain_name,
)
from common.data.open_image import unread
from common.data.pairing import image_of_mask
from common.errors import BadInput
from common.predict import dicom
from common.predict.dicom import bounded
from common.predict.picture import Picture

MASKS, OVERLAYS = "masks", "overlays"  # the folders of what is written
LINES, ABOUT = "predictions.jsonl", "about.json"  # the files beside them
_BEGINS = (b'"warning"', b'"network"')  # the first keys of about.json, by which a prediction is known again
_ENDINGS = (*ENDINGS, *dicom.ENDINGS)
_RESULT = "as results of an earlier prediction"


@dataclass(frozen=True)
class Input:
    """path: of an image file. name: of what is written about it: the mask is masks/NAME.png in the output folder."""

    path: Path
    name: str


@dataclass
class FoundInputs:
    """items: the images, each once, in the order of the words and, within a folder, by name. missing: a line for each
    word that names no image. left_out: what was passed over, counted by kind, "" for nothing."""

    items: list[Input]
    missing: list[str]
    left_out: str


def find_inputs(words: Iterable[str]) -> FoundInputs:
    """The images that files, folders and patterns such as 'scans/*.png' name.

    A folder stands for all images in it and below, also behind links, known by their ending or by how they begin.
    Hidden files are left out, and what an earlier prediction wrote; a pattern leaves these out too. A mask is left out
    wherever its image is named as well: `x_mask.png` or `x-seg.png` beside `x.png`.
    """
    found: dict[Path, Path] = {}
    missing, passed = [], []
    for word in words:
        known = len(missing)
        paths, over = _named_by(word, missing)
        passed += over
        if not paths and len(missing) == known:
            missing.append(f"{word}: {'no image in this folder' if os.path.isdir(word) else 'there is no such file'}")
        for path in paths:
            found.setdefault(path.resolve(), path)
    images = {_plain(_without_ending(path)) for path in found}
    chosen = []
    for whole, path in found.items():
        image = image_of_mask(whole.stem)
        if image != whole.stem and _plain(whole.with_name(image)) in images:
            passed.append("as masks of images")
        else:
            chosen.append(path)
    return FoundInputs(_with_names(chosen), missing, count_kinds(passed))


def _named_by(word: str, missing: list[str]) -> tuple[list[Path], list[str]]:
    """The images that a word names, and the kind of each file that is passed over. Folders that can't be read are added
    to `missing`."""
    path = on_disk(Path(os.path.expanduser(word)))  # not Path.expanduser, which raises for an unknown user
    if os.path.isdir(path):  # not Path.is_dir, which raises for a name that is too long
        return _images_in(path, missing)
    if os.path.exists(path):  # before the pattern: "x [1].png" may be the name of a file
        return [path], []
    images, passed = [], []
    for match in map(Path, sorted(glob.glob(str(path), recursive=True))):
        if match.is_dir():
            within, over = _images_in(match, missing)
            images, passed = images + within, passed + over
        elif any(map(_holds_results, Path(os.path.abspath(match)).parents)):
            passed.append(_RESULT)
        else:
            images.append(match)
    return images, passed


def _images_in(folder: Path, missing: list[str]) -> tuple[list[Path], list[str]]:
    images, passed, entered = [], [], set()

    def unread(error: OSError) -> None:
        missing.append(f"{error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=unread, followlinks=True):
        inside = Path(place)
        if (real := inside.resolve()) in entered:  # a link back
            folders.clear()
            continue
        entered.add(real)
        passed += ["as a hidden folder" for each in folders if each[0] == "."]
        folders[:] = sorted(
            (each for each in folders if each[0] != "." and not is_of_system(inside / each)),
            key=lambda each: ((inside / each).is_symlink(), each),  # a folder by its own name before a link to it
        )
        of_results = [each for each in folders if _holds_results(inside / each)]
        for each in of_results:
            folders.remove(each)
            passed += [_RESULT] * sum(len(names) for *_, names in os.walk(inside / each))
        for path in (inside / name for name in sorted(files)):
            if path.name[0] == ".":
                passed += [] if is_of_system(path) else ["as hidden"]
            elif is_image(path) or dicom.is_dicom(path):
                images.append(path)
            else:
                passed.append(_RESULT if path.name in (LINES, ABOUT) else kind_of_file(path))
    return images, passed


def _holds_results(folder: Path) -> bool:
    """Whether a prediction wrote this folder of masks or overlays: its about.json then lies beside it. A prediction
    that was killed has left nothing else."""
    return folder.name in (MASKS, OVERLAYS) and _is_of_prediction(folder.parent)


def _is_of_prediction(folder: Path) -> bool:
    start = first_bytes(folder / ABOUT)
    return all(key in start for key in _BEGINS)


def refuse_files_of_a_person(output: Path) -> None:
    """Raises BadInput where the folder for the results has files of a person under the names of what is written: masks/
    may hold the truth of the images, which would be replaced."""
    there = [] if _is_of_prediction(output) else [output / part for part in (MASKS, OVERLAYS, LINES, ABOUT)]
    for path in there:
        if any(path.iterdir()) if path.is_dir() else path.exists():
            raise BadInput(
                f"{path} is there, and no prediction wrote it: results in {output} would replace your files. Name "
                "another folder with -o."
            )


def _plain(path: Path) -> str:
    return plain_name(str(path))


def _without_ending(path: Path) -> Path:
    """Not `with_suffix`, which takes ".." for the name of "...png"."""
    return Path(os.path.splitext(path)[0])


def _with_names(paths: list[Path]) -> list[Input]:
    """A name for each: its place below the folder that all share. "-2", "-3" are added where two names would be equal,
    as of x.png and x.jpg, or on a disk that takes X for x and one form of é for the other. No name has a ".." in it,
    which would lead out of the output folder."""
    if not paths:
        return []
    whole = [Path(os.path.abspath(path)) for path in paths]  # not Path.absolute, which keeps ".."
    shared = os.path.commonpath([path.parent for path in whole])
    taken, inputs = set(), []
    for path, placed in zip(paths, whole, strict=True):
        plain = placed.relative_to(shared)
        plain = _without_ending(plain) if path.suffix.lower() in _ENDINGS else plain
        name, number = str(plain), 1
        while plain_name(name).casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(plain_name(name).casefold())
        inputs.append(Input(path, name))
    return inputs


def count_pixels(path: Path) -> int:
    """The pixels of a picture, from the head of its file; 0 where `read_picture` will refuse it."""
    try:
        if not dicom.is_dicom(path):
            width, height = read_size(path)
            return width * height
        if unread(path):
            return 0
        with path.open("rb") as file:
            return bounded.count_pixels(file)
    except Exception:  # of any kind: reading it will say so
        return 0


def read_picture(path: Path) -> Picture:
    """The picture in an image file, decoded as for training, or in a DICOM file of one frame.

    No scale is taken from an image file, since the resolution that it states is one for printing. Raises BadInput,
    naming the file, where it can't be read, and `dicom.NoPicture` for a DICOM file that holds no picture.
    """
    if dicom.is_dicom(path):
        picture = dicom.read_dicom(path)
    else:
        decoded = decode_image(path)
        picture = Picture(decoded.pixels, doubts=tuple(decoded.doubts))
    return replace(picture, doubts=(*picture.doubts, *brightness_doubts(picture.pixels)))


def refuse_nothing(found: FoundInputs) -> None:
    """Raises BadInput where not a single image was found."""
    if not found.items:
        there = f" There is: {found.left_out}." if found.left_out else ""
        remedy = f"Expected images ({', '.join(_ENDINGS)}), folders of them, or patterns such as 'scans/*.png'.{there}"
        raise BadInput.listing("No image to predict on:", found.missing, remedy)
