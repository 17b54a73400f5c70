"""What one reading moves: which records are set beside each other, the numbers against SciPy, and what is said."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import ttest_ind, ttest_rel

from common import paper as papers
from common.data import splits
from common.data.case import Case
from common.evidence import assess, effects, effects_tables, honest
from common.evidence.compare import RUNNING
from common.evidence.effects import DRAWING, OneAtATime
from common.evidence.effects_told import sentences
from common.evidence.metrics import STANDARD
from common.evidence.readme import readme
from common.evidence.results import Failure, Record
from common.paper import Paper, Reading, as_text
from tests.evidence.made import DICE, cell, folds_of, paper, record, record_of

RESULTS = Path(__file__).parents[2] / "results"
NOWHERE = Path("no counts here")
LOSS, IOU = "bce|pixel|pooled", "iou|fg|pooled|t=0.5"
DEFAULT = [0.70, 0.74, 0.72]


@pytest.fixture(autouse=True)
def no_data_set(monkeypatch):
    """The made-up papers have neither a recipe nor masks that could be drawn from."""
    monkeypatch.setattr(assess, "_paper_recipe", lambda *_: None)
    monkeypatch.setattr(assess.trivial, "of_cells", lambda *_: {})


def read(results, **readings: str) -> Record:
    """A record whose runs have these test Dices, with these readings."""
    return record(results).model_copy(update={"readings": readings})


def assessed(*records: Record, of: Paper | None = None, stale=()) -> list[assess.Assessment]:
    about = of or paper()
    return [assess.assess(about, each, records, NOWHERE, lambda one: one not in stale) for each in records]


def moved(*records: Record, of: Paper | None = None, stale=()) -> OneAtATime:
    (found,) = effects.of_paper(assessed(*records, of=of, stale=stale))
    return found


def dice(found: OneAtATime):
    """The difference that the first reading makes to the printed Dice."""
    return found.alternatives[0].printed[0].difference


# The difference


def test_repeats_are_set_against_repeats_in_pairs():
    other = [0.73, 0.76, 0.76]
    found = dice(moved(read(DEFAULT), read(other, kernel="3")))
    expected = ttest_rel(other, DEFAULT).confidence_interval(0.95)
    assert (found.one, found.paired, found.mean) == (3, True, pytest.approx(0.03))
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert found.certain
    unpaired = ttest_ind(other, DEFAULT, equal_var=False).confidence_interval(0.95)
    assert unpaired.low < 0 < unpaired.high, (
        "which repeats vary by is more than the reading does, but in both of a pair"
    )


def test_repeats_meet_by_number_and_not_by_place():
    other = read([0.76, 0.73], kernel="3")
    later = [run.model_copy(update={"repeat": number}) for run, number in zip(other.runs, (2, 0), strict=True)]
    found = dice(moved(read(DEFAULT), other.model_copy(update={"runs": later})))
    assert (found.one, found.mean) == (2, pytest.approx((0.04 + 0.03) / 2))


@pytest.mark.parametrize("reading", [{"split": "grouped"}, {"classes": "benign+malignant"}])
def test_a_reading_that_draws_other_test_images_leaves_nothing_to_pair(reading):
    default, other = read(DEFAULT), read([0.60, 0.64], **reading)
    found = dice(moved(default, other))
    expected = ttest_ind([0.60, 0.64], DEFAULT, equal_var=False).confidence_interval(0.95)
    assert (found.other, found.one, found.paired) == (3, 2, False)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    if "split" in reading:
        leak = honest.leak(default, other, "test", DICE)
        assert (found.low, found.high) == (-leak.high, -leak.low), "or two tables would say two things of one leak"


def test_another_seed_leaves_nothing_to_pair_either():
    other = read([0.73, 0.76, 0.76], kernel="3")
    seeded = other.model_copy(update={"runs": [run.model_copy(update={"seed": 7}) for run in other.runs]})
    assert not dice(moved(read(DEFAULT), seeded)).paired


@pytest.mark.parametrize("name", papers.names())
def test_what_draws_is_what_the_splits_are_drawn_by(name):
    """Each alternative of each reading of each paper has the default's test images in every repeat, but for those."""
    about = papers.load(name)
    labels = sorted({label for value in _values(about, "classes") for label in value})
    cases = [Case(str(i), labels[i % len(labels)], str(i // 3), NOWHERE, ()) for i in range(300)]

    def tested(readings: dict) -> list[list[int]]:
        recipe = about.recipe("paper", readings)
        used = np.array([i for i, case in enumerate(cases) if case.label in recipe.classes])
        return [fold.test.tolist() for repeat in range(2) for fold in splits.draw(cases, used, recipe, 0, repeat)]

    default = tested({})
    for key, reading in about.readings.items():
        for value in reading.alternatives:
            assert (tested({key: value}) == default) == (key not in DRAWING), f"{key}={as_text(value)}"


def _values(about: Paper, key: str) -> list:
    return [about.stated[key].value] if key in about.stated else about.readings[key].values


def test_one_repeat_of_each_has_a_difference_and_no_interval():
    found = moved(read([0.70]), read([0.75], kernel="3"))
    assert (dice(found).mean, dice(found).low, dice(found).certain) == (pytest.approx(0.05), None, False)
    (said,) = sentences(found)
    assert "by +0.0500. From one repeat of each there is no interval" in said


def test_a_repeat_that_failed_in_either_counts_in_neither():
    failed = {"failed": [Failure(seed=0, repeat=1, loss="nan", epoch=3, learning_rate=0.1)]}
    half = read([0.73, 0.76], kernel="3")
    half = half.model_copy(update={"runs": [half.runs[0], half.runs[1].model_copy(update={"repeat": 2})]} | failed)
    found = moved(read(DEFAULT), half)
    assert (dice(found).one, dice(found).mean) == (2, pytest.approx((0.03 + 0.04) / 2))
    assert "Repeat 2 failed: loss nan" in effects_tables.page([found])


def test_the_folds_of_a_cross_validation_are_one_repeat():
    default, other = folds_of(read([0.6, 0.8, 0.7, 0.8]), 2), folds_of(read([0.7, 0.8, 0.8, 0.8], kernel="3"), 2)
    found = dice(moved(default, other))
    assert (found.one, found.mean) == (2, pytest.approx(0.05))
    assert found.low == pytest.approx(found.high), "0.70 to 0.75, and 0.75 to 0.80"


def test_a_training_number_is_compared_with_the_same_in_both():
    """What fit printed where both have it, else what was evaluated afterwards."""
    of = paper(cell(split="train"))

    def made(running: dict, **readings: str) -> Record:
        return record_of([{"metrics": {"train": {DICE: 0.8}} | running}], readings=readings)

    both = moved(made({RUNNING: {DICE: 0.6}}), made({RUNNING: {DICE: 0.7}}, kernel="3"), of=of)
    assert (both.alternatives[0].printed[0].part, dice(both).mean) == (RUNNING, pytest.approx(0.1))
    one = moved(made({RUNNING: {DICE: 0.6}}), made({}, loss="dice"), of=of)
    assert (one.alternatives[0].printed[0].part, dice(one).mean) == ("train", 0)


def test_the_papers_own_numbers_come_first_then_the_standard_definitions():
    two = paper(cell(definition=LOSS), cell().model_copy(update={"id": "again"}), cell().model_copy(update={"id": "3"}))
    default, other = record([0.7], LOSS), record([0.8], LOSS).model_copy(update={"readings": {"a": "b"}})
    (alternative,) = moved(default, other, of=two).alternatives
    assert [each.signature for each in alternative.printed] == [LOSS, DICE], "each once"
    assert [each.signature for each in alternative.standard] == list(STANDARD)
    assert alternative.printed[1].difference.mean is None, "it was not measured"


# Which records


def test_records_that_differ_in_two_readings_are_kept_apart():
    both = read([0.9, 0.9, 0.9], kernel="3", nest="plain")
    found = moved(read(DEFAULT), both, read([0.73, 0.76, 0.76], kernel="3"))
    assert [each.reading for each in found.alternatives] == ["kernel=3"]
    assert [each.reading for each in found.several] == ["kernel=3 nest=plain"]
    assert "nest=plain" not in " ".join(sentences(found))
    assert "Several readings at once" in effects_tables.page([found])


def other_environment(**changes) -> dict:
    of = read(DEFAULT)
    return {"environment": of.environment.model_copy(update=changes)}


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "small"},
        {"dataset": read(DEFAULT).dataset.model_copy(update={"name": "phantom"})},
        {"dataset": read(DEFAULT).dataset.model_copy(update={"fingerprint": "other"})},
        other_environment(backend="torch"),
        other_environment(precision="mixed_bfloat16"),
    ],
)
def test_other_profiles_data_and_arithmetic_are_no_default(changes):
    group = assessed(read(DEFAULT), read([0.8], kernel="3").model_copy(update=changes))
    assert effects.of_paper(group) == []
    assert [each.in_full for each in group] == [True, True], "shown nowhere else"


