"""A folder of images and one of masks with any names, which a description of a few lines explains:

    images: pictures             # the folder of the images, beside the description
    masks: truth                 # the folder of the masks; they may have another size than their image
    pattern: '^(?P<group>[0-9]+)_.*_(?P<class>[bm])\\.png$'
    classes: {b: benign, m: malignant}

common/data/mammo_masses.yaml is one.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from common import strict_yaml
from common.data.case import Case, unusable_files
from common.data.listing import ENDINGS, first_few, hidden, is_image, on_disk, plain_name, visible
from common.errors import BadInput

Label = Literal["benign", "malignant", "normal"]
_SECONDS = 3  # that the patterns may take for all names; well written ones take microseconds for one


class Description(BaseModel):
    """images, masks: folders, relative to that of the description.
    pattern: a regular expression, of at most 1,000 characters, that is searched in the file name of every image. Its
        named groups are `class`, the text that stands for the class; `group`, the patient or lesion whose images must
        stay together; and, where image and mask have different names, `id`, the part that both share.
    mask_pattern: the same for masks, with the named group `id`. Without it, image and mask differ in the ending alone.
        Several masks of one image are merged as BUSI's are.
    classes: the class that each text of `class` stands for; or one class for all images, and no `class` is needed.
    ignore: names of files to leave out, of images and masks.
    Accents in names may be written in either form of Unicode.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    images: str
    masks: str
    pattern: str = Field(max_length=1000)
    mask_pattern: str | None = Field(None, max_length=1000)
    classes: dict[str, Label] | Label
    ignore: tuple[str, ...] = ()

    @field_validator("pattern", "mask_pattern")
    @classmethod
    def _is_expression(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except (re.error, OverflowError, RecursionError) as error:
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


def load_description(path: Path) -> Description:
    """The description in a YAML file. Raises BadInput, with all that is wrong, where it is not a valid one."""
    try:
        given = strict_yaml.read(path)
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
    """The cases of the described folders, in the order of the images' names. No pixel is read.

    base: the folder that the description's paths start from.

    Raises BadInput where a folder or all images are missing, where the pattern does not fit an image or gives an
    unknown class, where the patterns take more than three seconds of computing, and where images and masks do not pair
    up.

    It is called in the main thread, the only one that Python lets a signal interrupt.
    """
    with _in_time():
        cases, wrong = _cases(about, base)
    if wrong:
        remedy = "Add what is missing, or list under `ignore` what to leave out."
        raise BadInput.listing("Images and masks do not pair up:", wrong + unusable_files(cases), remedy)
    return cases


def _cases(about: Description, base: Path) -> tuple[list[Case], list[str]]:
    """The cases, and a line for each file without a partner."""
    images, masks = _files(base, "images", about), _files(base, "masks", about)
    matches = {path: _search(about.pattern, path) for path in images}
    if unlike := [path.name for path, match in matches.items() if not match]:
        raise BadInput.listing(
            f"The pattern {about.pattern} matches {len(images) - len(unlike)} of the {len(images)} images in "
            f"{base / about.images} and not these:",
            first_few(unlike),
            "Change it, or list under `ignore` what is no image of the set.",
        )
    labels = {path: _label(about, match) for path, match in matches.items()}
    if unknown := [f"{path.name}: '{matches[path]['class']}'" for path, label in labels.items() if label is None]:
        known = ", ".join(f"'{text}'" for text in about.classes)
        headline = f"The pattern {about.pattern} finds a class that `classes` does not have:"
        raise BadInput.listing(headline, first_few(unknown), f"It has {known}.")
    groups = {path: match["group"] or "" for path, match in matches.items()}
    ids = {path: _id(path, matches[path]) for path in images}
    drawn, wrong = _pair(about, base, ids, masks)
    cases = [Case(id, labels[path], groups[path], path, tuple(drawn[id]), scaled=True) for path, id in ids.items()]
    return cases, wrong


def left_out(about: Description, base: Path) -> list[Path]:
    """What `index` passes over in the folders: files that are no images, and those that the description ignores."""
    places = dict.fromkeys(_place(base, named) for named in (about.images, about.masks))
    passed = [path for place in places for path in visible(place) if not is_image(path) or _is_ignored(path, about)]
    return [*passed, *(path for place in places for path in hidden(place))]


def _files(base: Path, what: Literal["images", "masks"], about: Description) -> list[Path]:
    """The files of the images, or of the masks, by name; the two may lie in one folder."""
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
    """The folder of this name, or the only one in it: an archive unpacks into a folder of its own name."""
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
    return _search(about.mask_pattern, path)


def _search(pattern: str, path: Path) -> re.Match | None:
    """Searches a pattern in the name of a file, in what is left of the time (`_in_time`)."""
    try:
        return re.search(pattern, plain_name(path.name))
    except TimeoutError:
        raise BadInput(
            f"The pattern {pattern} takes more than {_SECONDS} s on the name of {path}, or on all names together. A "
            "repetition inside of a repetition, such as (a+)+, tries too many ways to divide a name: write it without."
        ) from None


@contextmanager
def _in_time() -> Iterator[None]:
    """Ends the block with a TimeoutError where it computes too long: a pattern such as (a+)+b tries every way to divide
    a name, and takes longer than anybody lives."""

    def stop(number, frame):
        raise TimeoutError(f"the names of the files take more than {_SECONDS} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)  # counts what the process computes, not what it waits
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _label(about: Description, match: re.Match) -> str | None:
    return about.classes if isinstance(about.classes, str) else about.classes.get(match["class"])


def _id(path: Path, match: re.Match | None) -> str:
    return match["id"] if match and "id" in match.re.groupindex else plain_name(path.stem)


def _pair(
    about: Description, base: Path, ids: dict[Path, str], masks: list[Path]
) -> tuple[dict[str, list[Path]], list[str]]:
    """The masks of each image, by its id, and a line for each file without a partner. ids: of the images."""
    drawn: dict[str, list[Path]] = {}
    wrong = []
    for path, id in ids.items():
        if id in drawn:
            wrong.append(f"{path}: another image has the same id '{id}'")
        drawn[id] = []
    for path in masks:
        match = _mask_match(path, about) if about.mask_pattern else None
        if about.mask_pattern and not match:
            wrong.append(f"{path}: not as mask_pattern has it")
        elif (id := _id(path, match)) in drawn:
            drawn[id].append(path)
        else:
            wrong.append(f"{path}: no image with the id '{id}' in {base / about.images}")
    alone = [(path, id) for path, id in ids.items() if not drawn[id]]
    return drawn, wrong + [f"{path}: no mask with the id '{id}' in {base / about.masks}" for path, id in alone]
