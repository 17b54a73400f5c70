"""The pages in a browser, opened from the disk."""

import re
from collections import Counter
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
import pytest

from common.data import duplicates
from common.evidence import learned, worded
from common.evidence.answers import headline
from common.evidence.paper_sentences import say_paper
from common.evidence.sentences import say_verdict
from common.report import gather
from common.report.site import build_site
from tests.report import made
from tests.report.axe import serious_faults
from tests.report.made import HOSTILE, NAMES, RESULTS

GALLERY = "gill-small-busi.html"
SHOWN = "rahman-small-hostile.html"
DECIDED = ("holds", "paper higher", "paper lower", "impossible", "contradicted")


def unfold(tab) -> None:
    tab.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")


def texts(tab, selector: str) -> list[str]:
    return [text.strip() for text in tab.locator(selector).all_inner_texts()]


def of_items(tab, name: str) -> list[str]:
    """What the items that are shown have as data-NAME, in their order."""
    return tab.eval_on_selector_all("[data-item]:not([hidden])", f"items => items.map(item => item.dataset.{name})")


def test_every_page_loads_and_every_link_leads_somewhere(real_site: Path, look):
    pages = sorted(real_site.glob("*.html"))
    anchors, links = {}, set()
    for page in pages:
        tab = look(real_site, page.name)
        assert tab.locator("h1").count() == 1
        anchors[page.name] = set(tab.eval_on_selector_all("[id]", "all => all.map(each => each.id)"))
        found = tab.eval_on_selector_all("a[href]", "all => all.map(each => each.getAttribute('href'))")
        inside = [link for link in found if "://" not in link]  # the papers and the authors' code are elsewhere
        links |= {tuple((link if not link.startswith("#") else page.name + link).split("#")) for link in inside}
        identical = tab.eval_on_selector_all("[id]", "all => all.map(each => each.id)")
        assert len(identical) == len(set(identical))
    assert [
        link for link in links if link[0] not in anchors or (len(link) > 1 and link[1] not in anchors[link[0]])
    ] == []
    assert {"index.html", "numbers.html", "data.html", "cheng.html", "gill.html", GALLERY} <= anchors.keys()


@pytest.mark.parametrize("page", ["index.html", "numbers.html", "gill.html", GALLERY, "data.html"])
def test_nothing_is_wider_than_a_phone(real_site: Path, look, page: str):
    tab = look(real_site, page, width=390)
    unfold(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_no_page_and_no_quote_lies_beyond_the_edge(real_site: Path, look):
    """Neither links to pages nor the paper's words have to be found by pushing something aside."""
    tab = look(real_site, "gill.html", width=390)
    unfold(tab)
    for selector in (".top a", ".settings .words"):
        boxes = [each.bounding_box() for each in tab.locator(selector).all()]
        assert len(boxes) > 3
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes), selector
    assert "The paper: 196" in tab.locator(".settings tr", has_text="resized to 196x196").evaluate(
        "row => getComputedStyle(row.cells[1], '::before').content.replaceAll('\"', '') + row.cells[1].textContent"
    )


@pytest.mark.parametrize(
    ("page", "width", "scheme"),
    [
        ("index.html", 390, "dark"),
        ("index.html", 1280, "light"),
        ("numbers.html", 390, "light"),
        ("rahman.html", 1280, "light"),
        (SHOWN, 390, "dark"),
        ("data.html", 1280, "light"),
    ],
)
def test_axe_finds_no_serious_fault(hostile_site: Path, look, page: str, width: int, scheme: str):
    tab = look(hostile_site, page, width, color_scheme=scheme)
    unfold(tab)
    assert serious_faults(tab) == []


