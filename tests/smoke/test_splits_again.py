"""A run with `--splits`: which repeats share their images, as a real process."""

import json

import numpy as np
import pytest

from common import papers
from common.evidence import counts, run_values
from common.evidence.results import slug
from common.evidence.schema import Record
from tests.smoke.test_smoke import repro


@pytest.mark.long
def test_every_other_repeat_has_the_images_of_the_first_and_weights_of_its_own(tmp_path):
    words = "run", "gill", "--profile", "smoke", "--data", "phantom", "--splits", "2", "--repeats", "4"
    repro(tmp_path, tmp_path / "runs", *words)
    (stored,) = json.loads((tmp_path / "results" / "gill.json").read_text())
    record = Record.model_validate(stored)
    assert record.readings == {"splits": "2"}
    kept = tmp_path / "results" / "gill" / slug(record)
    cases = [counts.Rows.load(kept / f"rows-{repeat}-test.npz").case for repeat in range(4)]
    alike = [[np.array_equal(one, other) for other in cases] for one in cases]
    assert alike == [[one % 2 == other % 2 for other in range(4)] for one in range(4)]
    assert len({tuple(run.history["loss"]) for run in record.runs}) == 4
    split_of = run_values.split_of_each_repeat(papers.load("gill"), record)
    assert [split_of[run.seed, run.repeat] for run in record.runs] == [(0, 0), (0, 1), (0, 0), (0, 1)]
