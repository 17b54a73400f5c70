"""Finds a data set by its name or its folder, and lists its cases and the files that belong to no case."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

from common.data import busi, known, mini_ddsm, nnunet, pack
from common.data import folder as described
from common.data.busi import CLASSES, index
from common.data.case import Case
from common.data.known import NAMES, Missing
from common.data.listing import describe_left_out, first_few, on_disk, plain_name
from common.errors import BadInput
from common.files import write_atomically
from common.paths import as_path, kind_of_place, refuse_inside
from common.plural import counted
from common.text import for_terminal

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True)
class Found:
    """A data set that was found.

    folder: where it lies. unusable: a line for each case that can't be used.
    packed: the packed file with its prepared arrays, if there are no images; `folder` is then this file.
    left_out: the files in its folder that are no images of it, counted by kind; "" for none.
    folders_read: its files are taken from these folders and those below.
    named: the folder that a person named, if the data set was searched in and below it; else None.
    """

    name: str
    folder: Path
    cases: list[Case]
    unusable: list[str]
    packed: pack.Packed | None = None
    left_out: str = ""
    folders_read: tuple[Path, ...] = ()
    named: Path | None = None

    def refuse_output(self, output: Path) -> None:
        """Raises BadInput if the output of a command would lie among the files of this data set."""
        refuse_inside(output, self.folders_read)
        if output.resolve() == self.folder.resolve():
            raise BadInput(f"{output} is the data set itself. Expected a folder of its own for the results.")

    def describe_unusable(self, runs: Path) -> list[str]:
        """Sentences that say where the data set was found if not in the named folder, which files are left out, and how
        many cases can't be used. Writes a file into `runs` with the reason for each unusable case."""
        lines, number = [], counted(len(self.cases), "case")
        if self.named not in (None, self.folder):
            lines.append(f"{self.name}: found in {self.folder}, below {self.named}.")
        if self.left_out:
            lines.append(f"{self.name}: {number}. Left out (not images of this data set): {self.left_out}.")
        if self.unusable:
            path = runs / f"{self.name}-unusable.txt"
            write_atomically(path, "".join(f"{for_terminal(line)}\n" for line in self.unusable).encode())
            lines.append(f"{self.name}: {number}; {len(self.unusable)} more can't be used, explained in {path}")
        return lines


def find(name_or_dir: str, root: Path, runs: Path, make: bool = True) -> Found:
    """Finds a data set and its cases. Pixels are read only to check a download of BUSI, and to report files that can't
    be decoded beside other faults of a folder.

    name_or_dir: one of
        - "busi", which is searched in `root` and downloaded to it if missing;
        - "phantom", which is written to `runs` if missing;
        - "mini-ddsm" or "mammo_masses", which are searched in `root`;
        - a .yaml file that describes a folder of images and a folder of masks (`common.data.folder`);
        - a packed file (`common.data.pack`);
        - a folder in the layout of Mini-DDSM or nnU-Net;
        - a folder in the layout of BUSI, or with such a folder in it.
        A person's own data set gets the name of its folder or description.
    root: the data folder, `REPRO_DATA` or data/. It holds data sets as folders, or as packed files such as busi.pack,
        which are used if the folder is missing.
    make: whether a missing BUSI is downloaded and a missing phantom written. If not, they raise Missing.

    Raises Missing if a data set that is known by name is not found, with the ways to get it. Raises BadInput for any
    other name, and for files that can't be read or used. A folder holds the published BUSI if the fingerprint of its
    pixels says so, whatever its name. No fingerprint of Mini-DDSM is known; its layout decides.
    """
    as_path(name_or_dir)  # refuses an empty name
    if name_or_dir == "phantom":
        return _in_busi_layout("phantom", known.phantom_folder(runs, make))
    with _names_unreadable(name_or_dir):
        return _find_known(name_or_dir, root, make) if name_or_dir in NAMES else _find_own(name_or_dir)


@contextmanager
def _names_unreadable(place: str) -> Iterator[None]:
    """Turns an OSError in this context into BadInput, such as for a folder without permission or a name that is too
    long."""
    try:
        yield
    except OSError as error:
        named = error.filename if isinstance(error.filename, str) else place
        raise BadInput(
            f"{named} can't be read: {error.strerror or error}. Mend that, or name another place."
        ) from error


def find_masked(data: str | None, images: Path | None, masks: Path | None, root: Path, runs: Path) -> Found:
    """Finds images with masks as a person names them: by two folders (`find_pairs`) or as a data set (`find`). Raises
    BadInput if neither or both are named, and what these functions raise."""
    if (images is None) != (masks is None) or (images is None) == (data is None):
        raise BadInput("Expected --images DIR and --masks DIR, or --data, to say which images with masks are meant.")
    return find(data, root, runs) if data is not None else find_pairs(images, masks)


