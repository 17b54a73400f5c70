"""The folder of the pages: what an earlier report made there is replaced, and nothing else is touched."""

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
# A file in a folder that this module wrote: a JSON list of the files that it made there, by path.
_MARKER = ".repro-report"
_WRITING = ".new-"


def write_site(site: Site, folder: Path) -> None:
    """Writes the pages into a folder, in place of those of an earlier report: of each page there is the old one or the
    new one, and the old ones stay until all new ones are written. A later report completes one that was killed.

    Raises BadInput, and touches nothing, for a folder that holds anything but a report, for one that another process
    writes to, and if a file that no report has made lies where a page belongs."""
    pages = {name: page.encode() for name, page in site.pages.items()}
    assets = {name: files("common.report").joinpath("templates", name).read_bytes() for name in _ASSETS}
    new = pages | site.files | assets
    _refuse_others(folder, new)
    with only_one(folder):
        remove_abandoned(folder, f"{_WRITING}*")
        made = _made_before(folder) or []
        _mark(folder, made)
        with temporary_folder(folder, _WRITING) as beside:
            try:
                for name, content in new.items():
                    write_atomically(beside / name, content, durable=False)
            except OSError as error:
                error.filename = str(folder)  # not a name that nobody finds there afterwards
                raise
            _mark(folder, [*new, *made])
            for name in new:
                (folder / name).parent.mkdir(exist_ok=True)
                (beside / name).replace(folder / name)
        for name in set(made) - new.keys():
            (folder / name).unlink(missing_ok=True)
        _mark(folder, new)


def refuse_no_report(folder: Path) -> None:
    """Raises BadInput for a folder that holds anything but a report, before minutes are spent on its pages."""
    is_report = not folder.exists() or os.path.lexists(folder / _MARKER)
    if not is_report and (not folder.is_dir() or any(path.name != NAME for path in folder.iterdir())):
        raise BadInput(f"{folder} holds something that is no report. -o names another folder, or empty this one.")


def _refuse_others(folder: Path, new: dict[str, bytes]) -> None:
    refuse_no_report(folder)
    if (made := _made_before(folder)) is None:
        return
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
    return {parent for name in names for parent in PurePosixPath(name).parents if parent.name}


def _made_before(folder: Path) -> list[str] | None:
    """The files that earlier reports have made. None if they did not list them, as older versions: then what lies where
    a page belongs is taken for theirs, and nothing else is removed."""
    path = folder / _MARKER
    if not os.path.lexists(path):
        return []
    try:
        text = path.read_text(encoding="utf-8")
        made = json.loads(text) if text else None
        if made is not None and not all(_is_inside(name) for name in made):
            raise ValueError("it lists files outside of the folder")
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error}). -o names another folder, or empty this one.") from error
    return made


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _mark(folder: Path, names: list[str] | dict[str, bytes]) -> None:
    write_atomically(folder / _MARKER, for_json(sorted(set(names))).encode())
