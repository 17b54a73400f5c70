"""Finds the images that a person names, and chooses the names of the result files."""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
from common.data.pairing import image_of_mask
from common.errors import BadInput
from common.predict import dicom

MASKS, OVERLAYS = "masks", "overlays"  # folders in the output folder
LINES, ABOUT = "predictions.jsonl", "about.json"  # files beside them
_BEGINS = (b'"warning"', b'"network"')  # the first keys of about.json: they identify a folder that a prediction wrote
_ENDINGS = (*ENDINGS, *dicom.ENDINGS)
_RESULT = "as results of an earlier prediction"


@dataclass(frozen=True)
class Input:
    """One image to predict on. path: the image file. name: the name of its results: the mask is masks/NAME.png in the
    output folder."""

    path: Path
    name: str


@dataclass
class FoundInputs:
    """The images that `find_inputs` found.

    items: each image once, in the order of the arguments, and by name within a folder.
    missing: a line for each argument that names no image, and for each folder that can't be read.
    left_out: the files that were skipped, counted by kind; "" if none was."""

    items: list[Input]
    missing: list[str]
    left_out: str


def find_inputs(arguments: Iterable[str]) -> FoundInputs:
    """Finds the images that these arguments of a command name: files, folders and patterns such as 'scans/*.png'.

    A folder stands for all images in it and in its subfolders, links included. A file is an image by its ending or by
    its first bytes. Hidden files and the results of an earlier prediction are skipped in folders and by patterns. A
    mask is skipped if its image is named too: `x_mask.png` or `x-seg.png` beside `x.png`.
    """
    found: dict[Path, Path] = {}
    missing, skipped = [], []
    for argument in arguments:
        known = len(missing)
        named = on_disk(Path(os.path.expanduser(argument)))  # not Path.expanduser, which raises for an unknown user
        paths, kinds = _named_by(named, missing)
        skipped += kinds
        if not paths and len(missing) == known:
            missing.append(f"{argument}: {_why_none(named)}")
        for path in paths:
            found.setdefault(path.resolve(), path)
    images = {_plain(_without_ending(path)) for path in found}
    chosen = []
    for whole, path in found.items():
        image = image_of_mask(whole.stem)
        if image != whole.stem and _plain(whole.with_name(image)) in images:
            skipped.append("as masks of images")
        else:
            chosen.append(path)
    return FoundInputs(_with_names(chosen), missing, count_kinds(skipped))


def _why_none(path: Path) -> str:
    if os.path.isdir(path):
        return "no image in this folder"
    return "no image in what this pattern matches" if _matches(path) else "there is no such file"


def _matches(pattern: Path) -> list[Path]:
    return [Path(each) for each in sorted(glob.glob(str(pattern), recursive=True))]


def _named_by(path: Path, missing: list[str]) -> tuple[list[Path], list[str]]:
    """The images that one file, folder or pattern names, and the kind of each file that is skipped. Adds a line to
    `missing` for each folder that can't be read."""
    if os.path.isdir(path):  # not Path.is_dir, which raises for a name that is too long
        return _images_in(path, missing)
    if os.path.exists(path):  # before the pattern: "x [1].png" may be the name of a file
        return [path], []
    images, skipped = [], []
    for match in _matches(path):
        if match.is_dir():
            within, kinds = _images_in(match, missing)
            images, skipped = images + within, skipped + kinds
        elif any(map(_holds_results, Path(os.path.abspath(match)).parents)):
            skipped.append(_RESULT)
        else:
            images.append(match)
    return images, skipped


def _images_in(folder: Path, missing: list[str]) -> tuple[list[Path], list[str]]:
    """Like `_named_by`, for a folder and its subfolders."""
    images, skipped, entered = [], [], set()

    def unread(error: OSError) -> None:
        missing.append(f"{error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=unread, followlinks=True):
        inside = Path(place)
        if (real := inside.resolve()) in entered:  # a link led back to a folder that was read before
            folders.clear()
            continue
        entered.add(real)
        skipped += ["as a hidden folder" for each in folders if each[0] == "."]
        folders[:] = sorted(
            (each for each in folders if each[0] != "." and not is_of_system(inside / each)),
            key=lambda each: ((inside / each).is_symlink(), each),  # links last: a folder goes by its own name
        )
        of_results = [each for each in folders if _holds_results(inside / each)]
        for each in of_results:
            folders.remove(each)
            skipped += [_RESULT] * sum(len(names) for *_, names in os.walk(inside / each))
        for path in (inside / name for name in sorted(files)):
            if path.name[0] == ".":
                skipped += [] if is_of_system(path) else ["as hidden"]
            elif is_image(path) or dicom.is_dicom(path):
                images.append(path)
            else:
                skipped.append(_RESULT if path.name in (LINES, ABOUT) else kind_of_file(path))
    return images, skipped


def _holds_results(folder: Path) -> bool:
    """Whether this is a folder of masks or overlays that a prediction wrote. If so, about.json lies beside it. (A
    prediction writes about.json first, so it is there even if the prediction was killed.)"""
    return folder.name in (MASKS, OVERLAYS) and _is_of_prediction(folder.parent)


def _is_of_prediction(folder: Path) -> bool:
    start = first_bytes(folder / ABOUT)
    return all(key in start for key in _BEGINS)


def refuse_files_of_a_person(output: Path) -> None:
    """Raises BadInput if a prediction would replace files of a person in the output folder. A folder masks/, for
    example, may hold the ground truth of the images."""
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
    """The path without its suffix. (`with_suffix` is wrong for a file called "...png": it makes ".." of it.)"""
    return Path(os.path.splitext(path)[0])


def _with_names(paths: list[Path]) -> list[Input]:
    """Gives each image a name: its path relative to the folder that all share, without the ending.

    If two names would be equal, "-2", "-3" are added: as for x.png and x.jpg, or for X and x or the two Unicode forms
    of é, which some disks take for the same name. No name contains "..", which would lead out of the output folder."""
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


def refuse_nothing(found: FoundInputs) -> None:
    """Raises BadInput if no image was found."""
    if not found.items:
        there = f" There is: {found.left_out}." if found.left_out else ""
        remedy = f"Expected images ({', '.join(_ENDINGS)}), folders of them, or patterns such as 'scans/*.png'.{there}"
        raise BadInput.listing("No image to predict on:", found.missing, remedy)
