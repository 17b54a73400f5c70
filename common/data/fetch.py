"""Finds a data set by its name or place: on the disk, written now (the phantom) or downloaded now (BUSI)."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from common.data import busi, kaggle, manifest, mini_ddsm, nnunet, pack, phantom
from common.data import folder as described
from common.data.busi import CLASSES, index
from common.data.case import Case
from common.data.listing import describe_left_out, first_few, is_of_system, on_disk, plain_name
from common.errors import BadInput
from common.files import kind_of_place, write_atomically
from common.text import for_terminal

# Data sets that are found by their name.
NAMES = ("busi", "mini-ddsm", "mammo_masses", "phantom")
_HANDLE = "aryashah2k/breast-ultrasound-images-dataset"
_MINI_HANDLE = "cheddad/miniddsm"
_PUBLISHED = "Dataset_BUSI_with_GT"  # the folder in the published archive
_DEPTH = 4  # folders below the one that is named, in which that of the classes is looked for
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


class Missing(BadInput):
    """A data set that is known by name, is not here and can't be had now. The message says how to get it."""


@dataclass(frozen=True)
class Found:
    """A data set: its name, the folder that it lies in, its cases, and a line for each case that can't be used.
    packed: the file with its prepared arrays where there are no images; `folder` is then that file.
    left_out: the files in its folder that are no images of it, counted by kind, "" for none."""

    name: str
    folder: Path
    cases: list[Case]
    unusable: list[str]
    packed: pack.Packed | None = None
    left_out: str = ""

    def describe_unusable(self, runs: Path) -> list[str]:
        """In words, which other files are beside the images, and how many cases can't be used. Writes a file into
        `runs` with the reason for each of these cases."""
        lines = []
        if self.left_out:
            lines.append(
                f"{self.name}: {len(self.cases)} cases. Left out (not images of this data set): {self.left_out}."
            )
        if self.unusable:
            path = runs / f"{self.name}-unusable.txt"
            write_atomically(path, "".join(f"{for_terminal(line)}\n" for line in self.unusable).encode())
            lines.append(
                f"{self.name}: {len(self.cases)} cases; {len(self.unusable)} more can't be used, explained in {path}"
            )
        return lines


def find(name_or_dir: str, root: Path, runs: Path, make: bool = True) -> Found:
    """A data set and its cases. No pixel is read.

    name_or_dir: "busi", looked for in `root` and downloaded to it when missing; "phantom", written to `runs` when
        missing; "mini-ddsm" and "mammo_masses", looked for in `root`; a .yaml file that describes a folder of images
        and one of masks (`common.data.folder`); a packed file (`common.data.pack`); a folder in Mini-DDSM's layout or
        nnU-Net's; or one in BUSI's, or with such a folder in it. A person's own set is called as its folder or
        description is.
    root: where the data are, `REPRO_DATA` or data/: as folders or, where such a folder is missing, as packed files,
        busi.pack for "busi".
    make: whether a missing BUSI is downloaded and a missing phantom written; if not, they are Missing too.

    Raises Missing where a named data set is not found, with the ways on, and BadInput for any other name and for what
    can't be read or used. A folder holds the published BUSI if the fingerprint of its pixels says so, whatever it is
    called. No fingerprint of Mini-DDSM is known; its layout decides.
    """
    if name_or_dir == "phantom":
        return _in_busi_layout("phantom", _phantom(runs, make))
    with _names_unreadable(name_or_dir):
        return _on_disk(name_or_dir, root, make)


@contextmanager
def _names_unreadable(place: str) -> Iterator[None]:
    """An OSError in this context, as of a folder without permission or a name that is too long, becomes a BadInput."""
    try:
        yield
    except OSError as error:
        named = error.filename if isinstance(error.filename, str) else place
        raise BadInput(
            f"{named} can't be read: {error.strerror or error}. Mend that, or name another place."
        ) from error


def find_masked(data: str | None, images: Path | None, masks: Path | None, root: Path, runs: Path) -> Found:
    """Images with masks as a person names them: by two folders (`find_pairs`), or as a data set (`find`). Raises
    BadInput, beside what these raise, where neither or both are named."""
    if (images is None) != (masks is None) or (images is None) == (data is None):
        raise BadInput("Expected --images DIR and --masks DIR, or --data, to say which images with masks are meant.")
    return find(data, root, runs) if data is not None else find_pairs(images, masks)


def find_pairs(images: Path, masks: Path) -> Found:
    """The images of a folder, and of the folders below it, each with its masks from another one, or from the same one.
    They are paired by their names (`folder.index`). Each mask has the size of its image. Classes and patients are not
    known. The set is called as the folder of the images is. No pixel is read.

    Raises BadInput where a folder is missing or can't be read, or where images and masks do not pair up.
    """
    images, masks = (Path(os.path.abspath(on_disk(Path(os.path.expanduser(path))))) for path in (images, masks))
    about = described.Description(images=str(images), masks=str(masks))
    with _names_unreadable(str(images)):
        if nnunet.PARTS.get(images.name) == masks.name and images.parent == masks.parent:
            return _nnunet(images.parent, _own_name(images.parent.name), images.name)
        return _indexed(_own_name(images.name), [about], Path("/"), scaled=False)


