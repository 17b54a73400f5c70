"""What a sweep expands to: which jobs, which identities, what is left out and why."""

import re

import keras
import pytest
import yaml

from common import papers
from common.data import phantom
from common.errors import BadInput
from common.files import write_json
from common.protocol import PROTOCOL
from common.readings import as_text
from common.sweep import grid, spec, table
from common.sweep.job import find_trial, trial_number
from common.training import request as requests
from common.training.network import Network
from common.training.record import Trial


@pytest.fixture
def expanded(phantom_folder, tmp_path, monkeypatch):
    """Expands a sweep of a small phantom, whose networks are not built unless told to."""

    def call(*names, networks=False, data=phantom_folder, runs=tmp_path / "runs", command="again", **asked):
        if not networks:
            monkeypatch.setattr(grid, "multiplications_of_image", lambda request: 1.0)
        asked = {"profile": "smoke", "precision": "float32", "data": data and str(data)} | asked
        wanted = spec.parse_sweep({"papers": list(names) or ["cheng"]} | asked, "This")
        return grid.expand(wanted, tmp_path, runs, tmp_path / "results", command)

    return call


def jobs(of: grid.Grid) -> list[str]:
    return [f"{experiment} {trial_number(job.trial)}" for experiment in of.experiments for job in experiment.jobs]


# Which jobs


def test_a_plain_sweep_is_what_plain_runs_train(expanded):
    found = expanded("cheng", "gill")
    assert jobs(found) == [f"{name} {repeat}" for name in ("cheng", "gill") for repeat in (1, 2, 3)]
    assert found.left_out == []


def test_all_records_go_to_the_folder_that_a_person_named(expanded, tmp_path):
    found = expanded("cheng", "gill", repeats=1)
    assert {experiment.request.results for experiment in found.experiments} == {tmp_path / "results"}


def test_all_papers_where_none_is_named():
    assert spec.Sweep(profile="smoke", precision="float32").papers == papers.names()


def test_all_is_the_default_and_every_alternative_one_at_a_time(expanded):
    found, gill = expanded("gill", readings="all", repeats=1), papers.load("gill")
    departures = [each.request.departures for each in found.experiments]
    assert departures[0] == {}
    assert all(len(each) == 1 for each in departures[1:])
    shrunk = gill.profiles["smoke"]
    alternatives = [
        {key: as_text(value)}
        for key, reading in gill.readings.items()
        for value in reading.alternatives
        if key not in shrunk
    ]
    assert departures[1:] == alternatives
    assert [each for each in found.left_out if "which the smoke profile sets to" in each] == [
        f"gill: other values of {key}, which the smoke profile sets to {as_text(shrunk[key])}"
        for key, reading in gill.readings.items()
        if key in shrunk and reading.alternatives
    ], "what they would be compared with is not what the paper leaves open"


def test_values_of_several_readings_are_combined(expanded):
    found = expanded("gill", readings={"kernel": [2, 3], "channels": ["1", "3"]}, repeats=1)
    assert [each.request.departures for each in found.experiments] == [
        {"channels": "1"},
        {},
        {"kernel": "3", "channels": "1"},
        {"kernel": "3"},
    ]


def test_a_value_named_twice_or_the_default_is_the_same_experiment(expanded):
    assert len(expanded("gill", readings={"kernel": ["3", "3", 3]}, repeats=2).jobs) == 2


def test_each_fold_is_a_job(expanded):
    names = [trial_number(job.trial) for job in expanded(folds=3, repeats=2).jobs]
    assert names == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3"]
    assert len(expanded(folds=3).jobs) == 3, "a cross-validation is one repeat"


def test_the_networks_that_a_paper_sets_beside_its_own_are_swept_too(expanded):
    of_kumar = [each.request.departures for each in expanded("kumar", repeats=1).experiments]
    assert of_kumar == [{}, {"network": "unet"}]
    alone = expanded("kumar", repeats=1, readings={"network": ["unet"]}).experiments
    assert [each.request.departures for each in alone] == [{"network": "unet"}]


# What is left out


def test_what_the_record_refuses_is_left_out_with_the_reason(expanded):
    found = expanded("gill", readings={"kernel": [2, 7]}, repeats=1)
    assert len(found.jobs) == 1
    assert found.left_out == ["gill: kernel=7: known values are 2, 3"]


def test_values_that_a_paper_allows_but_that_are_not_run_are_named_by_all(expanded):
    left_out = expanded("rahman", readings="all", repeats=1).left_out
    assert any(line.startswith("rahman: loss=squared-dice is not run: the printed formula") for line in left_out)


def test_combinations_that_the_network_refuses_are_left_out_with_its_reason(expanded):
    found = expanded("gill", readings={"nest": ["plain"], "heads": ["one", "average"]}, repeats=1, networks=True)
    assert [each.request.departures for each in found.experiments] == [{"nest": "plain"}]
    (line,) = found.left_out
    assert line.startswith("gill nest=plain heads=average: heads=average needs nest=nested")


