"""What is said of a run."""

from common.evidence.describe_runs import say_spent, say_spent_of
from tests.evidence.made import folds_of, record


def test_time_by_kind_of_work_the_longest_first():
    spent = {"steps": 2800.0, "compiling": 150.0, "evaluating": 160.0, "comparing": 1.0}
    assert say_spent([spent]) == "Of 52 minutes: steps 90 %, evaluating 5 %, first step with compiling 5 %."
    assert say_spent([{"steps": 30.0}, {"steps": 15.0, "data": 15.0}]) == "Of 60 seconds: steps 75 %, data 25 %."


def test_it_says_of_which_trainings_the_time_is_known():
    spent = {"spent": {"steps": 60.0, "saving": 20.0}}
    timed, older = record([0.7] * 2, **spent).runs, record([0.7]).runs
    assert say_spent_of(timed[:1], 1) == "Of the 80 seconds that the repeat took: steps 75 %, saving 25 %."
    assert say_spent_of([*older, timed[1]], 2).startswith("Of the 80 seconds that repeat 2 took: ")
    assert say_spent_of(timed, 2).startswith("Of the 3 minutes that all 2 repeats took: ")
    assert say_spent_of(older, 1) == ""


def test_it_says_so_too_where_others_are_not_trained_yet():
    spent = {"spent": {"steps": 60.0, "saving": 20.0}}
    folds = folds_of(record([0.7] * 2, **spent), 10).runs
    assert say_spent_of(folds, 10).startswith("Of the 3 minutes that 2 of 10 folds took: ")
    assert say_spent_of(folds[:1], 10).startswith("Of the 80 seconds that repeat 1 fold 1 took: ")


def test_of_older_runs_it_is_not_known():
    assert say_spent([]) == say_spent([{}, {}]) == ""
