"""results/<paper>.md: every definition, fold and run of a paper."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from common.evidence import assess, spread
from common.evidence.answers import answers
from common.evidence.counts import count
from common.evidence.kept_counts import counts_folder
from common.evidence.metrics import STANDARD, value
from common.evidence.paper_page import paper_page
from common.evidence.schema import Record
from common.evidence.statistics import bootstrap
from common.paper import Paper, Reading
from tests.evidence.made import DICE, NOWHERE, cell, folds_of, paper, record, with_counts
from tests.evidence.test_spread import OF

DEAD = {"segmentation": ["no pixel of any test image is marked"]}
pytestmark = pytest.mark.usefixtures("no_data_set")


def page_of(
    *records: Record, about: Paper | None = None, fresh: Callable[[Record], bool] = lambda _: True, folder=NOWHERE
) -> str:
    about = about or paper()
    group = [assess.assess(about, each, records, folder, fresh) for each in records]
    return paper_page(about, group, answers(about, group))


def row_of(page: str, start: str = "| test | IoU") -> str:
    (line,) = [line for line in page.splitlines() if line.startswith(start)]
    return line


def test_a_paper_without_runs_has_its_numbers_and_their_verdicts():
    page = page_of(about=paper(headline=["test-x"]))
    assert page.startswith("# Name: every definition, fold and run\n\n*title*. authors. source\n\nIts one number ")
    assert "**Name, test IoU [%] 0.70 (Table 1): not run.**" in page


def test_a_record_has_its_setting_and_each_number_with_its_verdict():
    page = page_of(record([0.70, 0.71, 0.72, 0.70, 0.71]))
    assert "## Paper profile, busi\n\n5 repeats, 20 epochs each, on 780 images (702 train, 78 test)" in page
    assert row_of(page).startswith("| test | IoU [%] | 0.70 | **holds** | 0.7080 | [0.6826, 0.7334] | 5 |")


def test_small_runs_have_hints_in_the_place_of_verdicts():
    page = page_of(record([0.70, 0.71, 0.72], profile="small"))
    assert "| verdict or *hint* |" in page
    assert "| *near* | 0.7100 |" in row_of(page)
    dead = record([0.0, 0.0, 0.0], profile="small", unlearned=DEAD)
    assert "| did not learn | 0.0000 |" in row_of(page_of(dead))


def test_a_stale_record_says_so():
    of = record([0.7, 0.71])
    assert "**Stale**: made by an older recipe or protocol." in page_of(of, fresh=lambda _: False)
    assert "tale" not in page_of(of)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("test", "on the test images was evaluated (7)"),
        ("validation", "on the validation images"),
        ("none", "last epoch"),
    ],
)
def test_the_page_says_how_the_epoch_was_chosen(part, sentence):
    page = page_of(record([0.7], selection=part, best_epoch=7))
    assert sentence in page
    assert ("optimistic" in page) == (part == "test")


def test_the_page_gives_every_definition_the_notes_and_the_command():
    of = record([0.7, 0.71], notes=["a flat monitor"]).model_copy(update={"readings": {"kernel": "3"}})
    page = page_of(of)
    assert all(f"`{signature.replace('|', chr(92) + '|')}`" in page for signature in STANDARD)
    assert page.count("a flat monitor") == 1
    command = "repro run name --profile paper --data busi --repeats 2 --seed 0 --reading kernel=3 --precision float32"
    assert f"`{command} --resume`" in page


def test_each_record_has_a_heading():
    page = page_of(*(record([0.7], profile=profile) for profile in ("paper", "small")))
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## The authors' reply",
        "## Paper profile, busi",
        "## Small profile, busi",
    ]


def test_every_row_of_the_page_has_as_many_cells_as_its_header():
    for block in page_of(record([0.7, 0.8])).split("\n\n"):
        rows = [line.replace(r"\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_what_cannot_be_right_is_listed_once_above_the_tables():
    both = cell("0.70"), cell("0.80").model_copy(update={"id": "other"})
    page = page_of(record([0.7]), about=paper(*both))
    assert page.count(": the Dice of the tumour, all pixels together.") == 1
    assert page.index("## What cannot be right as printed") < page.index("## Paper profile")
    assert page.count("| **contradicted** |") == 2


def test_single_folds_images_and_quoted_numbers_are_folded():
    others = {"fold": 1}, {"image": "I"}, {"quoted": "UNet [21]"}
    cells = [cell("0.61").model_copy(update={"id": f"{n}", **how}) for n, how in enumerate(others)]
    page = page_of(record([0.7]), about=paper(cell(), *cells))
    assert "<summary>Single folds and images, and quoted numbers: 3</summary>" in page


def test_a_network_of_which_the_paper_prints_no_number_is_shown_all_the_same():
    network = Reading(default="ours", alternatives=["unet"], why="")
    about = paper(baselines=[{"network": "unet"}], readings={"network": network})
    page = page_of(record([0.7] * 3).model_copy(update={"readings": {"network": "unet"}}), about=about)
    assert "## Paper profile, busi, network=unet" in page
    assert "The paper prints no number of this network." in page
    assert "under each definition" in page


def test_numbers_of_data_without_a_name_are_not_judged():
    line = row_of(page_of(record([0.70, 0.71, 0.72]), about=paper(data_named=False)))
    assert "**other data** (the paper does not name its data) | 0.7100 |" in line


def test_our_folds_stand_in_the_columns_of_the_printed_table():
    own = cell().model_copy(update={"table": "3", "statistic": "mean"})
    page = page_of(folds_of(record([0.6, 0.8, 0.7]), 3), about=paper(own))
    assert "1 repeat of 3 folds" in page
    assert "Table 3 in our folds:\n\n| fold | test IoU [%]: dice\\|fg\\|pooled\\|t=0.5 |\n" in page
    assert "| 3 | 0.7000 |\n| mean | 0.7000 |\n\n" in page


def test_where_else_numbers_would_be_seen_is_said_once():
    about, of = paper(), record([0.7])
    group = [assess.assess(about, of, [of], NOWHERE)]
    found = [replace(each, elsewhere=SimpleNamespace(sentence="Seen elsewhere.")) for each in answers(about, group) * 2]
    assert "## Where else one would see them\n\n- Seen elsewhere.\n\n" in paper_page(about, group, found)


# Beside the random split, the grouped one


def both(*results: float) -> tuple[Record, Record]:
    """The record of the random split has a Dice 0.1 higher than the leak-free one."""
    grouped = record([result - 0.1 for result in results]).model_copy(update={"readings": {"split": "grouped"}})
    return record(results), grouped


def test_the_leak_free_mean_and_the_difference_stand_beside_those_of_the_random_split():
    page = page_of(*both(0.70, 0.71, 0.72))
    beside = "| 0.7100 | [0.6603, 0.7597] | 3 | 0.6100 [0.5603, 0.6597] | +0.1000 [0.0773, 0.1227] |"
    assert beside in row_of(page)
    assert "Grouped split: split=grouped, 3 repeats." in page
    assert "+0.1000 [0.0773, 0.1227]" in row_of(page, r"| `dice\|fg\|pooled\|t=0.5` |")


def test_the_leak_free_record_keeps_its_setting_and_command_and_repeats_no_table():
    own, grouped = both(0.70, 0.71, 0.72)
    _, block = page_of(own, grouped).split("## Paper profile, busi, split=grouped\n")
    for text in ("--reading split=grouped", "3 repeats, 20 epochs each", "[name.json](name.json)"):
        assert text in block
    assert "|" not in block
    assert "| test | IoU" in page_of(grouped), "without the other there is nothing that it could stand beside"


def test_a_stale_leak_free_record_stands_marked_beside_a_stale_record_and_alone_where_one_of_them_is_fresh():
    own, grouped = both(0.70, 0.71)
    page = page_of(own, grouped, fresh=lambda each: False)
    assert "Grouped split: split=grouped, 2 repeats, STALE." in page
    for fresh, older in ((own, "grouped"), (grouped, "random")):
        page = page_of(own, grouped, fresh=fresh.__eq__)
        assert "Grouped split" not in page
        assert f"The {older} run is of an older recipe or protocol;" in page
        _, block = page.split("## Paper profile, busi, split=grouped\n")
        assert "| test | IoU" in block, "its numbers stand in a table of its own"


# Designs


SIX = [0.70, 0.60, 0.50, 0.72, 0.61, 0.53]


def test_a_run_whose_splits_come_again_is_shown_beside_the_default_with_how_much_is_split_and_how_much_luck():
    plain, design = record(SIX[:3]), record(SIX).model_copy(update={"readings": {"splits": "3"}})
    whole, of_design = page_of(plain, design, about=OF).split("## Paper profile, busi, splits=3\n")
    assert "How much is split" not in whole
    assert "How much is split and how much is luck" in of_design
    assert f"| test | {DICE} | 0.6100 |".replace("|fg|pooled|", r"\|fg\|pooled\|") in of_design


def test_published_splits_that_come_again_have_the_same_table():
    given = {"split": "published", "published": "tang/splits"}
    stated = OF.stated | {key: OF.stated["side"].model_copy(update={"value": value}) for key, value in given.items()}
    design = record(SIX).model_copy(update={"readings": {"splits": "3"}})
    tables = [
        spread.split_and_luck(assess.assess(about, of, [of], NOWHERE))
        for about, of in ((OF, design), (OF.model_copy(update={"stated": stated}), record(SIX)))
    ]
    assert tables[0] == tables[1] != []


def test_a_comparator_in_another_number_of_folds_is_shown_and_stands_beside_the_quoted_number():
    unet = {"network": "unet"}
    quoted = cell("0.60").model_copy(update={"id": "quoted", "quoted": "UNet [21]", "readings": unet})
    readings = {
        "network": Reading(default="own", alternatives=["unet"], why="a baseline"),
        "folds": Reading(default=10, alternatives=[None], why="stated"),
    }
    about = paper(cell(), quoted, baselines=[unet], readings=readings)
    own = folds_of(record([0.7] * 10), 10)
    other = folds_of(record([0.6] * 5), 5).model_copy(update={"readings": unet | {"folds": "5"}})
    records = [own, other]
    group = [assess.assess(about, each, records, NOWHERE) for each in records]
    assert all(each.in_full for each in group)
    beside = {answer.head.id: answer for answer in answers(about, group)}
    assert beside["quoted"].ours.assessed.record is other
    fewer = folds_of(record([0.7] * 5), 5).model_copy(update={"readings": {"folds": "5"}})
    (answer,) = [
        each for each in answers(about, [assess.assess(about, fewer, [fewer], NOWHERE)]) if each.head.id == "test-x"
    ]
    assert (answer.verdict, answer.ours) == ("not run", None), "the paper's own numbers are of its own folds"


def test_where_a_paper_prints_means_of_several_runs_the_interval_is_of_such_a_mean():
    printed = cell().model_copy(update={"mean_of": 3, "deviation": "0.02"})
    assert "| mean | mean of the next 3 runs | n |" in page_of(record([0.7] * 3), about=paper(printed))
    assert "| mean | next run | n |" in page_of(record([0.7] * 3))


def test_training_numbers_have_no_leak_free_ones_beside_them():
    own = record([0.7, 0.71], split="train (running)")
    grouped = own.model_copy(update={"readings": {"split": "grouped"}})
    page = page_of(own, grouped, about=paper(cell(split="train")))
    assert "| 2 |  |  |" in row_of(page, "| train (running) | IoU")


# What the choice of the test images does, and the ends of what a metric can be


def test_the_first_repeat_stands_with_the_interval_over_its_test_images(tmp_path):
    of = record([0.7, 0.71])
    random = np.random.default_rng(0)
    truth = (random.random((12, 8, 8)) < 0.3).astype(np.float32)
    found = np.where(random.random(truth.shape) < 0.8, truth, 1 - truth).astype(np.float32)
    names = [str(i) for i in range(12)]
    rows = count(found, truth, names, names, names)
    rows.save(counts_folder(tmp_path, of) / "rows-0-test.npz")
    of = with_counts(of, tmp_path)
    low, high = bootstrap(rows, [DICE])[DICE]
    line = row_of(page_of(of, folder=tmp_path), r"| `dice\|fg\|pooled\|t=0.5`")
    assert f"| {value(DICE, rows):.4f} [{low:.4f}, {high:.4f}] |" in line
    assert "| first repeat |" not in page_of(of), "without the counts there is none"


def test_an_interval_is_shown_within_what_the_metric_can_be_and_judged_as_it_is():
    of = record([0.70, 0.99, 0.72])
    assert ", 1.0000] | 3 |" in row_of(page_of(of))
    assert assess.assess(paper(), of, [of], NOWHERE).rows[0].reproduced.high > 1


def test_what_a_record_names_is_only_text():
    odd = "<img src=x>[a](b)|*c*\n\n# d\u202e"
    made = record([0.6, 0.7], data=odd, notes=[f"Repeat 1: {odd}"])
    on = made.environment.model_copy(update={"device": odd, "commit": odd})
    page = page_of(made.model_copy(update={"environment": on}))
    assert page.count(r"&lt;img src=x>[a\](b)\|\*c\*\\n\\n# d\\u202e") == 4  # heading, device, commit, note
    assert "<img" not in page
    assert "\u202e" not in page
