"""What is said of a run."""

from common.evidence.describe_runs import say_spent


def test_time_by_kind_of_work_the_longest_first():
    spent = {"steps": 2800.0, "compiling": 150.0, "evaluating": 160.0, "comparing": 1.0}
    assert say_spent([spent]) == "Of 52 minutes: steps 90 %, evaluating 5 %, compiling 5 %."
    assert say_spent([{"steps": 30.0}, {"steps": 15.0, "data": 15.0}]) == "Of 60 seconds: steps 75 %, data 25 %."


def test_of_older_runs_it_is_not_known():
    assert say_spent([]) == say_spent([{}, {}]) == ""