def test_the_front_page_has_each_paper_in_a_sentence_and_its_headline_numbers(
    real_results: Path, real_site: Path, look
):
    tab = look(real_site, "index.html")
    assert texts(tab, ".block h2") == ["Cheng", "Gill"]
    for study in gather.studies(real_results, ["cheng", "gill"]):
        block = tab.locator(f".block[aria-labelledby={study.paper.name}]")
        assert block.locator(".sum").inner_text() == say_paper(study.paper, study.found)
        found = headline(study.paper, study.found)
        lines = block.locator(".answer").all()
        for line, answer in zip(lines, found, strict=True):
            assert line.locator(".printed").inner_text() == answer.head.value + answer.head.unit
            assert line.locator(".verdict").inner_text() == answer.verdict
            assert say_verdict(answer) in line.locator(".said").inner_text()


def test_the_page_to_try_is_found_from_every_other_if_there_is_one(hostile_site: Path, real_site: Path, look):
    for page in hostile_site.glob("*.html"):
        assert look(hostile_site, page.name).locator(".top a[href='try/index.html']").count() == 1, page.name
    tab = look(hostile_site, "try/index.html")
    links = tab.eval_on_selector_all("a[href], link, script[src]", "all => all.map(each => each.href || each.src)")
    inside = [link.removeprefix("file://").partition("#")[0] for link in links if link.startswith("file:")]
    assert len(inside) > 5
    assert [link for link in inside if not Path(link).is_file()] == []
    assert look(real_site, "index.html").get_by_text("Try it").count() == 0


def test_a_new_reader_finds_the_paper_why_and_the_code(real_site: Path, look):
    links = look(real_site, "index.html").locator(".block[aria-labelledby=gill] .links a").all()
    assert [link.get_attribute("href") for link in links] == [
        "https://doi.org/10.5281/zenodo.18051608",
        "gill.html",
        "gill.html#code",
    ]


def test_what_an_address_names_is_unfolded(real_site: Path, look):
    tab = look(real_site, "gill.html#code")
    assert tab.locator("#code pre").is_visible()
    assert "def build(" in tab.locator("#code pre").inner_text()


def test_a_colour_says_that_something_is_decided(real_site: Path, look):
    tab = look(real_site, "index.html")
    of = "each => getComputedStyle(each).backgroundColor"
    for line in tab.locator(".answer").all():
        verdict = line.locator(".verdict").inner_text()
        red, green, blue = map(int, re.findall(r"\d+", line.locator(".printed-mark").evaluate(of))[:3])
        assert (max(red, green, blue) - min(red, green, blue) > 60) == (verdict in DECIDED), verdict


def test_a_papers_page_goes_from_the_sentence_to_why_and_on(real_site: Path, look):
    tab = look(real_site, "gill.html")
    assert texts(tab, "main h2")[:3] == ["The numbers it is known by", "Why", "Protocol: what is stated, what was run"]
    (gill,) = gather.studies(RESULTS, ["gill"])
    first = headline(gill.paper, gill.found)[0]
    assert "A blank mask scores" in tab.locator("section[aria-labelledby=why] ul").first.inner_text()
    assert tab.locator(f"#n-{first.head.id}").count() == 1
    shown = tab.eval_on_selector_all(".answer", "all => all.map(each => each.id)")
    assert sorted(shown) == sorted(f"n-{answer.head.id}" for answer in gill.found)


def test_the_data_page_says_what_published_lists_doubt_and_why(real_site: Path, look):
    words = look(real_site, "data.html").locator("section.dataset", has_text="busi: 780 images").inner_text()
    assert "447 of 780 are on at least one list" in words
    assert "70 show the axilla and not the breast" in words
    assert "153, of which 153 are groups here too" in words
    assert "im-garriz/rhaiunet/blob/" in words


def test_the_numbers_are_those_of_the_results(real_results: Path, real_site: Path, look):
    tab = look(real_site, "numbers.html")
    for study in gather.studies(real_results, ["cheng", "gill"]):
        for answer in study.found:
            found = answer.row.reproduced
            line = tab.locator(f"[id='{study.paper.name}-{answer.head.id}']")
            assert line.locator(".printed").inner_text() == answer.head.value + answer.head.unit
            assert line.locator(".judged .verdict").inner_text() == answer.verdict
            assert line.get_attribute("data-mean") == ("" if found.mean is None else str(found.mean))
            if found.mean is None:  # of a definition that records of an older protocol lack
                assert line.locator(".found").inner_text().startswith("none")
                continue
            assert line.locator(".found b").inner_text() == f"{found.mean:.4f}"
            assert f"n={found.n}" in line.locator(".found").inner_text()
            said = line.locator(".found").inner_text()
            if learned.why_unlearned(answer.ours.assessed.record.runs, answer.head.definition):
                assert "did not learn" in said
                assert "[" not in said.splitlines()[0], "its interval would say nothing"
            else:
                assert ("" if found.low is None else "[") in said


