"""The layout of BUSI (Al-Dhabyani et al., Data in Brief 28:104863, 2020): a folder for each class, in it
`benign (4).png` with `benign (4)_mask.png`, and `_mask_1.png`, `_mask_2.png` where more lesions were drawn."""

import re
from pathlib import Path

from common.data.case import Case
from common.errors import BadInput

CLASSES = ("benign", "malignant", "normal")
_FILE = re.compile(r"^(?P<label>[a-z]+) \((?P<number>\d+)\)(?P<mask>_mask(?:_\d+)?)?\.png$")


def index(folder: Path) -> list[Case]:
    """The cases of a folder in BUSI's layout, by class and number.

    Raises BadInput where the folder is missing or holds no case, and for all images without a mask, masks without an
    image and PNGs of other names at once.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder. Expected one with {', '.join(CLASSES)} in it.")
    images: dict[tuple[str, int], Path] = {}
    masks: dict[tuple[str, int], list[Path]] = {}
    misnamed = []
    for label in CLASSES:
        for path in sorted((folder / label).glob("*.png")):
            match = _FILE.match(path.name)
            if not match or match["label"] != label:
                misnamed.append(f"{path}: not named {label} (NUMBER).png or {label} (NUMBER)_mask.png")
                continue
            key = (label, int(match["number"]))
            if match["mask"]:
                masks.setdefault(key, []).append(path)
            else:
                images[key] = path
    if not images and not misnamed:
        raise BadInput(
            f"{folder}: no image found. Expected {CLASSES[0]}/{CLASSES[0]} (1).png with "
            f"{CLASSES[0]} (1)_mask.png beside it, and so on, in {', '.join(CLASSES)}."
        )
    alone = [f"{images[key]}: no mask beside it" for key in sorted(images.keys() - masks.keys())]
    alone += [f"{path}: no image beside it" for key in sorted(masks.keys() - images.keys()) for path in masks[key]]
    if misnamed or alone:
        headline = "These files are not as in BUSI, or images and masks do not pair up:"
        raise BadInput.listing(headline, misnamed + alone, "Rename or remove these, or add the missing ones.")
    return [
        Case(f"{label} ({number})", label, f"{label} ({number})", images[label, number], tuple(masks[label, number]))
        for label, number in sorted(images)
    ]
