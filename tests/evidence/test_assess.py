"""What is said of one record as a whole, on the papers' own recipes and the real data set's tumour fractions."""

from pathlib import Path

from common import paper as papers
from common.evidence.assess import Assessment, assess
from common.evidence.results import Record
from common.evidence.trivial import BACKGROUND, SPLITS
from common.paper import Paper
from tests.evidence.made import DICE, RAW, cell, folds_of, record

NOWHERE = Path("no counts here")


def of(name: str, *cells) -> Paper:
    """A paper with other printed numbers, and so without further readings of those that it has."""
    return papers.load(name).model_copy(update={"reported": list(cells), "claims": []})


def assessed(paper: Paper, *records: Record) -> Assessment:
    return assess(paper, records[0], records, NOWHERE)


def test_another_reading_that_contains_a_number_is_noted_and_changes_no_verdict():
    own = record([0.60, 0.61, 0.60])
    best = record([0.801, 0.80, 0.80]).model_copy(update={"readings": {"weights": "best"}})
    found = assessed(of("cheng", cell("0.8003")), own, best)
    (row,) = found.rows
    assert (row.verdict, row.note) == ("paper higher", "inside with weights=best")
    (sentence,) = found.sentences
    assert "gives with weights=best: 0.7975 to 0.8032 on the test images in 3 repeats" in sentence


def test_a_reading_that_any_number_would_fit_is_neither_told_nor_noted():
    own = record([0.60, 0.61, 0.60])
    wide = record([0.70, 0.90, 0.80]).model_copy(update={"readings": {"weights": "best"}})
    found = assessed(of("cheng", cell("0.8003")), own, wide)
    assert (found.rows[0].note, found.sentences) == ("", [])


def test_what_no_network_moves_is_judged_by_random_splits_of_the_real_masks():
    raw = record([0.461, 0.462], RAW, profile="small", nothing=0.4615)
    (row,) = assessed(of("cheng", cell("0.4543", RAW)), raw).rows
    assert (row.verdict, row.note) == ("agrees", "that of an empty mask, over random splits")
    (row,) = assessed(of("cheng", cell("0.5667", RAW)), raw).rows
    assert row.verdict == "paper higher"


def test_a_number_of_one_fold_stands_beside_what_nothing_scores_on_single_folds_and_needs_no_sentence():
    definition = "dice|fg|image|soft|s=1"
    fold = cell("0.05", definition).model_copy(update={"fold": 3})
    found = assessed(of("paudel", fold), folds_of(record([0.5] * 10, definition), 10))
    assert found.own == set()
    assert found.nothing[fold.id][BACKGROUND].n == 10 * SPLITS
    assert found.sentences == []


def test_the_leak_free_record_is_found_with_its_own_freshness():
    own, grouped = record([0.7, 0.71]), record([0.6, 0.61]).model_copy(update={"readings": {"split": "grouped"}})
    paper = of("cheng", cell("0.70", DICE))
    found = assess(paper, own, [own, grouped], NOWHERE, lambda each: each is own)
    assert (found.leak_free, found.fresh, found.leak_free_fresh, found.beside) == (grouped, True, False, False)
    other = assess(paper, grouped, [own, grouped], NOWHERE)
    assert (other.leak_free, other.beside) == (None, True)