def test_a_number_run_at_two_sizes_shows_both(real_site: Path, look):
    line = look(real_site, "numbers.html").locator("#cheng-test-accuracy")
    assert line.locator(".mean.main").count() == line.locator(".mean.also").count() == 1
    assert "small: 0." in line.locator(".found .also").inner_text()


def test_every_definition_has_the_mean_of_its_runs(real_results: Path, real_site: Path, look):
    record = made.record_of(real_results, "gill")
    tab = look(real_site, "gill.html")
    unfold(tab)
    rows = tab.locator("table.definitions").first.locator("tbody tr")
    told = {row.locator("code").inner_text(): row.locator("td").first.inner_text() for row in rows.all()}
    assert told.keys() == record.runs[0].metrics["test"].keys()
    for signature, text in told.items():
        values = [run.metrics["test"][signature] for run in record.runs]
        assert text == ("-" if None in values else f"{fmean(values):.4f}")


def test_what_is_claimed_in_words_has_the_words_what_is_tested_and_whether_it_holds(real_site: Path, look):
    tab = look(real_site, "gill.html")
    (row,) = tab.get_by_role("region", name="Claimed in words").locator("tbody tr").all()
    words, asked, printed, runs, status = row.locator("th, td").all_inner_texts()
    assert "slightly improved performance on the test dataset" in words
    assert "above that of the training images" in asked
    assert printed == "0.5667 against 0.5383: holds"
    assert "3 repeats, small, busi" in runs
    assert any(status.startswith(known) for known in worded.MEANINGS)


def test_filters_keep_what_they_say(real_site: Path, look):
    tab = look(real_site, "numbers.html")
    assert tab.locator(".count").inner_text() == "9 of 9"
    tab.select_option("select[name=metric]", "IoU")
    assert of_items(tab, "metric") == ["IoU"] * 3
    tab.select_option("select[name=paper]", "gill")
    assert of_items(tab, "paper") == ["gill"] * 2
    tab.select_option("select[name=split]", "train")
    assert of_items(tab, "split") == ["train"]
    assert tab.locator(".count").inner_text() == "1 of 9"


def test_a_verdict_is_a_filter(real_site: Path, look):
    tab = look(real_site, "numbers.html")
    verdict, number = Counter(of_items(tab, "verdict")).most_common()[-1]
    tab.select_option("select[name=verdict]", verdict)
    assert of_items(tab, "verdict") == [verdict] * number


def test_numbers_are_sorted_and_put_back(real_site: Path, look):
    tab = look(real_site, "numbers.html")
    printed = of_items(tab, "reported")
    tab.select_option("select[name=sort]", "gap:desc")
    shown = of_items(tab, "gap")
    gaps = [float(gap) for gap in shown if gap]
    assert gaps == sorted(gaps, reverse=True)
    assert not any(shown[len(gaps) :]), "what has no gap comes last"
    assert gaps[0] > gaps[-1]
    tab.select_option("select[name=sort]", "")
    assert of_items(tab, "reported") == printed


def test_the_axis_can_be_cut(real_site: Path, look):
    tab = look(real_site, "numbers.html")
    mark, plot = "#gill-test-accuracy b.reported", "#gill-test-accuracy .plot"

    def place() -> float:
        inner, outer = tab.locator(mark).bounding_box(), tab.locator(plot).bounding_box()
        return (inner["x"] + inner["width"] / 2 - outer["x"]) / outer["width"]

    assert place() == pytest.approx(0.9124, abs=0.005)
    tab.select_option("select[name=axis]", "0.5")
    assert place() == pytest.approx((0.9124 - 0.5) / 0.5, abs=0.005)
    assert texts(tab, ".axis i") == ["0.5", "0.75", "1"]


