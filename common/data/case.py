"""One case: an image, the masks drawn on it, what is known about it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """id: unique within its data set; label: the class; group: cases of one patient or lesion share it;
    masks: one file for each lesion drawn, at least one."""

    id: str
    label: str
    group: str
    image: Path
    masks: tuple[Path, ...]
