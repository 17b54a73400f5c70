"""Reads a data set that lies in a folder of images and a folder of masks, described in YAML. The two folders suffice if
each mask has the name of its image. A few more lines say what else the names hold:

    images: pictures             # the folder of the images, beside the description
    masks: truth                 # the folder of the masks, which may have another size than their images
    pattern: '^(?P<group>[0-9]+)_.*_(?P<class>[bm])\\.png$'
    classes: {b: benign, m: malignant}

docs/describe-data.md has every key. common/data/mammo_masses.yaml is an example.
"""

import re
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from common import strict_yaml
from common.complaints import complaints, in_short
from common.data import pairing
from common.data.case import Case, unusable_files
from common.data.listing import ENDINGS, first_few, is_of_system, on_disk, plain_name, remind_of_left_out
from common.errors import BadInput
from common.plural import counted

Label = Literal["benign", "malignant", "normal"]
_SECONDS = 3  # the time for all patterns on all names; a well written pattern takes microseconds on a name


class Description(BaseModel):
    """The description of a data set: its folders, and what the names of its files mean.

    images, masks: folders, relative to the folder of the description. Both may be the same folder.
    pattern: a regular expression, of at most 1,000 characters, that is searched in the file name of every image. It may
        have these named groups: `class`, the text that stands for the class; `group`, the patient or lesion whose
        images must stay together (without it, each image is a group); and `id`, the part of the name that the mask has
        too (without it, the name without ending). Without a pattern every name fits, and the folders below are read
        too.
    mask_pattern: a regular expression for the names of masks, with the named group `id`. Without it, a mask has the
        name of its image, with any ending, or that name with a word such as in a_mask.png (`pairing.image_of_mask`).
        Several masks of one image are merged as in BUSI.
    classes: the class that each text of `class` stands for, or one class for all images. Without it no class is known.
    ignore: whole names of image and mask files to leave out. Each of these files must be there.

    Accents in names may be written in either form of Unicode.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    images: str
    masks: str
    pattern: str = Field("", max_length=1000)
    mask_pattern: str | None = Field(None, max_length=1000)
    classes: dict[str, Label] | Label | None = None
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
        if self.mask_pattern and "id" not in re.compile(self.mask_pattern).groupindex:
            raise ValueError("mask_pattern has no named group (?P<id>...)")
        in_pattern = re.compile(self.pattern).groupindex
        if isinstance(self.classes, dict) and "class" not in in_pattern:
            raise ValueError("pattern has no named group (?P<class>...), which `classes` is about")
        if "class" in in_pattern and self.classes is None:
            raise ValueError("pattern has a named group (?P<class>...), and `classes` is missing")
        return self


def load_description(path: Path) -> Description:
    """Reads a description from a YAML file. Raises BadInput with all that is wrong, if it is not a valid one."""
    try:
        given = strict_yaml.read(path)
    except (OSError, strict_yaml.Refused) as error:
        raise BadInput(f"{path} can't be read as a description of a data set: {error}") from error
    if not isinstance(given, dict):
        raise BadInput(f"{path} is not a description of a data set: expected images and masks, not {in_short(given)}.")
    try:
        return Description.model_validate(given)
    except ValidationError as error:
        wrong = complaints(error)
        remedy = f"A description has {', '.join(Description.model_fields)}."
        raise BadInput.listing(f"{path} is not a valid description of a data set:", wrong, remedy) from error


def index(about: Description, base: Path, scaled: bool = True, timed: bool = True) -> tuple[list[Case], list[Path]]:
    """The cases of the described folders, in the order of the images' paths, and what is passed over in the folders:
    files that are no images, files that the description ignores, and folders that are not read. Pixels are read only if
    images and masks do not pair up: then files that can't be decoded are reported too.

    base: the folder that the description's paths start from. scaled: as in Case: whether a mask may have another size
    than its image. timed: whether the patterns' time is limited. The suite's own patterns are quick and need no limit.

    Raises BadInput if a folder or all images are missing, if the pattern does not fit an image or gives an unknown
    class, if the patterns take more than three seconds of computing, and if images and masks do not pair up: every
    image needs a mask, an all-black one if there is no lesion.

    Also raises BadInput for patterns whose time is limited, outside of the main thread: Python lets a signal interrupt
    only the main thread.
    """
    with _in_time() if timed and (about.pattern or about.mask_pattern) else nullcontext():
        files = _find_files(about, base)
        cases, wrong = _cases(about, files, scaled)
    if wrong:
        remedy = [
            "Every image needs a mask, called as it is; for an image without a lesion, one that is black all over.",
            "Add what is missing, and move away what does not belong to the set. (A description in YAML can leave out "
            "such files by its key `ignore`: docs/describe-data.md.)",
        ]
        if any("/" in case.id for case in cases):
            remedy.append("Folders are part of the names. Where they say nothing, name a lower one.")
        remedy += _remind_of_left_out(about, files.passed_over)
        raise BadInput.listing("Images and masks do not pair up:", wrong + unusable_files(cases), *remedy)
    return cases, files.passed_over


def _remind_of_left_out(about: Description, passed: Iterable[Path]) -> list[str]:
    """As `listing.remind_of_left_out`, without the files that the description itself leaves out."""
    return remind_of_left_out(path for path in passed if plain_name(path.name) not in about.ignore)


@dataclass(frozen=True)
class _Files:
    """The files of the described folders. ids: the id of each image and each mask, taken from its name
    (`pairing.ids_by_name`)."""

    images: list[Path]
    masks: list[Path]
    ids: dict[Path, str]
    passed_over: list[Path]


def _find_files(about: Description, base: Path) -> _Files:
    """Raises BadInput if there is no image or no mask, and if a file to ignore is not there."""
    # A pattern is searched in the names of files alone. Without one, the folders below may tell patients apart.
    tops = [
        pairing.place(base, each) if about.pattern else on_disk(base / each) for each in (about.images, about.masks)
    ]
    together = pairing.is_same(*tops)  # even under two names: one may be a link to the other
    one, other = tops if not together else (tops[0], tops[0])
    images, passed = pairing.files_in(one, other, nested=not about.pattern)
    masks, more = ([], []) if together else pairing.files_in(other, one, nested=not about.pattern)
    _refuse_unknown(about.ignore, [path.name for path in (*images, *masks, *passed, *more)])
    ignored = [path for path in (*images, *masks) if plain_name(path.name) in about.ignore]
    images, masks = (sorted({*found} - {*ignored}) for found in (images, masks))
    if together:
        by_pattern = [path for path in images if about.mask_pattern and _search(about.mask_pattern, path)]
        masks = by_pattern if about.mask_pattern else pairing.masks_among(images)
        images = sorted({*images} - {*masks})
    for what, found, folder in (("images", images, one), ("masks", masks, other)):
        if not found:
            hint = (
                " The same folder is named for images and masks. Is that meant? Then a mask is called as its "
                "image with a word behind it: a_mask.png beside a.png."
                if together
                else ""
            )
            raise BadInput(
                f"{folder}: there are no {what} in it. Known endings: {', '.join(ENDINGS)}.{hint}",
                *_remind_of_left_out(about, [*passed, *more]),
            )
    ids = pairing.ids_by_name(images, masks, (one, other))
    return _Files(images, masks, ids, [*passed, *more, *ignored])


def _refuse_unknown(ignore: tuple[str, ...], there: list[str]) -> None:
    """Raises BadInput if no file has a name that is to be ignored. The file that was meant would become an image.

    there: the names of all files that were found.
    """
    names = {plain_name(name).casefold(): name for name in there}
    wrong = []
    for unknown in sorted(name for name in {*ignore} - {*map(plain_name, there)} if not is_of_system(Path(name))):
        alike = names.get(Path(unknown).name.casefold())
        wrong.append(f"no file is called '{unknown}'{f'; there is {alike}' if alike else ''}")
    if wrong:
        raise BadInput.listing(
            "`ignore` names files that are not there:",
            first_few(wrong),
            "It takes whole names, as the folders show them: capitals count, and neither folders nor patterns such as "
            "*.png are read.",
        )


def _cases(about: Description, files: _Files, scaled: bool) -> tuple[list[Case], list[str]]:
    """The cases, and a line for each file without a partner."""
    matches = {path: _search(about.pattern, path) for path in files.images}
    if unlike := [path.name for path, match in matches.items() if not match]:
        raise BadInput.listing(
            f"The pattern {about.pattern} matches {len(matches) - len(unlike)} of {counted(len(matches), 'image')} in "
            f"{files.images[0].parent} and not these:",
            first_few(unlike),
            "Change the pattern, or name under `ignore` what is no image of the set.",
        )
    labels = {path: _label(about, match) for path, match in matches.items()}
    if unknown := [
        f"{path.name}: '{_part(matches[path], 'class')}'" for path, label in labels.items() if label is None
    ]:
        raise BadInput.listing(
            f"`classes` does not say which class these are, as the pattern {about.pattern} finds them in the names:",
            first_few(unknown),
            f"It has {', '.join(map(repr, about.classes))}. Add the others.",
        )
    ids = {path: _part(match, "id", files.ids[path]) for path, match in matches.items()}
    of_masks, wrong = _ids_of_masks(about, {path: files.ids[path] for path in files.masks}, ids)
    drawn, alone = pairing.pair(ids, of_masks)
    alone += [
        f"{image}: {mask}, its mask, is the same file"
        for image, id in ids.items()
        for mask in drawn[id]
        if pairing.is_same(image, mask)
    ]
    groups = {path: _part(match, "group", ids[path]) for path, match in matches.items()}
    cases = [Case(id, labels[path], groups[path], path, tuple(drawn[id]), scaled) for path, id in ids.items()]
    return cases, wrong + alone


def _ids_of_masks(
    about: Description, by_name: dict[Path, str], images: dict[Path, str]
) -> tuple[dict[Path, str], list[str]]:
    """The id of the image of each mask, and a line for each mask that leaves it open.

    by_name: the id of each mask, taken from its name. images: the id of each image.
    """
    if not about.mask_pattern:
        return pairing.name_images(by_name, images.values())
    matches = {path: _search(about.mask_pattern, path) for path in by_name}
    unlike = [f"{path}: mask_pattern does not fit this name" for path, match in matches.items() if not match]
    return {path: _part(match, "id") for path, match in matches.items() if match}, unlike


def _search(pattern: str, path: Path) -> re.Match | None:
    """Searches a pattern in the name of a file. Raises BadInput if the time of `_in_time` is over."""
    try:
        return re.search(pattern, plain_name(path.name))
    except TimeoutError:
        raise BadInput(
            f"The pattern {pattern} takes more than {_SECONDS} s on the name of {path}, or on all names together. A "
            "repetition inside of a repetition, such as (a+)+, tries too many ways to divide a name: write it without."
        ) from None


@contextmanager
def _in_time() -> Iterator[None]:
    """Raises TimeoutError in this context if it computes for too long. A pattern such as (a+)+b tries every way to
    divide a name, and would take longer than a human life. Raises BadInput outside of the main thread."""

    def stop(number, frame):
        raise TimeoutError(f"the names of the files take more than {_SECONDS} s")

    if threading.current_thread() is not threading.main_thread():
        raise BadInput(
            "A description with a pattern is read in the main thread of a program, and this is another one: only there "
            "Python can end a pattern that takes too long. Read it there, or name the two folders without it."
        )
    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)  # counts time of computing, not of waiting
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _label(about: Description, match: re.Match) -> str | None:
    """The class of an image, "" if no classes are described, None if `classes` lacks the text that the pattern
    found."""
    return about.classes.get(_part(match, "class")) if isinstance(about.classes, dict) else about.classes or ""


def _part(match: re.Match, name: str, otherwise: str = "") -> str:
    """The text that a named group of the pattern found. `otherwise` if it found nothing or the pattern has no such
    group."""
    return (match[name] if name in match.re.groupindex else "") or otherwise
