"""One case: an image, the masks drawn on it, what is known about it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """id: unique within its data set; label: the class; group: cases of one patient or lesion share it;
    masks: one file for each lesion drawn, none where there is nothing to mark: the truth is then empty.
    scaled: the masks may have other sizes than the image, whose whole area they show all the same.
    outlined: a mask may hold the outline of a lesion instead of its area, which is then filled.
    copy_of: the id of the case that it is a changed copy of (`common.data.enlarge`), "" for none."""

    id: str
    label: str
    group: str
    image: Path
    masks: tuple[Path, ...]
    scaled: bool = False
    outlined: bool = False
    copy_of: str = ""
