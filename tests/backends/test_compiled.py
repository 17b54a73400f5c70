"""What JAX compiles in a training: each network once for each task, and nothing of it uncompiled, layer by layer."""

import json
import re
import shutil

import pytest

from common import papers
from tests.backends.environments import compiled_programs, ran


def sizes(images: int, batch: int) -> int:
    """How many sizes the batches of an epoch have: that of the full ones, and that of a smaller last one."""
    return (images >= batch) + (images % batch > 0)


@pytest.mark.long
@pytest.mark.parametrize("name", papers.names())
@pytest.mark.parametrize("way", ["stepwise", "scanned"])
def test_a_training_compiles_its_network_once_for_each_task(python, phantom_folder, tmp_path, monkeypatch, name, way):
    """Steps, validation, evaluation (which draws the examples) and renewed statistics, each once for each size of
    batch. `make test` counts one paper step by step, in test_without_tensorflow.py."""
    monkeypatch.setenv("JAX_DUMP_IR_TO", str(tmp_path / "programs"))
    answer = ran(python("jax"), "jax", "-m", "tests.backends.one_repeat", name, way, phantom_folder, tmp_path)
    assert answer.returncode == 0, answer.stderr
    facts = json.loads(answer.stdout.splitlines()[-1])
    steps, validation = sizes(*facts["train"]), sizes(*facts["validation"])
    trained = {"run": steps + validation} if facts["scanned"] else {"train_step": steps, "test_step": validation}
    networks, others = compiled_programs(tmp_path / "programs")
    assert networks == trained | {"predict_step": 1 + facts["normalises"] * steps}
    # The others draw the initial weights, a few programs for each shape, and fill metrics and optimizer.
    assert others <= 4 * facts["shapes"] + 30


KEEP = """
import os, sys
from pathlib import Path
import jax
from common.training import environment, precision, programs
os.chdir(sys.argv[1])
precision.gpu_in_use = lambda: True
programs.keep_compiled(Path("runs/cache/compiled").resolve())
seen = []
jax.monitoring.register_event_listener(lambda event, **facts: seen.append(event.rpartition("/")[2]))
jax.jit(lambda x: x + 1)(2.0)
print(programs.folder_of_programs(), *(event for event in seen if event in ("cache_hits", "cache_misses")))
"""


def test_compiled_programs_are_found_in_a_copy_of_their_folder_elsewhere(python, tmp_path):
    """A stand-in says that there is a GPU. JAX's key of a program contains the path, so it must be a relative one."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    printed = [ran(python("jax"), "jax", "-c", KEEP, here).stdout.split()]
    shutil.copytree(here, there)
    printed.append(ran(python("jax"), "jax", "-c", KEEP, there).stdout.split())
    (folder, *first), (again, *second) = printed
    assert folder == again
    assert re.fullmatch(r"runs/cache/compiled/[\w.-]+-jax-[\d.]+", folder)
    assert first == ["cache_misses"]
    assert second == ["cache_hits"]