def test_a_monitor_that_the_metrics_refuse_is_left_out_as_a_run_refuses_it(expanded):
    monitor = "iou|fg|batch=8|t=0.5|empty=one"
    readings = {"network": ["unet"], "batch_size": [8, 4], "monitor": [monitor]}
    found = expanded("tang", readings=readings, repeats=1, networks=True)
    assert [each.request.recipe.batch_size for each in found.experiments] == [8]
    (line,) = found.left_out
    assert line.endswith(f"monitor={monitor} needs batch_size=8, not 4.")


def test_a_paper_whose_data_are_missing_is_left_out_and_the_others_are_run(expanded, tmp_path, phantom_folder):
    (tmp_path / "busi").symlink_to(phantom_folder)
    found = expanded("cheng", "kumar", data=None, repeats=1)
    assert [each.request.paper.name for each in found.experiments] == ["cheng"]
    assert "kumar: Mini-DDSM is not in" in found.left_out[0]


def test_papers_that_miss_the_same_data_share_a_line(expanded, tmp_path, monkeypatch):
    monkeypatch.setattr("common.data.kaggle.reach_kaggle", lambda: pytest.fail("no network"))
    (tmp_path / "busi").mkdir()  # empty, so that nothing is downloaded
    with pytest.raises(BadInput) as refused:
        expanded("Tang", "kumar", "cheng", data=None)
    assert [line.partition(" is not in ")[0] for line in refused.value.lines[1:-1]] == [
        "  - tang, cheng: BUSI", "  - kumar: Mini-DDSM"
    ]  # fmt: skip


def test_where_nothing_is_left_it_is_refused_with_every_reason(expanded):
    with pytest.raises(BadInput, match=r"Nothing of this sweep can be trained(?s:.*)gill: colour: not a reading"):
        expanded("gill", readings={"colour": ["red"]})


# Identities


def identities(of: grid.Grid) -> set[str]:
    return {job.identity for job in of.jobs}


def test_no_two_jobs_have_the_same_identity(expanded):
    found = expanded("cheng", "gill", readings="all", repeats=2, folds=3)
    assert len(identities(found)) == len(found.jobs)


def test_an_identity_changes_with_each_thing_that_decides_the_result(expanded, tmp_path, monkeypatch):
    known = identities(expanded())
    others = {
        "paper": expanded("gill"),
        "profile": expanded(profile="small"),
        "data": expanded(data=phantom.write(tmp_path / "other", cases=30, side=48)),
        "reading": expanded(readings={"batch_size": [16]}),
        "folds": expanded(folds=3),
        "seed": expanded(seed=1),
        "precision": expanded(precision="mixed_bfloat16"),
    }
    monkeypatch.setattr(keras.backend, "backend", lambda: "another")
    others["backend"] = expanded()
    monkeypatch.undo()
    for what, other in others.items():
        assert not identities(other) & known, what
        known |= identities(other)


def test_an_identity_changes_with_the_protocol(expanded, monkeypatch):
    known = identities(expanded())
    monkeypatch.setattr(requests, "protocol_of", lambda recipe: PROTOCOL + 1)
    assert not identities(expanded()) & known


def test_an_identity_changes_with_nothing_else(expanded, tmp_path, phantom_folder):
    """Nor do the places of files and data, the number of repeats, or what is swept besides."""
    known = identities(expanded())
    assert identities(expanded(runs=tmp_path / "elsewhere", command="another")) == known
    assert identities(expanded(repeats=5)) > known
    assert identities(expanded("cheng", "gill", readings={"batch_size": [8, 16]})) > known
    (tmp_path / "copies").mkdir()
    moved = tmp_path / "copies" / phantom_folder.name
    phantom.write(moved, cases=30, side=64)
    assert identities(expanded(data=moved)) == known


def test_the_folder_is_that_of_a_plain_run(expanded):
    found = expanded(repeats=1)
    planned = requests.plan(found.experiments[0].request, print)
    assert found.jobs[0].folder == planned.folder
    assert found.jobs[0].place == planned.folder / "repeat-0"


# What is planned, and what that costs


@pytest.mark.parametrize("name", ["fit.json", "failed.json"])
def test_jobs_that_have_ended_are_not_planned_again(expanded, name):
    first = expanded().jobs[0]
    write_json(first.place / name, {})
    again = expanded()
    assert [trial_number(job.trial) for job in again.waiting] == ["2", "3"]
    assert table.describe_size(again) == "1 experiment, 3 jobs, 1 of them done before"


def test_what_costs_time_is_asked_once_for_an_experiment_and_not_for_a_job(expanded, monkeypatch):
    asked = []
    for module, name in [(grid, "refuse_data"), (grid, "run_folder"), (grid, "prepare_for"), (grid, "work_of_job")]:
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *words, of=name, real=real: asked.append(of) or real(*words))
    found = expanded("cheng", "gill", readings={"channels": [1, 3]}, repeats=500)
    assert len(found.jobs) == 2000
    assert {name: asked.count(name) for name in asked} == {
        "refuse_data": 4,
        "run_folder": 4,
        "work_of_job": 4,
        "prepare_for": 1,
    }


