"""Where a data set is: found on the disk, written (the phantom) or downloaded (BUSI)."""

import os
import re
import sys
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from common.data import busi, kaggle, manifest, mini_ddsm, pack, phantom
from common.data import folder as described
from common.data.busi import CLASSES, index
from common.data.case import Case
from common.data.listing import left_out, of_system, on_disk, plain_name, shown
from common.errors import BadInput

# Data sets that are found by their name.
NAMES = ("busi", "mini-ddsm", "mammo_masses", "phantom")
_HANDLE = "aryashah2k/breast-ultrasound-images-dataset"
_MINI_HANDLE = "cheddad/miniddsm"
_PUBLISHED = "Dataset_BUSI_with_GT"  # the folder in the published archive
_DEPTH = 4  # folders below the one that is named, in which that of the classes is looked for
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


class Missing(BadInput):
    """A data set known by name that is not here and can't be had now. The message says how to come by it."""


@dataclass(frozen=True)
class Found:
    """A data set: its name, the folder that it lies in, its cases, and a line for each of what can't be used of it.
    packed: the file that has its prepared arrays, where that is what there is of it; it then stands for the folder.
    left_out: what is no image of it and was passed over, counted by kind, "" where nothing was."""

    name: str
    folder: Path
    cases: list[Case]
    unusable: list[str]
    packed: pack.Packed | None = None
    left_out: str = ""


def find(name_or_dir: str, root: Path, runs: Path, make: bool = True) -> Found:
    """A data set and its cases, no pixel read.

    name_or_dir: "busi", looked for in `root` and downloaded to it when missing; "phantom", written to `runs` when
        missing; "mini-ddsm" and "mammo_masses", looked for in `root`; a .yaml file that describes a folder of images
        and one of masks (`common.data.folder`); a packed file (`common.data.pack`); a folder in Mini-DDSM's layout; or
        one in BUSI's, or with such a folder in it. What a person brings is called as the folder or the description is.
    root: where the data are, `REPRO_DATA` or data/: as folders or, where such a folder is missing, as packed files,
        busi.pack for "busi".
    make: whether BUSI, where it is missing, is downloaded, and the phantom written; else that is Missing too.

    Raises Missing where a named data set is not found, with the ways on, and BadInput for any other name and for what
    can't be read or used. Whether a folder holds the published BUSI is not told by its name but by the fingerprint of
    its pixels; no such fingerprint is known of Mini-DDSM, so that its layout has to do.
    """
    if name_or_dir == "phantom":
        return _busi("phantom", _phantom(runs, make))
    try:
        return _on_disk(name_or_dir, root, make)
    except OSError as error:  # a folder without permission, a name that is too long
        named = shown(Path(error.filename)) if isinstance(error.filename, str) else name_or_dir
        raise BadInput(
            f"{named} can't be read: {error.strerror or error}. Mend that, or name another place."
        ) from error


def _on_disk(name_or_dir: str, root: Path, make: bool) -> Found:
    if name_or_dir == "busi":
        folder = _nested(root / "busi") or _find(root)
        if not folder and (packed := _packed(root, "busi")):
            return packed
        if not folder and not make:
            raise _no_busi(root, "It is not downloaded for this.")
        return _busi("busi", folder or _download(root))
    if name_or_dir in ("mini-ddsm", "mammo_masses"):
        try:
            return _mini_ddsm(_find_mini_ddsm(root)) if name_or_dir == "mini-ddsm" else _mammo_masses(root)
        except Missing:
            if packed := _packed(root, name_or_dir):
                return packed
            raise
    path = on_disk(Path(os.path.expanduser(name_or_dir)))  # not Path.expanduser, which raises for an unknown user
    if path.is_file() and (packed := pack.read(path)):
        return _of_pack(packed)
    if path.suffix.lower() in (".yaml", ".yml") and path.is_file():
        return _described(_own(path.stem), path, path.parent)
    if path.suffix.lower() in _ARCHIVES and path.is_file():
        raise BadInput(f"{shown(path)} is an archive: unpack it, and name the folder that you get.")
    if not path.is_dir():
        raise BadInput(
            f"There is no data set '{shown(path)}', and no such folder or file. Expected {', '.join(NAMES)}, "
            f"a folder with {', '.join(CLASSES)} in it, a folder in Mini-DDSM's layout, a file that `repro data pack` "
            "made, or a .yaml file that describes a folder of images and one of masks."
        )
    if edition := mini_ddsm.home(path):
        return _mini_ddsm(edition)
    # A folder without any of it is passed on, for `index` to say what it expects there.
    place = _nested(path) or path
    return _busi(_own(place.resolve().name), place)


