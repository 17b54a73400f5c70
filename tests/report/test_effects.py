"""What single readings do, on a paper's page."""

import re
from pathlib import Path

import pytest

from common import papers
from common.evidence import assess, effects
from common.evidence.definition import Definition, possible_range
from common.evidence.results import store
from common.evidence.schema import Record
from common.readings import as_text
from common.report import gather
from common.report.plots import effect_plots
from tests.evidence import made
from tests.report.axe import serious_faults
from tests.report.conftest import written
from tests.report.made import RESULTS, record_of

SECTION = "section[aria-labelledby=readings]"
FIGURE = f"{SECTION} figure"


def within(signature: str, value: float) -> float:
    least, most = possible_range(Definition.parse(signature))
    return min(max(value, least), most)


def moved(own: Record, readings: dict[str, str], by: float, repeats: int) -> Record:
    """The same with other readings, every metric of so many repeats higher by so much, a little more in each. A score
    stays within its range."""
    content = own.model_dump() | {"readings": readings, "counts": {}}
    content["runs"] = content["runs"][:repeats]
    for run in content["runs"]:
        for values in run["metrics"].values():
            more = by * (1 + run["repeat"] / 10)
            values |= {name: within(name, value + more) for name, value in values.items() if value is not None}
    return Record.model_validate(content)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """One paper, small: its defaults, some of its other readings, and two of them at once."""
    folder = tmp_path_factory.mktemp("swept")
    own = record_of(RESULTS, "rahman")
    store(folder, own)
    open_ = papers.load("rahman").readings
    swept = {key: open_[key] for key in open_ if key not in papers.load("rahman").shrunk("small")}
    choices = [{key: as_text(value)} for key, reading in swept.items() for value in reading.alternatives][:6]
    for number, readings in enumerate(choices):
        store(folder, moved(own, readings, (number - 3) / 100, 1 if number == 1 else 3))
    store(folder, moved(own, choices[2] | choices[-1], 0.5, 3))
    return folder


@pytest.fixture(scope="module")
def site(results: Path, tmp_path_factory) -> Path:
    empty = tmp_path_factory.mktemp("no-data")
    return written(results, ["rahman"], empty, tmp_path_factory.mktemp("site") / "swept")


@pytest.fixture(scope="module")
def found(results: Path) -> effects.OneAtATime:
    (only,) = gather.studies(results, ["rahman"])[0].moved
    return only


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_reading_without_scrolling_aside(site: Path, look, scheme: str):
    tab = look(site, "rahman.html", width=390, color_scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    first = tab.locator(FIGURE).first
    box = first.bounding_box()
    assert 300 < box["width"] <= 390
    labels = first.locator("svg text").all()
    assert all(
        box["x"] <= (at := each.bounding_box())["x"] <= at["x"] + at["width"] <= box["x"] + box["width"]
        for each in labels
    )
    readable = labels[0].evaluate("each => each.getBoundingClientRect().height")
    assert readable >= 11, "in pixels"


def test_each_figure_has_a_line_for_each_reading_with_its_mark_in_place(found: effects.OneAtATime, site: Path, look):
    tab = look(site, "rahman.html")
    assert tab.locator(FIGURE).count() == sum(map(len, vars(effect_plots(found, "x")).values()))
    texts = tab.locator(FIGURE).first.locator("svg text").all_text_contents()
    assert [text for text in texts if "=" in text] == [each.reading for each in found.alternatives]
    told = tab.locator(FIGURE).first.get_attribute("aria-label")
    assert all(each.reading in told for each in found.alternatives)
    # Marks further to the right are of larger differences.
    said = {reading: float(by) for reading, by in re.findall(r"; (\S+) ([+-]\d\.\d{4})", told)}
    marks = tab.locator(FIGURE).first.locator("svg g[id*=line2d] use[style*='--train']").all()
    places = [mark.bounding_box()["x"] for mark in marks]
    in_order = [said[each.reading] for each in found.alternatives]
    assert sorted(range(len(places)), key=places.__getitem__) == sorted(range(len(places)), key=in_order.__getitem__)


def test_the_table_has_every_metric_under_every_reading(found: effects.OneAtATime, site: Path, look):
    tab = look(site, "rahman.html")
    rows = tab.locator(f"{SECTION} table.effects tbody tr")
    every = [*found.alternatives, *found.several]
    measured = [one for each in every for one in (*each.printed, *each.standard) if one.difference.mean is not None]
    assert rows.count() == len(measured)
    first = rows.first.locator("td").all_inner_texts()
    assert first[3] == f"{measured[0].difference.mean:+.4f}"
    assert found.several[0].reading in tab.locator(f"{SECTION} table.effects").inner_text()


def test_readings_have_no_curves_and_galleries_of_their_own(site: Path, look):
    tab = look(site, "rahman.html")
    headings = tab.locator("section[aria-labelledby=runs] h3").all_inner_texts()
    assert [text for text in headings if "=" in text and "split=grouped" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(site: Path, look, scheme: str):
    assert serious_faults(look(site, "rahman.html", color_scheme=scheme), SECTION) == []


@pytest.fixture
def plot_of(monkeypatch):
    """Draws the effect of a kernel on the printed Dice, which the paper gives these values of."""
    monkeypatch.setattr(assess, "_paper_recipe", lambda *_: None)
    monkeypatch.setattr(assess.trivial, "distributions_of_cells", lambda *_: {})

    def call(default, other, *values: str, data: str = "busi"):
        records = [made.record(default, data=data), made.record(other, data=data)]
        records[1] = records[1].model_copy(update={"readings": {"kernel": "3"}})
        about = made.paper(*(made.cell(value).model_copy(update={"id": value}) for value in values))
        (found,) = effects.effects_in_paper([assess.assess(about, each, records, Path("nowhere")) for each in records])
        (plot,) = effect_plots(found, "x").printed
        return plot

    return call


DEFAULT, OTHER = [0.70, 0.74, 0.72], [0.73, 0.76, 0.76]


@pytest.mark.parametrize(("value", "data", "line", "told"), [
    ("0.73", "busi", True, True),
    ("0.10", "busi", False, True),
    ("0.73", "phantom", False, False),
])  # fmt: skip
def test_the_papers_number_is_a_line_unless_that_would_make_the_intervals_dots(plot_of, value, data, line, told):
    """Then it is an arrow at the end; where the data are others, it is not there."""
    plot = plot_of(DEFAULT, OTHER, value, data=data)
    assert ("stroke-dasharray" in plot.svg) == line
    assert ("the paper's number" in plot.summary) == told
    assert "kernel=3 +0.0300 [0.0" in plot.summary


def test_each_value_that_the_paper_prints_has_a_line(plot_of):
    plot = plot_of(DEFAULT, OTHER, "0.73", "0.74")
    assert plot.svg.count("stroke-dasharray") == 2
    assert plot.summary.endswith("the paper's number +0.0100; the paper's number +0.0200")


def test_the_papers_number_stands_as_far_from_0_as_from_the_default_of_the_pairs(plot_of):
    plot = plot_of([0.60, 0.74, 0.72], [0.65], "0.67")
    assert plot.summary.endswith("kernel=3 +0.0500; the paper's number +0.0700")
