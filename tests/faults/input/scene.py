"""One scene in every kind of DICOM file, a dark square with a bright one in it, and what builds odd ones."""

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from common.predict.picture import Picture
from tests.predict.made import written

SIDE = 64
UNSCALED = "it does not say how large a pixel is"
BRIGHT = np.zeros((SIDE, SIDE), bool)
BRIGHT[16:40, 20:44] = True


def scene(dark, bright, kind: type | str = np.uint8) -> np.ndarray:
    return np.where(BRIGHT, bright, dark).astype(kind)


def framed(pixels: np.ndarray, value: int) -> np.ndarray:
    """With a first line of another value, as padding is."""
    pixels = pixels.copy()
    pixels[0] = value
    return pixels


@dataclass
class File:
    """pixels, kind, bits, elements: as `written` takes them; change: is done to the data set before it is saved, patch:
    to the bytes of the file."""

    pixels: np.ndarray
    elements: dict[str, Any] = field(default_factory=dict)
    kind: str = "MONOCHROME2"
    bits: int | None = None
    change: Callable[[Dataset], None] = lambda data: None
    patch: Callable[[bytes], bytes] = lambda content: content

    def write(self, path: Path) -> Path:
        written(path, self.pixels, self.kind, self.bits, **self.elements)
        data = pydicom.dcmread(path)
        self.change(data)
        plain = Dataset()  # one that was read can't change the order of its bytes
        plain.update(data)
        plain.file_meta = data.file_meta
        plain.save_as(path, enforce_file_format=True)
        path.write_bytes(self.patch(path.read_bytes()))
        return path


def without(*keywords: str) -> Callable[[Dataset], None]:
    def remove(data: Dataset) -> None:
        for keyword in keywords:
            del data[keyword]

    return remove


def raw(tag: int, vr: str, value: Any) -> Callable[[Dataset], None]:
    """An element with a value representation that is not its own."""
    return lambda data: data.add_new(tag, vr, value)


def lut(descriptor: list[int] | None, entries: Any, explained: str = "") -> Dataset:
    """An item of a table's sequence; entries: bytes, words, or None."""
    item = Dataset()
    item.add_new(0x00283002, "SS" if descriptor and min(descriptor) < 0 else "US", descriptor)
    item.LUTExplanation = explained
    item.add_new(
        0x00283006, "OW", None if entries is None else entries if isinstance(entries, bytes) else words(entries)
    )
    return item


def words(values: Any) -> bytes:
    return np.asarray(values).astype("<u2").tobytes()


def palette(data: Dataset, descriptor: list[int], entries: dict[str, bytes]) -> None:
    for name, content in entries.items():
        setattr(data, f"{name}PaletteColorLookupTableDescriptor", descriptor)
        setattr(data, f"{name}PaletteColorLookupTableData", content)


def doubts_of_pixels(picture: Picture) -> list[str]:
    """Without the doubt of a file that does not say how large a pixel is, as most of these do not."""
    return [doubt for doubt in picture.doubts if UNSCALED not in doubt]


# Streams of compressed pixels.

COLOURS = np.where(BRIGHT[..., None], (200, 120, 40), (30, 60, 90)).astype(np.uint8)


def jpeg(colours: np.ndarray, as_they_are: bool = False) -> bytes:
    """With a JFIF marker. as_they_are: the three planes are stored without being made Y, Cb and Cr of."""
    image = Image.fromarray(colours)
    if as_they_are:
        image = Image.merge("YCbCr", image.split())
    stream = BytesIO()
    image.save(stream, "JPEG", quality=100, subsampling=0)
    return stream.getvalue()


def without_marker(stream: bytes) -> bytes:
    """Without JFIF, which is the first segment."""
    assert stream[2:4] == b"\xff\xe0"
    return stream[:2] + stream[4 + int.from_bytes(stream[4:6], "big") :]


def adobe(stream: bytes, transform: int) -> bytes:
    """With the marker that tells whether colours were transformed."""
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
    plain = without_marker(stream)
    return plain[:2] + marker + plain[2:]


def named_rgb(stream: bytes) -> bytes:
    """With components that are called R, G and B."""
    content = bytearray(without_marker(stream))
    frame, scan = content.index(b"\xff\xc0"), content.index(b"\xff\xda")
    for number, letter in enumerate(b"RGB"):
        content[frame + 10 + 3 * number] = content[scan + 5 + 2 * number] = letter
    return bytes(content)


def compressed(stream: bytes, syntax: str = JPEGBaseline8Bit) -> Callable[[Dataset], None]:
    def put(data: Dataset) -> None:
        data.PixelData = encapsulate([stream])
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = syntax

    return put


def jpeg2000(pixels: np.ndarray, **options: Any) -> Callable[[Dataset], None]:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG2000", no_jp2=True, irreversible=False, **options)
    return compressed(stream.getvalue(), JPEG2000Lossless)
