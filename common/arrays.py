"""Reads compressed arrays (.npz) within a limit of memory: a file of kilobytes can unpack to gigabytes."""

import zipfile
from pathlib import Path

import numpy as np

from common.errors import Damaged


def read_arrays(path: Path, most: int) -> dict[str, np.ndarray]:
    """Reads all arrays of an .npz file, by name.

    most: the most bytes that the unpacked arrays may take together. The sizes that the file declares are compared with
    it before anything is unpacked.

    Raises Damaged, naming the file, if the file is missing, unpacks to more, or holds anything but whole arrays."""
    try:
        if not path.is_file():  # opening a FIFO would wait for a writer
            raise ValueError("there is no such file")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked = sum(member.file_size for member in members)
            if unpacked > most:
                raise ValueError(f"it unpacks to {unpacked / 1e6:,.0f} MB, and at most {most / 1e6:,.0f} are expected")
            return {member.filename.removesuffix(".npy"): _read(archive, member) for member in members}
    except Exception as error:  # flipped bits make the readers fail in a dozen ways
        raise Damaged(path, str(error) or type(error).__name__) from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """Reads one array. Raises ValueError if its header declares another size than its member of the archive has: NumPy
    would reserve the declared memory before it reads."""
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{member.filename} in it is not of the format that the suite writes")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.hasobject or np.prod(shape, dtype=object) * dtype.itemsize != member.file_size - file.tell():
            raise ValueError(f"{member.filename} in it is not the array that it declares")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
