"""The page on the committed results: what `repro compare` makes of them, and not written by hand."""

from dataclasses import replace
from pathlib import Path

from common import paper
from common.evidence.assess import of_paper
from common.evidence.readme import readme

RESULTS = Path(__file__).parents[2] / "results"
# Which records are stale changes with every change of the code, and is told anew by whoever runs the command.
STALE = ("**Stale**: made by an older recipe or older training code. Run it again.\n\n", " (stale)", ", STALE")


def test_the_committed_page_is_what_the_command_makes_of_the_committed_records():
    assessed = [each for name in paper.names() for each in of_paper(paper.load(name), RESULTS)]
    expected = readme(replace(each, fresh=True, leak_free_fresh=True) for each in assessed)
    committed = (RESULTS / "README.md").read_text(encoding="utf-8")
    for mark in STALE:
        committed = committed.replace(mark, "")
    assert committed.splitlines() == expected.splitlines(), "run `repro compare`"
