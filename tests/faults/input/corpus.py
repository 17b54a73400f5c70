"""Image files as they should not be, each made on the spot."""

import io
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEIGHT, WIDTH = 24, 32


def photo() -> np.ndarray:
    """uint8 (24, 32), grey levels of every kind."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (40 + 5 * rows + 3 * columns).astype(np.uint8)


def drawn() -> np.ndarray:
    """bool (24, 32), a box away from the border."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[6:18, 10:26] = True
    return mask


@dataclass(frozen=True)
class DataSet:
    """Two cases in BUSI's layout; makers spoil the first."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "benign" / "benign (1).png"

    @property
    def mask(self) -> Path:
        return self.folder / "benign" / "benign (1)_mask.png"

    def beside(self, name: str) -> Path:
        """Another file in the folder of the class."""
        return self.folder / "benign" / name


def write(folder: Path) -> DataSet:
    """A data set with nothing wrong in it."""
    (folder / "benign").mkdir(parents=True)
    for number in (1, 2):
        Image.fromarray(photo()).save(folder / "benign" / f"benign ({number}).png")
        save_mask(folder / "benign" / f"benign ({number})_mask.png", drawn())
    return DataSet(folder)


def save_mask(path: Path, mask: np.ndarray, one: int = 255) -> None:
    Image.fromarray(mask.astype(np.uint8) * np.uint8(one)).save(path)


# PNG, chunk by chunk.

Chunk = tuple[bytes, bytes]


def header(width: int = WIDTH, height: int = HEIGHT, depth: int = 8, colour: int = 0, interlaced: int = 0) -> Chunk:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)


def pixels(raw: bytes, parts: int = 1) -> list[Chunk]:
    """IDAT chunks of scan lines, each with its filter byte."""
    packed = zlib.compress(raw)
    cuts = [len(packed) * part // parts for part in range(parts + 1)]
    return [(b"IDAT", packed[start:end]) for start, end in pairwise(cuts)]


def lines(image: np.ndarray) -> bytes:
    """Scan lines of a uint8 or big-endian uint16 image, each with the filter byte 0."""
    return b"".join(b"\0" + line.tobytes() for line in image)


def chunks() -> list[Chunk]:
    """The photo with two chunks that say little and its pixels in three: seven chunks."""
    little = [(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)), (b"tEXt", b"Software\0made for a test")]
    return [header(), *little, *pixels(lines(photo()), parts=3), (b"IEND", b"")]


def encoded(chunk: Chunk, wrong: int = 0) -> bytes:
    """wrong: is added to the checksum."""
    kind, data = chunk
    checksum = (zlib.crc32(kind + data) + wrong) & 0xFFFFFFFF
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(*parts: Chunk) -> bytes:
    return SIGNATURE + b"".join(map(encoded, parts))


def cut_before(chunk: int) -> bytes:
    return png(*chunks()[:chunk])


def cut_within(chunk: int) -> bytes:
    last = encoded(chunks()[chunk])
    return cut_before(chunk) + last[: len(last) // 2]


def wrong_checksum(chunk: int) -> bytes:
    whole = chunks()
    return cut_before(chunk) + encoded(whole[chunk], wrong=1) + png(*whole[chunk + 1 :])[len(SIGNATURE) :]


def blank(width: int, height: int) -> bytes:
    """A valid black PNG of 1 bit a pixel: some thousand times smaller than its pixels."""
    packing = zlib.compressobj()
    line = bytes(1 + (width + 7) // 8)
    packed = b"".join(packing.compress(line * 100) for _ in range(height // 100))
    packed += packing.compress(line * (height % 100)) + packing.flush()
    return png(header(width, height, depth=1), (b"IDAT", packed), (b"IEND", b""))


def bomb_of_text(size: int) -> bytes:
    return png(header(), (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size))), *chunks()[1:])


def too_many_pixels(size: int) -> bytes:
    """The photo, followed in the same stream by so many bytes that belong to no line."""
    return png(header(), *pixels(lines(photo()) + bytes(size)), (b"IEND", b""))


# Files that other programs write.


def saved(image: np.ndarray | Image.Image, form: str, **options) -> bytes:
    """An image in any format that Pillow writes."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def turned(image: np.ndarray, form: str, orientation: int) -> bytes:
    """An image with an EXIF orientation: 6 says that it is to be turned by 90 degrees clockwise."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, form, exif=exif, **({"quality": 100} if form == "JPEG" else {}))


def turned_by_its_last_chunk(orientation: int, image: np.ndarray | None = None) -> bytes:
    """The photo, or another image of its size, as a PNG whose eXIf chunk follows the pixels, as the format allows."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    tag = b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")
    return png(header(), *pixels(lines(photo() if image is None else image)), tag, (b"IEND", b""))


def transparent(mode: str) -> Image.Image:
    """The photo with an upper left corner that can be seen through."""
    image = Image.fromarray(photo()).convert(mode)
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:4, :4] = 0
    image.putalpha(Image.fromarray(alpha))
    return image


def colours_16_bits() -> bytes:
    deep = np.repeat(photo()[..., None], 3, axis=-1).astype(np.uint16) * 257
    return cv2.imencode(".png", deep)[1].tobytes()


def antialiased() -> bytes:
    """The mask with edges smoothed as drawing programs do it."""
    large = np.kron(drawn().astype(np.uint8) * 255, np.ones((4, 4), np.uint8))
    large = np.roll(large, (1, 1), axis=(0, 1))
    return saved(cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), "PNG")


def labelled(first: int, second: int) -> bytes:
    """Two lesions, each with a value of its own."""
    mask = drawn().astype(np.uint8) * np.uint8(second)
    mask[6:18, 10:17] = first
    return saved(mask, "PNG")
