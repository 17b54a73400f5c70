"""The tables in results/README.md: complete and readable."""

from pathlib import Path

import numpy as np
import pytest

from common.evidence import assess, tables
from common.evidence.counts import count
from common.evidence.metrics import STANDARD, value
from common.evidence.readme import readme
from common.evidence.results import Record
from common.evidence.statistics import Prediction, bootstrap
from common.paper import Reading
from tests.evidence.made import DICE, LOSS, cell, folds_of, paper, record

NOWHERE = Path("no counts here")
OTHERS = {"fold": 1}, {"image": "I"}, {"quoted": "UNet [21]"}


@pytest.fixture(autouse=True)
def no_data_set(monkeypatch):
    """The made-up papers have neither a recipe nor masks that could be drawn from."""
    monkeypatch.setattr(assess, "_paper_recipe", lambda *_: None)
    monkeypatch.setattr(assess.trivial, "distributions_of_cells", lambda *_: {})


def page_of(*records: Record, fresh=True, folder=NOWHERE) -> str:
    return readme([assess.assess(paper(), of, list(records), folder, lambda _: fresh) for of in records])


def test_a_record_of_another_recipe_is_marked_stale():
    of = record([0.7, 0.71])
    assert "stale" in page_of(of, fresh=False).split("### ")[1].lower()
    assert "stale" not in page_of(of, fresh=True).split("### ")[1].lower()


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


def test_records_of_one_paper_stand_under_one_heading():
    page = page_of(*(record([0.7], profile=profile) for profile in ("paper", "small")))
    assert page.count("\n## Name") == 1
    assert page.count("\n### Name: ") == 2


