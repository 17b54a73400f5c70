"""Limits the memory and the time that reading a DICOM file takes: a file of kilobytes can unpack to gigabytes."""

import zlib
from io import BytesIO
from itertools import pairwise
from typing import Any, BinaryIO

from PIL import Image

from common.data.open_image import LARGEST, TOO_LARGE
from common.predict.dicom.elements import first_number
from common.predict.dicom.stored import Unusable

_MOST_READS = 200_000  # An image has some hundred elements, and each takes one or two reads.
# The sequences that this package uses. pydicom reads a sequence of known length as bytes, and parses it on access.
_SEQUENCES = (
    "SequenceOfUltrasoundRegions",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_LONGEST_SEQUENCE = 1_000_000  # bytes; a table of 16 bits has 131,072
# Bytes to which a deflated file or run lengths may unpack: twice as many as the largest image has in grey of 16 bits.
_MOST = 4 * LARGEST
_RUN = 64  # how much run lengths unpack at most: two bytes stand for up to 128
_HEADER = 64  # bytes before the run lengths: the number of segments, and where each begins
_PADDING = 1024  # bytes that a segment may have beyond its pixels


class _Counted:
    """A file that refuses to be read more than _MOST_READS times. pydicom reads once or twice for each element, nested
    ones included, so this limits the number of elements."""

    def __init__(self, file: BinaryIO):
        self.file, self.left = file, _MOST_READS
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise Unusable("it has far more elements than an image needs")
        return self.file.read(size)


def read_elements(source: BinaryIO) -> Any:
    """Reads the data set of an open file.

    Raises Unusable if the file unpacks to more than 200 MB, has far too many elements, or has a sequence of more than
    1 MB. Also raises whatever pydicom raises."""
    from pydicom.filereader import dcmread, read_dataset
    from pydicom.uid import ExplicitVRLittleEndian

    file, about, is_deflated = _read_head(source)
    if is_deflated:
        data = read_dataset(_Counted(BytesIO(_inflate(source))), is_implicit_VR=False, is_little_endian=True)
        about.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta = about
    else:
        file.seek(0)
        data = dcmread(file, force=True)
    for keyword in _SEQUENCES:
        # A sequence of unknown length has no `length`: it was parsed, and its reads were counted, with the file.
        if keyword in data and (getattr(data.get_item(keyword), "length", 0) or 0) > _LONGEST_SEQUENCE:
            raise Unusable(f"its {keyword} is longer than {_LONGEST_SEQUENCE / 1e6:.0f} MB")
    return data


def count_pixels(source: BinaryIO) -> int:
    """The number of pixels, rows times columns, without reading the pixels of an open file. For a deflated file, whose
    rows and columns are compressed too, it is LARGEST. Raises whatever pydicom raises."""
    from pydicom.filereader import dcmread

    file, _, is_deflated = _read_head(source)
    if is_deflated:
        return LARGEST
    file.seek(0)
    data = dcmread(file, stop_before_pixels=True, force=True, specific_tags=["Rows", "Columns"])
    return int((first_number(data, "Rows") or 0) * (first_number(data, "Columns") or 0))


def _read_head(source: BinaryIO) -> tuple[_Counted, Any, bool]:
    """Reads the File Meta Information (PS3.10 7.1). Returns the file, positioned behind it; its elements; and whether
    the rest of the file is deflated."""
    from pydicom.filereader import _read_file_meta_info, read_preamble
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    file = _Counted(source)
    read_preamble(file, force=True)
    about = _read_file_meta_info(file)
    return file, about, about.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian


def _inflate(file: BinaryIO) -> bytes:
    """Unpacks the rest of a deflated file. Raises Unusable if that is more than _MOST bytes."""
    content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), _MOST + 1)
    if len(content) > _MOST:
        raise Unusable(f"deflated, it unpacks to more than {_MOST / 1e6:.0f} MB: export it uncompressed")
    return content


def refuse_large_pixels(data: Any) -> None:
    """Raises Unusable if compressed pixels unpack to too much: a JPEG or JPEG 2000 of more than LARGEST pixels, or run
    lengths of far more pixels than rows times columns."""
    from pydicom import uid
    from pydicom.encaps import get_frame

    syntax = data.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return
    frame = get_frame(data.PixelData, 0, number_of_frames=1)
    if syntax == uid.RLELossless:
        _refuse_long_runs(frame, int(data.Rows) * int(data.Columns))
        return
    try:
        with Image.open(BytesIO(frame), formats=("JPEG", "JPEG2000")) as image:
            size = image.width * image.height
    except Image.DecompressionBombError:
        size = LARGEST + 1
    except Exception:  # of any kind: pixels that no decoder reads are refused later
        return
    if size > LARGEST:
        raise Unusable(TOO_LARGE)


def _refuse_long_runs(frame: bytes, pixels: int) -> None:
    """Raises Unusable if a segment of run lengths (PS3.5 G) unpacks to too much. pixels: the number of pixels; a
    segment has one byte for each."""
    if len(frame) * _RUN <= _MOST:
        return
    places = [int.from_bytes(frame[at : at + 4], "little") for at in range(0, _HEADER, 4)]
    starts = [*places[1 : min(places[0], 15) + 1], len(frame)]
    for start, end in pairwise(starts):
        if _unpacked_size(frame[start:end], pixels + _PADDING) > pixels + _PADDING:
            raise Unusable("its runs unpack to more pixels than its rows and columns have")


def _unpacked_size(segment: bytes, most: int) -> int:
    """The number of bytes to which a segment unpacks. Stops counting above `most`."""
    size = place = 0
    while place < len(segment) and size <= most:
        head = segment[place]
        if head < 128:  # so many bytes and one more follow as they are
            size, place = size + head + 1, place + head + 2
        elif head > 128:  # the next byte is repeated
            size, place = size + 257 - head, place + 2
        else:
            place += 1
    return size
