"""The effects of readings in the terminal, on their own page and on that of the paper."""

import io

from rich.console import Console

from common.evidence import effects, effects_tables
from common.evidence.assess import Assessment
from common.evidence.effects import OneAtATime
from common.evidence.paper_page import paper_page
from common.evidence.schema import RUNNING, Record
from tests.evidence.effects.made import DEFAULT, IOU, assessed, moved, read, trained, with_baseline
from tests.evidence.made import DICE, cell, paper, record_of


def shown(found: OneAtATime) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(effects_tables.table(found))
    return console.file.getvalue()


def test_the_terminal_and_the_page_say_the_same():
    found = moved(read(DEFAULT), read([0.73, 0.76, 0.76], kernel="3"), read([0.71], kernel="5"))
    page = effects_tables.page([found])
    for text in ("kernel=3", "0.7200", "0.7500", "+0.0300", "3 pairs", "kernel=5", "+0.0100", "1 pair"):
        assert text in page
        assert text in shown(found)
    assert "**+0.0300 [0.0" in page
    assert "paper profile, busi" in page


def test_the_terminal_table_fits_100_columns_without_cutting_anything():
    longest = {"monitor": "iou|mean2|pooled|keras-raw", "augmentation": "rotation:15+flips:true"}
    text = shown(moved(read(DEFAULT), read([0.73, 0.76, 0.76], **longest)))
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text


def test_of_a_sweep_the_terminal_has_one_number_a_reading():
    of = paper(cell(), cell(definition=IOU).model_copy(update={"id": "iou"}))

    def made(value: float, **readings: str) -> Record:
        return record_of([{"metrics": {"test": {DICE: value, IOU: value / 2}}}], readings=readings)

    few = moved(made(0.7), *(made(0.71, kernel=str(i)) for i in range(2)), of=of)
    many = moved(made(0.7), *(made(0.71, kernel=str(i)) for i in range(8)), of=of)
    assert shown(few).count("1 pair") == 2 * 2
    assert shown(many).count("1 pair") == 8
    assert effects_tables.page([many]).count(f"`{IOU.replace('|', chr(92) + '|')}` |") > 8, "on the page all"


def test_what_older_code_made_is_marked():
    default, other = read(DEFAULT), read([0.73, 0.76, 0.76], kernel="3")
    for stale in (default, other):
        found = moved(default, other, stale=[stale])
        assert "`kernel=3` (stale)" in effects_tables.page([found])
        assert "kernel=3 (stale)" in shown(found)
    assert "stale" not in effects_tables.page([moved(default, other)])


def test_each_line_has_the_default_that_it_is_compared_with():
    """Of a training number by the pass that it is of: there is none where fit did not print it."""
    printed_by_fit = [trained({RUNNING: {DICE: 0.6}}), trained({RUNNING: {DICE: 0.7}}, kernel="3")]
    page = effects_tables.page([moved(*printed_by_fit, trained({}, loss="dice"), of=paper(cell(split="train")))])
    assert f"| {RUNNING} | IoU [%] | 0.70 | `kernel=3` | 0.6000 | 0.7000 |" in page
    assert f"| {RUNNING} | IoU [%] | 0.70 | `loss=dice` | 0.6000 | - |" in page


def test_every_row_of_the_page_has_as_many_cells_as_its_header():
    records = read(DEFAULT), read([0.73, 0.76, 0.76], monitor="iou|fg"), read([0.7], a="b", c="d")
    for block in effects_tables.page([moved(*records)]).split("\n\n"):
        rows = [line.replace(r"\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_without_other_readings_there_is_no_page():
    assert effects_tables.page(effects.effects_in_paper(assessed(read(DEFAULT)))) == ""


def page_of(group: list[Assessment]) -> str:
    """The page of a paper, without answers to its single numbers."""
    return paper_page(group[0].paper, group, [])


def test_a_sweep_leaves_the_page_of_the_paper_as_it_is_but_for_a_link():
    default = read(DEFAULT)
    alone = page_of(assessed(default))
    swept = [read([0.73, 0.76, 0.76], kernel=str(i)) for i in range(20)]
    combined = read([0.7], kernel="3", split="grouped")
    link = "[One reading at a time](sweep.md#name): 20 other readings were run.\n\n"
    page = page_of(assessed(default, *swept, combined))
    assert page.count(link) == 1
    assert page.replace(link, "") == alone
    assert "sweep.md" not in alone


def test_a_reading_that_was_run_at_two_sizes_is_counted_once():
    records = [
        each.model_copy(update={"profile": profile})
        for profile in ("small", "paper")
        for each in (read(DEFAULT), read(DEFAULT, kernel="3"))
    ]
    assert "(sweep.md#name): 1 other reading was run.\n" in page_of(assessed(*records))


def test_where_only_other_networks_were_run_that_is_said():
    group = assessed(read(DEFAULT), read(DEFAULT, network="unet"), of=with_baseline())
    assert "(sweep.md#name): so far only networks that the paper sets beside its own.\n" in page_of(group)


def test_what_has_a_place_on_the_page_of_the_paper_keeps_it():
    group = assessed(
        read(DEFAULT),
        read(DEFAULT, split="grouped"),
        read(DEFAULT, network="unet"),
        read(DEFAULT, kernel="3"),
        of=with_baseline(),
    )
    assert [each.in_full for each in group] == [True, True, True, False]
    (alone,) = assessed(read(DEFAULT, kernel="3"))
    assert alone.in_full, "without its default it stands nowhere else"