def test_every_row_of_the_page_has_as_many_cells_as_its_header():
    for block in page_of(record([0.7, 0.8])).split("\n\n"):
        rows = [line.replace(r"\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_single_folds_images_and_quoted_numbers_are_on_the_page():
    cells = [cell("0.61").model_copy(update={"id": f"{n}", **how}) for n, how in enumerate(OTHERS)]
    of = record([0.7])
    page = readme([assess.assess(paper(cell(), *cells), of, [of], NOWHERE)])
    assert page.count("0.61") == 3
    assert "<summary>Single folds and images, and quoted numbers: 3</summary>" in page


def test_a_number_under_two_definitions_counts_once():
    again = cell("0.70", LOSS).model_copy(update={"id": "again", "same_as": "test-x"})
    of = record([0.70, 0.71, 0.72, 0.70, 0.71])
    page = readme([assess.assess(paper(cell(), again), of, [of], NOWHERE)])
    assert "- paper profile, busi: **agrees** 1 of 1 numbers; under another definition **undecided** 1\n" in page


def test_a_network_of_which_the_paper_prints_no_number_is_shown_all_the_same():
    network = Reading(default="ours", alternatives=["unet"], why="")
    about = paper(baselines=[{"network": "unet"}], readings={"network": network})
    of = record([0.7, 0.7, 0.7]).model_copy(update={"readings": {"network": "unet"}})
    assessed = assess.assess(about, of, [of], NOWHERE)
    page = readme([assessed])
    assert "- paper profile, busi, network=unet: no numbers of this network are printed\n" in page
    assert "under each definition" in page


def test_that_the_data_have_no_name_is_told_first_and_the_numbers_are_shown():
    of = record([0.70, 0.71, 0.72])
    page = readme([assess.assess(paper(data_named=False), of, [of], NOWHERE)])
    told = "- The paper does not name its data: what comes out on busi stands beside its numbers and judges none."
    assert told in page
    assert "**not comparable** (the paper does not name its data) | 0.7100 |" in page


def test_the_folds_of_a_cross_validation_are_told_as_folds():
    page = page_of(folds_of(record([0.6, 0.8, 0.7, 0.8]), 2))
    assert "2 repeats of 2 folds" in page
    assert "--repeats 2" in page


def test_our_folds_are_on_the_page_in_the_columns_of_a_printed_table():
    own = cell().model_copy(update={"table": "3", "statistic": "mean"})
    of = folds_of(record([0.6, 0.8, 0.7]), 3)
    page = readme([assess.assess(paper(own), of, [of], NOWHERE)])
    assert "Table 3 in our folds:\n\n| fold | test IoU [%]: dice\\|fg\\|pooled\\|t=0.5 |\n" in page
    assert "| 3 | 0.7000 |\n| mean | 0.7000 |\n\n" in page


# Beside the random split, the grouped one


def both(*results: float) -> tuple[Record, Record]:
    """The record of the random split has a Dice 0.1 higher than the leak-free one."""
    grouped = record([result - 0.1 for result in results]).model_copy(update={"readings": {"split": "grouped"}})
    return record(results), grouped


def test_the_leak_free_mean_and_the_difference_stand_beside_those_of_the_random_split():
    own, grouped = both(0.70, 0.71, 0.72)
    page = page_of(own, grouped)
    (line,) = [line for line in page.splitlines() if line.startswith("| test | IoU")]
    assert "| 0.7100 | [0.6603, 0.7597] | 3 | 0.6100 [0.5603, 0.6597] | +0.1000 [0.0773, 0.1227] |" in line
    assert "Grouped split: split=grouped, 3 repeats." in page
    (of_definition,) = [line for line in page.splitlines() if line.startswith("| `dice\\|fg\\|pooled\\|t=0.5` |")]
    assert "+0.1000 [0.0773, 0.1227]" in of_definition


def test_the_leak_free_record_keeps_its_setting_and_command_and_repeats_no_table():
    own, grouped = both(0.70, 0.71, 0.72)
    block = page_of(own, grouped).split("### Name: ")[2]
    assert block.startswith("paper profile, busi, split=grouped")
    assert "--reading split=grouped" in block
    assert "3 repeats, 20 epochs each" in block
    assert "[name.json](name.json)" in block
    assert "|" not in block
    alone = page_of(grouped).split("### Name: ")[1]
    assert "| test | IoU" in alone, "without the other there is nothing that it could stand beside"


def test_a_stale_leak_free_record_is_marked_where_its_numbers_stand():
    own, grouped = both(0.70, 0.71)
    page = readme([assess.assess(paper(), own, [own, grouped], NOWHERE, lambda each: each is own)])
    assert "Grouped split: split=grouped, 2 repeats, STALE." in page


def test_training_numbers_have_no_leak_free_ones_beside_them():
    own = record([0.7, 0.71], split="train (running)")
    grouped = own.model_copy(update={"readings": {"split": "grouped"}})
    page = readme([assess.assess(paper(cell(split="train")), own, [own, grouped], NOWHERE)])
    (line,) = [line for line in page.splitlines() if line.startswith("| train (running) | IoU")]
    assert "| 2 |  |  |" in line


# What the choice of the test images does, and the ends of what a metric can be


def test_the_first_repeat_stands_with_the_interval_over_its_test_images(tmp_path):
    of = record([0.7, 0.71])
    random = np.random.default_rng(0)
    truth = (random.random((12, 8, 8)) < 0.3).astype(np.float32)
    found = np.where(random.random(truth.shape) < 0.8, truth, 1 - truth).astype(np.float32)
    names = [str(i) for i in range(12)]
    rows = count(found, truth, names, names, names)
    kept = tmp_path / "name" / "paper-busi"
    kept.mkdir(parents=True)
    rows.save(kept / "rows-0-test.npz")
    low, high = bootstrap(rows, [DICE])[DICE]
    (line,) = [
        line for line in page_of(of, folder=tmp_path).splitlines() if line.startswith("| `dice\\|fg\\|pooled\\|t=0.5`")
    ]
    assert f"| {value(DICE, rows):.4f} [{low:.4f}, {high:.4f}] |" in line
    assert "| first repeat |" not in page_of(of), "without the counts there is none"


def test_an_interval_is_shown_within_what_the_metric_can_be_and_judged_as_it_is():
    of = record([0.70, 0.99, 0.72])
    (line,) = [line for line in page_of(of).splitlines() if line.startswith("| test | IoU")]
    assert ", 1.0000] | 3 |" in line
    assert assess.assess(paper(), of, [of], NOWHERE).rows[0].reproduced.high > 1
    assert tables.estimate(Prediction(3, 0.1, -0.2, 20.0), "hd95|fg|image|t=0.5|empty=skip")[1] == "[0.0000, 20.0000]"
    assert (
        tables.estimate(Prediction(3, -0.1, -1.2, 0.3), "squared-dice-loss|fg|image|soft|s=1")[1] == "[-1.0000, 0.0000]"
    )
