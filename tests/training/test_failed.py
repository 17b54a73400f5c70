"""A repeat whose loss was not finite is recorded as failed and the others go on; what else a table says of its runs."""

import pytest

from common.errors import FailedRun
from common.evidence import compare, tables


def test_a_failed_repeat_is_recorded_and_the_others_go_on(run):
    run.diverges_in = [1]
    made = run(3)
    assert run.trained == [0, 2]
    assert [each.repeat for each in made.runs] == [0, 2]
    (failed,) = made.failed
    assert str(failed) == "Repeat 2 failed: loss nan in batch 5 of epoch 3 at a learning rate of 0.001."
    assert {row.reproduced.n for row in compare.rows(run.paper, made)} == {2}
    assert tables.setting(made).startswith("2 of 3 repeats, ")
    assert str(failed) in tables.setting(made)
    assert "--repeats 3" in tables.command(made)


def test_it_is_not_tried_again_since_it_would_go_the_same_way(run):
    run.diverges_in = [1]
    made = run(2)
    run.diverges_in = []
    assert run(2) == made
    assert run.trained == []
    assert len(run(2, resume=False).runs) == 2, "unless all is made anew"


def test_where_every_repeat_fails_stored_results_stay_as_they_are(run):
    made = run(1)
    run.diverges_in = [0, 1]
    with pytest.raises(FailedRun, match="Repeat 1 failed: loss nan"):
        run(2, resume=False)
    assert run.stored() == [made]


def test_a_cross_validation_with_a_failed_fold_has_no_mean(run):
    run.diverges_in = [1]
    made = run(1, folds="3")
    assert [each.fold for each in made.runs] == [0, 2]
    assert {row.reproduced.n for row in compare.rows(run.paper, made)} == {0}
    assert tables.setting(made).startswith("0 of 1 repeat of 2 folds, ")


@pytest.mark.parametrize(("marks", "words"), [(0.0, "no pixel"), (1.0, "every pixel")])
def test_a_network_that_marks_nothing_or_everything_is_said_to_do_so(run, marks, words):
    """In the line that ends its repeat, again where it was finished before, and in the record."""
    run.marks = marks
    (done,) = run(1).runs
    sign = f"{words} of any test image is marked" if words == "no pixel" else f"{words} of every test image is marked"
    assert done.unlearned["segmentation"][0] == sign
    said = f"its segmentation did not learn: {sign}"
    assert f"repeat 1 of 1: 2 epochs in 1 s; {said}" in run.said
    run(1)
    assert f"repeat 1 of 1: finished before; {said}" in run.said