def _on_disk(name_or_dir: str, root: Path, make: bool) -> Found:
    if name_or_dir == "busi":
        folder = _nested(root / "busi") or _find(root)
        if not folder and (packed := _packed(root, "busi")):
            return packed
        if not folder and not make:
            raise _no_busi(root, "It is not downloaded for this.")
        return _in_busi_layout("busi", folder or _download(root))
    if name_or_dir in ("mini-ddsm", "mammo_masses"):
        try:
            return _mini_ddsm(_find_mini_ddsm(root)) if name_or_dir == "mini-ddsm" else _mammo_masses(root)
        except Missing:
            if packed := _packed(root, name_or_dir):
                return packed
            raise
    path = on_disk(Path(os.path.expanduser(name_or_dir)))  # not Path.expanduser, which raises for an unknown user
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
        return _mini_ddsm(edition)
    if nnunet.is_layout(path):
        return _nnunet(path, _own_name(path.resolve().name))
    # A folder without any of it is passed on, for `index` to say what it expects there.
    place = _nested(path) or path
    return _in_busi_layout(_own_name(place.resolve().name), place)


def _in_busi_layout(name: str, folder: Path) -> Found:
    return Found(name, folder, index(folder), [], left_out=describe_left_out(busi.left_out(folder)))


def _packed(root: Path, name: str) -> Found | None:
    """A data set known by name, from the packed file in the data folder, if that is there and holds it."""
    path = root / f"{name}{pack.ENDING}"
    packed = pack.read_pack(path) if path.is_file() else None
    return _of_pack(packed) if packed and packed.contents.name == name else None


def _of_pack(packed: pack.Packed) -> Found:
    return Found(packed.contents.name, packed.path, packed.cases, [], packed)


def _described(name: str, description: Path, base: Path, timed: bool = True) -> Found:
    return _indexed(name, [described.load_description(description)], base, timed=timed)


def _nnunet(folder: Path, name: str, part: str = "") -> Found:
    """part: the folder of images that is meant; "" for all that have labels."""
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
    cases = [case for about in parts for case in described.index(about, base, scaled, timed)]
    passed = [path for about in parts for path in described.left_out(about, base)]
    return Found(name, base, cases, [], left_out=describe_left_out(passed))


def _own_name(name: str) -> str:
    """What to call a person's own data set: as they do, unless the name is kept for one that is known by its name or
    layout. ("busi" may stay, since `manifest.true_name` looks at the pixels.) The name goes into tables and file names:
    it has 60 characters at most, and _ in place of those that have a meaning there."""
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
    editions = filter(None, map(mini_ddsm.edition_in, named))
    if edition := next(editions, None):
        return edition
    stand_in = "here" if (root / "mammo_masses").is_dir() else f"once it lies in {root / 'mammo_masses'}"
    raise Missing(
        f"Mini-DDSM is not in {root}, and too large to be downloaded without being asked for.",
        "Four ways on:",
        f"  1. Download it from {kaggle.KAGGLE}/datasets/{_MINI_HANDLE}, read the terms there, and unpack it so that",
        f"     {root / 'mini-ddsm' / 'MINI-DDSM-Complete-JPEG-8' / mini_ddsm.SHEET} is there.",
        f"  2. DATA=DIR, --data DIR: a folder elsewhere with {mini_ddsm.SHEET} in it, or one level down.",
        f"  3. DATA=mammo_masses, --data mammo_masses: small crops of other mammograms, {stand_in}; a stand-in, not "
        "Mini-DDSM.",
        "  4. DATA=phantom, --data phantom: the built-in synthetic ultrasound, which needs no download.",
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
        return _described("mammo_masses", description, base, timed=False)


def _find(folder: Path) -> Path | None:
    """The folder itself or the published one in it, whichever has the folder of a class in it."""
    places = (folder, folder / _PUBLISHED)
    return next(filter(_has_classes, places), None)


def _nested(folder: Path) -> Path | None:
    """The folder with the classes in it, however deep an archive has put it in this one. Raises BadInput where there
    are several, as in a set that is cut into train and test: only the person knows which is meant."""
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
            f"{folder} has several folders with {', '.join(CLASSES)} in them:",
            list(map(str, places)),
            "Name the one that is meant.",
        )
    return next(iter(places), None)


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    inside = (path for path in place.iterdir() if not path.name.startswith(".") and not is_of_system(path))
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
        kaggle.reach_kaggle()
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".download-") as beside:
            folder = _checked(kaggle.download(_HANDLE, Path(beside)))
            # Inside a Kaggle notebook the files lie mounted elsewhere, read-only, and stay there.
            return folder.rename(home) if folder.is_relative_to(beside) else folder
    except Exception as error:  # of any kind: the person needs the ways on, not a trace through a client library
        first, *more = error.lines if isinstance(error, BadInput) else str(error).strip().split("\n")[:1]
        raise _no_busi(root, f"Downloading it failed: {first or type(error).__name__}", *more) from error


def _checked(downloaded: Path) -> Path:
    """The folder of the classes in what was downloaded, every pixel of it as published. Raises BadInput if not."""
    folder = _nested(downloaded) or downloaded
    if differences := manifest.verify(manifest.digest_all(index(folder))):
        raise BadInput.listing("what Kaggle sent is not the published BUSI:", differences)
    return folder


def _no_busi(root: Path, *reason: str) -> Missing:
    first, *more = reason
    return Missing(
        f"BUSI is not in {root}. {first}",
        *more,
        "Three ways on:",
        f"  1. Download it by hand from {kaggle.KAGGLE}/datasets/{_HANDLE}",
        "     or its authors' page, https://scholar.cu.edu.eg/?q=afahmy/pages/dataset, read the terms there, and",
        f"     unpack it so that {root / 'busi' / 'benign' / 'benign (1).png'} is there. (The paper on it: doi",
        "     10.1016/j.dib.2019.104863)",
        f"  2. DATA=DIR, --data DIR: a folder elsewhere with {', '.join(CLASSES)} in it.",
        "  3. DATA=phantom, --data phantom: the built-in synthetic ultrasound, which needs no download.",
    )
