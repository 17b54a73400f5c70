"""Finds the images of one folder and the masks of another, and pairs them by their names."""

import re
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path

from common.data.listing import MOST_FOLDERS, hidden, is_image, on_disk, plain_name, visible
from common.errors import BadInput

# What follows the name of an image in the name of its mask: scan_mask.png, scan-seg_2.png.
_MASK_WORD = re.compile(r"[ _-](mask|seg|segmentation|gt|label)([ _-]?\d+)?$", re.IGNORECASE)


def image_of_mask(stem: str) -> str:
    """The name of the image that a mask file belongs to: scan for scan_mask. If the name has no such word, or nothing
    before it that can be a name, it is returned unchanged. stem: the name of the mask file, without its ending."""
    image = _MASK_WORD.sub("", stem)
    return image if image.rpartition("/")[2].strip(".") else stem


def place(base: Path, named: str) -> Path:
    """The folder of this name. If all that it holds is one folder, that one, up to three levels down: an archive often
    unpacks into a folder of its own name."""
    found = on_disk(base / named)
    for _ in range(3):
        inside = visible(found) if found.is_dir() else []
        if len(inside) != 1 or not inside[0].is_dir():
            break
        found = inside[0]
    return found


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths, which may be links, lead to the same existing file or folder."""
    return one.exists() and other.exists() and one.samefile(other)


def files_in(folder: Path, other: Path, nested: bool) -> tuple[list[Path], list[Path]]:
    """The image files in a folder, sorted by path, and what is passed over: other files, hidden files, and folders that
    are not read. nested: whether the folders below are read too. other: the other folder of the pair; if it lies inside
    `folder`, it is in neither list.

    Raises BadInput if the folder is missing, and for more than 1,000 folders.
    """
    if not folder.is_dir():
        what = "this is a file" if folder.is_file() else "there is no such folder"
        raise BadInput(f"{folder}: {what}. Expected a folder with images or masks.")
    images, passed, folders = [], [], [folder]
    for each in folders:  # the loop appends to this list
        passed += hidden(each)
        for path in visible(each):
            if nested and path.is_dir() and not path.is_symlink():
                folders += [path] if path != other else []
            elif path != other:
                (images if is_image(path) else passed).append(path)
        if len(folders) > MOST_FOLDERS:
            raise BadInput(f"{folder}: more than {MOST_FOLDERS:,} folders below it. Name the one that is meant.")
    return sorted(images), passed


def ids_by_name(images: list[Path], masks: list[Path], tops: tuple[Path, Path]) -> dict[Path, str]:
    """The id of each file: its name without ending. If both the images and the masks lie in folders below theirs, the
    names of these folders are part of the id. Two patients may each have an a.png; if one of them lacks a mask, it must
    not get the mask of the other.

    Only the folders nearest to a file count, as many levels as both sides have. Of these, the first ones that all files
    share are left out. tops: the folder of the images, and the folder of the masks.
    """
    sides = [_folders_below(paths, top) for paths, top in zip((images, masks), tops, strict=True)]
    levels = min(max(map(len, side.values())) for side in sides)
    below = {path: folders[-levels:] if levels else () for side in sides for path, folders in side.items()}
    shared = len(list(takewhile(lambda names: len(set(names)) == 1, zip(*below.values(), strict=False))))
    return {path: "/".join([*folders[shared:], plain_name(path.stem)]) for path, folders in below.items()}


def _folders_below(paths: list[Path], top: Path) -> dict[Path, tuple[str, ...]]:
    """The names of the folders between `top` and each file. If everything lies in one folder with the name of `top`,
    that one is left out: an archive has put it there."""
    below = {path: tuple(map(plain_name, path.relative_to(top).parent.parts)) for path in paths}
    in_its_own = all(folders[:1] == (plain_name(top.name),) for folders in below.values())
    return {path: folders[in_its_own:] for path, folders in below.items()}


def masks_among(files: list[Path]) -> list[Path]:
    """The masks in a folder of images and masks: the files with the name of another file and a word behind it."""
    stems = {plain_name(str(path.with_name(path.stem))) for path in files}
    return [
        path
        for path in files
        if (image := image_of_mask(path.stem)) != path.stem and plain_name(str(path.with_name(image))) in stems
    ]


def name_images(masks: Mapping[Path, str], images: Iterable[str]) -> tuple[dict[Path, str], list[str]]:
    """The id of the image of each mask, and a line for each mask that leaves open which file is meant.

    If an image has the id of the mask, it is that id. Otherwise it is that id without a word such as in scan_mask
    (`image_of_mask`). It is open which file is meant if an image has masks in two folders, which may be of two patients
    or drawn by two people; if two files have the same name; or if one mask has the name of the image, a.png, and
    another one has the word too, a_mask.png.

    masks: the id of each mask, taken from its name. images: the ids of the images.
    """
    known = set(images)
    chosen = {path: id if id in known else image_of_mask(id) for path, id in masks.items()}
    called_as_image = {(path.parent, id): path for path, id in masks.items() if id in known}
    first: dict[str, Path] = {}
    by_name: dict[tuple[Path, str], Path] = {}
    unclear = []
    for path, id in masks.items():
        image = chosen[path]
        elsewhere = first.setdefault(image, path)
        same = by_name.setdefault((path.parent, id), path)
        other = called_as_image.get((path.parent, image), path) if same == path else same
        if elsewhere.parent != path.parent:
            unclear.append(f"{path}: {elsewhere} is a mask of '{image}' too, in another folder. Which one is meant?")
        elif other != path:
            unclear.append(f"{path}: {other.name} is a mask of '{image}' too. Which one is meant?")
    return chosen, unclear


def pair(images: Mapping[Path, str], masks: Mapping[Path, str]) -> tuple[dict[str, list[Path]], list[str]]:
    """The masks of each image by its id, and a line for each file that has no partner or the id of another image.
    images: the id of each image. masks: the id of the image of each mask. An image may have several masks."""
    drawn: dict[str, list[Path]] = {id: [] for id in images.values()}
    for path, id in masks.items():
        if id in drawn:
            drawn[id].append(path)
    first: dict[str, Path] = {}
    return drawn, [
        *(
            f"{path}: {first[id]} is called '{id}' too. Rename one of the two."
            for path, id in images.items()
            if first.setdefault(id, path) != path
        ),
        *(f"{path}: no image is called '{id}'" for path, id in masks.items() if id not in drawn),
        *(f"{path}: no mask is called '{id}'" for path, id in images.items() if not drawn[id]),
    ]
