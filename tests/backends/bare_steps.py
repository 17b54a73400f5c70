"""Times an epoch of bare steps of Cheng's network, narrowed, under this backend, as `repro bench` does. Argument: a
folder for random images."""

import sys
from pathlib import Path

from common import papers
from common.bench.lines import CONTENDERS
from common.bench.workers import workers
from tests.backends import tiny

if __name__ == "__main__":
    recipe = papers.load("cheng").recipe("smoke").model_copy(update=tiny.CHENG)
    with workers((f"{CONTENDERS}:bare", "cheng", recipe, "float32", 2, Path(sys.argv[1]))) as (bare,):
        print(bare.measure().wall)
