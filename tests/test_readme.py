"""README.md says what is so."""

import re
import subprocess
from pathlib import Path

import pytest

from common import paper

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results() -> str:
    """The committed results/README.md, which runs of one's own leave alone."""
    show = ["git", "show", "HEAD:results/README.md"]
    committed = subprocess.run(show, cwd=TOP, capture_output=True, text=True, check=False)
    return committed.stdout if committed.returncode == 0 else pytest.skip("not a git checkout")


@pytest.mark.parametrize("name", paper.names())
def test_the_verdicts_are_those_of_the_results(name, results):
    (row,) = re.findall(rf"^\| \[{name}\]\(.*$", README, re.MULTILINE)
    if not (TOP / "results" / f"{name}.json").exists():
        assert row.endswith("| not run yet |")
        return
    block = results.split(f"\n## {name.capitalize()}\n", 1)[1].split("\n## ", 1)[0]
    verdicts = re.findall(r"^- (\w+ profile, .+: .+ numbers.*)$", block, re.MULTILINE)
    assert verdicts
    assert row.rsplit(" | ", 1)[1].removesuffix(" |").split("<br>") == verdicts


def test_the_number_of_printed_numbers_is_that_of_the_records():
    (said,) = re.findall(r"every one of the (\d+) numbers", README)
    assert int(said) == sum(len(paper.load(name).printed_numbers) for name in paper.names())


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)\)", README))))
def test_a_link_leads_to_a_file(path):
    assert (TOP / path).exists()


def test_a_promise_names_a_test_that_there_is():
    promised = README.split("## What you can rely on", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"`([\w/]+\.py)`", promised)
    assert len(named) > 10
    assert [path for path in named if not (TOP / "tests" / path).is_file()] == []
