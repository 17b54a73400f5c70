"""Where a data set is: found on the disk, written (the phantom) or downloaded (BUSI)."""

import logging
import sys
from contextlib import nullcontext, redirect_stderr
from hashlib import blake2b
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from common.data import manifest, phantom
from common.data.busi import CLASSES, index
from common.errors import BadInput

_HANDLE = "aryashah2k/breast-ultrasound-images-dataset"
_PUBLISHED = "Dataset_BUSI_with_GT"  # the folder in the published archive
_KAGGLE = "https://www.kaggle.com"
_PATIENCE = 5  # seconds for Kaggle to answer at all


def locate(name_or_dir: str, root: Path, runs: Path) -> tuple[str, Path]:
    """The name of a data set and the folder that holds its benign/, malignant/ and normal/.

    name_or_dir: "busi", looked for in `root` and downloaded to it when missing; "phantom", written to `runs` when
        missing; or a folder in BUSI's layout, or with such a folder in it, whose name becomes the data set's.
    root: where the data are, `REPRO_DATA` or data/.

    Raises BadInput where nothing is found, with the ways on. Whether a folder holds the published BUSI is not told by
    its name but by the fingerprint of its pixels.
    """
    if name_or_dir == "busi":
        return "busi", _find(root / "busi") or _find(root) or _download(root)
    if name_or_dir == "phantom":
        return "phantom", _phantom(runs)
    folder = Path(name_or_dir).expanduser()
    if not folder.is_dir():
        raise BadInput(
            f"There is no data set '{name_or_dir}', and no such folder. Expected busi, phantom, or a folder with "
            f"{', '.join(CLASSES)} in it."
        )
    # A folder without any of it is passed on, for `index` to say what it expects there.
    found = _find(folder) or _find(folder / "busi") or folder
    return found.resolve().name, found


def _find(folder: Path) -> Path | None:
    """The folder itself or the published one in it, whichever has a folder for a class in it."""
    places = (folder, folder / _PUBLISHED)
    return next((place for place in places if any((place / label).is_dir() for label in CLASSES)), None)


def _phantom(runs: Path) -> Path:
    source = blake2b(Path(phantom.__file__).read_bytes(), digest_size=4).hexdigest()  # other code, other pixels
    folder = runs / f"phantom-{phantom.CASES}-{phantom.SIDE}-{source}"
    return folder if folder.is_dir() else phantom.write(folder, phantom.CASES, phantom.SIDE)


def _download(root: Path) -> Path:
    """BUSI from Kaggle, compared with the manifest before it is moved to root/busi."""
    home = root / "busi"
    if home.exists():
        raise _no_busi(root, f"{home} has none of {', '.join(CLASSES)} in it.")
    try:
        _reach_kaggle()
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".download-") as beside:
            folder = _checked(_from_kaggle(Path(beside, "busi")))
            # Inside a Kaggle notebook the files lie mounted elsewhere, read-only, and stay there.
            return folder.rename(home) if folder.is_relative_to(beside) else folder
    except Exception as error:  # of whatever kind: the person needs the ways on, not a trace through a client library
        reason = str(error) if isinstance(error, BadInput) else str(error).strip().partition("\n")[0]
        raise _no_busi(root, f"Downloading it failed: {reason or type(error).__name__}") from error


def _reach_kaggle() -> None:
    """Raises OSError where Kaggle does not answer: kagglehub's own request, having no timeout, may wait for minutes."""
    import requests  # which kagglehub depends on, so that both use the same proxies and certificates

    try:
        requests.head(_KAGGLE, timeout=_PATIENCE)
    except requests.RequestException as error:
        raise OSError(f"{_KAGGLE} can't be reached.") from error


def _from_kaggle(folder: Path) -> Path:
    """Downloads and unpacks into this folder, without a word but for a progress bar on a terminal."""
    import kagglehub

    logging.getLogger("kagglehub").setLevel(logging.ERROR)
    with nullcontext() if sys.stderr.isatty() else redirect_stderr(StringIO()):
        return Path(kagglehub.dataset_download(_HANDLE, output_dir=str(folder)))


def _checked(downloaded: Path) -> Path:
    """The folder of the classes in what was downloaded, every pixel of it as published. Raises BadInput if not."""
    folder = _find(downloaded) or downloaded
    if differences := manifest.verify(manifest.digest_all(index(folder))):
        raise BadInput("\n  - ".join(["what Kaggle sent is not the published BUSI:", *differences]))
    return folder


def _no_busi(root: Path, reason: str) -> BadInput:
    return BadInput(
        f"""BUSI is not in {root}. {reason}
Three ways on:
  1. Download it by hand from {_KAGGLE}/datasets/{_HANDLE}
     or its authors' page, https://scholar.cu.edu.eg/?q=afahmy/pages/dataset, read the terms there, and unpack it so
     that {root / "busi" / "benign" / "benign (1).png"} is there. (The paper on it: doi 10.1016/j.dib.2019.104863)
  2. DATA=DIR, --data DIR: a folder elsewhere with {", ".join(CLASSES)} in it.
  3. DATA=phantom, --data phantom: the built-in synthetic ultrasound, which needs no download."""
    )
