"""A folder of images and one of masks with names of any kind, told apart by a description of a few lines:

    images: pictures             # the folder of the images, beside the description
    masks: truth                 # the folder of the masks; they may have another size than their image
    pattern: '^(?P<group>[0-9]+)_.*_(?P<class>[bm])\\.png$'
    classes: {b: benign, m: malignant}

common/data/mammo_masses.yaml is one.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from common import strict_yaml
from common.data.case import Case
from common.data.formats import ENDINGS
from common.data.listing import some, visible
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

    Raises BadInput where a folder or all images are missing, the pattern does not fit every image, gives an unknown
    class or one group only, and where images and masks do not pair up.
    """
    images, masks = _files(base / about.images, "images", about), _files(base / about.masks, "masks", about)
    matches = {path: re.search(about.pattern, path.name) for path in images}
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
    if len(set(groups.values())) == 1:
        raise BadInput(
            f"The pattern {about.pattern} gives 1 group only, '{groups[images[0]]}', for {len(images)} images: "
            f"{', '.join(some(path.name for path in images))}. Images of one group stay together in a split, so that "
            "at least 2 are needed; (?P<group>.+) over the whole name makes each image its own."
        )
    drawn = _drawn(about, base, images, masks, matches)
    return [
        Case(key, labels[path], groups[path], path, tuple(drawn[key]), scaled=True)
        for path, key in zip(images, (_id(path, matches[path]) for path in images), strict=True)
    ]


def _files(folder: Path, what: str, about: Description) -> list[Path]:
    """The image files in a folder, by name; where images and masks share it, those that are meant."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder, where the description has its {what}.")
    files = [path for path in visible(folder) if path.suffix.lower() in ENDINGS]
    files = [path for path in files if path.name not in about.ignore]
    if about.mask_pattern and about.images == about.masks:
        files = [path for path in files if bool(re.search(about.mask_pattern, path.name)) == (what == "masks")]
    if not files:
        raise BadInput(f"{folder}: no file of the {what} in it. Known endings: {', '.join(ENDINGS)}.")
    return files


def _label(about: Description, match: re.Match) -> str | None:
    return about.classes if isinstance(about.classes, str) else about.classes.get(match["class"])


def _id(path: Path, match: re.Match | None) -> str:
    return match["id"] if match and "id" in match.re.groupindex else path.stem


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
        match = re.search(about.mask_pattern, path.name) if about.mask_pattern else None
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
        raise BadInput.listing(
            "Images and masks do not pair up:", wrong, "Add what is missing, or list under `ignore` what to leave out."
        )
    return drawn
