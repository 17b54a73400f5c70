"""The page to try the bundled network on, with the real runtime: its masks are those of `repro predict`."""

from pathlib import Path

import cv2
import pytest

from common.data import phantom
from common.data.batches import look_up_values
from common.data.prepare import Need, for_network
from common.files import read_json
from common.predict.bundled import FILE, SCORES
from common.predict.reading import read_picture
from common.predict.results import at_own_size
from common.report import try_page
from common.report.browser_runtime import LOCAL, find_runtime
from common.report.folder import write_site
from common.report.site import Site, render_try_page
from common.training import model_file
from common.training.evaluate import predict
from tests.report.trying import archive, assert_same_mask, mask_on, wait_until_done, write_pictures

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    if not (file := archive()):
        pytest.skip(f"needs onnxruntime-web: `repro report --try` downloads it, or {LOCAL}=FILE.tgz names it")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(LOCAL, str(file))
        page = try_page.make_try_page(FILE, find_runtime(file.parent), read_json(SCORES))
    folder = tmp_path_factory.mktemp("try")
    write_site(Site({try_page.PAGE: render_try_page(page)}, try_page.assets()), folder)
    return folder


def test_it_is_small_enough_to_be_sent(whole: Path):
    assert (whole / try_page.PAGE).stat().st_size < 10e6


def test_every_picture_gets_the_mask_of_predict(whole: Path, look, tmp_path):
    """As the page says: where the probability is not within 0.0001 of 0.5. (Of 111 pictures of BUSI a single pixel
    differed, whose probability was 0.0000003 from 0.5.)"""
    files = write_pictures(tmp_path)
    for label, number, side in (("malignant", 1, 256), ("benign", 2, 500), ("malignant", 3, 90), ("normal", 1, 300)):
        files.append(tmp_path / f"{label}{number}.png")
        cv2.imwrite(str(files[-1]), phantom.draw(label, number, side=side)[0])
    network, about = model_file.load(FILE)
    tab = look(whole, try_page.PAGE)
    marked = 0
    for file in files:
        tab.set_input_files("#file", file)
        assert wait_until_done(tab).startswith("Done. "), file.name
        picture = read_picture(file)
        given = for_network(picture.pixels, Need.of_recipe(about.recipe))[None]
        probability = predict(network, look_up_values(given, about.recipe)).segmentation[0]
        assert_same_mask(mask_on(tab), at_own_size(probability, *picture.pixels.shape[:2]), within=1e-4)
        marked += mask_on(tab).any()
    assert marked > 2
