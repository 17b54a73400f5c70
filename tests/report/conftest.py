"""Sites built from real and from made-up results, and a browser to look at them."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common import papers
from common.evidence.leakage import GROUPED
from common.evidence.results import load, slug, store
from common.protocol import protocol_of, recipe_hash
from tests.report import made
from tests.report.made import RESULTS

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def chromium():
    """A headless browser. That of the system is taken; `playwright install chromium` puts one elsewhere."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium refuses root without it
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=found, args=sandbox)
        except playwright.Error:
            if found:
                raise
            pytest.skip("needs a browser: apt install chromium, or python -m playwright install chromium")
        yield browser
        browser.close()


@pytest.fixture
def look(chromium) -> Iterator[Callable]:
    """Opens a page of a site, as wide and as dark as asked. At the end of the test no page has written to the console,
    failed, or asked for anything that is not on the disk or in its own memory (blob:)."""
    contexts, complaints = [], []

    def complain_if_remote(page: str, address: str) -> None:
        if not address.startswith(("file:", "blob:")):
            complaints.append(f"{page}: {address}")

    def opened(site: Path, page: str, width: int = 1280, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(f"{page}: {message.text}"))
        tab.on("pageerror", lambda error: complaints.append(f"{page}: {error}"))
        tab.on("requestfailed", lambda request: complaints.append(f"{page}: no {request.url}"))
        tab.on("request", lambda request: complain_if_remote(page, request.url))
        tab.goto(f"file://{site}/{page}")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def written(results: Path, names: list[str], root: Path, folder: Path, tried: "TryPage | None" = None) -> Path:  # noqa: F821
    from common.report import site
    from common.report.folder import write_site

    write_site(site.build_site(results, names, root, root, tried), folder)
    return folder


@pytest.fixture(scope="session")
def real_results(tmp_path_factory) -> Path:
    """The committed results of two papers with their own readings and, made up of one of them, a run that kept copies
    on one side: 0.01 lower in every metric, of three repeats as the other."""
    folder = tmp_path_factory.mktemp("results")
    own = [each for name in ("cheng", "gill") for each in load(RESULTS, name) if not each.readings]
    for record in own:
        store(folder, record)
        shutil.copytree(RESULTS / record.paper / slug(record), folder / record.paper / slug(record))
    shutil.copy(RESULTS / "audit-busi.json", folder)
    gill = made.record_of(folder, "gill")
    recipe = papers.load("gill").recipe(gill.profile, GROUPED)
    of_today = {"recipe_hash": recipe_hash(recipe), "protocol": protocol_of(recipe)}
    grouped = gill.model_dump() | {"readings": GROUPED} | of_today
    for run in grouped["runs"]:
        for values in run["metrics"].values():
            values |= {signature: value - 0.01 for signature, value in values.items() if value is not None}
    store(folder, type(gill).model_validate(grouped))
    return folder


@pytest.fixture(scope="session")
def real_site(real_results: Path, tmp_path_factory) -> Path:
    """Two papers, without any data set at hand."""
    empty = tmp_path_factory.mktemp("no-data")
    return written(real_results, ["cheng", "gill"], empty, tmp_path_factory.mktemp("site") / "real")


@pytest.fixture(scope="session")
def hostile_site(tmp_path_factory) -> Path:
    """One paper on a data set that is at hand, in which a file has a name that would run as a script, with a page on
    which a network is tried."""
    from tests.report.trying import stand_in

    root = tmp_path_factory.mktemp("hostile-data")
    results = made.results(tmp_path_factory.mktemp("hostile-results"), RESULTS, root)
    return written(results, ["rahman"], root, tmp_path_factory.mktemp("site") / "hostile", stand_in())
