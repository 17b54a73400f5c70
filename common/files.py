"""Writes files so that each is whole or missing, and finds out whether a file was damaged or changed since."""

import json
import os
import shutil
import socket
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, BinaryIO

from common import limits
from common.errors import NO_ROOM, NO_WRITING, BadInput, Damaged
from common.paths import kind_of_place, refuse_no_file, refuse_special
from common.plural import counted
from common.text import finite_or_null, for_json

_UNFINISHED = ".partial"
_MOST_UNPACKED = 1 << 28  # bytes of all compressed members when unpacked; large arrays are not compressed


def read_at_most(path: Path, most: int) -> bytes:
    """Reads a small file.

    Raises ValueError, whose message does not name the file, if it has more than `most` bytes or is no file (reading a
    pipe could wait for ever). Raises OSError if it can't be read."""
    if kind := kind_of_place(path):
        raise ValueError(f"it is {kind}, not a file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most:,} bytes, the most that are read")
    return content


def decode_utf8(content: bytes) -> str:
    """Decodes UTF-8, with or without a byte order mark.

    Raises ValueError, with the reason and the remedy, for another encoding. Programs on Windows save UTF-16 and code
    pages of one byte a letter."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:2]:
        raise ValueError("it is UTF-16: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"it is not UTF-8 (line {line}): save it as UTF-8") from None


@contextmanager
def atomic(path: Path, ending: str = "", durable: bool = True) -> Iterator[BinaryIO]:
    """Opens a temporary file beside `path`, and renames it to `path` at the end. So a reader finds the old file or the
    new one, and never a part of one. Write into the file, or to the path in its `name`. Missing folders are made.

    ending: of the temporary file's name, for a writer that asks for one. durable: forces the file to the disk before it
    is renamed, so that it is whole after a power cut too. That takes longer than writing it: pass False for a file
    that can be made again.

    Raises BadInput if `path` can't be a file (`refuse_no_file`), because the renaming would replace a device. An
    OSError names `path`."""
    refuse_no_file(path)
    # The host's name is in it, because two machines that share a disk may both have a process of this number.
    beside = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}{_UNFINISHED}{ending}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(beside, path)
        if durable:
            _force(path.parent)  # else a power cut could undo the renaming after what it replaces was removed
    except OSError as error:
        if error.errno:
            error.filename = str(path)  # Python's own message names no file when a write fails
        raise
    finally:
        if beside.exists():
            beside.unlink()


def write_atomically(path: Path, content: bytes, durable: bool = True) -> None:
    """Writes a file that is whole or missing (`atomic`)."""
    with atomic(path, durable=durable) as file:
        file.write(content)


def copy(source: Path, target: Path) -> None:
    """Copies a file. The copy is whole or missing (`atomic`)."""
    refuse_special(source)
    with source.open("rb") as original, atomic(target) as file:
        shutil.copyfileobj(original, file)


@contextmanager
def in_tmpdir() -> Iterator[Path]:
    """A new folder for temporary files, which is removed at the end. If the disk has no room or may not be written to,
    the OSError names the place and the variable that chooses another. A library would raise it without a name."""
    try:
        with TemporaryDirectory() as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno in (*NO_ROOM, *NO_WRITING):
            error.filename = f"{gettempdir()} (the folder for temporary files; TMPDIR=DIR chooses another)"
        raise


def reserve(path: Path) -> None:
    """Reserves room on the disk for a new memory map. Its file has its full size already, but no blocks on the disk.

    Raises OSError, naming the file, if there is not enough room. If the disk became full while the map is written, the
    process would be killed."""
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        error.filename = str(path)
        raise


def remove_partial(folder: Path) -> None:
    """Removes the temporary files (`atomic`) that killed processes have left under a folder. The caller must be the
    only writer there."""
    for left in folder.rglob(f".*{_UNFINISHED}*"):
        left.unlink()


def seal(content: dict[str, Any]) -> dict[str, Any]:
    """Returns the content with its checksum added. Numbers that are not finite become None."""
    content = finite_or_null(content)
    return content | {"checksum": _checksum(content)}


def unseal(content: Any, path: Path) -> dict[str, Any]:
    """Returns the content without its checksum. Content that has none passes: it was written before there were
    checksums.

    Raises Damaged, naming the file, if the checksum does not fit, or if the content is no dict."""
    if not isinstance(content, dict):
        raise Damaged(path, "not the JSON that was written")
    known = content.pop("checksum", None)
    if known is not None and known != _checksum(content):
        raise Damaged(path, "its checksum does not fit: it was changed after it was written")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes JSON with a checksum, for `read_json`. The file is whole or missing."""
    write_atomically(path, for_json(seal(content)).encode())


def read_json(path: Path) -> dict[str, Any]:
    """Reads a file of `write_json`. Raises Damaged, naming the file, if it is missing or is anything else."""
    try:
        return unseal(json.loads(read_at_most(path, limits.JSON)), path)
    except (OSError, ValueError, RecursionError) as error:
        raise Damaged(path, str(error)) from error


def check_archive(path: Path) -> None:
    """Compares every member of a zip archive (.npz, .keras) with its CRC-32.

    Raises Damaged, naming the file, if it is missing, truncated or changed, if members are missing in it, or if its
    compressed members unpack to far more than the suite ever packs."""
    try:
        refuse_special(path)
        with zipfile.ZipFile(path) as archive:
            packed = (member for member in archive.infolist() if member.compress_type != zipfile.ZIP_STORED)
            if (size := sum(member.file_size for member in packed)) > _MOST_UNPACKED:
                raise ValueError(f"it unpacks to {size / 1e9:.1f} GB")
            changed, found = archive.testzip(), len(archive.infolist())
        # A flipped bit can make the entry of one member swallow those of others. The number of entries is at the end of
        # the archive, in a record that may have a comment of 64 KiB behind it.
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - (1 << 17)))
            end = file.read()
        (written,) = struct.unpack_from("<H", end, end.rindex(b"PK\x05\x06") + 10)
    except Exception as error:  # flipped bits make the reader fail in a dozen ways
        raise Damaged(path, str(error) or type(error).__name__) from error
    if changed:
        raise Damaged(path, f"the checksum of {changed} in it does not fit")
    if found != written:
        raise Damaged(path, f"{found} of its {counted(written, 'member')} can be found")


def refuse_inflating(archive: zipfile.ZipFile, path: Path, largest: dict[str, int]) -> None:
    """Raises BadInput, naming the file, for a zip archive that could take far more memory than it takes on the disk.

    Refused are compressed members, which the suite never writes here, and members that claim to be larger together than
    the file. largest: the most bytes of each member that is read whole, by its name; a larger one is refused.
    """
    members = archive.infolist()
    if any(info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size for info in members):
        raise BadInput(f"{path}: refused. What is in such a file is not compressed again, and this one is.")
    if sum(info.file_size for info in members) > path.stat().st_size:
        raise BadInput(f"{path}: refused. It says to hold more than it does.")
    for name, most in largest.items():
        if archive.getinfo(name).file_size > most:
            raise BadInput(f"{path}: refused. Its {name} is larger than any that the suite writes.")


def checksum(path: Path) -> str:
    """The checksum of a file's content: 16 hex digits (BLAKE2b)."""
    refuse_special(path)
    digest = blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _checksum(content: dict[str, Any]) -> str:
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def _force(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
