"""docs/sweeps.md: what is to be copied from it is there."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer

from common.cli import app
from common.sweep import spec

PAGE = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands(program: str) -> list[list[str]]:
    """The words after it, wherever the program is called."""
    lines = [shlex.split(line, comments=True) for text in blocks("sh") + blocks("bash") for line in text.splitlines()]
    found = []
    for words in lines:
        at = next((at for at, word in enumerate(words) if word in (program, f".venv/bin/{program}")), None)
        if at is not None and (at == 0 or "/" in words[at]):  # else it is the value of an option
            found.append([word for word in words[at + 1 :] if word not in (">", "&") and word != "jobs.txt"])
    return found


@pytest.mark.parametrize("words", commands("repro"), ids=" ".join)
def test_each_command_has_the_options_that_it_is_given(words):
    name, *rest = words
    command = typer.main.get_command(app).commands[name]
    command.make_context(name, rest)  # ends the test where an option is not known or its value is of another kind


@pytest.mark.parametrize("words", commands("ray"), ids=" ".join)
def test_so_has_each_of_rays(words):
    scripts = pytest.importorskip("ray.scripts.scripts")
    name, *rest = words
    rest = [re.sub(r"\$\{.*\}", "127.0.0.1", word).replace("$address", "127.0.0.1:6379") for word in rest]
    scripts.cli.commands[name].make_context(name, rest)


def test_there_are_commands():
    assert len(commands("repro")) == 8
    assert [words[0] for words in commands("ray")] == ["start", "start"]


@pytest.mark.parametrize("script", blocks("sh") + blocks("bash"))
def test_each_script_is_one(script):
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=True).stderr == ""


def test_the_file_is_a_sweep(tmp_path):
    (text,) = blocks("yaml")
    (tmp_path / "mine.yaml").write_text(text)
    sweep = spec.parse_sweep(spec.read_sweep_file(tmp_path / "mine.yaml"), "mine.yaml")
    assert sweep.readings == {"batch_size": [8, 16]}
    assert set(sweep.model_fields_set) == set(spec.Sweep.model_fields), "the page explains each field"


def test_a_task_of_the_array_runs_its_line(tmp_path):
    (script,) = (text for text in blocks("bash") if "SLURM_ARRAY_TASK_ID" in text)
    (tmp_path / "jobs.txt").write_text("REPEAT='1 of 2' printenv REPEAT\nREPEAT='2 of 2' printenv REPEAT\n")
    task = {"SLURM_ARRAY_TASK_ID": "2", "PATH": os.defpath}
    ran = subprocess.run(["bash"], input=script, cwd=tmp_path, env=task, text=True, capture_output=True, check=True)
    assert ran.stdout == "2 of 2\n"
