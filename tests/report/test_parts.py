"""What the pages are made of, without a browser."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from common import papers
from common.data import curations, duplicates, findings, manifest, pack
from common.data.busi import index
from common.data.prepare import Need
from common.errors import BadInput
from common.evidence import folds
from common.evidence.answers import answers
from common.evidence.leakage import GROUPED
from common.evidence.results import store
from common.evidence.verdict import MEANINGS
from common.protocol import protocol_of, recipe_hash
from common.report import comparison, gather, layers, pictures, plots, site
from common.report.pictures import GRID, outline
from tests.report.made import RESULTS, record_of

TEMPLATES = Path(site.__file__).parent / "templates"


def corners(path: str) -> list[np.ndarray]:
    """The corners of each closed line of a path, int (n, 2)."""
    lines = (re.findall(r"-?\d+", line) for line in re.findall(r"M([^MZ]+)Z", path))  # a corner, then steps
    return [np.array(numbers, int).reshape(-1, 2).cumsum(axis=0) for numbers in lines]


def area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def test_an_outline_runs_along_the_edges_of_what_is_marked():
    mask = np.zeros((20, 40), bool)
    mask[5:15, 10:30] = True  # half of either side, in the middle
    (square,) = corners(outline(mask, 0.3))
    assert square.min(axis=0) == pytest.approx([GRID / 4] * 2, abs=1)
    assert square.max(axis=0) == pytest.approx([GRID * 3 / 4] * 2, abs=1)
    assert area(square) == pytest.approx(GRID**2 / 4, rel=0.02)


def test_an_outline_closes_at_the_border_and_round_holes():
    mask = np.ones((30, 30), bool)
    mask[10:20, 10:20] = False
    outer, inner = sorted(map(area, corners(outline(mask, 0.3))), reverse=True)
    assert outer == pytest.approx(GRID**2, rel=0.02)
    assert inner == pytest.approx(GRID**2 / 9, rel=0.02)


def test_nothing_marked_is_no_outline_and_one_pixel_is_one():
    mask = np.zeros((16, 16), bool)
    assert outline(mask, 0.3) == ""
    mask[3, 4] = True
    assert len(corners(outline(mask, 0.3))) == 1


def test_the_page_of_a_paper_has_the_spread_over_splits_and_over_initial_weights(monkeypatch, tmp_path):
    """Nine repeats on Tang's three published splits, made up of the three that there are."""
    tang = record_of(RESULTS, "tang")
    runs = [run.model_copy(update={"repeat": 3 * i + run.repeat}, deep=True) for i in range(3) for run in tang.runs]
    for run in runs:
        lower = {name: value and value - 0.001 * run.repeat for name, value in run.metrics["test"].items()}
        run.metrics["test"].update(lower)
    store(tmp_path / "results", tang.model_copy(update={"runs": runs, "counts": {}}))
    monkeypatch.setattr(layers, "networks", lambda paper: [])
    page = site.build_site(tmp_path / "results", ["tang"], tmp_path, tmp_path).pages["tang.html"]
    caption = page.index("How much is split and how much is luck")
    assert "3 splits, 9 repeats" in page[caption:]


@pytest.fixture
def section_on_leaks(monkeypatch, tmp_path):
    """That of Gill's page, of two made-up runs: with a random and with a grouped split, each made by today's recipe or
    by an older one."""
    monkeypatch.setattr(layers, "networks", lambda paper: [])

    def section(*, random_fresh: bool, grouped_fresh: bool) -> str:
        for readings, fresh in (({}, random_fresh), (GROUPED, grouped_fresh)):
            recipe = papers.load("gill").recipe("small", readings)
            today = {"recipe_hash": recipe_hash(recipe) if fresh else "older", "protocol": protocol_of(recipe)}
            made = record_of(RESULTS, "gill").model_copy(update={"counts": {}, "readings": readings} | today)
            store(tmp_path / "results", made)
        page = site.build_site(tmp_path / "results", ["gill"], tmp_path, tmp_path).pages["gill.html"]
        return page.split('<section aria-labelledby="leaks">')[1].split("</section>")[0]

    return section


@pytest.mark.parametrize("older", ["random", "grouped"])
def test_where_one_of_two_runs_is_older_no_leak_is_shown_and_it_is_said_which_one(section_on_leaks, older):
    section = section_on_leaks(random_fresh=older != "random", grouped_fresh=older != "grouped")
    assert f"<p>The {older} run is of an older recipe or protocol; what copies are worth" in section
    assert "<table" not in section


def test_in_the_table_of_leaks_a_line_of_two_older_runs_is_marked_and_of_two_fresh_ones_not(section_on_leaks):
    for fresh, marked in ((True, False), (False, True)):
        table = section_on_leaks(random_fresh=fresh, grouped_fresh=fresh).partition("<tbody>")[2]
        assert "<li>The grouped split (small profile) keeps all copies of an image on one side" in table
        lines = table.split("<tr>")[1:]
        assert len(lines) > 1
        assert {'<em class="stale"' in line for line in lines} == {marked}