def test_another_device_is_the_same():
    assert dice(moved(read([0.7]), read([0.8], kernel="3").model_copy(update=other_environment(device="a GPU")))).mean


NETWORK = {"default": "own", "alternatives": ["unet"], "why": "a baseline"}
KERNEL = {"default": "2", "alternatives": ["3", "5"], "why": "open"}


def with_baseline() -> Paper:
    readings = {"network": Reading(**NETWORK), "kernel": Reading(**KERNEL)}
    return paper().model_copy(update={"baselines": [{"network": "unet"}], "readings": readings})


def test_a_network_beside_the_papers_own_is_told_apart_from_a_missing_sentence():
    found = moved(read(DEFAULT), read([0.5, 0.5, 0.5], network="unet"), of=with_baseline())
    assert found.alternatives[0].network
    assert sentences(found)[0].startswith(
        "Of 2 other readings none was run yet (paper profile, busi). The network that"
    )
    both = moved(
        read(DEFAULT), read([0.5] * 3, network="unet"), read([0.73, 0.76, 0.76], kernel="3"), of=with_baseline()
    )
    assert sentences(both)[0].startswith("Of 2 other readings 1 was run (paper profile, busi): `kernel=3` moves")


def test_a_reading_of_such_a_network_is_compared_with_that_network():
    records = read(DEFAULT), read([0.5], network="unet"), read([0.6], network="unet", kernel="3")
    group = assessed(*records, of=with_baseline())
    own, other = effects.of_paper(group)
    assert [each.reading for each in own.alternatives] == ["network=unet"]
    assert (other.default.record, other.alternatives[0].reading) == (records[1], "kernel=3")
    assert other.several == own.several == []


