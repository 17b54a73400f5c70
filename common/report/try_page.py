"""The page on which a person tries a network. The network and its runtime are part of the page, so that it needs
nothing but a browser."""

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2

from common.data import phantom
from common.errors import BadInput
from common.files import in_tmpdir
from common.paper import Paper
from common.papers import load as load_paper
from common.predict import export
from common.predict.bundled import marked_without_lesion
from common.predict.pipeline import DISCLAIMER
from common.predict.probe import load_for_images
from common.report.browser_runtime import VERSION, Runtime
from common.training.model_file import About

PAGE = "try/index.html"
_ASSETS = ("try.css", "resize.js", "try.js")
# The limits for a picture. They are lower than those of `repro predict`: a browser holds several copies of the picture,
# with 4 bytes a pixel.
MOST_PIXELS, MOST_BYTES = 20_000_000, 100_000_000


@dataclass(frozen=True)
class TryPage:
    """A network and all that its page needs. network: the ONNX file as `repro export` writes it. quality: sentences on
    how good the network is; empty if that was not measured."""

    network: bytes
    about: About
    runtime: Runtime
    quality: Sequence[str] = ()

    @property
    def paper(self) -> Paper:
        return load_paper(self.about.paper)

    @cached_property
    def packed(self) -> dict[str, str]:
        """The parts that the script unpacks, by the id of their HTML element: gzip, in base64."""
        parts = {"network": self.network, "runtime": self.runtime.script, "program": self.runtime.program}
        return {name: base64.b64encode(gzip.compress(content, mtime=0)).decode() for name, content in parts.items()}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the script reads: pixels along a side of the network's images, and limits for a picture."""
        return {"side": self.about.recipe.side, "mostPixels": MOST_PIXELS, "mostBytes": MOST_BYTES}

    def content(self) -> dict[str, Any]:
        """The variables of the template, besides the TryPage itself."""
        return {
            "sample": _sample(),
            "disclaimer": DISCLAIMER,
            "most_millions": MOST_PIXELS // 1_000_000,
            "runtime_version": VERSION,
            "licence": _template("onnxruntime-licence.txt").decode(),
        }


def make_try_page(network: Path, runtime: Runtime, scores: Mapping[str, Any] | None = None) -> TryPage:
    """Makes the content of the page. network: a saved network. scores: those that `common.predict.bundle` measured, if
    it did.

    Raises BadInput if packages for the export are missing, and for a network that can't be used on an RGB picture
    alone: one that takes the mask as input, that takes grey pictures, or whose output is not a probability.
    """
    model, about = load_for_images(network)
    if about.recipe.channels != 3:
        raise BadInput(f"{network}: the page needs a network that takes RGB pictures; this one takes grey ones.")
    with in_tmpdir() as folder:
        export.export(model, about, folder / "network.onnx")
        converted = (folder / "network.onnx").read_bytes()
    return TryPage(converted, about, runtime, describe_quality(scores) if scores else ())


def describe_quality(scores: Mapping[str, Any]) -> list[str]:
    """Sentences on how good a network is, from the scores that `common.predict.bundle` measured."""
    test = scores["parts"]["test"]
    value, low, high = test["dice"]
    return [
        f"Its mean Dice is {value:.3f} (95 % interval {low:.3f} to {high:.3f}) on {test['images']} test images, which "
        "had no part in its training. 1 is a mask equal to the expert's, 0 one that misses the tumour.",
        f"Of images without a tumour it marks {marked_without_lesion(scores)['n']}. docs/model-card.md in the "
        "suite says more.",
    ]


def assets() -> dict[str, bytes]:
    """The style sheet and the scripts of the page, by path in the site."""
    return {f"try/{name}": _template(name) for name in _ASSETS}


def _template(name: str) -> bytes:
    return files("common.report").joinpath("templates", name).read_bytes()


def _sample() -> str:
    """A synthetic ultrasound image, as PNG in base64."""
    image, _ = phantom.draw("malignant", 3, side=256)
    return base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()
