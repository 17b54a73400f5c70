"""What the terminal shows after a run: the run first, then what the paper prints, then one next command."""

from pathlib import Path

import pytest

from common.cli import outcome
from common.cli.shared import out
from common.evidence import assess
from common.evidence.learned import NO_BETTER
from common.evidence.metrics import TUMOUR_DICE
from tests.evidence.made import DICE, LOSS, NOWHERE, cell, folds_of, paper, record

LONGEST = {"name": "malignant sensitivity", "definition": DICE, "unit": "%", "where": "Table 1"}
pytestmark = pytest.mark.usefixtures("no_data_set")


@pytest.fixture
def shown(capsys, monkeypatch):
    """Prints the outcome of a run on a terminal of this width, and returns its lines."""

    def show(about, *records, width=80, results=Path("results")) -> list[str]:
        monkeypatch.setattr(out, "_width", width)
        trained = [assess.assess(about, each, list(records), NOWHERE) for each in records]
        outcome.show_outcome(about, trained, results)
        return capsys.readouterr().out.splitlines()

    return show


def scored(*results, **more):
    """Runs with this Dice of the tumour, pooled and over images."""
    of = record(results, **more)
    both = [run.model_copy(update={"metrics": {"test": run.metrics["test"] | {TUMOUR_DICE: dice}}}) for run, dice in
            zip(of.runs, results, strict=True)]  # fmt: skip
    return of.model_copy(update={"runs": both})


def test_the_run_comes_first_then_what_the_paper_prints_then_one_next_command(shown):
    lines = shown(paper(cell("0.90")), scored(0.70, 0.71, 0.72))
    text = " ".join(lines)
    assert lines[1].startswith("Your run of name: paper profile, busi, default readings, 3 repeats.")
    tumour = "Dice of the tumour, mean over the test images: 0.71 (a further run: 0.66 to 0.76)."
    assert text.index("Your run") < text.index(tumour) < text.index("printed") < text.index("Next: ")
    assert text.count("Next: ") == 1
    assert lines[-1].endswith(" explain name")
    (row,) = [line for line in lines if line.startswith("test IoU [%]")]
    for words in ("0.90", "0.71 (0.66 to 0.76)", "0.10", "paper higher"):
        assert words in row


def test_of_two_repeats_the_single_values_are_shown_and_of_folds_their_mean(shown):
    assert "Dice of the tumour, mean over the test images: 0.31 and 0.29." in shown(paper(), scored(0.31, 0.29))
    folds = shown(paper(), folds_of(scored(0.2, 0.3, 0.4), 3))
    assert "Dice of the tumour, mean over the test images: 0.30 (mean of 3 folds)." in folds


def test_a_network_that_did_not_learn_is_told_so_plainly(shown):
    of = scored(0.1, 0.1, 0.1)
    runs = [run.model_copy(update={"unlearned": {"segmentation": [NO_BETTER["segmentation"]]}}) for run in of.runs]
    text = " ".join(" ".join(shown(paper(), of.model_copy(update={"runs": runs}))).split())
    assert f"The segmentation did not learn: in 3 of 3 repeats {NO_BETTER['segmentation']}." in text
    assert "did not learn" in text.split("Dice of the tumour")[1]


@pytest.mark.parametrize("width", [80, 60])
def test_no_word_is_broken(shown, width):
    of_class = cell("99.93").model_copy(update=LONGEST)
    about = paper(of_class, cell("0.91").model_copy(update={"id": "other", "name": "class accuracy"}))
    records = scored(0.70, 0.71, 0.72, profile="small"), scored(0.9, 0.1, 0.5)
    lines = shown(about, *records, width=width)
    assert max(map(len, lines[:-1])) <= width
    words = " ".join(lines).split()
    for whole in ("malignant", "sensitivity", "99.93%", "71.00%", "accuracy", "probability.", "contradicted"):
        assert whole in words, whole
    assert "…" not in " ".join(lines)


def test_the_numbers_that_a_paper_is_known_by_come_alone_and_the_others_are_counted(shown):
    others = [cell(f"0.{n}").model_copy(update={"id": f"n{n}"}) for n in range(70, 75)]
    again = cell("0.80", LOSS).model_copy(update={"id": "again", "same_as": "test-x"})
    known = paper(cell("0.80"), again, *others, headline=["test-x"])
    text = " ".join(shown(known, scored(0.7, 0.7, 0.7)))
    assert "0.80" in text
    assert "0.73" not in text
    assert "prints 5 more numbers" in text


@pytest.mark.parametrize(
    ("profile", "results", "command"),
    [
        ("smoke", "runs/results", "run name"),
        ("small", "results", "explain name"),
        ("small", "runs/results", "report --results runs/results"),
    ],
)
def test_the_next_command_fits_the_run(shown, profile, results, command):
    assert shown(paper(), scored(0.7, profile=profile), results=Path(results))[-1].endswith(f" {command}")


def test_a_smoke_run_that_make_has_started_names_the_next_target(shown, monkeypatch):
    monkeypatch.setenv("MAKELEVEL", "1")
    assert shown(paper(), scored(0.7, profile="smoke"))[-1] == "Next: make reproduce-name"
