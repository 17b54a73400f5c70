"""Trains and evaluates Cheng's network, narrowed, for an epoch under this backend, as `repro run` does: run in an
environment without TensorFlow. Arguments: a folder in BUSI's layout, one for runs and results."""

import sys
from pathlib import Path

from common import papers
from common.data.busi import index
from common.data.fetch import Found
from common.training.request import Request
from common.training.run import run_experiment
from tests.backends import tiny

if __name__ == "__main__":
    images, folder = map(Path, sys.argv[1:])
    cheng = papers.load("cheng").model_copy(update={"profiles": {"smoke": tiny.CHENG}})
    found = Found("phantom", images, index(images), [])
    places = folder / "runs", folder / "results"
    run_experiment(Request(cheng, "smoke", found, 1, 0, {}, "float32", *places, False), print)
