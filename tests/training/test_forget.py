"""Many trainings in one process take no more memory than one."""

import os
import re
import statistics
import subprocess
import sys
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest

from common import papers
from common.data.batches import Batches, for_backend
from common.data.busi import index
from common.data.prepare import Need, prepare
from common.training.forget import forget_trainings


def test_neither_network_nor_data_of_a_training_outlive_it(phantom_folder, tmp_path):
    recipe = papers.load("cheng").recipe("smoke")
    prepared = prepare(index(phantom_folder), "phantom", Need.of_recipe(recipe), tmp_path)

    def train():
        batches = Batches(prepared, np.arange(8), recipe, batch_size=4, seed=(0, 0))
        channels = recipe.input_channels
        model = keras.Sequential([keras.Input((recipe.side, recipe.side, channels)), keras.layers.Conv2D(1, 1)])
        model.compile("adam", "mse")
        model.fit(for_backend(batches), shuffle=False, verbose=0)
        return weakref.ref(batches), weakref.ref(model)

    of_first, of_second = train(), train()
    forget_trainings()
    assert [held() for held in (*of_first, *of_second)] == [None] * 4


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of another process from /proc")
def test_a_hundred_repeats_take_no_more_memory_than_ten(tmp_path):
    """At the end of each repeat, in MB. Single values move by some 5 % with the work of the threads, so the median of
    the last twenty is compared with that of the eleventh to the thirtieth: flat to 2 %."""
    command = [sys.executable, "-m", "reproductions", "run", "cheng", "--profile", "smoke", "--data", "phantom"]
    command += ["--repeats", "100", "--runs", str(tmp_path)]
    taken = []
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as run:
        for line in run.stdout:
            if "epochs in" in line:
                status = Path(f"/proc/{run.pid}/status").read_text()
                taken.append(int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1000)
    assert run.returncode == 0
    assert len(taken) == 100
    assert statistics.median(taken[-20:]) < 1.02 * statistics.median(taken[10:30]), taken
