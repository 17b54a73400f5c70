"""Limits on what a DICOM file takes, checked before it is taken: a file of kilobytes can unpack to gigabytes."""

import zlib
from io import BytesIO
from itertools import pairwise
from typing import Any, BinaryIO

from PIL import Image

from common.data.open_image import LARGEST, TOO_LARGE
from common.predict.dicom.elements import first_number
from common.predict.dicom.stored import Unusable

_MOST_READS = 200_000  # of a file; images have some hundred elements, each of which takes one or two
# Sequences that are looked into. pydicom reads one of known length as a whole, and takes it apart when it is asked for.
_SEQUENCES = (
    "SequenceOfUltrasoundRegions",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_LONGEST_SEQUENCE = 1_000_000  # bytes; a table of 16 bits has 131,072
# Bytes that a deflated file or run lengths may unpack to: the largest image with 16 bits of grey and as much beside it.
_MOST = 4 * LARGEST
_RUN = 64  # two bytes of a run stand for up to 128
_HEADER = 64  # bytes before the run lengths: the number of their segments, and where each begins
_PADDING = 1024  # bytes of a segment beyond its pixels


class _Counted:
    """A file that can be read so many times, which is once or twice for each element, however deep."""

    def __init__(self, file: BinaryIO):
        self.file, self.left = file, _MOST_READS
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise Unusable("it has far more elements than an image needs")
        return self.file.read(size)


def read_elements(source: BinaryIO) -> Any:
    """The data set of an open file. Raises Unusable for one that unpacks to more than 200 MB or has far too many
    elements, and whatever pydicom does."""
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
        # One of unknown length was taken apart, and counted, as it was read: it has no length.
        if keyword in data and (getattr(data.get_item(keyword), "length", 0) or 0) > _LONGEST_SEQUENCE:
            raise Unusable(f"its {keyword} is longer than {_LONGEST_SEQUENCE / 1e6:.0f} MB")
    return data


def count_pixels(source: BinaryIO) -> int:
    """Rows times columns, from the head of an open file; the most that is read for a deflated one, which has none.
    Raises whatever pydicom does."""
    from pydicom.filereader import dcmread

    file, _, is_deflated = _read_head(source)
    if is_deflated:
        return LARGEST
    file.seek(0)
    data = dcmread(file, stop_before_pixels=True, force=True, specific_tags=["Rows", "Columns"])
    return int((first_number(data, "Rows") or 0) * (first_number(data, "Columns") or 0))


def _read_head(source: BinaryIO) -> tuple[_Counted, Any, bool]:
    """The file, behind its head; the elements of the head (PS3.10 7.1); and whether all that follows is deflated."""
    from pydicom.filereader import _read_file_meta_info, read_preamble
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    file = _Counted(source)
    read_preamble(file, force=True)
    about = _read_file_meta_info(file)
    return file, about, about.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian


def _inflate(file: BinaryIO) -> bytes:
    content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), _MOST + 1)
    if len(content) > _MOST:
        raise Unusable(f"deflated, it unpacks to more than {_MOST / 1e6:.0f} MB: export it uncompressed")
    return content


def refuse_large_pixels(data: Any) -> None:
    """Raises Unusable for compressed pixels that unpack to far more than the data set's rows and columns."""
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
    except Exception:  # of any kind: what no decoder knows is refused later
        return
    if size > LARGEST:
        raise Unusable(TOO_LARGE)


def _refuse_long_runs(frame: bytes, pixels: int) -> None:
    """pixels: that each segment holds, a byte for each (PS3.5 G)."""
    if len(frame) * _RUN <= _MOST:
        return
    places = [int.from_bytes(frame[at : at + 4], "little") for at in range(0, _HEADER, 4)]
    starts = [*places[1 : min(places[0], 15) + 1], len(frame)]
    for start, end in pairwise(starts):
        if _unpacked_size(frame[start:end], pixels + _PADDING) > pixels + _PADDING:
            raise Unusable("its runs unpack to more pixels than its rows and columns have")


def _unpacked_size(segment: bytes, most: int) -> int:
    """The number of bytes that a segment unpacks to; any number above `most` where there are more."""
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
