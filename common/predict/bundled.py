"""The network that comes with the suite, and short names for the networks of one's own runs."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from common.errors import BadInput
from common.files import read_json

NAME = "tang-small"  # how a command names the network that comes with the suite
FILE = Path(str(files("common.predict"))) / f"{NAME}.keras"  # `make network` makes it
WAYS_TO_NAME = (
    f"{NAME}, which comes with the suite; the folder of a run or of a repeat; or its best.keras or last.keras."
)
SCORES = FILE.with_suffix(".json")  # what `common.predict.bundle` measured of it
_NETWORKS = ("best.keras", "last.keras")


def find_network(named: Path) -> Path:
    """The file of a network. named: NAME; the folder of a run, of a repeat or of a fold; or the file itself.

    The folder of a run stands for the network of its first repeat, and of the first fold of that, that is finished.
    Raises BadInput for what is not there, for a folder without a network, and for NAME where something of this name is
    in the current folder: a path does not tell ./NAME from NAME, and the one must not be scored as the other.
    """
    if str(named) == NAME:
        if named.exists():
            raise BadInput(
                f"{NAME} is the name of the network that comes with the suite, and of {named.absolute()}. Which one "
                f"is meant? Write {named.absolute()} for your own, and {FILE} for the one that comes with the suite."
            )
        return FILE
    if not os.path.exists(named):
        raise BadInput(f"{named}: there is no such network. Expected {WAYS_TO_NAME}")
    if not named.is_dir():
        return FILE if named.exists() and named.samefile(FILE) else named
    repeats = sorted(named.glob("repeat-*"), key=_number)
    folders = [each for above in (named, *repeats) for each in (above, *sorted(above.glob("fold-*"), key=_number))]
    found = next((folder / name for folder in folders for name in _NETWORKS if (folder / name).is_file()), None)
    if found is None:
        raise BadInput(
            f"{named}: there is no best.keras or last.keras in this folder, nor in a repeat of it. `repro status` "
            "lists the folders of your runs, and says which are done."
        )
    return found


def marked_without_lesion(scores: dict[str, Any]) -> dict[str, Any]:
    """Of the scores in SCORES, the share of images without a lesion that the network marks: value, low, high, n."""
    return next(each for each in scores["normal"] if each["name"] == "images without a lesion that were marked")


def describe_test_dice() -> str:
    """The Dice of the network that comes with the suite on images that it never saw, in a sentence."""
    test = read_json(SCORES)["parts"]["test"]
    return (
        f"On {test['images']} images of BUSI that it never saw, all with a tumour, its Dice is {test['dice'][0]:.3f}."
    )


def describe_bundled() -> str:
    """The same, and how often that network marks an image without a lesion, for the terminal."""
    marked = marked_without_lesion(read_json(SCORES))["n"]
    return (
        f"This small network comes with the suite. {describe_test_dice()} Of images without a tumour it marks "
        f"{marked}. docs/model-card.md says what it is not for."
    )


def _number(folder: Path) -> tuple[int, str]:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) < 10 else 0, folder.name
