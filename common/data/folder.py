"""A folder of images and one of masks with names of any kind, told apart by a description of a few lines:

    images: pictures             # the folder of the images, beside the description
    masks: truth                 # the folder of the masks; they may have another size than their image
    pattern: '^(?P<group>[0-9]+)_.*_(?P<class>[bm])\\.png$'
    classes: {b: benign, m: malignant}

common/data/mammo_masses.yaml is one.
"""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from common import strict_yaml
from common.data.case import Case
from common.data.decoded import unusable
from common.data.formats import ENDINGS, is_image
from common.data.listing import hidden, on_disk, plain_name, some, visible
from common.errors import BadInput

Label = Literal["benign", "malignant", "normal"]


class Description(BaseModel):
    """images, masks: folders, relative to that of the description.
    pattern: a regular expression searched in the file name of every image, with the named groups `class`, the text
        that tells the class, `group`, the patient or lesion whose images must not be split up, and, where a mask is
        not named as its image is, `id`, that which both names share.
    mask_pattern: the same for the masks, with the named group `id`. Without one, image and mask have the same name but
        for the ending. Several masks of one image are merged as BUSI's are.
    classes: the class that each text of `class` stands for, or one class for all images; `class` is then not needed.
    ignore: names of files that are left out, of images and of masks.
    A name is the same in either form of Unicode that its accents may be written in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    images: str
    masks: str
    pattern: str
    mask_pattern: str | None = None
    classes: dict[str, Label] | Label
    ignore: tuple[str, ...] = ()

    @field_validator("pattern", "mask_pattern")
    @classmethod
    def _is_expression(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    @field_validator("images", "masks", "pattern", "mask_pattern", "classes", "ignore", mode="before")
    @classmethod
    def _in_one_form(cls, given: Any) -> Any:
        if isinstance(given, str):
            return plain_name(given)
        if isinstance(given, dict):
            return {cls._in_one_form(key): value for key, value in given.items()}
        return [cls._in_one_form(each) for each in given] if isinstance(given, list | tuple) else given

    @model_validator(mode="after")
    def _named_groups(self) -> "Description":
        needed = {"group"} if isinstance(self.classes, str) else {"group", "class"}
        if self.mask_pattern:
            needed.add("id")
            if "id" not in re.compile(self.mask_pattern).groupindex:
                raise ValueError("mask_pattern has no named group (?P<id>...)")
        if missing := needed - re.compile(self.pattern).groupindex.keys():
            raise ValueError("pattern has no named group " + ", ".join(f"(?P<{name}>...)" for name in sorted(missing)))
        return self


def load(path: Path) -> Description:
    """A description from its YAML file. Raises BadInput where that is not a valid one, with all that is wrong."""
    try:
        given = strict_yaml.load(path.read_bytes())
    except (OSError, strict_yaml.Refused) as error:
        raise BadInput(f"{path} can't be read as a description of a data set: {error}") from error
    if not isinstance(given, dict):
        raise BadInput(f"{path} is not a description of a data set: expected images, masks, pattern and classes in it.")
    try:
        return Description.model_validate(given)
    except ValidationError as error:
        wrong = strict_yaml.complaints(error)
        remedy = f"A description has {', '.join(Description.model_fields)}."
        raise BadInput.listing(f"{path} is not a valid description of a data set:", wrong, remedy) from error


def index(about: Description, base: Path) -> list[Case]:
    """The cases of the described folders, in the order of the images' names; no pixel is read.

    base: the folder that the description's paths start from.

    Raises BadInput where a folder or all images are missing, the pattern does not fit every image or gives an unknown
    class, and where images and masks do not pair up.
    """
    images, masks = _files(base, "images", about), _files(base, "masks", about)
    matches = {path: re.search(about.pattern, plain_name(path.name)) for path in images}
    if unlike := [path.name for path, match in matches.items() if not match]:
        raise BadInput.listing(
            f"The pattern {about.pattern} matches {len(images) - len(unlike)} of the {len(images)} images in "
            f"{base / about.images} and not these:",
            some(unlike),
            "Change it, or list under `ignore` what is no image of the set.",
        )
    labels = {path: _label(about, match) for path, match in matches.items()}
    if unknown := [f"{path.name}: '{matches[path]['class']}'" for path, label in labels.items() if label is None]:
        known = ", ".join(f"'{text}'" for text in about.classes)
        headline = f"The pattern {about.pattern} finds a class that `classes` does not have:"
        raise BadInput.listing(headline, some(unknown), f"It has {known}.")
    groups = {path: match["group"] or "" for path, match in matches.items()}
    drawn = _drawn(about, base, images, masks, matches)
    return [
        Case(key, labels[path], groups[path], path, tuple(drawn[key]), scaled=True)
        for path, key in zip(images, (_id(path, matches[path]) for path in images), strict=True)
    ]


def left_out(about: Description, base: Path) -> list[Path]:
    """What `index` passes over in the folders: whatever is no image, and what the description says to ignore."""
    places = dict.fromkeys(_place(base, named) for named in (about.images, about.masks))
    passed = [path for place in places for path in visible(place) if not is_image(path) or _is_ignored(path, about)]
    return [*passed, *(path for place in places for path in hidden(place))]


def _files(base: Path, what: Literal["images", "masks"], about: Description) -> list[Path]:
    """The image files in a folder, by name; where images and masks share it, those that are meant."""
    folder = _place(base, getattr(about, what))
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder, where the description has its {what}.")
    files = [path for path in visible(folder) if is_image(path) and not _is_ignored(path, about)]
    if about.mask_pattern and about.images == about.masks:
        files = [path for path in files if bool(_mask_match(path, about)) == (what == "masks")]
    if not files:
        raise BadInput(f"{folder}: no file of the {what} in it. Known endings: {', '.join(ENDINGS)}.")
    return files


def _place(base: Path, named: str) -> Path:
    """The folder of this name, or the one alone in it: archives unpack into a folder that is called as they are."""
    place = on_disk(base / named)
    for _ in range(3):
        inside = visible(place) if place.is_dir() else []
        if len(inside) != 1 or not inside[0].is_dir():
            break
        place = inside[0]
    return place


def _is_ignored(path: Path, about: Description) -> bool:
    return plain_name(path.name) in about.ignore


def _mask_match(path: Path, about: Description) -> re.Match | None:
    return re.search(about.mask_pattern, plain_name(path.name))


def _label(about: Description, match: re.Match) -> str | None:
    return about.classes if isinstance(about.classes, str) else about.classes.get(match["class"])


def _id(path: Path, match: re.Match | None) -> str:
    return match["id"] if match and "id" in match.re.groupindex else plain_name(path.stem)


def _drawn(
    about: Description, base: Path, images: list[Path], masks: list[Path], matches: dict[Path, re.Match]
) -> dict[str, list[Path]]:
    """The masks of each image, by its id. Raises BadInput naming every file that stands alone."""
    drawn: dict[str, list[Path]] = {}
    wrong = []
    for path in images:
        if (key := _id(path, matches[path])) in drawn:
            wrong.append(f"{path}: another image has the same id '{key}'")
        drawn[key] = []
    for path in masks:
        match = _mask_match(path, about) if about.mask_pattern else None
        if about.mask_pattern and not match:
            wrong.append(f"{path}: not as mask_pattern has it")
        elif (key := _id(path, match)) in drawn:
            drawn[key].append(path)
        else:
            wrong.append(f"{path}: no image with the id '{key}' in {base / about.images}")
    wrong += [
        f"{path}: no mask with the id '{key}' in {base / about.masks}"
        for path in images
        if not drawn[key := _id(path, matches[path])]
    ]
    if wrong:
        wrong += unusable(
            [
                Case(key, "", "", path, tuple(drawn[key]), scaled=True)
                for path in images
                for key in [_id(path, matches[path])]
            ],
            [],
        )
        raise BadInput.listing(
            "Images and masks do not pair up:", wrong, "Add what is missing, or list under `ignore` what to leave out."
        )
    return drawn
