"""What is said of one record as a whole, on the papers' own recipes and the real data set's tumour fractions."""

import pytest

from common import papers
from common.evidence.assess import Assessment, assess, is_fresh
from common.evidence.leakage import GROUPED, outdated_sentence
from common.evidence.schema import Record
from common.evidence.trivial import BACKGROUND, SPLITS
from common.paper import Paper
from common.protocol import recipe_hash
from tests.evidence.made import DICE, NOWHERE, RAW, cell, folds_of, record


def of(name: str, *cells) -> Paper:
    """A paper with other printed numbers, and so without further readings of those that it has."""
    return papers.load(name).model_copy(update={"reported": list(cells), "claims": [], "headline": []})


def assessed(paper: Paper, *records: Record) -> Assessment:
    return assess(paper, records[0], records, NOWHERE)


def test_a_blank_mask_on_random_splits_of_the_real_masks_answers_question_b():
    raw = record([0.461, 0.462], RAW, nothing=0.4615)
    (row,) = assessed(of("cheng", cell("0.4543", RAW)), raw).rows
    assert row.verdict == "says nothing"
    found = assessed(of("cheng", cell("0.5667", RAW)), record([0.461, 0.462, 0.461], RAW, nothing=0.4615))
    assert [row.verdict for row in found.rows] == ["paper higher"]
    assert found.nothing["test-x"][BACKGROUND].n == SPLITS


def test_a_run_on_other_data_does_not_hide_that_a_number_says_nothing():
    """Nor does the demo, which runs on synthetic images. No run is needed to tell."""
    of_phantom = record([0.461, 0.462], RAW, nothing=0.4615, data="phantom")
    (row,) = assessed(of("cheng", cell("0.4543", RAW)), of_phantom).rows
    assert row.verdict == "says nothing"


def test_a_number_of_one_fold_stands_beside_what_nothing_scores_in_the_mean_of_the_folds():
    definition = "dice|fg|image|soft|s=1"
    fold = cell("0.05", definition).model_copy(update={"fold": 3, "table": "V"})
    found = assessed(of("paudel", fold), folds_of(record([0.5] * 10, definition), 10))
    assert found.own_rows == []
    assert found.nothing[fold.id][BACKGROUND].n == SPLITS


def test_a_comparator_that_only_segments_is_assessed_without_the_classes_of_the_papers_own_numbers():
    """Found with a made-up record: `repro compare` ended at the first comparator of Paudel's Table X."""
    definition = "iou|fg|image|t=0.5|empty=skip"
    unet = folds_of(record([0.6] * 5, definition), 5).model_copy(update={"readings": {"network": "unet", "folds": "5"}})
    found = assessed(papers.load("paudel"), unet)
    assert found.nothing == {}
    (row,) = [row for row in found.rows if row.cell.id == "X-unet-iou"]
    assert (row.verdict, row.reproduced.mean) == ("quoted", pytest.approx(0.6))


def test_the_leak_free_record_is_found():
    own, grouped = record([0.7, 0.71]), record([0.6, 0.61]).model_copy(update={"readings": {"split": "grouped"}})
    paper = of("cheng", cell("0.70", DICE))
    found = assess(paper, own, [own, grouped], NOWHERE)
    assert (found.leak_free, found.fresh, found.beside) == (grouped, True, False)
    (said,) = found.on_leak
    assert said.startswith("The grouped split (paper profile) keeps all copies of an image on one side")
    stale = assess(paper, own, [own, grouped], NOWHERE, lambda each: each is grouped)
    assert (stale.leak_free, stale.fresh) == (None, False)
    assert stale.sentences == [outdated_sentence(own, [own, grouped], lambda each: each is grouped)]
    other = assess(paper, grouped, [own, grouped], NOWHERE)
    assert (other.leak_free, other.beside) == (None, True)


def test_a_grouped_run_from_before_the_step_that_moved_grouped_splits_alone_is_named_as_older():
    """Found by review: the step does not move random splits, so such a run seemed to be of the same code as theirs."""
    paper = papers.load("cheng")
    own, grouped, again = (
        record([0.7, 0.71], profile="small").model_copy(
            update={"protocol": step, "readings": readings, "recipe_hash": recipe_hash(paper.recipe("small", readings))}
        )
        for step, readings in ((2, {}), (2, GROUPED), (3, GROUPED))
    )
    found, beside = (
        assess(paper, each, [own, grouped], NOWHERE, lambda each: is_fresh(paper, each)) for each in (own, grouped)
    )
    assert (found.fresh, found.leak_free) == (True, None)
    assert any(each.startswith("The grouped run is of an older recipe or protocol") for each in found.sentences)
    assert (beside.fresh, beside.beside) == (False, False), "its numbers stand in no table of another"
    renewed = assess(paper, own, [own, again], NOWHERE, lambda each: is_fresh(paper, each))
    assert renewed.leak_free == again
    assert not any("older" in each for each in renewed.sentences)
