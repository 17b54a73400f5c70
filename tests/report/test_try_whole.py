"""The page to try the bundled network on, with the real runtime: its masks are those of `repro predict`."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.data import phantom
from common.files import read_json
from common.predict.bundled import FILE, SCORES
from common.predict.inputs import find_inputs
from common.predict.pipeline import predict_all
from common.report import try_page
from common.report.browser_runtime import ADDRESS, LOCAL, find_runtime
from common.report.folder import write_site
from common.report.site import Site, render_alone
from common.training import model_file
from tests.report.trying import mask_on, wait_until_done, write_pictures

pytestmark = pytest.mark.long
CACHE = Path(__file__).parents[2] / "runs" / "cache"  # where `repro report --try` puts it


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    if not (LOCAL in os.environ or (CACHE / ADDRESS.rpartition("/")[2]).is_file()):
        pytest.skip(f"needs onnxruntime-web: `repro report --try` downloads it, or {LOCAL}=FILE.tgz names it")
    page = try_page.make_try_page(FILE, find_runtime(CACHE), read_json(SCORES))
    folder = tmp_path_factory.mktemp("try")
    write_site(Site({try_page.PAGE: render_alone(page)}, try_page.assets()), folder)
    return folder


def test_it_is_small_enough_to_be_sent(whole: Path):
    assert (whole / try_page.PAGE).stat().st_size < 10e6


def test_every_picture_gets_the_mask_of_predict(whole: Path, look, tmp_path):
    inputs = write_pictures(tmp_path)
    for label, number, side in (("malignant", 1, 256), ("benign", 2, 500), ("malignant", 3, 90), ("normal", 1, 300)):
        drawn, _ = phantom.draw(label, number, side=side)
        inputs.append(tmp_path / f"{label}{number}.png")
        cv2.imwrite(str(inputs[-1]), drawn)
    found = find_inputs(map(str, inputs), tmp_path / "out")
    predicted = predict_all(*model_file.load(FILE), found.items, tmp_path / "out", lambda number: None)
    assert predicted.done == len(inputs)
    tab = look(whole, try_page.PAGE)
    marked = 0
    for item in found.items:
        tab.set_input_files("#file", item.path)
        assert wait_until_done(tab).startswith("Done. "), item.name
        expected = cv2.imread(str(tmp_path / "out" / "masks" / f"{item.name}.png"), cv2.IMREAD_GRAYSCALE) > 0
        assert np.array_equal(mask_on(tab), expected), item.name
        marked += expected.any()
    assert marked > 2
