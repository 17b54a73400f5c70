"""The command as a person meets it: clear messages, exit status 2 for bad input, nothing half-written."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from common import __version__, cli, papers
from common.cli.shared import app, command_line
from common.cli.status import run_state
from common.evidence.schema import Environment
from common.evidence.verdict import RULES
from common.files import write_json
from common.protocol import PROTOCOL
from common.training.run_log import logged

ROOT = Path(cli.__file__).parents[2]


def test_papers_lists_each_with_its_network_weights_and_data(repro):
    status, printed, progress = repro("papers")
    assert status == 0
    assert progress.startswith("comparing the printed numbers with the runs")
    for name in papers.names():
        about = papers.load(name)
        assert f"{name}: {about.brief}. {about.parameters / 1e6:.1f} million weights." in " ".join(printed.split())
    assert printed.count("Not run yet.") == len(papers.names())


def test_papers_says_what_was_run_and_what_came_out(repro, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(ROOT / "results" / "gill.json", folder)
    _, printed, _ = repro("papers")
    (said,) = re.findall(r"gill: .*?(?=kumar: )", " ".join(printed.split()))
    assert "Run: small profile on busi, 3 repeats; 1 more with other readings. Of 6 numbers, " in said
    assert "Not run yet" not in said


def test_the_version_names_what_decides_a_number(repro):
    status, printed, _ = repro("--version")
    assert (status, printed) == (0, f"repro {__version__}, protocol {PROTOCOL}, rules of the verdicts {RULES}\n")


def test_a_shell_completes_the_names_of_papers():
    environment = os.environ | {"_REPRO_COMPLETE": "complete_bash", "COMP_WORDS": "repro explain ", "COMP_CWORD": "2"}
    called = [sys.executable, "-c", "import sys; sys.argv[0] = 'repro'; from common.cli import main; main()"]
    done = subprocess.run(called, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == papers.names()


def test_the_help_names_the_defaults(repro, monkeypatch):
    """Also those that depend on other things. In brackets in the text, rich would take them for markup."""
    monkeypatch.setenv("COLUMNS", "200")
    status, printed, _ = repro("run", "--help")
    assert status == 0
    assert "[default: (the paper's)]" in printed
    assert "[default: (3; 1 for a cross-validation; 3 on each of --splits)]" in printed


def test_claims_checks_the_numbers_of_a_paper_without_data_or_runs(repro):
    status, printed, _ = repro("claims", "rahman")
    assert status == 0
    assert "value outside the range of its formula" in printed
    status, printed, _ = repro("claims", "rahman", "--json")
    assert status == 0
    assert json.loads(printed)["rahman"]["findings"][0]["cells"] == ["loss-as-printed"]


@pytest.mark.parametrize("words", [[], ["data"]])
def test_without_a_command_the_help_is_all_that_is_said(repro, words):
    status, printed, complaint = repro(*words)
    assert (status, complaint) == (2, "")
    assert f"Usage: {' '.join(['repro', *words])} [OPTIONS]" in printed


def test_every_message_calls_the_command_repro_however_it_was_started(repro):
    assert repro("run")[2] == "Missing argument 'PAPER'. `repro run --help` lists the options.\n"


@pytest.mark.parametrize("command", ["predict scans", "export"])
def test_a_missing_option_is_shown_in_an_example(repro, command):
    name, file = command.split()[0], {"export": "FILE"}.get(command, "DIR")
    status, _, complaint = repro(*command.split())
    assert status == 2
    assert f"Missing option '-o' / '--output', as in `repro {name} ... -o {file}`. " in complaint


def test_a_missing_option_is_known_by_its_kind_and_not_by_the_words_of_the_library(repro, monkeypatch):
    with pytest.raises(typer.BadParameter) as missing:
        app(["export"], standalone_mode=False)
    monkeypatch.setattr(missing.type, "format_message", lambda error: "-o fehlt.")
    assert repro("export")[2].startswith("-o fehlt, as in `repro export ... -o FILE`. ")


def test_a_paper_may_be_typed_in_any_case(repro):
    assert repro("claims", "Gill") == repro("claims", "GILL") == repro("claims", "gill")
    assert repro("claims", "Gill")[0] == 0
    assert papers.load("Gill") is papers.load("gill")


def test_a_mistyped_paper_is_told_the_name_that_is_most_like_it(repro):
    known = "Known papers: cheng, gill, kumar, paudel, rahman, tang.\n"
    assert repro("explain", "Gil") == (2, "", f"There is no paper 'Gil'. Did you mean 'gill'? {known}")
    assert repro("explain", "nobody") == (2, "", f"There is no paper 'nobody'. {known}")


BAD = {
    "an unknown paper": (["run", "nobody"], ["no paper 'nobody'", *papers.names()]),
    "an unknown paper to compare": (["compare", "nobody"], ["no paper 'nobody'"]),
    "an unknown profile": (["run", "cheng", "--profile", "huge"], ["no profile 'huge'", "auto, paper, small, smoke"]),
    "a negative repeat count": (["run", "cheng", "--repeats", "-1"], ["-1 repeats", "at least 1"]),
    "no repeats": (["run", "cheng", "--repeats", "0"], ["0 repeats"]),
    "an unknown reading": (["run", "cheng", "--reading", "colour=red"], ["colour: not a reading", "batch_size: 8, 16"]),
    "an unknown value of a reading": (
        ["run", "cheng", "--reading", "batch_size=7"],
        ["batch_size=7: known values are 8, 16, 32"],
    ),
    "half a reading": (["run", "cheng", "--reading", "batch_size"], ["expected KEY=VALUE"]),
    "an unknown precision": (["run", "cheng", "--precision", "half"], ["no precision 'half'", "float32"]),
    "a missing folder": (["run", "cheng", "--profile", "smoke", "--data", "nowhere"], ["'nowhere'", "no such folder"]),
    "one fold": (["run", "cheng", "--data", "phantom", "--folds", "1", "--profile", "smoke"], ["1 fold: at least 3"]),
    "more folds than cases": (
        ["run", "paudel", "--data", "phantom", "--folds", "500", "--profile", "smoke"],
        ["500 folds: each needs a case of every class", "benign", "malignant"],
    ),
    "an unknown paper to check": (["claims", "nobody"], ["no paper 'nobody'"]),
    "no results yet": (["compare"], ["No results in results yet", "repro run"]),
    "an empty word for an image": (["predict", "-o", "x", ""], ["An empty word, behind x. Is a variable of the shell"]),
    "an empty folder for the results": (["data", "audit", "phantom", "-o", ""], ["An empty word, behind -o."]),
    "an empty word for data": (["run", "cheng", "--data="], ["An empty word, --data=."]),
    "runs below a file": (["status", "--runs", f"{__file__}/x"], ["test_cli.py is a file. Expected a folder"]),
    "no splits": (["run", "cheng", "--splits", "0"], ["0 splits: at least 1 is needed."]),
}


@pytest.mark.parametrize(
    ("typed", "ways"),
    [
        ("predict a.png", ", or choose another folder with -o"),
        ("evaluate a.png", ", or choose another folder with -o or --runs"),
        ("run gill", ", or choose another folder with --runs or --results"),
        ("data audit busi", ", or choose another folder with -o or --runs or --results"),
        ("papers", ", or choose another folder with --results"),
        ("claims", ""),
    ],
)
def test_where_writing_is_forbidden_only_options_of_the_command_are_named(monkeypatch, typed, ways):
    monkeypatch.setattr(sys, "argv", ["repro", *typed.split()])
    assert cli._explained(PermissionError(errno.EACCES, "No", "x"))[1] == f"Make it writable{ways}."


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_message_and_status_2(repro, tmp_path, case):
    words, expected = BAD[case]
    status, printed, complaint = repro(*words)
    assert status == 2
    for words in expected:
        assert words in complaint
    assert "Traceback" not in printed + complaint
    assert not (tmp_path / "results").exists()


def test_an_empty_folder_is_told_what_is_expected(repro, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, complaint = repro("run", "cheng", "--profile", "smoke", "--data", "empty")
    assert status == 2
    assert "no image found. Expected benign/benign (1).png" in complaint


def test_every_bad_file_is_named_at_once_and_nothing_is_written(repro, tmp_path, phantom_folder):
    folder = shutil.copytree(phantom_folder, tmp_path / "mine")
    (folder / "benign" / "benign (2).png").write_bytes(b"not an image")
    (folder / "benign" / "benign (3)_mask.png").write_bytes(b"")
    status, _, complaint = repro("run", "cheng", "--profile", "smoke", "--data", folder)
    assert status == 2
    assert "benign (2).png: not an image" in complaint
    assert "benign (3)_mask.png" in complaint
    assert not (tmp_path / "results").exists()
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []


def test_a_damaged_results_file_is_named(repro, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "gill.json").write_text('[{"paper": "gill"')
    status, _, complaint = repro("compare", "gill")
    assert status == 2
    assert "results/gill.json" in complaint


def test_compare_says_what_became_of_a_paper_in_a_few_lines_and_where_all_is(repro, tmp_path):
    shutil.copytree(ROOT / "results" / "paudel", tmp_path / "kept" / "paudel")
    shutil.copy(ROOT / "results" / "paudel.json", tmp_path / "kept")
    status, printed, _ = repro("compare", "paudel", "--results", "kept")
    assert status == 0
    said, *where = printed.strip().split("\n\n")
    assert said.startswith("paudel: Of ")
    assert said.count("\n- ") == len(papers.load("paudel").headline)
    assert max(map(len, said.splitlines())) <= 80
    assert len(printed.splitlines()) < 25
    assert "kept/README.md" in where[0]
    assert "explain paudel --results kept" in where[0]


def test_verify_names_what_is_not_busi(repro, phantom_folder):
    status, _, complaint = repro("data", "verify", phantom_folder)
    assert status == 2
    assert "is not the published BUSI" in complaint


def test_data_fetch_says_where_the_phantom_lies(repro):
    status, printed, _ = repro("data", "fetch", "phantom")
    assert status == 0
    assert os.path.isdir(os.path.join(printed.strip(), "benign"))


def test_the_module_runs_from_a_checkout_and_answers_without_loading_a_backend(tmp_path):
    code = "import sys; sys.argv = ['repro', 'papers']; import runpy\n" \
           "try: runpy.run_module('reproductions', run_name='__main__')\n" \
           "except SystemExit: pass\nsys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"  # fmt: skip
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "cheng" in answer.stdout


def test_the_command_to_go_on_with_works_when_it_is_pasted(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/any/reproductions/__main__.py", "run", "cheng", "--data", "my data"])
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delenv("REPRO_DATA", raising=False)
    plain = f"{sys.executable} -m reproductions run cheng --data 'my data' --resume"
    assert command_line() == plain
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert command_line() == plain, "what is found without being asked for"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("REPRO_DATA", "/where $they are")
    assert command_line() == f"KERAS_BACKEND=jax REPRO_DATA='/where $they are' {plain}"
    monkeypatch.setattr(sys, "argv", [".venv/bin/repro", "run", "cheng", "--resume"])
    assert command_line().endswith(" .venv/bin/repro run cheng --resume")


def test_a_missing_backend_is_named_with_the_command_that_installs_it(tmp_path):
    """A real process in which no backend can be found."""
    code = "import sys; sys.modules.update(tensorflow=None, jax=None, torch=None)\n" \
           "import importlib.util as u; find = u.find_spec\n" \
           "u.find_spec = lambda name, *a: None if name in ('tensorflow', 'jax', 'torch') else find(name, *a)\n" \
           "sys.argv = ['repro', 'run', 'cheng', '--data', 'phantom']\nfrom common.cli import main; main()"  # fmt: skip
    bare = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert answer.returncode == 2, answer.stderr
    assert "The package tensorflow is not installed" in answer.stderr
    assert "`make install` puts TensorFlow into .venv" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("cv2", ["data", "audit", "phantom"]),
        ("tensorboardX", ["run", "cheng", "--profile", "smoke", "--data", "phantom"]),
    ],
)
def test_any_other_package_that_is_missing_is_named_too(tmp_path, package, words):
    """A real process in which it can't be imported."""
    code = f"import sys; sys.modules[{package!r}] = None; sys.argv = {['repro', *words]}\n" \
           "from common.cli import main; main()"  # fmt: skip
    here = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, check=False)
    assert answer.returncode == 2, answer.stderr
    assert f"The Python package '{package}' is not installed here. `make install`" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (SystemExit(143), "stopped"),
        (KeyboardInterrupt(), "stopped"),
        (ValueError("no such thing\n2026-11-28 12:00:00 INFO finished"), "failed"),
    ],
    ids=["SIGTERM", "Ctrl-C", "error"],
)
def test_status_says_how_a_run_ended_that_is_not_done(tmp_path, end, state):
    write_json(tmp_path / "run.json", {"command": "again", "epochs": 8, "trials": {"repeat 1": "."}, "stored": False})
    machine = SimpleNamespace(**dict.fromkeys(Environment.model_fields, "?") | {"cores": 2})
    with suppress(type(end)), logged(tmp_path, "run cheng", machine):
        assert run_state(tmp_path).state == "killed", "no process is at work, and its log does not end"
        raise end
    found = run_state(tmp_path)
    assert (found.state, found.remedy) == (state, "To go on: again")
    assert "last in its log: " in found.progress