def test_the_layers_are_those_of_the_network_and_allocate_nothing():
    (network,) = layers.networks(papers.load("gill"))
    assert network.parameters == sum(layer.parameters for layer in network.layers) == 28_083_716
    names = [layer.name for layer in network.layers]
    assert all(name in names for layer in network.layers for name in filter(None, layer.inputs.split(", ")))
    assert network.layers[0].shape.split() == ["196", "\N{MULTIPLICATION SIGN}", "196", "\N{MULTIPLICATION SIGN}", "3"]


@pytest.mark.parametrize(("name", "baseline"), [("kumar", "network=unet"), ("rahman", "residual=none")])
def test_the_networks_that_a_paper_sets_beside_its_own_have_tables_too(name: str, baseline: str):
    assert [network.title for network in layers.networks(papers.load(name))] == ["", baseline]


@pytest.mark.parametrize("name", ["cheng", "rahman"])
def test_a_number_is_of_the_metric_that_a_reader_would_look_for(name: str):
    for cell in papers.load(name).reported:
        found = comparison.metric_name(cell)
        assert found == {"dice": "Dice, F1", "iou": "IoU", "accuracy": "accuracy"}.get(
            cell.definition.split("|")[0], found
        )
        assert ("loss" in cell.name.lower()) == (found == "loss")


@pytest.mark.parametrize("name", ["cheng", "rahman"])
def test_a_number_that_was_never_run_has_a_line_too(name: str):
    paper = papers.load(name)
    found = comparison.number_lines(gather.Study(paper, answers(paper, []), [], [], "", []))
    assert sorted(line.cell.id for line in found) == sorted(cell.id for cell in paper.reported)
    assert {line.runs for line in found} == {None}


def test_the_papers_data_come_before_others_its_readings_before_others_its_size_before_others(tmp_path: Path):
    own = record_of(RESULTS, "rahman")
    phantom, grouped = own.dataset.model_copy(update={"name": "phantom"}), {"split": "grouped"}
    others = {"profile": "paper", "dataset": phantom}, {"profile": "paper", "readings": grouped}, {"readings": grouped}
    for changes in (*others, {}):
        store(tmp_path, own.model_copy(update=changes))
    (study,) = gather.studies(tmp_path, ["rahman"])
    keys = [each.record.key for each in study.assessed]
    assert keys == [
        ("small", "busi", {}),
        ("paper", "busi", grouped),
        ("small", "busi", grouped),
        ("paper", "phantom", {}),
    ]
    for line in comparison.number_lines(study):
        assert line.runs.assessed.record.key == keys[0]
        assert line.also is None, "what is of other data or another split is no other size of the same"


def test_confusion_matrices_of_folds_sum_to_the_last():
    record = record_of(RESULTS, "paudel")
    *of_folds, (last, total) = gather.confusion_matrices(record).items()
    assert last == "all"
    assert [name for name, _ in of_folds] == [str(number) for number in range(1, 11)]
    for actual, row in total.items():
        for called, number in row.items():
            assert number == sum(matrix[actual][called] for _, matrix in of_folds)
    assert sum(number for row in total.values() for number in row.values()) == record.dataset.cases


def test_curves_of_test_images_are_called_so():
    def words(paper: str, **changed) -> str:
        record = record_of(RESULTS, paper)
        runs = [run.model_copy(update=changed) for run in record.runs]
        return plots.validated_on(record.model_copy(update={"runs": runs}))

    assert words("gill") == words("tang") == "test, which also chose the epoch"
    assert words("gill", selection="none") == "test"
    assert words("kumar") == "validation"
    drawn = plots.training_curves(record_of(RESULTS, "gill"), "curves")[0].summary
    assert "; test, which also chose the epoch: ends between " in drawn


def test_a_line_in_a_plot_has_its_points_to_a_tenth_and_a_marker_keeps_its_curves():
    def plot(axes) -> None:
        axes.plot([0, 1, 2, 3], [5, float("nan"), 2, 8], "o-")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "_shortened", lambda path: path[0])
        whole = plots.draw_svg((3, 2), "one", plot)
    short = plots.draw_svg((3, 2), "one", plot)
    assert len(short) < len(whole)
    paths = [re.findall(r' d="([^"]*)"', svg) for svg in (whole, short)]
    for long, brief in zip(*paths, strict=True):
        exact, rounded = (np.array(re.findall(r"-?[\d.]+", path), float) for path in (long, brief))
        assert np.abs(exact - rounded).max() <= 0.05 + 1e-9
        letters, fewer = ("".join(re.findall("[A-Za-z]", path)) for path in (long, brief))
        assert fewer == (letters if "C" in letters else letters.replace("L", ""))


