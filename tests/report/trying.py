"""What tests of the page to try a network on share: pictures, what the page shows, and a stand-in for the runtime."""

import base64
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from common.report.browser_runtime import ADDRESS, LOCAL, Runtime
from common.report.try_page import TryPage, describe_quality
from tests.predict.made import about


def archive() -> Path | None:
    """The real runtime, where it is: tests download nothing."""
    cached = Path(__file__).parents[2] / "runs" / "cache" / ADDRESS.rpartition("/")[2]
    found = Path(os.environ.get(LOCAL, cached))
    return found if found.is_file() else None


# It takes a pixel's red for its probability. So the page is tested in seconds and without the 33 MB of the real one,
# which `test_try_whole.py` uses.
RUNTIME = b"""
export const env = { wasm: {} };
export class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
const red = ({ data }) => Float32Array.from({ length: data.length / 3 }, (_, pixel) => data[3 * pixel] / 255);
const session = { run: async ({ image }) => ({ probability: { data: red(image) } }) };
export const InferenceSession = { create: async () => session };
"""
SIDE = 32
SCORES = {
    "parts": {"test": {"images": 190, "dice": [0.71234, 0.68, 0.74]}},
    "normal": [{"name": "images without a lesion that were marked", "n": "33 of 133"}],
}


def stand_in() -> TryPage:
    return TryPage(b"", about("cheng", side=SIDE), Runtime(RUNTIME, b""), describe_quality(SCORES))


def mask_on(tab) -> np.ndarray:
    """What the page shows as the mask: bool (H, W)."""
    address = tab.evaluate("document.getElementById('mask').toDataURL()")
    content = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
    return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)[..., 0] > 0


def wait_until_done(tab) -> str:
    """What the page says in the end."""
    tab.wait_for_selector("#status:is(.done, .wrong)")
    return tab.inner_text("#status")


def assert_same_mask(marked: np.ndarray, probability: np.ndarray, within: float) -> None:
    """Equal, but where the probability lies so near to one half: sums are rounded in another order."""
    assert marked.shape == probability.shape
    different = marked != (probability > 0.5)
    assert np.abs(probability[different] - 0.5).max(initial=0) < within


def write_pictures(folder: Path) -> list[Path]:
    """Smooth pictures of several sizes, colours and formats, none of them lossy."""
    base = np.random.default_rng(1)
    made = []
    for name, height, width, channels in [
        ("grey.png", 90, 120, 1), ("colour.png", 61, 44, 3), ("small.png", 9, 7, 3), ("tall.bmp", 150, 20, 3),
        ("same.png", 32, 32, 1), ("wide.webp", 31, 200, 3),
    ]:  # fmt: skip
        pixels = cv2.resize(base.integers(0, 256, (6, 6, channels)).astype(np.uint8), (width, height))
        picture = Image.fromarray(pixels)
        picture.save(folder / name, **({"lossless": True, "exact": True} if name.endswith("webp") else {}))
        made.append(folder / name)
    palette = Image.open(folder / "colour.png").quantize(20)
    palette.save(folder / "palette.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.open(folder / "colour.png").save(folder / "turned.png", exif=turned)
    return [*made, folder / "palette.png", folder / "turned.png"]
