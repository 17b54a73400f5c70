"""The data sets that are known by name: where they lie in the data folder, and how to get a missing one. The phantom is
written, BUSI is downloaded, and for the others a message says what a person can do."""

import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

from common.data import kaggle, manifest, mini_ddsm, phantom
from common.data.busi import CLASSES, find_layout, index
from common.errors import BadInput

NAMES = ("busi", "mini-ddsm", "mammo_masses", "phantom")
_BUSI = "aryashah2k/breast-ultrasound-images-dataset"
_MINI_DDSM = "cheddad/miniddsm"
_PHANTOM = "the built-in synthetic ultrasound, which needs no download."


def is_reserved(name: str) -> bool:
    """Whether a name is reserved for one of these data sets, so that a person's own data set must not have it. ("busi"
    is not reserved, since `manifest.true_name` looks at the pixels.)"""
    return _letters_of(name).startswith(("phantom", "miniddsm", "mammomasses"))


def _letters_of(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _by_option(data: str) -> str:
    return f"--data {data} (DATA={data} of make)"


class Missing(BadInput):
    """A data set that is known by name is missing, and can't be written or downloaded now. The message says how to get
    it, and which other data one may name instead.

    reason: lines. download: lines on how to get the data set. others: by what to name instead, such as DIR, what that
    is. named: how the command takes the name of other data."""

    def __init__(
        self, reason: list[str], download: list[str], others: dict[str, str], named: Callable[[str], str] = _by_option
    ):
        ways = [download, *([f"{named(data)}: {what}"] for data, what in others.items())]
        numbered = [f"  {i}. {first}" for i, (first, *_) in enumerate(ways, 1)]
        more = [f"     {line}" for line in download[1:]]
        super().__init__(*reason, "Ways on:", numbered[0], *more, *numbered[1:])
        self._parts = reason, download, others

    def for_command(self, words: str) -> "Missing":
        """The same for a command that takes its data as an argument. words: the command, such as "repro data audit"."""
        return Missing(*self._parts, named=lambda data: f"`{words} {data}`")


def phantom_folder(runs: Path, make: bool) -> Path:
    """The folder of the phantom in `runs`. If it is missing, the phantom is written if `make` is set; otherwise this
    raises Missing."""
    source = blake2b(Path(phantom.__file__).read_bytes(), digest_size=4).hexdigest()  # other code may make other pixels
    folder = runs / f"phantom-{phantom.CASES}-{phantom.SIDE}-{source}"
    if folder.is_dir():
        return folder
    if not make:
        raise Missing([f"The phantom is not in {runs}."], ["`repro data fetch phantom` makes it."], {})
    return phantom.write(folder, phantom.CASES, phantom.SIDE)


def busi_folder(root: Path) -> Path:
    """The folder of BUSI in the data folder. Raises Missing, and BadInput as `busi.find_layout` does."""
    if folder := find_layout(root / "busi") or find_layout(root, deep=False):
        return folder
    raise _no_busi(root, "It is not downloaded for this.")


def download_busi(root: Path) -> Path:
    """Downloads BUSI from Kaggle, compares the digests of its pixels with the manifest, and moves it to root/busi.
    Returns its folder. Raises Missing if any of this fails."""
    home = root / "busi"
    if home.exists():
        raise _no_busi(root, f"{home} has none of {', '.join(CLASSES)} in it.")
    try:
        kaggle.reach_kaggle()
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".download-") as beside:
            downloaded = kaggle.download(_BUSI, Path(beside))
            folder = find_layout(downloaded) or downloaded
            if differences := manifest.verify(manifest.digest_all(index(folder))):
                raise BadInput.listing("what Kaggle sent is not the published BUSI:", differences)
            # In a Kaggle notebook the files are mounted elsewhere, read-only, and stay there.
            return folder.rename(home) if folder.is_relative_to(beside) else folder
    except Exception as error:  # of any kind: the person needs to know what to do, not a trace of a client library
        first, *more = error.lines if isinstance(error, BadInput) else str(error).strip().split("\n")[:1]
        raise _no_busi(root, f"Downloading it failed: {first or type(error).__name__}", *more) from error


def _no_busi(root: Path, reason: str, *more: str) -> Missing:
    return Missing(
        [f"BUSI is not in {root}. {reason}", *more],
        [
            f"Download it by hand from {kaggle.KAGGLE}/datasets/{_BUSI}",
            "or its authors' page, https://scholar.cu.edu.eg/?q=afahmy/pages/dataset, read the terms there, and",
            f"unpack it so that {root / 'busi' / 'benign' / 'benign (1).png'} is there. (The paper on it: doi",
            "10.1016/j.dib.2019.104863)",
        ],
        {"DIR": f"a folder elsewhere with {', '.join(CLASSES)} in it.", "phantom": _PHANTOM},
    )


def mini_ddsm_folder(root: Path) -> Path:
    """The folder of an edition of Mini-DDSM. It is searched in folders of the data folder that are called mini-ddsm,
    miniddsm2 or the like. Raises Missing."""
    places = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    named = [path for path in places if _letters_of(path.name).startswith("miniddsm")]
    if edition := next(filter(None, map(mini_ddsm.edition_in, named)), None):
        return edition
    stand_in = "here" if (root / "mammo_masses").is_dir() else f"once it lies in {root / 'mammo_masses'}"
    raise Missing(
        [f"Mini-DDSM is not in {root}, and too large to be downloaded without being asked for."],
        [
            f"Download it from {kaggle.KAGGLE}/datasets/{_MINI_DDSM}, read the terms there, and unpack it so that",
            f"{root / 'mini-ddsm' / 'MINI-DDSM-Complete-JPEG-8' / mini_ddsm.SHEET} is there.",
        ],
        {
            "DIR": f"a folder elsewhere with {mini_ddsm.SHEET} in it, or one level down.",
            "mammo_masses": f"small crops of other mammograms, {stand_in}; a stand-in, not Mini-DDSM.",
            "phantom": _PHANTOM,
        },
    )


def mammo_masses_folder(root: Path) -> Path:
    """The folder of mammo_masses in the data folder. Raises Missing."""
    folder = root / "mammo_masses"
    if not folder.is_dir():
        raise Missing(
            [f"mammo_masses is not in {root}."],
            [
                "It is made of the files of the public repository SaraSaponaro/exam-s-project, in images_1000/ and "
                f"masks_125/ of {folder}."
            ],
            {"DIR": "a folder of your own.", "phantom": _PHANTOM},
        )
    return folder
