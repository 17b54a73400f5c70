"""Reads an image file or a DICOM file."""

from dataclasses import replace
from pathlib import Path

from common.data.case import brightness_doubts
from common.data.decode import decode_image, read_size
from common.data.open_image import unread
from common.predict import dicom
from common.predict.dicom import bounded
from common.predict.picture import Picture


def count_pixels(path: Path) -> int:
    """The number of pixels of a picture, from the head of its file. 0 if the head can't be read; `read_picture` then
    refuses the file."""
    try:
        if not dicom.is_dicom(path):
            width, height = read_size(path)
            return width * height
        if unread(path):
            return 0
        with path.open("rb") as file:
            return bounded.count_pixels(file)
    except Exception:  # of any kind: `read_picture` reports it
        return 0


def read_picture(path: Path) -> Picture:
    """Reads an image file, decoded as for training, or a DICOM file with one frame.

    An image file gives no scale: the resolution that it states is meant for printing. Raises BadInput, naming the file,
    if it can't be read, and `dicom.NoPicture` for a DICOM file without a picture.
    """
    if dicom.is_dicom(path):
        picture = dicom.read_dicom(path)
    else:
        decoded = decode_image(path)
        picture = Picture(decoded.pixels, doubts=tuple(decoded.doubts))
    return replace(picture, doubts=(*picture.doubts, *brightness_doubts(picture.pixels)))
