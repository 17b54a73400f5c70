"""Reads the picture in a DICOM file of one frame, or says why there is none. Needs pydicom, an optional package.

bounded   limits on the memory and time that a file may take     stored    the pixels as the file stores them
elements  the values of single elements, as plain numbers        display   from stored pixels to what a viewer shows
"""

import re
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from common.data.listing import begins_as_image, first_bytes
from common.data.open_image import LARGEST, TOO_LARGE, Unreadable, unread
from common.errors import BadInput, in_words
from common.predict.dicom.bounded import read_elements, refuse_large_pixels
from common.predict.dicom.display import show_colours, show_grey, show_palette
from common.predict.dicom.elements import first_number, pixel_scales, text
from common.predict.dicom.stored import Unusable, stored_pixels
from common.predict.picture import Picture

ENDINGS = (".dcm", ".dicom")
_START = 160  # bytes that are read to recognise a file
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: the index of a disc, called DICOMDIR
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"  # the end mark of compressed pixels (Sequence Delimitation Item)
# Storage classes whose pixels are not a picture of a patient, but marks or values that were computed.
_NO_PICTURE = ("Segmentation Storage", "RT Dose Storage", "Parametric Map Storage")
# A file without preamble and "DICM" (132 bytes) begins with a tag of group 2 or 8. Its VR or the length of its value
# follows.
_VR = re.compile(rb"(AE|CS|DA|DS|DT|IS|LO|LT|OB|OW|PN|SH|SQ|ST|TM|UI|UL|UN|US|UT)")


class NoPicture(Unreadable):
    """An intact DICOM file that holds no picture: a report, an index, a plan."""


def is_dicom(path: Path) -> bool:
    """Whether a file is a DICOM file, by its first bytes or by its ending.

    The ending alone is enough, so that a damaged file is reported later and not silently skipped. But a file that
    begins as an image, such as a PNG, is an image under any name."""
    start = first_bytes(path, _START)
    return _begins_as_dicom(start) or (path.suffix.lower() in ENDINGS and not begins_as_image(start))


def _begins_as_dicom(start: bytes) -> bool:
    """Whether a file begins with 128 bytes of anything and "DICM", or directly with an element of group 2 or 8."""
    if start[128:132] == b"DICM":
        return True
    group, element = (int.from_bytes(start[place : place + 2], "little") for place in (0, 2))
    if len(start) < 16 or group not in (2, 8) or element > 0x70:
        return False
    length = int.from_bytes(start[6:8] if _VR.match(start[4:6]) else start[4:8], "little")
    next_group = int.from_bytes(start[8 + length : 10 + length], "little")
    return length <= 128 and length % 2 == 0 and next_group in (2, 8)


def read_dicom(path: Path) -> Picture:
    """Reads the picture in a DICOM file, as a viewer shows it.

    Grey values pass the modality transform, then the first VOI table or window that can be used. Without one, pixels of
    up to 8 bits use the whole range of their bits, and pixels of more bits use the range from the least to the greatest
    value of the image. MONOCHROME1 is inverted, so that a higher value is always brighter. Padding is black. YBR and
    palettes become RGB. The doubts of the picture say what the file leaves unclear.

    Raises NoPicture for an intact file without a picture. Raises Unreadable for a damaged file, for several frames, for
    elements that contradict each other, and for pixels that no installed decoder reads. Raises BadInput if pydicom is
    not installed.
    """
    try:
        import pydicom  # noqa: F401, only tests whether it is installed
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"{path}: a DICOM file, which needs the package pydicom: `make install` or `pip install pydicom`."
        ) from missing
    # pydicom warns about unusual files. Such a file can be read, so it is not worth a line on the terminal.
    warnings.filterwarnings("ignore", module="pydicom")
    doubts: list[str] = []
    try:
        data = _read_data_set(path)
        _refuse_unusable(path, data)
        pixels = _decode_rgb(data, doubts)
        if text(data, "BurnedInAnnotation") == "YES":
            doubts.append("it says that text is burnt into it: that may name the patient, and may be marked.")
        return Picture(pixels, pixel_scales(data, *pixels.shape[:2], doubts), tuple(doubts))
    except NoPicture:
        raise
    except Unusable as error:
        raise Unreadable(f"{path}: {error}") from error
    except Exception as error:  # pydicom raises whatever a damaged or unusual file makes it run into
        raise Unreadable(f"{path}: pydicom can't decode it: {in_words(error)}") from error


