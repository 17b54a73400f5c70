"""Networks whose answer is known beforehand, image files and DICOM files."""

import keras
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage

from common import papers
from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.training import model_file

SIDE = 32
# Settings of each way to prepare an image, by name.
PREPROCESSING = {
    "colour": {"channels": 3},
    "rounded": {"channels": 3, "decimals": 1},
    "grey": {"channels": 1},
    "equalised": {"channels": 1, "clip_limit": 2.0, "tiles": 4},
}


def bright(channels: int, classifies: bool = False, sharpness: float = 40.0, side: int = SIDE) -> keras.Model:
    """Marks every pixel that is brighter than half; calls positive what is bright in the mean."""
    inputs = keras.Input((side, side, channels), name="image")
    marks = keras.layers.Conv2D(1, 1, activation="sigmoid", name=SEGMENTATION)
    outputs = marks(inputs)
    marks.set_weights([np.full((1, 1, channels, 1), sharpness / channels, np.float32), np.float32([-sharpness / 2])])
    if classifies:
        calls = keras.layers.Dense(1, activation="sigmoid", name=CLASSIFICATION)
        called = calls(keras.layers.GlobalAveragePooling2D()(inputs))
        calls.set_weights([np.full((channels, 1), 1 / channels, np.float32), np.float32([0])])
        outputs = {SEGMENTATION: outputs, CLASSIFICATION: called}
    return keras.Model(inputs, outputs)


def about(name: str = "cheng", **settings) -> model_file.About:
    recipe = papers.load(name).recipe("smoke").model_copy(update={"side": SIDE} | settings)
    return model_file.About(
        paper=name, recipe=recipe, data="busi", fingerprint="0" * 16, precision="float32", seed=0, repeat=0
    )


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def written(path, pixels, kind="MONOCHROME2", bits=None, **elements):
    """A file of these pixels, uint8 or uint16, (H, W) or (H, W, 3), or with frames in front."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.PhotometricInterpretation = kind
    data.SamplesPerPixel = 3 if pixels.shape[-1] == 3 else 1
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    data.Rows, data.Columns = pixels.shape[-3:-1] if data.SamplesPerPixel == 3 else pixels.shape[-2:]
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored = bits or data.BitsAllocated
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in elements.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    data.save_as(path, enforce_file_format=True)
    return path


def region(left, top, right, bottom, width_cm, height_cm, kind=1, units=3):
    area = Dataset()
    area.RegionSpatialFormat, area.PhysicalUnitsXDirection, area.PhysicalUnitsYDirection = kind, units, units
    area.RegionLocationMinX0, area.RegionLocationMinY0 = left, top
    area.RegionLocationMaxX1, area.RegionLocationMaxY1 = right, bottom
    area.PhysicalDeltaX, area.PhysicalDeltaY = width_cm, height_cm
    return area