# In which order


def test_the_reading_that_moves_a_printed_number_most_comes_first():
    of = paper(cell(), cell(definition=LOSS).model_copy(update={"id": "loss"}))

    def made(dices, losses, **readings: str) -> Record:
        pairs = zip(dices, losses, strict=True)
        runs = [{"metrics": {"test": {DICE: one, LOSS: other}}} for one, other in pairs]
        return record_of(runs, readings=readings)

    losses = [0.4, 0.4, 0.4]
    found = moved(
        made(DEFAULT, losses),
        made([0.71, 0.74, 0.73], [3, 3, 3], a="loss far, Dice little"),
        made([0.60, 0.64, 0.61], losses, b="far down"),
        made([0.78, 0.79, 0.79], losses, c="up"),
        made([0.99], [0.4], d="one repeat"),
        of=of,
    )
    assert [each.reading[0] for each in found.alternatives] == ["b", "c", "a", "d"]
    assert [each.signature for each in found.alternatives[2].most_moved] == [DICE, LOSS], "of another scale"


# What is said


def open_paper(value: str = "0.75") -> Paper:
    return paper(cell(value)).model_copy(update={"readings": {"kernel": Reading(**KERNEL)}})


def test_the_reading_that_moves_most_is_named_with_its_interval():
    found = moved(
        read(DEFAULT), read([0.80, 0.85, 0.83], kernel="3"), read([0.71, 0.74, 0.72], kernel="5"), of=open_paper()
    )
    first, where, chance = sentences(found)
    low, high = ttest_rel([0.80, 0.85, 0.83], DEFAULT).confidence_interval(0.95)
    assert first == (
        "Of 2 other readings 2 were run, one at a time (paper profile, busi): `kernel=3` moves the printed test IoU "
        f"[%] most, by +0.1067 [{low:.4f}, {high:.4f}]."
    )
    assert where == (
        "The paper's 0.75 lies inside the interval of one further run with the default, `kernel=3` and `kernel=5`."
    )
    assert chance == (
        "Intervals that leave out 0: 1 of 2 on printed numbers, 1 of 2 on standard definitions of the test images; "
        "about 0.1 and 0.1 would by chance alone."
    )


def test_what_repeats_may_do_alone_is_called_so_and_what_they_may_not_is_named():
    far = read([0.95, 0.70, 0.75], kernel="3")
    assert sentences(moved(read(DEFAULT), far))[0].endswith(
        "which is no more than repeats vary; no other printed number moves by more than they do."
    )
    sure = read([0.72, 0.76, 0.74 + 1e-6], kernel="5")
    assert (
        "no more than repeats vary. Beyond that, `kernel=5` moves the printed test IoU [%] most, by +0.0200 ["
        in (sentences(moved(read(DEFAULT), far, sure))[0])
    )