def _read_data_set(path: Path) -> Any:
    """Reads the data set of a file. If the file does not name its transfer syntax, the one in which pydicom read it is
    filled in."""
    from pydicom import uid

    if reason := unread(path):
        raise Unusable(reason)
    start = first_bytes(path, _START)
    if not _begins_as_dicom(start):
        raise Unusable("not a DICOM file, or one whose beginning is damaged")
    with path.open("rb") as file:
        data = read_elements(file)
    if not len(data) and _is_whole(closed := read_elements(BytesIO(path.read_bytes() + _END))):
        data = closed  # pydicom reads no element at all if only the end mark of compressed pixels is missing
    if not str(data.file_meta.get("TransferSyntaxUID") or "").strip(" \0"):
        implicit, little = data.original_encoding
        plain = {True: uid.ImplicitVRLittleEndian, False: uid.ExplicitVRLittleEndian}[implicit]
        data.file_meta.TransferSyntaxUID = plain if little else uid.ExplicitVRBigEndian
    if (syntax := data.file_meta.TransferSyntaxUID) not in uid.AllTransferSyntaxes:
        raise Unusable(f"its transfer syntax {syntax} is not known: export it uncompressed")
    return data


def _is_whole(data: Any) -> bool:
    """Whether the compressed pixels are complete: the last part is as long as it says."""
    parts, place = data.get("PixelData") or b"", 0
    while place + 8 <= len(parts):
        place += 8 + int.from_bytes(parts[place + 4 : place + 8], "little")
    return 0 < place == len(parts)


def _refuse_unusable(path: Path, data: Any) -> None:
    """Raises NoPicture or Unusable if no single picture can be read from the data set."""
    kind = data.file_meta.get("MediaStorageSOPClassUID", "") or data.get("SOPClassUID", "")
    named = getattr(kind, "name", "") or "of unknown kind"
    if kind == _DIRECTORY:
        raise NoPicture(f"{path}: a DICOM file without an image (DICOMDIR, the index of a disc).")
    if named.endswith(_NO_PICTURE):
        raise NoPicture(f"{path}: a DICOM file without an image of its own ({named}).")
    if not any(keyword in data and data[keyword].value for keyword in _PIXELS):
        # pydicom reads no element at all if the file was cut off within compressed pixels.
        if ("Rows" in data and "Columns" in data) or "Image Storage" in named or not len(data):
            raise Unusable(f"a DICOM file of an image whose pixels are missing or cut off ({named}).")
        # Without a known kind, the file may be an image of which only the beginning is left. A private class is taken
        # as it is: vendors have classes of their own, which nobody lists.
        if not kind or not (kind.is_private or kind.type == "SOP Class"):
            raise Unusable(f"a DICOM file without an image, damaged or of no known kind (SOP class: {kind or 'none'}).")
        raise NoPicture(f"{path}: a DICOM file without an image ({named}).")
    frames = first_number(data, "NumberOfFrames")
    if frames and frames > 1:
        raise Unusable(f"a clip of {frames:.0f} frames. Export the frame that is meant.")
    if (first_number(data, "Rows") or 0) * (first_number(data, "Columns") or 0) > LARGEST:
        raise Unusable(TOO_LARGE)
    refuse_large_pixels(data)


def _decode_rgb(data: Any, doubts: list[str]) -> np.ndarray:
    """Decodes the pixels as a viewer shows them: uint8 (H, W, 3), RGB."""
    pixels, kind = stored_pixels(data, doubts)
    if kind.startswith("MONOCHROME"):
        return np.repeat(show_grey(data, pixels, doubts)[..., None], 3, axis=-1)
    return show_palette(data, pixels, doubts) if kind == "PALETTE COLOR" else show_colours(data, pixels)