def test_a_run_with_a_broken_file_is_shown_so_and_hides_no_other(repro, tmp_path):
    whole = {"command": "again", "epochs": 8, "trials": {"repeat 1": "repeat-0"}, "stored": False}
    for name, content in {"a": whole, "b": whole | {"trials": [1]}, "c": {"epochs": 8}}.items():
        write_json(tmp_path / "runs" / "cheng" / name / "run.json", content)
    (tmp_path / "runs" / "cheng" / "a" / "repeat-0").mkdir()
    (tmp_path / "runs" / "cheng" / "a" / "repeat-0" / "log.csv").write_bytes(b"epoch,loss\n0,\xff\n1,0.5\n")
    (tmp_path / "runs" / "cheng" / "d" / "run.json").mkdir(parents=True)
    status, printed, _ = repro("status")
    assert status == 0
    shown = re.split(r"^(?:stopped|damaged)  cheng/", printed, flags=re.MULTILINE)[1:]
    assert [run[0] for run in shown] == ["a", "b", "c", "d"]
    assert "readings can't be read" in shown[0]
    assert "repeat 1 has 2 of 8 epochs" in " ".join(shown[0].split())
    assert "To go on: again" in shown[0]
    for run in shown[1:]:
        assert "run.json is damaged" in run
        assert "Start it again with --resume." in run
    assert "it has no 'stored'" in shown[2]
