"""Writes the pages into a folder. Replaces what an earlier report wrote there, and touches nothing else."""

import json
import os
from importlib.resources import files
from pathlib import Path, PurePosixPath

from common.errors import BadInput
from common.files import write_atomically
from common.lock import NAME, only_one, remove_abandoned, temporary_folder
from common.report.site import Site
from common.text import for_json

_ASSETS = ("style.css", "pictures.css", "site.js")
# Marks the folder of a report. It holds a JSON list: the paths of the files that reports made in the folder.
_MARKER = ".repro-report"
_WRITING = ".new-"  # the beginning of the name of a temporary folder for new pages


def write_site(site: Site, folder: Path) -> None:
    """Writes the pages into a folder, in place of those of an earlier report.

    All new pages are written beside the old ones before they replace them, so that each page is always there, old or
    new. If the process is killed, the next report completes the work.

    Raises BadInput, and touches nothing, if the folder holds anything but a report, if another process writes to it, or
    if a file that no report made lies where a page belongs. Raises OSError, naming the folder, if the pages can't be
    written."""
    pages = {name: page.encode() for name, page in site.pages.items()}
    assets = {name: files("common.report").joinpath("templates", name).read_bytes() for name in _ASSETS}
    new = pages | site.files | assets
    _refuse_others(folder, new)
    with only_one(folder):
        remove_abandoned(folder, f"{_WRITING}*")
        made = _made_before(folder)
        _mark(folder, made)
        with temporary_folder(folder, _WRITING) as beside:
            try:
                for name, content in new.items():
                    write_atomically(beside / name, content, durable=False)
            except OSError as error:
                error.filename = str(folder)  # the temporary file that failed is gone when somebody reads its name
                raise
            _mark(folder, [*new, *made])
            for name in new:
                (folder / name).parent.mkdir(exist_ok=True)
                (beside / name).replace(folder / name)
        for name in set(made) - new.keys():
            (folder / name).unlink(missing_ok=True)
        _mark(folder, new)


def refuse_no_report(folder: Path) -> None:
    """Raises BadInput if the folder holds anything but a report. Called before minutes are spent on the pages."""
    is_report = not folder.exists() or os.path.lexists(folder / _MARKER)
    if not is_report and (not folder.is_dir() or any(path.name != NAME for path in folder.iterdir())):
        raise BadInput(f"{folder} holds something that is no report. -o names another folder, or empty this one.")


def _refuse_others(folder: Path, new: dict[str, bytes]) -> None:
    """Raises BadInput if the folder is not that of a report, or if a file that no report made is where a new page or
    its folder belongs. new: the new files by path."""
    refuse_no_report(folder)
    made = _made_before(folder)
    there = [name for name in new if name not in made and os.path.lexists(folder / name)]
    there += [
        str(parent) for parent in _folders(new) if os.path.lexists(folder / parent) and not (folder / parent).is_dir()
    ]
    if there:
        raise BadInput.listing(
            f"{folder} has files that no report has made, where pages belong:",
            there,
            "Move them away, or name another folder with -o.",
        )


def _folders(names: dict[str, bytes]) -> set[PurePosixPath]:
    """The folders of these paths, without the top one."""
    return {parent for name in names for parent in PurePosixPath(name).parents if parent.name}


def _made_before(folder: Path) -> list[str]:
    """The paths of the files that earlier reports made; [] if there was no report. Raises BadInput if the list is
    damaged."""
    path = folder / _MARKER
    if not os.path.lexists(path):
        return []
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        if not all(_is_inside(name) for name in made):
            raise ValueError("it lists files outside of the folder")
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error}). -o names another folder, or empty this one.") from error
    return made


def _is_inside(name: str) -> bool:
    """Whether a path from the list stays inside the folder, so that removing it is safe."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _mark(folder: Path, names: list[str] | dict[str, bytes]) -> None:
    """Writes the list of files that reports made in the folder."""
    write_atomically(folder / _MARKER, for_json(sorted(set(names))).encode())
