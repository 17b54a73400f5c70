"""Finds or downloads onnxruntime-web, which runs a network in a web page. It is too large to be committed, so it comes
from npm."""

import hashlib
import io
import os
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from common.errors import BadInput
from common.files import read_at_most, write_atomically

VERSION = "1.30.0"
ADDRESS = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
LOCAL = "ONNXRUNTIME_WEB"  # the environment variable that names a local archive, for machines without internet
# The checksum of the archive. We computed it from a download that has the sha512 which npm publishes for this version.
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
SIZE = 33_106_585  # bytes
_PATIENCE, _LONGEST = 10, 600  # seconds: without a byte, and for the whole download
# The build for CPUs: a JavaScript module and the WebAssembly that it loads.
_SCRIPT, _PROGRAM = "package/dist/ort.wasm.bundle.min.mjs", "package/dist/ort-wasm-simd-threaded.wasm"


@dataclass(frozen=True)
class Runtime:
    """onnxruntime-web. script: its JavaScript module. program: the WebAssembly that the module runs."""

    script: bytes
    program: bytes


def find_runtime(cache: Path) -> Runtime:
    """Finds the runtime in the archive that ONNXRUNTIME_WEB names, else in the archive in the folder `cache`. If the
    latter is missing or damaged, it is downloaded: 33 MB, once.

    Raises BadInput if ONNXRUNTIME_WEB names anything but the published archive, and if the download fails. The messages
    say what to do.
    """
    if named := os.environ.get(LOCAL):
        archive = _archive_in(Path(named))
        if archive is None:
            raise BadInput(f"{LOCAL}: {named} is not the published archive. It is at {ADDRESS}")
        return _unpacked(archive)
    path = cache / ADDRESS.rpartition("/")[2]
    archive = _archive_in(path)
    if archive is None:
        archive = _download()
        write_atomically(path, archive, durable=False)
    return _unpacked(archive)


def _archive_in(path: Path) -> bytes | None:
    """The content of the archive at this path; None if it is missing or differs from the published one."""
    try:
        content = read_at_most(path, SIZE)
    except (OSError, ValueError):
        return None
    return content if _is_published(content) else None


def _is_published(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == SHA256


def _download() -> bytes:
    """Downloads the published archive. Raises BadInput if that fails."""
    import requests

    content, until = bytearray(), time.monotonic() + _LONGEST
    try:
        with requests.get(ADDRESS, stream=True, timeout=_PATIENCE) as answer:
            answer.raise_for_status()
            for block in answer.iter_content(1 << 16):
                content += block
                if len(content) > SIZE:
                    raise OSError(f"more than {SIZE:,} bytes came")
                if time.monotonic() > until:
                    raise OSError(f"only {len(content):,} of {SIZE:,} bytes came in {_LONGEST} s")
        if not _is_published(content):
            raise OSError("what came is not the published archive")
    except OSError as error:  # RequestException is an OSError too
        said = "" if isinstance(error, requests.RequestException) else f": {error}"
        raise BadInput(
            f"onnxruntime-web {VERSION}, which runs the network in the page, could not be downloaded{said}. Download "
            f"{ADDRESS} by hand and name it: {LOCAL}=FILE.tgz repro report --try ..."
        ) from error
    return bytes(content)


def _unpacked(archive: bytes) -> Runtime:
    """Takes the module, without the reference to its source map, and the WebAssembly out of the archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        script, program = (files.extractfile(name).read() for name in (_SCRIPT, _PROGRAM))
    return Runtime(script.partition(b"//# sourceMappingURL")[0], program)
