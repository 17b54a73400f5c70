"""The tables in the terminal: complete and readable."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from common.evidence import assess, tables
from common.evidence.results import Record
from common.evidence.statistics import Prediction
from common.paper import Reading
from common.reported import Reported
from tests.evidence.made import LOSS, cell, paper, record

NOWHERE = Path("no counts here")
OTHERS = {"fold": 1}, {"image": "I"}, {"quoted": "UNet [21]"}


@pytest.fixture(autouse=True)
def no_data_set(monkeypatch):
    """The made-up papers have neither a recipe nor masks that could be drawn from."""
    monkeypatch.setattr(assess, "_paper_recipe", lambda *_: None)
    monkeypatch.setattr(assess.trivial, "distributions_of_cells", lambda *_: {})


def shown(of: Record, *cells: Reported, fresh=True) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(tables.comparison_table(assess.assess(paper(*cells), of, [of], NOWHERE, lambda _: fresh)))
    return console.file.getvalue()


def test_the_terminal_table_fits_100_columns_without_cutting_anything():
    longest = record([-0.123, 0.71, 0.72], LOSS, profile="small", split="train (running)")
    text = shown(longest, cell("0.5749", LOSS, "train"), cell("0.1234", "dice|fg|image|t=0.5|empty=skip", "validation"))
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    for word in (LOSS, "0.5749", "3 repeats", "IoU [%]", "validation"):
        assert word in text


def test_a_record_of_another_recipe_is_marked_stale():
    of = record([0.7, 0.71])
    assert "stale" in shown(of, fresh=False).lower()
    assert "stale" not in shown(of, fresh=True).lower()


def test_a_unit_is_shown_beside_the_number():
    percent = cell("99.71").model_copy(update={"unit": "%"})
    assert "99.71%" in shown(record([0.5]), percent)


def test_single_folds_images_and_quoted_numbers_are_counted():
    cells = [cell("0.61").model_copy(update={"id": f"{n}", **how}) for n, how in enumerate(OTHERS)]
    text = shown(record([0.7]), cell(), *cells)
    assert "0.61" not in text
    assert "quoted numbers, 3 in all" in " ".join(text.split())


def test_a_network_of_which_the_paper_prints_no_number_is_shown_all_the_same():
    network = Reading(default="ours", alternatives=["unet"], why="")
    about = paper(baselines=[{"network": "unet"}], readings={"network": network})
    of = record([0.7, 0.7, 0.7]).model_copy(update={"readings": {"network": "unet"}})
    assessed = assess.assess(about, of, [of], NOWHERE)
    assert "prints no number of this network" in tables.comparison_table(assessed).caption


# Beside the random split, the grouped one


def both(*results: float) -> tuple[Record, Record]:
    """The record of the random split has a Dice 0.1 higher than the leak-free one."""
    grouped = record([result - 0.1 for result in results]).model_copy(update={"readings": {"split": "grouped"}})
    return record(results), grouped


def test_the_leak_free_mean_and_the_difference_stand_beside_those_of_the_random_split():
    own, grouped = both(0.70, 0.71, 0.72)
    console = Console(width=100, file=io.StringIO())
    console.print(tables.comparison_table(assess.assess(paper(), own, [own, grouped], NOWHERE)))
    for text in (
        "grouped split",
        "0.6100",
        "[0.5603, 0.6597]",
        "+0.1000",
        "[0.0773, 0.1227]",
        "split=grouped, 3 repeats",
    ):
        assert text in console.file.getvalue()
    assert "grouped" not in shown(own)


def test_an_interval_is_shown_within_what_the_metric_can_be():
    assert tables.estimate(Prediction(3, 0.1, -0.2, 20.0), "hd95|fg|image|t=0.5|empty=skip")[1] == "[0.0000, 20.0000]"
    assert (
        tables.estimate(Prediction(3, -0.1, -1.2, 0.3), "squared-dice-loss|fg|image|soft|s=1")[1] == "[-1.0000, 0.0000]"
    )
