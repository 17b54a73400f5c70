"""What is said of a run."""

from common.cli.status import say_time_spent
from common.evidence.describe_runs import say_spent, say_spent_of
from common.files import write_json
from tests.evidence.made import record


def test_time_by_kind_of_work_the_longest_first():
    spent = {"steps": 2800.0, "compiling": 150.0, "evaluating": 160.0, "comparing": 1.0}
    assert say_spent([spent]) == "Of 52 minutes: steps 90 %, evaluating 5 %, first step with compiling 5 %."
    assert say_spent([{"steps": 30.0}, {"steps": 15.0, "data": 15.0}]) == "Of 60 seconds: steps 75 %, data 25 %."


def test_it_says_of_which_trainings_the_time_is_known():
    spent = {"spent": {"steps": 60.0, "saving": 20.0}}
    one, other = record([0.7], **spent), record([0.7])
    assert say_spent_of(one) == "Of the 80 seconds that the repeat took: steps 75 %, saving 25 %."
    both = one.model_copy(update={"runs": [*other.runs, one.runs[0].model_copy(update={"repeat": 1})]})
    assert say_spent_of(both).startswith("Of the 80 seconds that repeat 2 took: ")
    assert say_spent_of(record([0.7, 0.7], **spent)).startswith("Of the 3 minutes that all 2 repeats took: ")
    assert say_spent_of(other) == ""


def test_of_older_runs_it_is_not_known():
    assert say_spent([]) == say_spent([{}, {}]) == ""


def test_status_adds_the_run_to_its_trainings_and_reads_older_ones(tmp_path):
    for name, spent in {"one": {"spent": {"steps": 60.0, "saving": 20.0}}, "older": {}}.items():
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "fit.json", spent)
    said = say_time_spent({"spent": {"comparing": 20.0}}, [tmp_path / "one", tmp_path / "older"])
    assert said == "Of 2 minutes: steps 60 %, comparing 20 %, saving 20 %."
    assert say_time_spent({}, [tmp_path / "older"]) == ""
