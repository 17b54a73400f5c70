"""Real processes that read, change and write the same results at once: no record is lost, none is replaced by an older
one."""

import subprocess
import sys
import time
from pathlib import Path

from common import papers
from common.evidence import pages, results, schema

ROOT = Path(__file__).parents[2]

# What the end of a run does with its records: stores each while it has the results alone.
STORES = """
import sys
from pathlib import Path
from common.evidence import results, schema
from common.lock import only_one
folder, *records = map(Path, sys.argv[1:])
for path in records:
    record = schema.Record.model_validate_json(path.read_text())
    with only_one(folder, wait=True):
        results.store(folder, record)
"""


def storing(folder: Path, *records: schema.Record) -> subprocess.Popen:
    """A process that stores these records, one after the other."""
    paths = []
    for record in records:
        paths.append(folder.parent / f"{record.dataset.name}-{record.runs[0].seconds}.json")
        paths[-1].write_text(record.model_dump_json())
    return subprocess.Popen([sys.executable, "-c", STORES, str(folder), *map(str, paths)], cwd=ROOT)


def made_in(seconds: float, **changes) -> schema.Record:
    """One of our records of Gill, as if its first repeat had taken so long."""
    first, *_ = results.load(ROOT / "results", "gill")
    runs = [first.runs[0].model_copy(update={"seconds": seconds}), *first.runs[1:]]
    return first.model_copy(update={"runs": runs} | changes)


def test_of_processes_that_store_at_once_none_loses_a_record(tmp_path):
    names = ["one", "two", "three"]
    sets = [schema.Dataset(name=name, cases=780, fingerprint="f") for name in names]
    processes = [
        storing(tmp_path / "results", *(made_in(float(second), dataset=each) for second in range(20))) for each in sets
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    stored = results.load(tmp_path / "results", "gill")
    assert {record.dataset.name: record.runs[0].seconds for record in stored} == dict.fromkeys(names, 19.0)


def test_nothing_is_stored_while_the_pages_are_made(tmp_path, monkeypatch):
    """This takes seconds, at the end of every run too. The other process waits, so that all pages are of the same
    records."""
    folder, read, others = tmp_path / "results", pages.assess_paper, []
    assert storing(folder, made_in(1.0)).wait() == 0

    def read_slowly(about, place):
        found = read(about, place)
        others.append(storing(folder, made_in(2.0)))
        time.sleep(2)  # the other process has started by then, and would have stored long ago
        assert others[0].poll() is None
        return found

    monkeypatch.setattr(pages, "assess_paper", read_slowly)
    monkeypatch.setattr(papers, "names", lambda: ["gill"])
    compared, _ = pages.renew_pages(folder, {"gill"})
    assert compared["gill"][0].record.runs[0].seconds == 1.0
    assert others[0].wait() == 0
    assert [record.runs[0].seconds for record in results.load(folder, "gill")] == [2.0]
