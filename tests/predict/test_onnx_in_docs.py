"""The lines of Python in docs/own-images.md that use an exported file give the masks of `repro predict`."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from common.data.prepare import Need, for_network
from common.predict import export as exporting
from common.predict import pipeline
from common.predict.export import describe_usage
from common.predict.inputs import Input
from tests.predict.made import PREPROCESSING, about, bright

GUIDE = (Path(__file__).parents[2] / "docs/own-images.md").read_text(encoding="utf-8")
(LINES,) = re.findall(r"```python\n(import json, cv2.*?)```", GUIDE, re.DOTALL)
NETWORKS = {
    "RGB": (bright(3), about("cheng")),
    "grey": (bright(1, classifies=True), about("paudel")),
    "equalised": (bright(1), about("rahman", channels=1, clip_limit=2.0, tiles=4)),
}
# Height, width: the network's own, twice that, smaller, wide, high, large.
SIZES = [(32, 32), (64, 64), (21, 30), (300, 1111), (777, 130), (1500, 2000)]


def blurred(size, colour):
    """Soft shapes of all greys, or colours, so that edges of marked areas lie between the network's pixels."""
    small = np.random.default_rng(sum(size)).integers(0, 256, (9, 9, 3) if colour else (9, 9), dtype=np.uint8)
    return Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))


@pytest.mark.parametrize("settings", PREPROCESSING.values(), ids=PREPROCESSING)
def test_the_lines_prepare_a_picture_as_for_training(settings):
    recipe = about(**settings).recipe
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    prepare = LINES[LINES.index("_, side") : LINES.index("(probability,)")]
    made = {"image": image, "cv2": cv2, "usage": describe_usage(recipe)}
    exec(prepare.replace('cv2.imread("scan.png", cv2.IMREAD_COLOR_RGB)', "image"), made)
    assert np.array_equal(made["image"], for_network(image, Need.of_recipe(recipe))[None])


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_lines_give_the_masks_of_predict_pixel_by_pixel(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    network, record = NETWORKS[kind]
    exporting.export(network, record, Path("a.onnx"))
    items = []
    for number, size in enumerate(SIZES):
        for colour in (False, True):
            items.append(Input(Path(f"{number}{'-colour' * colour}.png"), f"{number}{'-colour' * colour}"))
            blurred(size, colour).save(items[-1].path)
    assert len(pipeline.predict_all(network, record, items, Path("out"), lambda done: None).lines) == 2 * len(SIZES)
    for item in items:
        item.path.rename("scan.png")
        exec(LINES, {})
        expected = np.asarray(Image.open(f"out/masks/{item.name}.png"))
        assert np.array_equal(np.asarray(Image.open("mask.png")), expected), item.name
        assert 0 < np.count_nonzero(expected) < expected.size