def test_a_table_is_sorted_by_the_column_that_is_pressed(real_site: Path, look):
    tab = look(real_site, "gill.html")
    unfold(tab)
    head = tab.locator("table.definitions").first.locator("thead th").nth(1)
    for pressed, direction in ((1, "ascending"), (2, "descending")):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == direction
        values = [float(text) for text in texts(tab, "table.definitions >> nth=0 >> td:nth-child(2)") if text != "-"]
        assert values == sorted(values, reverse=pressed == 2)
        assert len(values) > 20


def test_a_leak_is_what_the_two_runs_differ_by(real_site: Path, look):
    table = look(real_site, "gill.html").locator("table", has_text="copies of an image are kept on one side")
    differences = table.locator("tbody td:nth-child(4)").all_inner_texts()
    assert differences == ["0.0100"] * 3
    assert table.locator(".stale").count() == 0, "today's recipe made both"


def test_what_an_older_recipe_made_is_marked_wherever_a_number_of_it_stands(hostile_site: Path, look):
    for page, line in (("index.html", ".answer"), ("numbers.html", "[data-item]"), ("rahman.html", ".answer")):
        tab = look(hostile_site, page)
        assert tab.locator(f"{line} .stale").count() > 0
        without = tab.locator(line).filter(has_not=tab.locator(".stale"))
        assert all("quoted" in each.lower() for each in without.all_inner_texts()), (
            "nothing of ours stands beside these"
        )


def test_a_page_says_what_was_stated_beside_what_was_run(real_site: Path, look):
    tab = look(real_site, "gill.html")
    unfold(tab)
    side = tab.locator("table.settings tr.departs", has_text="resized to 196x196")
    assert side.locator("td").all_inner_texts()[:2] == ["196", "56"]
    assert "Two parts are named, training and test" in tab.get_by_role("region", name="Open readings").inner_text()


def test_curves_have_a_line_for_each_repeat(real_results: Path, real_site: Path, look):
    record = made.record_of(real_results, "gill")
    figures = look(real_site, "gill.html").locator(".curves").first.locator("figure")
    assert figures.count() == sum(not name.startswith("val_") for name in record.runs[0].history)
    drawn = figures.first.locator("svg [id*='line2d'] > path[style*='--train']")
    assert drawn.count() == len(record.runs)


def test_without_images_the_outlines_stand_alone(real_site: Path, look):
    tab = look(real_site, GALLERY)
    assert "the masks drawn on them, which are the truth," in tab.locator(".notice").inner_text()
    assert "truth" not in tab.locator(".legend").inner_text()
    assert tab.locator("img").count() == 0
    assert tab.locator(".case").count() == tab.locator("path.marked").count() == 117


def test_cases_come_worst_first_and_can_be_filtered(real_site: Path, look):
    tab = look(real_site, GALLERY)
    dice = [float(value) for value in of_items(tab, "dice") if value]
    assert len(dice) > 50
    assert dice == sorted(dice)
    tab.select_option("select[name=sort]", "dice:desc")
    assert [float(value) for value in of_items(tab, "dice") if value] == dice[::-1]
    tab.select_option("select[name=label]", "malignant")
    assert set(of_items(tab, "label")) == {"malignant"}
    tab.check("input[name=copies]")
    assert set(of_items(tab, "copies")) == {"yes"}
    known = duplicates.known_in_busi()["groups"]
    case = tab.locator(".case:not([hidden])").first
    one, other = case.locator(".id").inner_text(), case.locator(".copy figcaption").first.inner_text()
    assert any(one in group and other.removeprefix("trained on a copy: ") in group for group in known)


def test_a_case_leads_to_its_counts(hostile_site: Path, look):
    tab = look(hostile_site, SHOWN)
    case = tab.locator(".case", has_text=NAMES["4"])
    row = tab.locator(case.get_by_role("link", name="counts").get_attribute("href"))
    # Whole images are 32 x 32 pixels; the network marks the 12 x 12 that are tumour.
    assert row.locator("td").all_inner_texts()[1:6] == ["144", "0", "0", "1024", "1.0000"]


