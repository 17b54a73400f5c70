"""Finds a network by name or path, and describes the network that comes with the suite."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from common.errors import BadInput
from common.files import read_json

NAME = "tang-small"  # the name of the network that comes with the suite, as commands take it
FILE = Path(str(files("common.predict"))) / f"{NAME}.keras"  # `make network` makes it
WAYS_TO_NAME = (
    f"{NAME}, which comes with the suite; the folder of a run or of a repeat; or its best.keras or last.keras."
)
SCORES = FILE.with_suffix(".json")  # its scores, as `common.predict.bundle.measure` returns them
_NETWORKS = ("best.keras", "last.keras")


def find_network(named: Path) -> Path:
    """Finds the file of a network. named: NAME; the folder of a run, of a repeat or of a fold; or the file itself.

    The folder of a run stands for its first finished repeat, and a repeat of several folds for its first finished fold.

    Raises BadInput if nothing is at the path, if the folder has no network, and for NAME if the current folder has a
    file or folder of this name: a Path does not tell ./NAME from NAME, and one must not be scored in place of the
    other.
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
        return FILE if named.samefile(FILE) else named
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
    """The share of images without a lesion that the network marks, taken from the scores in SCORES. A dict with name,
    value, low, high and n, as in `clinical.Measure`."""
    from common.evidence.clinical import MARKED_WITHOUT_LESION  # not above: every command imports this module

    return next(each for each in scores["normal"] if each["name"] == MARKED_WITHOUT_LESION)


def describe_test_dice() -> str:
    """A sentence: the Dice of the network that comes with the suite on its test images."""
    test = read_json(SCORES)["parts"]["test"]
    return (
        f"On {test['images']} images of BUSI that it never saw, all with a tumour, its Dice is {test['dice'][0]:.3f}."
    )


def describe_bundled() -> str:
    """Sentences for the terminal: the test Dice of the network that comes with the suite, and how often it marks an
    image without a tumour."""
    marked = marked_without_lesion(read_json(SCORES))["n"]
    return (
        f"This small network comes with the suite. {describe_test_dice()} Of images without a tumour it marks "
        f"{marked}, so a mark is no evidence of a tumour. docs/model-card.md says what it is not for."
    )


def _number(folder: Path) -> tuple[int, str]:
    """A sort key: the number at the end of the folder's name, so that repeat-10 comes after repeat-9."""
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) < 10 else 0, folder.name