def test_where_the_papers_number_lies_is_told_of_its_own_data_alone():
    default, other = read(DEFAULT), read([0.90, 0.92, 0.91], kernel="3")
    assert sentences(moved(default, other, of=open_paper("0.91")))[1] == (
        "The paper's 0.91 lies inside the interval of one further run with `kernel=3`, not with the default."
    )
    assert (
        "0.20 lies outside the interval of one further run with every one"
        in (sentences(moved(default, other, of=open_paper("0.20")))[1])
    )
    phantom = {"dataset": default.dataset.model_copy(update={"name": "phantom"})}
    elsewhere = moved(*(each.model_copy(update=phantom) for each in (default, other)), of=open_paper("0.91"))
    assert not any("The paper's 0.91" in sentence for sentence in sentences(elsewhere))


def test_of_many_readings_the_number_is_told_and_not_the_names():
    many = [read([0.71 + i / 1000, 0.74, 0.73], kernel=str(i)) for i in range(3, 9)]
    assert "with the default and 6 of 6 readings." in sentences(moved(read(DEFAULT), *many, of=open_paper("0.73")))[1]


def test_about_readings_under_which_nothing_was_measured_nothing_is_said():
    assert sentences(moved(read(DEFAULT), record([0.7], LOSS).model_copy(update={"readings": {"a": "b"}}))) == []


# The tables


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


def test_every_row_of_the_page_has_as_many_cells_as_its_header():
    records = read(DEFAULT), read([0.73, 0.76, 0.76], monitor="iou|fg"), read([0.7], a="b", c="d")
    for block in effects_tables.page([moved(*records)]).split("\n\n"):
        rows = [line.replace(r"\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_without_other_readings_there_is_no_page():
    assert effects_tables.page(effects.of_paper(assessed(read(DEFAULT)))) == ""


# results/README.md


def test_a_sweep_leaves_the_readme_as_it_is_but_for_a_link():
    default = read(DEFAULT)
    alone = readme(assessed(default))
    swept = [read([0.73, 0.76, 0.76], kernel=str(i)) for i in range(20)]
    combined = read([0.7], kernel="3", split="grouped")
    link = "- [One reading at a time](sweep.md#name): 21 run beside the default\n"
    page = readme(assessed(default, *swept, combined))
    assert page.count(link) == 1
    assert page.replace(link, "") == alone
    assert "sweep.md" not in alone


def test_what_has_a_place_in_the_readme_keeps_it():
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


# The command


@pytest.fixture
def results(tmp_path) -> Path:
    """Those of a paper that were made with its own readings and with grouped ones, and, made up of the first, with a
    kernel that is 0.01 better in everything."""
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(RESULTS / "gill.json", folder)
    shutil.copy(RESULTS / "same-bits.json", folder)
    records = json.loads((folder / "gill.json").read_text())
    own = next(each for each in records if not each["readings"])
    kernel = json.loads(json.dumps(own)) | {"readings": {"kernel": "3"}, "reported": []}
    for run in kernel["runs"]:
        for values in run["metrics"].values():
            values |= {key: value + 0.01 for key, value in values.items() if value is not None}
    for each in (*records, kernel):
        each.pop("checksum", None)  # as files from before there were any
    (folder / "gill.json").write_text(json.dumps([*records, kernel]))
    return folder


def test_compare_sweep_shows_effects_alone_and_writes_both_pages(repro, results):
    status, out, _ = repro("compare", "gill", "--sweep", "--results", results)
    assert status == 0
    assert "gill, one reading at a time: small profile, busi" in out
    assert "kernel=3" in out
    assert "+0.0100" in out
    assert "reported" not in out.split("one reading at a time")[1].splitlines()[1], "not the table of verdicts"
    page = (results / "sweep.md").read_text()
    assert "| `kernel=3` (stale) | " in page, "its recipe is that of the default"
    text = (results / "README.md").read_text()
    assert "(sweep.md#gill): 2 run beside the default" in text
    assert "kernel=3" not in text.replace("`kernel=3` contains", "").split("### Gill: ")[1]


def test_without_the_option_readings_that_stand_nowhere_else_are_shown_below(repro, results):
    _, out, _ = repro("compare", "gill", "--results", results)
    assert out.index("nothing") < out.index("one reading at a time")


def test_where_no_reading_was_run_the_command_that_makes_one_is_named(repro, results):
    records = json.loads((results / "gill.json").read_text())
    (results / "gill.json").write_text(json.dumps([each for each in records if not each["readings"]]))
    (results / "sweep.md").write_text("of an older sweep")
    status, _, error = repro("compare", "gill", "--sweep", "--results", results)
    assert status == 2
    assert "`repro run gill --reading KEY=VALUE` makes one" in error
    assert not (results / "sweep.md").exists()