def test_a_case_has_image_truth_prediction_and_overlay(hostile_site: Path, look):
    tab = look(hostile_site, SHOWN)
    case = tab.locator(".case", has_text=NAMES["4"])
    assert case.locator("figcaption").all_inner_texts() == ["image", "truth", "prediction", "overlay"]
    loaded = "images => images.every(image => image.complete && image.naturalWidth === 60)"
    assert case.locator("img").evaluate_all(loaded)
    assert [box.get_attribute("width") for box in case.locator("rect").all()] == ["375.0"] * 2  # 12 of 32 pixels
    worst = tab.locator(".case").first
    assert "prediction: nothing" in worst.inner_text()


def test_cases_are_enlarged_and_stepped_through_by_keyboard(hostile_site: Path, look):
    tab = look(hostile_site, SHOWN)
    names = texts(tab, ".case h2")
    tab.locator(".case .enlarge").first.focus()
    tab.keyboard.press("Enter")
    dialog = tab.locator("dialog")
    assert dialog.is_visible()
    seen = []
    for _ in names:
        seen.append(dialog.locator("h2").inner_text())
        tab.keyboard.press("ArrowRight")
    assert [re.sub(r"\s+", " ", name) for name in seen] == [re.sub(r"\s+", " ", name) for name in names]
    tab.keyboard.press("ArrowLeft")
    assert dialog.locator("h2").inner_text() == seen[-1]
    tab.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert tab.evaluate("document.activeElement.className") == "enlarge"
    tab.locator(".case .frame").nth(1).click()
    assert dialog.is_visible()


def test_an_enlarged_case_shows_the_copies_beside_it(real_site: Path, look):
    tab = look(real_site, GALLERY)
    case = tab.locator(".case[data-copies=yes]").first
    copies = case.locator(".copy figcaption").all_inner_texts()
    case.locator(".enlarge").click()
    shown = tab.locator("dialog .copy figcaption")
    assert shown.all_inner_texts() == copies
    lowest = max(each.bounding_box()["y"] + each.bounding_box()["height"] for each in shown.all())
    assert lowest <= 900, "on one screen, without scrolling"


@pytest.mark.parametrize("page", [SHOWN, "data.html"])
def test_a_hostile_file_name_is_text_and_nothing_else(hostile_site: Path, look, page: str):
    tab = look(hostile_site, page)
    tab.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    assert HOSTILE in tab.locator("main").inner_text()
    if page == SHOWN:
        tab.locator(".case", has_text="onerror").locator(".enlarge").click()
        assert HOSTILE in tab.locator("dialog h2").inner_text()
    assert tab.evaluate("window.harmed") is None
    assert tab.locator("[onerror], [onclick], img[src=x]").count() == 0
    assert all(re.fullmatch(r"[0-9a-f]{16}\.webp", image.name) for image in (hostile_site / "images").iterdir())


def test_without_a_script_everything_is_there(real_site: Path, look):
    tab = look(real_site, "numbers.html", java_script_enabled=False)
    assert tab.locator("[data-item]").count() == 9
    assert tab.locator("form.controls").is_hidden()


def test_images_of_other_pixels_are_not_shown(hostile_site: Path, tmp_path: Path):
    """The results are of a data set whose files have been changed since."""
    root = tmp_path / "data"
    root.mkdir()
    results = made.results(tmp_path / "results", RESULTS, root)
    image = root / "images" / f"{NAMES['2']}.png"
    image.write_bytes(cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes())
    site = build_site(results, ["rahman"], root, tmp_path)
    assert site.files == {}
    assert "other pixels" in site.remarks[0]


def test_a_paper_without_other_readings_has_no_such_section(hostile_site: Path, look):
    tab = look(hostile_site, "rahman.html")
    assert tab.locator("section[aria-labelledby=readings]").count() == 0
    assert tab.locator("nav.contents a[href='#readings']").count() == 0
