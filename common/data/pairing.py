"""The images of one folder and the masks of another: which files they are, and which belong together by their names."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice, takewhile
from pathlib import Path

from common.data.listing import ENDINGS, hidden, is_image, on_disk, plain_name, visible
from common.errors import BadInput

# What stands behind the name of an image in the name of its mask: scan_mask.png, scan-seg_2.png.
_MASK_WORD = re.compile(r"[ _-](mask|seg|segmentation|gt|label)([ _-]?\d+)?$", re.IGNORECASE)

_MOST_FOLDERS = 1_000


def image_of_mask(stem: str) -> str:
    """The name of the image that a file named `stem` (without ending) is a mask of; `stem` itself where it has no such
    word as in scan_mask."""
    return _MASK_WORD.sub("", stem)


def place(base: Path, named: str) -> Path:
    """The folder of this name, or the only one in it: an archive unpacks into a folder of its own name."""
    found = on_disk(base / named)
    for _ in range(3):
        inside = visible(found) if found.is_dir() else []
        if len(inside) != 1 or not inside[0].is_dir():
            break
        found = inside[0]
    return found


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths, which may be links, lead to one file or folder that is there."""
    return one.exists() and other.exists() and one.samefile(other)


def folders_in(folder: Path, other: Path, nested: bool) -> list[Path]:
    """The folder and, where `nested`, all below it, but neither hidden ones, nor links, nor `other`, the other one of
    the pair. Raises BadInput where the folder is missing, and for more than 1,000 folders."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder, where images or masks should be.")
    found = [folder]
    for each in found:  # which grows meanwhile
        inside = visible(each) if nested else []
        found += [path for path in inside if path.is_dir() and not path.is_symlink() and path != other]
        if len(found) > _MOST_FOLDERS:
            raise BadInput(f"{folder}: more than {_MOST_FOLDERS:,} folders below it. Name the one that is meant.")
    return found


def images_in(folders: list[Path], what: str) -> list[Path]:
    """The image files in these folders, by path. what: "images" or "masks", which they should be. Raises BadInput where
    there is none."""
    files = sorted(path for folder in folders for path in visible(folder) if is_image(path))
    if not files:
        raise BadInput(f"{folders[0]}: no file of the {what} in it. Known endings: {', '.join(ENDINGS)}.")
    return files


def passed_over(folders: list[Path], other: Path) -> list[Path]:
    """What `images_in` passes over: files that are no images, hidden files, and folders that are not entered."""
    entered = {*folders, other}
    left = [path for each in folders for path in visible(each) if path not in entered and not is_image(path)]
    return [*left, *(path for each in folders for path in hidden(each))]


def ids_by_name(images: list[Path], masks: list[Path], folders: tuple[Path, Path]) -> dict[Path, str]:
    """For each file its name without ending. Where neither folder is flat, with the path below its folder: the images
    of two patients may have one name, and the mask that one of them lacks must not be replaced by the other's. Folders
    that say nothing are left out of the path: one more level that all files of one side have, and what both sides
    share.

    folders: of the images, and of the masks, as they were named."""
    sides = [_folders_below(paths, top) for paths, top in zip((images, masks), folders, strict=True)]
    if not all(any(side.values()) for side in sides):
        return {path: plain_name(path.stem) for path in (*images, *masks)}
    depths = [max(map(len, side.values())) for side in sides]
    least = min(depths)
    of_images, of_masks = (_without_shared(side, depth - least) for side, depth in zip(sides, depths, strict=True))
    below = _without_shared(of_images | of_masks, least)
    return {path: "/".join([*parts, plain_name(path.stem)]) for path, parts in below.items()}


def _folders_below(paths: list[Path], top: Path) -> dict[Path, tuple[str, ...]]:
    """The names of the folders between `top` and each file, without one that an archive has put there: a folder with
    everything in it that is called as `top` is."""
    below = {path: tuple(map(plain_name, path.relative_to(top).parent.parts)) for path in paths}
    in_its_own = all(parts[:1] == (plain_name(top.name),) for parts in below.values())
    return _without_shared(below, 1) if in_its_own else below


def _without_shared(below: dict[Path, tuple[str, ...]], most: int) -> dict[Path, tuple[str, ...]]:
    """The same without the first folders, at most so many, that all files share."""
    levels = islice(zip(*below.values(), strict=False), most)  # which end with the shortest
    shared = len(list(takewhile(lambda names: len(set(names)) == 1, levels)))
    return {path: parts[shared:] for path, parts in below.items()}


def masks_among(files: list[Path]) -> list[Path]:
    """The masks among images and masks of one folder: those named as another file with a word behind it."""
    stems = {plain_name(str(path.with_name(path.stem))) for path in files}
    return [
        path
        for path in files
        if (image := image_of_mask(path.stem)) != path.stem and plain_name(str(path.with_name(image))) in stems
    ]


def name_images(masks: Mapping[Path, str], images: Iterable[str]) -> tuple[dict[Path, str], list[str]]:
    """For each mask the id of its image: its own id where an image has it, else its id without the word behind it
    (`image_of_mask`). And a line for each mask that leaves open which file is meant: two files of one name in a folder,
    or one called as the image beside others with a word. (`pair` names those in two folders.)

    masks: the id of each mask, by its name. images: the ids of the images."""
    known = set(images)
    chosen = {path: id if id in known else image_of_mask(id) for path, id in masks.items()}
    whole = {id: path for path, id in masks.items() if id in known}
    by_name: dict[str, Path] = {}
    unclear = []
    for path, id in masks.items():
        other = by_name.setdefault(id, path)
        other = whole.get(chosen[path], path) if other == path else other
        if other != path and other.parent == path.parent:
            unclear.append(f"{path}: {other.name} is a mask of '{chosen[path]}' too. Which one is meant?")
    return chosen, unclear


def pair(images: Mapping[Path, str], masks: Mapping[Path, str]) -> tuple[dict[str, list[Path]], list[str]]:
    """The masks of each image, by its id, and a line for each file without a partner. images, masks: the id of each
    file. Several masks of one image are several lesions; in two folders they may be of two patients or persons, and a
    line asks which is meant."""
    drawn: dict[str, list[Path]] = {}
    wrong = []
    for path, id in images.items():
        if id in drawn:
            wrong.append(f"{path}: another image has the same id '{id}'")
        drawn[id] = []
    for path, id in masks.items():
        if id not in drawn:
            wrong.append(f"{path}: no image with the id '{id}'")
            continue
        drawn[id].append(path)
        if path.parent != (first := drawn[id][0]).parent:
            wrong.append(f"{path}: {first} is a mask of '{id}' too, in another folder. Which one is meant?")
    return drawn, wrong + [f"{path}: no mask with the id '{id}'" for path, id in images.items() if not drawn[id]]
