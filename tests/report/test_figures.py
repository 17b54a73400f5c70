"""What takes the place of a paper's figures."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from common import papers
from common.report import figures
from common.report.gallery import Shown
from common.report.pictures import Album, Picture
from common.report.plots import Plot
from common.reported import Figure

PAPERS = Path(os.environ.get("REPRO_PAPERS", "papers"))
PICTURE = Picture("images/a.webp", 60, 40, "", b"")


def shown(name: str, dice: float | None, tp: int = 9, fp: int = 0, fn: int = 0) -> Shown:
    pixels = {"tp": tp, "fp": fp, "fn": fn, "all": 99}
    return Shown(name, "benign", dice, {}, pixels, "", [], [], None, None)


def only(figure: Figure, images=(), curves=(), album=None) -> figures.Ours:
    (found,) = figures.ours([figure], curves, images, album or Album({}))
    return found


WORST_FIRST = [shown(f"{tenth}", tenth / 10) for tenth in range(9)] + [shown("empty", None)]


@pytest.mark.parametrize(("count", "names"), [(1, ["4"]), (3, ["1", "4", "7"]), (20, [f"{n}" for n in range(9)])])
def test_test_images_are_spread_evenly_from_the_worst_to_the_best(count: int, names: list[str]):
    found = only(Figure(name="Figure 7", shows="masks", ours="predictions", count=count), WORST_FIRST)
    assert [each.id for each in found.tested] == names


def test_too_much_is_shown_where_most_is_marked_outside_of_a_tumour_that_is_found():
    images = [shown("missed", 0.1, tp=2, fn=3, fp=90), shown("over", 0.4, fp=50), shown("good", 0.9, fp=1)]
    assert [each.id for each in only(Figure(name="Figure 7", shows="x", ours="outside"), images).tested] == ["over"]


def test_curves_are_those_that_the_figure_names():
    curves = [Plot(title, "", "") for title in ("accuracy", "loss", "iou")]
    figure = Figure(name="Figure 4", shows="curves", ours="curves", of=["loss", "unknown"])
    assert [curve.title for curve in only(figure, curves=curves).curves] == ["loss"]


def test_pictures_that_are_not_at_hand_are_left_out():
    figure = Figure(name="Figure 1", shows="a tumour", ours="cases", of=["benign (1)", "benign (4)"])
    assert list(only(figure, album=Album({"benign (4)": PICTURE})).cases) == ["benign (4)"]


def test_an_enhanced_picture_stands_beside_the_one_before():
    after = Picture("images/b.webp", 60, 40, "", b"")
    found = only(Figure(name="Figure 1", shows="CLAHE", ours="enhanced"), album=Album({"a": PICTURE}, "", {"a": after}))
    assert found.enhanced == [PICTURE, after]


@pytest.mark.skipif(not PAPERS.is_dir(), reason="needs the papers' texts in REPRO_PAPERS")
@pytest.mark.parametrize("name", [name for name in papers.names() if papers.load(name).text])
def test_every_figure_that_a_text_captions_is_in_the_record(name: str):
    paper = papers.load(name)
    text = (PAPERS / paper.text).read_text(encoding="utf-8")
    captioned = set(re.findall(r"^\W*Fig(?:ure)?\W{0,3}(\d+)", text, re.MULTILINE))
    listed = set()
    for figure in paper.figures:
        numbers = [int(each) for each in re.findall(r"(?<![.\d])\d+", figure.name)]
        joined = range(numbers[0], numbers[-1] + 1) if " to " in figure.name else numbers
        listed |= set(map(str, joined))
    assert captioned - listed == set()
    assert paper.figures, "no paper here is without a picture, with a number or without one"


def test_an_image_after_clahe_has_other_pixels_of_the_same_size(phantom_folder: Path, tmp_path: Path):
    import cv2

    from common.data import manifest
    from common.data.busi import index
    from common.report import pictures

    root = tmp_path / "data"
    root.mkdir()
    (root / "busi").symlink_to(phantom_folder)
    fingerprint = manifest.fingerprint(manifest.digest_all(index(phantom_folder)))
    album = pictures.album("busi", fingerprint, {"benign (1)"}, root, tmp_path, {"benign (1)": (2.0, 8)})
    before, after = (
        cv2.imdecode(np.frombuffer(each.webp, np.uint8), cv2.IMREAD_COLOR)
        for each in (album.pictures["benign (1)"], album.enhanced["benign (1)"])
    )
    assert before.shape == after.shape
    assert after.std() > before.std() + 1
    assert set(album.files) == {album.pictures["benign (1)"].file, album.enhanced["benign (1)"].file}
