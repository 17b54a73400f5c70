"""The whole site of the committed results, as the command makes it: minutes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import papers
from common.predict.bundled import NAME
from common.report.browser_runtime import LOCAL
from tests.report.axe import serious_faults
from tests.report.made import RESULTS
from tests.report.trying import archive, wait_until_done

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Made in a folder with a copy of the results and nothing else, with images where REPRO_DATA has them, and with the
    page to try where onnxruntime-web is at hand."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(RESULTS, folder / "results")
    command = [sys.executable, "-m", "reproductions", "report"]
    environment = os.environ | {"PYTHONPATH": str(RESULTS.parent)}
    if runtime := archive():
        command += ["--try", NAME]
        environment |= {LOCAL: str(runtime)}
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=900)
    assert sorted(path.name for path in folder.iterdir()) == ["results", "site"]
    return folder / "site"


def test_it_is_small_and_has_a_page_for_each_paper(whole: Path):
    assert {f"{name}.html" for name in papers.names()} < {page.name for page in whole.glob("*.html")}
    every = (path for path in whole.rglob("*") if path.is_file() and path.parent.name != "try")
    assert sum(path.stat().st_size for path in every) < 15e6


def test_it_has_every_reported_number(whole: Path, look):
    tab = look(whole, "numbers.html")
    ids = tab.eval_on_selector_all("[data-item]", "items => items.map(item => item.id)")
    assert sorted(ids) == sorted(f"{name}-{cell.id}" for name in papers.names() for cell in papers.load(name).reported)


def test_the_front_page_is_two_screens_of_a_desk_and_four_of_a_phone(whole: Path, look):
    for width, height in ((1280, 1800), (390, 4 * 844)):
        tab = look(whole, "index.html", width=width)
        assert tab.evaluate("document.documentElement.scrollHeight") <= height


def test_each_figure_of_a_paper_has_ours_in_its_place(whole: Path, look):
    for name in papers.names():
        tab = look(whole, f"{name}.html")
        theirs = tab.locator(".theirs h3").all_inner_texts()
        assert theirs == [figure.name for figure in papers.load(name).figures]
    figure = look(whole, "cheng.html").locator(".theirs", has_text="Their Figure 4 shows")
    assert figure.locator(".curves svg").count() == 1


def test_a_network_is_tried_from_the_first_page(whole: Path, look):
    if not archive():
        pytest.skip("needs onnxruntime-web")
    tab = look(whole, "index.html")
    tab.get_by_role("link", name="Try it").click()
    tab.click("#sample")
    assert wait_until_done(tab).startswith("Done. ")


def test_every_page_loads_and_fits_a_phone(whole: Path, look):
    for page in sorted(whole.glob("*.html")):
        tab = look(whole, page.name, width=390)
        assert tab.evaluate("document.documentElement.scrollWidth") == 390, page.name


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_no_serious_fault_on_any_page(whole: Path, look, width: int, scheme: str):
    for page in sorted(whole.glob("*.html")):
        assert serious_faults(look(whole, page.name, width, color_scheme=scheme)) == [], page.name


def test_a_cross_validation_shows_its_folds(whole: Path, look):
    tab = look(whole, "paudel.html")
    printed, ours = tab.locator(".matrices").first.locator("table").all()
    assert printed.locator("tbody td").all_inner_texts() == ["32", "1", "2", "29"], "Table VII"
    assert ours.locator("caption").text_content() == "Ours, all folds"
    assert tab.locator(".matrices").nth(1).locator("table").count() == 10
    of_classes = tab.locator("table", has_text="Table VI in our folds").first
    assert of_classes.locator("tbody tr").count() == 12
