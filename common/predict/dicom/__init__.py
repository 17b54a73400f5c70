"""DICOM files of one frame, as a viewer would show them, by pydicom, which is an optional package."""

from common.predict.dicom.files import NoPicture, is_dicom, read

__all__ = ["NoPicture", "is_dicom", "read"]
