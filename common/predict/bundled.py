"""The network that comes with the suite, and short names for the networks of one's own runs."""

from importlib.resources import files
from pathlib import Path

from common.errors import BadInput

NAME = "tang-small"  # how a command names the network that comes with the suite
FILE = Path(str(files("common.predict"))) / f"{NAME}.keras"  # `make network` makes it
SCORES = FILE.with_suffix(".json")  # what `common.predict.bundle` measured of it
_NETWORKS = ("best.keras", "last.keras")


def find_network(named: Path) -> Path:
    """The file of a network. named: NAME; the folder of a run, of a repeat or of a fold; or the file itself.

    The folder of a run stands for the network of its first repeat, and of the first fold of that, that is finished.
    Raises BadInput for a folder without a network.
    """
    if str(named) == NAME:
        return FILE
    if not named.is_dir():
        return named
    of_repeats = sorted(named.glob("repeat-*"), key=_number)
    folders = [named, *sorted(named.glob("fold-*"), key=_number)]
    for repeat in of_repeats:
        folders += [repeat, *sorted(repeat.glob("fold-*"), key=_number)]
    found = next((folder / name for folder in folders for name in _NETWORKS if (folder / name).is_file()), None)
    if found is None:
        raise BadInput(
            f"{named}: there is no best.keras or last.keras in this folder, nor in a repeat of it. `repro status` "
            "lists the folders of your runs, and says which are done."
        )
    return found


def _number(folder: Path) -> tuple[int, str]:
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdecimal() and len(number) < 10 else 0, folder.name
