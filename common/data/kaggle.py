"""Downloads data sets from Kaggle with Kaggle's own client, within limits of time and size."""

import os
import subprocess
import sys
import time
from pathlib import Path

KAGGLE = "https://www.kaggle.com"
_PATIENCE = 5  # seconds that Kaggle may take to answer at all
# A download is given up if it brings fewer than so many bytes in so many seconds: it would take hours.
_SLOWEST, _WINDOW = 1_000_000, 60
_LARGEST_DOWNLOAD = 2_000_000_000  # bytes on the disk, packed and unpacked together; BUSI takes about 500 million
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
    """Downloads and unpacks a data set with Kaggle's own client. Returns its folder: one in `beside`, or the folder in
    which a Kaggle notebook has mounted it. Prints nothing but a progress bar on a terminal.

    The client runs in a process of its own, which can be stopped at any time, since the client has no limit on what it
    unpacks. (If a member of an archive has a path that leads out of the folder, Python's zipfile and tarfile keep it
    inside.)

    handle: OWNER/NAME. Raises OSError if Kaggle refuses, if the download breaks off or gets too slow, or if it takes
    more than 2 GB.
    """
    command = [sys.executable, "-P", "-c", _CLIENT, handle, str(beside / "busi")]
    quiet = None if sys.stderr.isatty() else subprocess.DEVNULL
    environment = {**os.environ, "KAGGLEHUB_CACHE": str(beside / "cache")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True, env=environment) as client:
        try:
            printed = _watch(client, beside)
        finally:
            client.kill()
    last = printed.strip().rpartition("\n")[2]
    if client.returncode:
        raise OSError(last or "the client of Kaggle ended without a word")
    return Path(last)


def _watch(client: subprocess.Popen, folder: Path) -> str:
    """Waits until the client ends, and returns what it printed. Raises OSError as soon as the folder is larger than
    _LARGEST_DOWNLOAD, or if it grew by less than _SLOWEST bytes in _WINDOW seconds."""
    since, before = time.monotonic(), 0
    while True:
        try:
            return client.communicate(timeout=0.5)[0]
        except subprocess.TimeoutExpired:
            size = _size(folder)
            if size > _LARGEST_DOWNLOAD:
                raise OSError(f"it unpacks to more than {_LARGEST_DOWNLOAD / 1e9:.0f} GB.") from None
            if time.monotonic() - since > _WINDOW:
                if size - before < _SLOWEST:
                    raise OSError(
                        f"only {max(0, size - before):,} bytes came in {_WINDOW:g} s, and {_SLOWEST:,} are the least."
                    ) from None
                since, before = time.monotonic(), size


def _size(folder: Path) -> int:
    """The bytes of all files in and below a folder."""
    files = (os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(file).st_size for file in files if os.path.lexists(file))


def reach_kaggle() -> None:
    """Raises OSError if Kaggle does not answer within five seconds. Its client would wait for minutes."""
    import requests  # the client uses it too, so both have the same proxies and certificates

    try:
        requests.head(KAGGLE, timeout=_PATIENCE)
    except requests.RequestException as error:
        raise OSError(f"{KAGGLE} can't be reached.") from error
