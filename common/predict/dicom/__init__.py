"""From a DICOM file of one frame to a picture, or to the reason why there is none; by pydicom, an optional package."""

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
from common.predict.dicom.elements import first_number, pixel_scales
from common.predict.dicom.stored import Unusable, stored_pixels
from common.predict.picture import Picture

ENDINGS = (".dcm", ".dicom")
_START = 160  # bytes by which a file is known
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: the index of a disc, called DICOMDIR
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"  # of the parts that compressed pixels are in
# Storage classes whose pixels are no picture of a patient, but marks or the plan of a therapy.
_NO_PICTURE = ("Segmentation Storage", "RT Dose Storage", "Parametric Map Storage")
# A file without the first 132 bytes begins with a tag of the groups 2 or 8, then a VR or the length of a short value.
_VR = re.compile(rb"(AE|CS|DA|DS|DT|IS|LO|LT|OB|OW|PN|SH|SQ|ST|TM|UI|UL|UN|US|UT)")


class NoPicture(Unreadable):
    """A DICOM file that is whole and holds no picture: a report, an index, a plan."""


def is_dicom(path: Path) -> bool:
    """Whether a file is of DICOM, by how it begins or by its ending. An ending is a promise: a damaged file that ends
    as DICOM files do is named later, and not passed over. But a PNG is one under any name."""
    start = first_bytes(path, _START)
    return _begins_as_dicom(start) or (path.suffix.lower() in ENDINGS and not begins_as_image(start))


def _begins_as_dicom(start: bytes) -> bool:
    """Whether there are 128 bytes of anything and then DICM, or at once an element of the first groups."""
    if start[128:132] == b"DICM":
        return True
    group, element = (int.from_bytes(start[place : place + 2], "little") for place in (0, 2))
    if len(start) < 16 or group not in (2, 8) or element > 0x70:
        return False
    length = int.from_bytes(start[6:8] if _VR.match(start[4:6]) else start[4:8], "little")
    next_group = int.from_bytes(start[8 + length : 10 + length], "little")
    return length <= 128 and length % 2 == 0 and next_group in (2, 8)


def read_dicom(path: Path) -> Picture:
    """The picture in a DICOM file. Grey values pass the modality transform and the first VOI table or window that can
    be used; without one, white is the most that up to 8 bits hold, or of more bits the greatest value there is. More is
    brighter, since MONOCHROME1 is inverted. Padding is black. YBR and palettes become RGB. The picture's doubts have
    what the file does not say clearly.

    Raises NoPicture for what holds none; Unreadable for a damaged file, for several frames, for elements that
    contradict each other and for what no installed decoder knows; BadInput where pydicom is not installed.
    """
    try:
        import pydicom  # noqa: F401, to see whether it is there
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"{path}: a DICOM file, which needs the package pydicom: `make install` or `pip install pydicom`."
        ) from missing
    # What is unusual but can be read is not worth a line on the terminal for each file.
    warnings.filterwarnings("ignore", module="pydicom")
    doubts: list[str] = []
    try:
        data = _read_data_set(path)
        _refuse_unusable(path, data)
        pixels = _decode_rgb(data, doubts)
        return Picture(pixels, pixel_scales(data, *pixels.shape[:2], doubts), tuple(doubts))
    except Unreadable:
        raise
    except Unusable as error:
        raise Unreadable(f"{path}: {error}") from error
    except Exception as error:  # pydicom raises whatever a damaged or unusual file makes it run into
        raise Unreadable(f"{path}: pydicom can't decode it: {in_words(error)}") from error


def _read_data_set(path: Path) -> Any:
    """The data set of the file. If it does not name its transfer syntax, this is the one that it turns out to have."""
    from pydicom import uid

    if reason := unread(path):
        raise Unusable(reason)
    start = first_bytes(path, _START)
    if not _begins_as_dicom(start):
        raise Unreadable(f"{path}: not a DICOM file, or one whose beginning is damaged")
    with path.open("rb") as file:
        data = read_elements(file)
    if not len(data) and _is_whole(closed := read_elements(BytesIO(path.read_bytes() + _END))):
        data = closed  # without the end mark of compressed pixels pydicom reads nothing at all
    if not str(data.file_meta.get("TransferSyntaxUID") or "").strip(" \0"):
        implicit, little = data.original_encoding
        plain = {True: uid.ImplicitVRLittleEndian, False: uid.ExplicitVRLittleEndian}[implicit]
        data.file_meta.TransferSyntaxUID = plain if little else uid.ExplicitVRBigEndian
    if (syntax := data.file_meta.TransferSyntaxUID) not in uid.AllTransferSyntaxes:
        raise Unusable(f"its transfer syntax {syntax} is not known: export it uncompressed")
    return data


def _is_whole(data: Any) -> bool:
    """Whether the last part of compressed pixels is as long as it says."""
    parts, place = data.get("PixelData") or b"", 0
    while place + 8 <= len(parts):
        place += 8 + int.from_bytes(parts[place + 4 : place + 8], "little")
    return 0 < place == len(parts)


def _refuse_unusable(path: Path, data: Any) -> None:
    kind = data.file_meta.get("MediaStorageSOPClassUID", "") or data.get("SOPClassUID", "")
    named = getattr(kind, "name", "") or "of unknown kind"
    if kind == _DIRECTORY:
        raise NoPicture(f"{path}: a DICOM file without an image (DICOMDIR, the index of a disc).")
    if named.endswith(_NO_PICTURE):
        raise NoPicture(f"{path}: a DICOM file without an image of its own ({named}).")
    if not any(keyword in data and data[keyword].value for keyword in _PIXELS):
        # pydicom reads nothing at all of a file that was cut off within compressed pixels.
        if ("Rows" in data and "Columns" in data) or "Image Storage" in named or not len(data):
            raise Unreadable(f"{path}: a DICOM file of an image whose pixels are missing or cut off ({named}).")
        # Damage may have spared no more than the beginning. Vendors have classes of their own, which nobody lists.
        if not kind or not (kind.is_private or kind.type == "SOP Class"):
            raise Unreadable(
                f"{path}: a DICOM file without an image, damaged or of no known kind (SOP class: {kind or 'none'})."
            )
        raise NoPicture(f"{path}: a DICOM file without an image ({named}).")
    frames = first_number(data, "NumberOfFrames")
    if frames and frames > 1:
        raise Unreadable(f"{path}: a clip of {frames:.0f} frames. Export the frame that is meant.")
    if (first_number(data, "Rows") or 0) * (first_number(data, "Columns") or 0) > LARGEST:
        raise Unreadable(f"{path}: {TOO_LARGE}")
    refuse_large_pixels(data)


def _decode_rgb(data: Any, doubts: list[str]) -> np.ndarray:
    """uint8 (H, W, 3), RGB."""
    pixels, kind = stored_pixels(data, doubts)
    if kind.startswith("MONOCHROME"):
        return np.repeat(show_grey(data, pixels, doubts)[..., None], 3, axis=-1)
    return show_palette(data, pixels, doubts) if kind == "PALETTE COLOR" else show_colours(data, pixels)
