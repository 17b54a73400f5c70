"""Reads a folder in the layout of BUSI (Al-Dhabyani et al., Data in Brief 28:104863, 2020): a folder for each class. In
it lie `benign (4).png` with `benign (4)_mask.png`, and `_mask_1.png`, `_mask_2.png` if more lesions were drawn."""

import re
from itertools import islice
from pathlib import Path

from common.data.case import Case, unusable_files
from common.data.listing import ANY_FORMAT, MOST_FOLDERS, hidden, is_image, is_of_system, visible
from common.errors import BadInput

CLASSES = ("benign", "malignant", "normal")
_PUBLISHED = "Dataset_BUSI_with_GT"  # the folder in the published archive
_DEPTH = 4  # levels of folders below the named one that are searched for the folders of the classes
_NAME = re.compile(r"(?P<label>[a-z]+) \((?P<number>\d+)\)(?P<mask>_mask(?:_(?P<which>\d+))?)?", re.ASCII)
_Key = tuple[str, int]  # class and number


def index(folder: Path) -> list[Case]:
    """The cases of a folder in BUSI's layout, sorted by class and number. Images may have any ending or none. Files
    that are no images are passed over (`left_out`).

    Raises BadInput if the folder is missing or holds no case. One message lists all images without a mask, masks
    without an image, gaps in the numbers of a case's masks, second files for one image, images with other names, and
    files and folders that have the name of a class but are not its folder. If it lists any of these, it also lists all
    files that can't be decoded.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder. Expected one with {', '.join(CLASSES)} in it.")
    images: dict[_Key, Path] = {}
    masks: dict[_Key, dict[int, Path]] = {}
    wrong = _wrong_folders(folder)
    for label in CLASSES:
        place = folder / label
        if place.is_dir():
            wrong += _sort_in(label, visible(place), images, masks)
            if not any(key[0] == label for key in images.keys() | masks.keys()):
                wrong.append(f"{place}: no image in it, but a folder")
    if not images and not wrong:
        raise BadInput(
            f"{folder}: no image found. Expected {CLASSES[0]}/{CLASSES[0]} (1).png with "
            f"{CLASSES[0]} (1)_mask.png beside it, and so on, in {', '.join(CLASSES)}."
        )
    wrong += [f"{images[key]}: no mask beside it" for key in sorted(images.keys() - masks.keys())]
    wrong += [
        f"{path}: no image beside it" for key in sorted(masks.keys() - images.keys()) for path in masks[key].values()
    ]
    wrong += [f"{path}: the mask before it is missing" for key in sorted(masks) for path in _after_a_gap(masks[key])]
    cases = [
        Case(
            f"{label} ({number})", label, f"{label} ({number})", images[label, number], _in_order(masks[label, number])
        )
        for label, number in sorted(images.keys() & masks.keys())
    ]
    if wrong:
        wrong += unusable_files(cases, [images[key] for key in sorted(images.keys() - masks.keys())])
        headline = "These files are not as in BUSI, or images and masks do not pair up:"
        raise BadInput.listing(headline, wrong, "Rename or remove these, or add the missing ones.")
    return cases


def find_layout(folder: Path, deep: bool = True) -> Path | None:
    """The folder that holds the folders of the classes: this folder, or the published one in it, or, if `deep`, one up
    to four levels down, where an archive may have put it. None if there is none.

    Raises BadInput if there are several on one level, as in a set that is cut into train and test: only the person
    knows which one is meant. Also raises BadInput for more than 1,000 folders to search.
    """
    if found := next(filter(_has_classes, (folder, folder / _PUBLISHED)), None):
        return found
    level, searched = [folder], 0
    for _ in range(_DEPTH if deep else 0):
        below = (path for place in level for path in _folders_in(place))
        level = list(islice(below, MOST_FOLDERS + 1 - searched))
        searched += len(level)
        if searched > MOST_FOLDERS:
            raise BadInput(
                f"{folder}: more than {MOST_FOLDERS:,} folders below it, too many to look for a data set there. Name "
                "its own folder."
            )
        if found := list(filter(_has_classes, level)):
            if len(found) == 1:
                return found[0]
            raise BadInput.listing(
                f"{folder} has several folders with {', '.join(CLASSES)} in them:",
                list(map(str, found)),
                "Name the one that is meant.",
            )
    return None


def _folders_in(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    inside = (path for path in place.iterdir() if not path.name.startswith(".") and not is_of_system(path))
    return sorted(path for path in inside if not path.is_symlink() and path.is_dir())


def _has_classes(place: Path) -> bool:
    return any((place / label).is_dir() for label in CLASSES)


def left_out(folder: Path) -> list[Path]:
    """What `index` passes over: files in the folders of the classes that are no images, and everything beside these
    folders."""
    places = [folder / label for label in CLASSES if (folder / label).is_dir()]
    inside = [path for place in places for path in visible(place) if not is_image(path)]
    beside = [path for path in visible(folder) if path.name not in CLASSES]
    return [*beside, *inside, *(path for place in (folder, *places) for path in hidden(place))]


def _wrong_folders(folder: Path) -> list[str]:
    """A line for each file with the name of a class, and for each folder with such a name in capitals. Without it, a
    class could go missing unnoticed."""
    return [
        f"{path}: not a folder called {path.name.lower()}"
        for path in visible(folder)
        if path.name.lower() in CLASSES and not (path.name in CLASSES and path.is_dir())
    ]


def _sort_in(label: str, files: list[Path], images: dict[_Key, Path], masks: dict[_Key, dict[int, Path]]) -> list[str]:
    """Puts the files of a class into `images` and `masks`. Returns a line for each file that should be an image or a
    mask but has a wrong name or format, or is a second file for one image."""
    wrong = []
    for path in files:
        name = _NAME.fullmatch(path.stem)
        if not is_image(path):
            if name:
                wrong.append(f"{path}: named as an image, but none in {ANY_FORMAT}")
            continue
        if not name or name["label"] != label:
            wrong.append(f"{path}: not named {label} (NUMBER).png or {label} (NUMBER)_mask.png")
            continue
        key = label, int(name["number"])
        place, at = (masks.setdefault(key, {}), int(name["which"] or 0)) if name["mask"] else (images, key)
        if at in place:
            wrong.append(f"{path}: another name for {place[at].name}")
        else:
            place[at] = path
    return wrong


def _in_order(masks: dict[int, Path]) -> tuple[Path, ...]:
    return tuple(masks[number] for number in sorted(masks))


def _after_a_gap(masks: dict[int, Path]) -> list[Path]:
    """The masks whose number does not follow the number of the mask before. The first mask has no number, or 1."""
    numbers = sorted(masks)
    expected = [min(numbers[0], 1), *(number + 1 for number in numbers)]
    return [masks[number] for number, right in zip(numbers, expected, strict=False) if number != right]