def _busi(name: str, folder: Path) -> Found:
    return Found(name, folder, index(folder), [], left_out=left_out(busi.left_out(folder)))


def _packed(root: Path, name: str) -> Found | None:
    """A named data set from the packed file in the data folder, if that is there and holds it."""
    path = root / f"{name}{pack.ENDING}"
    packed = pack.read(path) if path.is_file() else None
    return _of_pack(packed) if packed and packed.contents.name == name else None


def _of_pack(packed: pack.Packed) -> Found:
    return Found(packed.contents.name, packed.path, packed.cases, [], packed)


def _described(name: str, description: Path, base: Path) -> Found:
    about = described.load(description)
    return Found(name, base, described.index(about, base), [], left_out=left_out(described.left_out(about, base)))


def _own(name: str) -> str:
    """What to call a person's own data set: as they do, but not as one of those that are told by their name or layout.
    "busi" may stay: `manifest.true_name` tells it by its pixels. The name goes into those of files and into tables:
    what these could take for something else becomes _, and 60 characters are enough."""
    encoding = sys.getfilesystemencoding()  # which may be ASCII
    name = plain_name(name).encode(encoding, "replace").decode(encoding)
    name = re.sub(r"[^\w .+()-]", "_", name)[:60]
    return f"own-{name}" if _plain(name).startswith(("phantom", "miniddsm", "mammomasses")) else name


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _mini_ddsm(edition: Path) -> Found:
    return Found("mini-ddsm", edition, *mini_ddsm.index(edition))


def _find_mini_ddsm(root: Path) -> Path:
    """The edition in the data folder, or in a folder in it that is called mini-ddsm, miniddsm2 or the like."""
    places = [path for path in sorted(root.iterdir()) if path.is_dir()] if root.is_dir() else []
    named = [path for path in places if _plain(path.name).startswith("miniddsm")]
    editions = filter(None, map(mini_ddsm.home, named))
    if edition := next(editions, None):
        return edition
    stand_in = "here" if (root / "mammo_masses").is_dir() else f"once it lies in {root / 'mammo_masses'}"
    raise Missing(
        f"""Mini-DDSM is not in {root}, and too large to be downloaded without being asked for.
Four ways on:
  1. Download it from {kaggle.URL}/datasets/{_MINI_HANDLE}, read the terms there, and unpack it so that
     {root / "mini-ddsm" / "MINI-DDSM-Complete-JPEG-8" / mini_ddsm.SHEET} is there.
  2. DATA=DIR, --data DIR: a folder elsewhere with {mini_ddsm.SHEET} in it, or one level down.
  3. DATA=mammo_masses, --data mammo_masses: small crops of other mammograms, {stand_in}; a stand-in, not Mini-DDSM.
  4. DATA=phantom, --data phantom: the built-in synthetic ultrasound, which needs no download."""
    )


def _mammo_masses(root: Path) -> Found:
    base = root / "mammo_masses"
    if not base.is_dir():
        raise Missing(
            f"mammo_masses is not in {root}. It is made of the files of the public repository "
            f"SaraSaponaro/exam-s-project, in images_1000/ and masks_125/ of {base}. DATA=DIR, --data DIR takes a "
            "folder of your own, DATA=phantom, --data phantom the built-in synthetic ultrasound."
        )
    with as_file(files("common.data") / "mammo_masses.yaml") as description:
        return _described("mammo_masses", description, base)