def test_folds_have_a_line_each_with_mean_and_deviation_where_the_table_has_them():
    record = record_of(RESULTS, "paudel")
    numbered = [*map(str, range(1, 11))]
    both = ["mean", "standard deviation"]
    lines = {"Table V": [*numbered, *both], "Table VI": [*numbered, *both], "Table VII": [*numbered, "all"]}
    tables = folds.fold_tables(papers.load("paudel"), record)
    assert {name: [line[0] for line in lines[1:]] for name, lines in tables.items()} == lines | {"Table X": numbered}


def test_data_that_are_not_at_hand_are_neither_downloaded_nor_made(tmp_path: Path):
    for name in ("busi", "mammo_masses", "mini-ddsm", "phantom"):
        album = pictures.album(name, "fingerprint", {"benign (1)"}, tmp_path, tmp_path)
        assert album.pictures == {}
        assert album.why == f"{name} is not in {tmp_path}.", "not how a training comes by it"
    assert list(tmp_path.iterdir()) == []


def test_images_are_found_wherever_a_training_finds_them(phantom_folder: Path, tmp_path: Path):
    """As Kaggle's archive is unpacked."""
    shutil.copytree(phantom_folder, tmp_path / "Dataset_BUSI_with_GT")
    fingerprint = manifest.fingerprint(manifest.digest_all(index(phantom_folder)))
    album = pictures.album("busi", fingerprint, {"benign (1)"}, tmp_path, tmp_path)
    assert (list(album.pictures), album.why) == (["benign (1)"], "")


@pytest.mark.parametrize("name", ["busi", "mine"])
def test_a_packed_file_is_told_to_have_no_images(name: str, phantom_folder: Path, tmp_path: Path):
    path = tmp_path / f"{name}.pack"
    pack.write_pack(path, name, index(phantom_folder), [Need(16, 1, "merged", None)], tmp_path / "work")
    album = pictures.album(name, "fingerprint", {"benign (1)"}, tmp_path, tmp_path)
    assert (album.pictures, album.why) == ({}, f"{path} is a packed file, without images.")


def test_no_results_are_told_with_the_command_that_makes_them(tmp_path: Path):
    with pytest.raises(BadInput, match=r"No results in .* yet. `repro run PAPER`"):
        gather.studies(tmp_path, ["cheng"])


def test_the_kept_audit_is_of_the_duplicates_and_curations_that_are_committed():
    (audit,) = (each for each in findings.load_findings(RESULTS) if each["data"] == "busi")
    known = duplicates.known_in_busi()
    assert {key: audit[key] for key in ("fingerprint", "method", "threshold", "groups")} == {
        key: known[key] for key in ("fingerprint", "method", "threshold", "groups")
    }
    assert audit["curations"] == curations.compare_curations(audit["fingerprint"], audit["groups"])


def test_the_legend_of_the_verdicts_has_each_of_them_and_each_sign():
    source = "{% import 'answers.html' as answers with context %}{{ answers.colours() }}"
    legend = site._environment().from_string(source).render()
    signs = re.findall(r"\.verdict\.v-([\w-]+) \{ --glyph", (TEMPLATES / "style.css").read_text(encoding="utf-8"))
    words = re.sub(r"<[^>]+>", "", legend)
    assert all(meaning in words for meaning in MEANINGS)
    assert all(f'class="verdict v-{sign}"' in legend for sign in (*signs, "not-answered"))
    assert "not answered (not decided, did not learn, other data, not run)" in words


def test_the_page_of_all_numbers_says_whose_they_are_and_which_stand_there_twice():
    rahman = papers.load("rahman")
    assert [bool(cell.quoted) for cell in rahman.reported].count(True) == 2
    study = gather.Study(rahman, answers(rahman, []), [], [], "", [])
    assert comparison.say_printed([study]) == (
        "Entered are 4 printed numbers: 2 of the papers' own work and 2 that they quote. 2 are entered again under a "
        "second definition, which makes 6 lines."
    )
    paudel = papers.load("paudel")
    study = gather.Study(paudel, answers(paudel, []), [], [], "", [])
    said = comparison.say_printed([study])
    once = r"\(\d\d, with a column of a table counted once\)"
    assert re.fullmatch(
        rf"Entered are 327 printed numbers: 241 of the papers' own work {once} and 86 that they quote\.", said
    )


def test_of_a_cross_validation_one_fold_has_a_gallery_and_networks_that_are_only_quoted_have_none():
    (study,) = gather.studies(RESULTS, ["paudel"])
    galleries = {each.file: each.tested for each in site._galleries(study, RESULTS)}
    assert len(galleries) == 4
    assert not [file for file in galleries if "network=" in file]
    assert {tested.of for tested in galleries.values()} == {
        "fold 1, as no fold learned to segment",
        "fold 2, the first that learned to segment",
        "fold 5, the first that learned to segment",
    }
    assert all(len(tested.rows) == len(tested.marked) <= 130 for tested in galleries.values())