def test_a_network_is_built_once_for_each_choice_of_readings_and_never_again(expanded, monkeypatch):
    built = []
    build = Network.build
    monkeypatch.setattr(Network, "build", lambda self, recipe: built.append(1) or build(self, recipe))
    first = expanded("gill", readings={"kernel": [2, 3]}, networks=True, repeats=10)
    assert len(built) == len(first.experiments) == 2
    expanded("gill", readings={"kernel": [2, 3]}, networks=True, repeats=20)
    assert len(built) == 2


def test_a_wider_network_is_more_work_and_a_wider_batch_is_not(expanded):
    by_kernel = expanded("gill", readings={"kernel": [2, 3]}, repeats=1, networks=True).experiments
    assert by_kernel[1].work > 1.5 * by_kernel[0].work
    by_batch = expanded("cheng", readings={"batch_size": [8, 16]}, repeats=1, networks=True).experiments
    assert by_batch[0].work == by_batch[1].work


def test_a_dry_run_tells_the_time_of_what_is_left(expanded, monkeypatch):
    monkeypatch.setattr(table, "multiplications_of_image", lambda request: 1.0)
    monkeypatch.setattr(table, "step_if_it_fits", lambda request: 1 / grid.of_job(request, 1))
    write_json(expanded(repeats=4).jobs[0].place / "fit.json", {})
    _, sentence = table.dry_run(expanded(repeats=4))
    assert sentence == "One after the other they take about 3 s on this machine."


def test_a_dry_run_times_each_network_once(expanded, monkeypatch):
    """A depthwise network multiplies ten times less than a plain one and takes as long, so that none follows from
    another."""
    timed = []
    monkeypatch.setattr(table, "step_if_it_fits", lambda request: timed.append(request.departures) or 1.0)
    readings = {"kernel": [2, 3], "monitor": ["iou|mean2|pooled|t=0.5", "iou|fg|pooled|t=0.5"]}
    found = expanded("gill", readings=readings, repeats=1, networks=True)
    table.dry_run(found)
    assert len(found.experiments) == 4
    assert [each.get("kernel", "2") for each in timed] == ["2", "3"]


# As a file


def test_a_sweep_comes_back_from_its_file_as_it_was(tmp_path):
    asked = {
        "papers": ["gill"],
        "profile": "small",
        "readings": {"kernel": [2, "3"], "monitor": ["iou|fg|pooled|t=0.5"]},
    }
    sweep = spec.parse_sweep(asked | {"precision": "float32", "repeats": 10, "data": "busi"}, "This")
    path = spec.save_sweep(sweep, sweep.default_name(), tmp_path, None)
    assert path == tmp_path / "sweeps" / f"{sweep.default_name()}.yaml"
    assert path.name.startswith("gill-small-")
    assert spec.parse_sweep(spec.read_sweep_file(path), str(path)) == sweep
    assert yaml.safe_load(path.read_text())["readings"]["kernel"] == [2, "3"]


def made_of(path):
    content = spec.read_sweep_file(path)
    settled = {"profile": "small", "precision": "float32"} if isinstance(content, dict) else {}
    return spec.parse_sweep(content | settled if settled else content, path.name)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("papers: [gill, gill", "can't be read as a sweep"),
        ("gill", "is no sweep: expected the fields papers, profile, data, readings"),
        ("repetitions: 3", "repetitions: there is no such key"),
        ("repeats: 0", "repeats: expected at least 1, not 0"),
        ("repeats: true", "repeats: expected a whole number, not true"),
        ("readings: some", "readings: expected 'all' or keys with values, not 'some'"),
        ("readings: {batch_size: []}", "readings.batch_size: expected a list of at least 1, not an empty list"),
        ("readings: {batch_size: 8}", "readings.batch_size: expected a list, not 8"),
        ("readings:", "readings: expected 'all' or keys with values, not nothing"),
        ("papers: [nobody]", "papers (entry 1): There is no paper 'nobody'"),
        ("papers: []", "papers: expected a list of at least 1, not an empty list"),
    ],
)
def test_a_file_that_is_no_sweep_is_refused_with_what_is_wrong(tmp_path, content, complaint):
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(BadInput, match=re.escape(complaint)):
        made_of(tmp_path / "mine.yaml")


@pytest.mark.parametrize("name", ["../up", ".hidden", "", "a b", "x" * 82])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(BadInput, match="can't be called"):
        spec.refuse_file_name(name)


# How a person names a job


def test_a_job_is_found_by_the_number_that_a_person_gives_it(expanded):
    request = expanded(folds=3, repeats=2).experiments[0].request
    assert find_trial("2.3", request) == Trial(1, 2, 3)
    with pytest.raises(BadInput, match=r"--only 3\.1: cheng has 2 repeats here, each of 3 folds, from 1\.1 to 2\.3"):
        find_trial("3.1", request)
    with pytest.raises(BadInput, match=r"--only 0: cheng has 3 repeats here, from 1 to 3"):
        find_trial("0", expanded().experiments[0].request)
