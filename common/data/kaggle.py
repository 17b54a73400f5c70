"""Downloads from Kaggle, by its own client, which unpacks them: in a process of its own, because the client knows no
limit to what it unpacks, and can be stopped so wherever it is. (Members of an archive that lead out of its folder it
leaves inside, as Python's zipfile and tarfile do for it.)"""

import os
import subprocess
import sys
from pathlib import Path

URL = "https://www.kaggle.com"
_PATIENCE = 5  # seconds for Kaggle to answer at all
_LARGEST = 2_000_000_000  # bytes on the disk, packed and unpacked together; BUSI has some 500 million
_CLIENT = """
import logging, sys
import kagglehub
logging.getLogger("kagglehub").setLevel(logging.ERROR)
try:
    print(kagglehub.dataset_download(sys.argv[1], output_dir=sys.argv[2]))
except Exception as error:
    print(str(error).strip().partition("\\n")[0] or type(error).__name__)
    sys.exit(1)
"""


def download(handle: str, beside: Path) -> Path:
    """Where a data set lies, downloaded and unpacked: in this folder, or where a Kaggle notebook has it mounted.
    Nothing is said but for a progress bar on a terminal.

    handle: OWNER/NAME. Raises OSError where Kaggle refuses, the download breaks off, or it is more than 2 GB.
    """
    command = [sys.executable, "-P", "-c", _CLIENT, handle, str(beside / "busi")]
    quiet = None if sys.stderr.isatty() else subprocess.DEVNULL
    environment = {**os.environ, "KAGGLEHUB_CACHE": str(beside / "cache")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=environment) as client:
        try:
            said = _watched(client, beside)
        finally:
            client.kill()
    last = said.strip().rpartition("\n")[2]
    if client.returncode:
        raise OSError(last or "the client of Kaggle ended without a word")
    return Path(last)


def _watched(client: subprocess.Popen, folder: Path) -> str:
    """What the client prints until it ends. Raises OSError when it has filled the folder beyond the limit."""
    while True:
        try:
            return client.communicate(timeout=0.5)[0]
        except subprocess.TimeoutExpired:
            if _size(folder) > _LARGEST:
                raise OSError(f"it unpacks to more than {_LARGEST / 1e9:.0f} GB.") from None


def _size(folder: Path) -> int:
    """Bytes of all files below."""
    files = (os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(file).st_size for file in files if os.path.lexists(file))


def reach() -> None:
    """Raises OSError where Kaggle does not answer. To be asked first: its client has no timeout, and may wait for
    minutes."""
    import requests  # which the client depends on, so that both use the same proxies and certificates

    try:
        requests.head(URL, timeout=_PATIENCE)
    except requests.RequestException as error:
        raise OSError(f"{URL} can't be reached.") from error