def find_pairs(images: Path, masks: Path) -> Found:
    """Pairs the images in and below one folder with the masks in and below another folder, or the same one, by their
    names (`folder.index`). Each mask must have the size of its image. Classes and patients are not known. The data set
    gets the name of the folder of the images.

    The two folders may also be a pair of nnU-Net's layout, such as imagesTs and labelsTs. Then the data set gets the
    name of the folder above.

    Raises BadInput if a folder is missing or can't be read, or if images and masks do not pair up.
    """
    images, masks = (Path(os.path.abspath(on_disk(Path(os.path.expanduser(path))))) for path in (images, masks))
    about = described.Description(images=str(images), masks=str(masks))
    with _names_unreadable(str(images)):
        if nnunet.PARTS.get(images.name) == masks.name and images.parent == masks.parent:
            return replace(_nnunet(images.parent, _own_name(images.parent.name), images.name), folder=images)
        return _indexed(_own_name(images.name), [about], images, scaled=False)


def _find_known(name: str, root: Path, make: bool) -> Found:
    try:
        if name == "mini-ddsm":
            return _mini_ddsm(known.mini_ddsm_folder(root))
        if name == "mammo_masses":
            return _mammo_masses(known.mammo_masses_folder(root))
        return _in_busi_layout(name, known.busi_folder(root))
    except Missing:
        path = root / f"{name}{pack.ENDING}"
        if path.is_file() and (packed := pack.read_pack(path)) and packed.contents.name == name:
            return _of_pack(packed)
        if name == "busi" and make:
            return _in_busi_layout(name, known.download_busi(root))
        raise


def _find_own(name_or_dir: str) -> Found:
    path = on_disk(Path(os.path.expanduser(name_or_dir)))  # Path.expanduser would raise for an unknown user
    if path.is_file() and (packed := pack.read_pack(path)):
        return _of_pack(packed)
    if path.suffix.lower() in (".yaml", ".yml") and path.is_file():
        return _described(_own_name(path.stem), path, path.parent)
    if path.suffix.lower() in _ARCHIVES and path.is_file():
        raise BadInput(f"{path} is an archive: unpack it, and name the folder that you get.")
    if not path.is_dir():
        kind = kind_of_place(path)
        what = f"{path} is {kind}" if kind else f"There is no data set '{path}', and no such folder or file"
        raise BadInput(
            f"{what}. Expected {', '.join(NAMES)}, "
            f"a folder with {', '.join(CLASSES)} in it, a folder in Mini-DDSM's or nnU-Net's layout, a file that "
            "`repro data pack` made, or a .yaml file that describes a folder of images and one of masks."
        )
    if edition := mini_ddsm.edition_in(path):
        return replace(_mini_ddsm(edition), named=path)
    if nnunet.is_layout(path):
        return _nnunet(path, _own_name(path.resolve().name))
    # A folder in none of the layouts is passed on: `index` says what it expects in it.
    place = busi.find_layout(path) or path
    return replace(_in_busi_layout(_own_name(place.resolve().name), place), named=path)


def _in_busi_layout(name: str, folder: Path) -> Found:
    cases, left_out = index(folder), describe_left_out(busi.left_out(folder))
    folders_read = tuple(folder / label for label in CLASSES)
    return Found(name, folder, cases, unusable=[], left_out=left_out, folders_read=folders_read)


def _of_pack(packed: pack.Packed) -> Found:
    return Found(packed.contents.name, packed.path, packed.cases, unusable=[], packed=packed)


def _described(name: str, description: Path, base: Path, timed: bool = True) -> Found:
    return _indexed(name, [described.load_description(description)], base, timed=timed)


def _nnunet(folder: Path, name: str, part: str = "") -> Found:
    """A data set in nnU-Net's layout. part: the folder of images that is meant; "" for all that have labels."""
    parts = [each for each in nnunet.describe_parts(folder) if part in ("", each.images)]
    found = _indexed(name, parts, folder, scaled=False, timed=False)
    twice = [id for id, number in Counter(case.id for case in found.cases).items() if number > 1]
    if twice:
        raise BadInput.listing(
            f"{folder}: these are in imagesTr and in imagesTs:",
            first_few(twice),
            f"Name the part that is meant: --images {folder / 'imagesTs'} --masks {folder / 'labelsTs'}.",
        )
    return found


def _indexed(
    name: str, parts: list[described.Description], base: Path, scaled: bool = True, timed: bool = True
) -> Found:
    cases, passed = [], []
    for about in parts:
        some, passed_over = described.index(about, base, scaled, timed)
        cases, passed = cases + some, passed + passed_over
    named = tuple(dict.fromkeys(base / folder for about in parts for folder in (about.images, about.masks)))
    return Found(name, base, cases, unusable=[], left_out=describe_left_out(passed), folders_read=named)


def _own_name(name: str) -> str:
    """The name of a person's own data set: the given one, with own- in front if it is reserved for another data set.
    The name goes into tables and file names. So it is cut to 60 characters, characters that have a meaning there become
    _, and it has no dot in front, which would hide the files."""
    encoding = sys.getfilesystemencoding()  # may be ASCII
    name = plain_name(name).encode(encoding, "replace").decode(encoding)
    name = re.sub(r"[^\w .+()-]", "_", name).lstrip(".")[:60] or "unnamed"
    return f"own-{name}" if known.is_reserved(name) else name


def _mini_ddsm(edition: Path) -> Found:
    return Found("mini-ddsm", edition, *mini_ddsm.index(edition), folders_read=(edition,))


def _mammo_masses(folder: Path) -> Found:
    with as_file(files("common.data") / "mammo_masses.yaml") as description:
        return _described("mammo_masses", description, folder, timed=False)