def _find(folder: Path) -> Path | None:
    """The folder itself or the published one in it, whichever has a folder for a class in it."""
    places = (folder, folder / _PUBLISHED)
    return next(filter(_has_classes, places), None)


def _nested(folder: Path) -> Path | None:
    """The folder of the classes in this one, however deep an archive has put it. Raises BadInput where there are
    several, such as a set that is cut into train and test: which of them is meant only the person knows."""
    if found := _find(folder):
        return found
    places, level = [], [folder]
    for _ in range(_DEPTH):
        level = [path for place in level for path in _folders(place)]
        places = [place for place in level if _has_classes(place)]
        if places:
            break
    if len(places) > 1:
        raise BadInput.listing(
            f"{shown(folder)} has several folders with {', '.join(CLASSES)} in them:",
            [shown(place) for place in places],
            "Name the one that is meant.",
        )
    return next(iter(places), None)


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    inside = (path for path in place.iterdir() if not path.name.startswith(".") and not of_system(path))
    return sorted(path for path in inside if path.is_dir() and not path.is_symlink())


def _has_classes(place: Path) -> bool:
    return any((place / label).is_dir() for label in CLASSES)


def _phantom(runs: Path, make: bool) -> Path:
    source = blake2b(Path(phantom.__file__).read_bytes(), digest_size=4).hexdigest()  # other code, other pixels
    folder = runs / f"phantom-{phantom.CASES}-{phantom.SIDE}-{source}"
    if not folder.is_dir() and not make:
        raise Missing(f"The phantom is not in {runs}. `repro data fetch phantom` makes it.")
    return folder if folder.is_dir() else phantom.write(folder, phantom.CASES, phantom.SIDE)


def _download(root: Path) -> Path:
    """BUSI from Kaggle, compared with the manifest before it is moved to root/busi."""
    home = root / "busi"
    if home.exists():
        raise _no_busi(root, f"{home} has none of {', '.join(CLASSES)} in it.")
    try:
        kaggle.reach()
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".download-") as beside:
            folder = _checked(kaggle.download(_HANDLE, Path(beside)))
            # Inside a Kaggle notebook the files lie mounted elsewhere, read-only, and stay there.
            return folder.rename(home) if folder.is_relative_to(beside) else folder
    except Exception as error:  # of whatever kind: the person needs the ways on, not a trace through a client library
        reason = str(error) if isinstance(error, BadInput) else str(error).strip().partition("\n")[0]
        raise _no_busi(root, f"Downloading it failed: {reason or type(error).__name__}") from error


def _checked(downloaded: Path) -> Path:
    """The folder of the classes in what was downloaded, every pixel of it as published. Raises BadInput if not."""
    folder = _nested(downloaded) or downloaded
    if differences := manifest.verify(manifest.digest_all(index(folder))):
        raise BadInput("\n  - ".join(["what Kaggle sent is not the published BUSI:", *differences]))
    return folder


def _no_busi(root: Path, reason: str) -> Missing:
    return Missing(
        f"""BUSI is not in {root}. {reason}
Three ways on:
  1. Download it by hand from {kaggle.URL}/datasets/{_HANDLE}
     or its authors' page, https://scholar.cu.edu.eg/?q=afahmy/pages/dataset, read the terms there, and unpack it so
     that {root / "busi" / "benign" / "benign (1).png"} is there. (The paper on it: doi 10.1016/j.dib.2019.104863)
  2. DATA=DIR, --data DIR: a folder elsewhere with {", ".join(CLASSES)} in it.
  3. DATA=phantom, --data phantom: the built-in synthetic ultrasound, which needs no download."""
    )
