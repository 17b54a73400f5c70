"""Trains and evaluates Cheng's network, narrowed, for an epoch under this backend, as `repro run` does: run in an
environment without TensorFlow. Arguments: a folder in BUSI's layout, one for runs and results."""

import sys
from pathlib import Path

from common import papers
from common.data.busi import index
from common.data.fetch import Found
from common.training.request import Request
from common.training.run import run_experiment

if __name__ == "__main__":
    images, folder = map(Path, sys.argv[1:])
    cheng = papers.load("cheng")
    # Two levels of four; and 21 images are trained on, in one size of batch: XLA compiles the network for each size.
    tiny = {"side": 32, "filters": [2, 2], "bottleneck": 2, "epochs": 1, "batch_size": 7}
    tiny |= {"encoder_dropout": [0.1, 0.2], "decoder_dropout": [0.2, 0.1]}
    cheng = cheng.model_copy(update={"profiles": {"smoke": tiny}})
    found = Found("phantom", images, index(images), [])
    places = folder / "runs", folder / "results"
    run_experiment(Request(cheng, "smoke", found, 1, 0, {}, "float32", *places, False), print)
