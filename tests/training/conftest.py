"""All repeats of a paper, with a stand-in for the training."""

import json
from dataclasses import replace

import numpy as np
import pytest

from common import papers
from common.data import fetch
from common.data.busi import index
from common.evidence import counts, results
from common.sweep import job
from common.training import run as room
from common.training.callbacks import Diverged
from common.training.record import Fit, note_failure, summary
from common.training.request import Request

CHENG = papers.load("cheng")


@pytest.fixture
def run(monkeypatch, phantom_folder, tmp_path):
    """Runs Cheng for some repeats; `run.trained` lists the trials that were really trained, by number, `run.said` the
    lines for the person. `fails_in`, `diverges_in`: the trials that are broken off, or whose loss is not finite;
    `marks`: what every pixel gets."""
    trained = []
    found = fetch.Found("phantom", phantom_folder, index(phantom_folder), [])

    def fit(training, split, trial, folder, progress):
        if trial.number == run_.fails_in:
            raise KeyboardInterrupt
        if trial.number in run_.diverges_in:
            diverged = Diverged(float("nan"), epoch=3, batch=5, learning_rate=1e-3)
            return note_failure(folder, training.seed, trial, diverged)
        trained.append(trial.number)
        random = np.random.default_rng(trial.number)
        for part, positions in split.parts().items():
            cases = [training.prepared.cases[position] for position in positions]
            truth = training.prepared.masks[positions] / 255
            ids, labels, groups = zip(*((case.id, case.label, case.group) for case in cases), strict=True)
            predicted = random.random(truth.shape, dtype=np.float32)
            if run_.marks is not None:
                predicted[:] = run_.marks
            rows = counts.count(predicted, truth, ids, labels, groups)
            rows.save(folder / f"rows-{part}.npz")
        side = training.recipe.side
        marked = np.zeros((len(split.test), side, side), bool)
        marked[:, 2:12, 3:23] = True
        np.savez(folder / "test-masks.npz", bits=np.packbits(marked, axis=-1))
        history = {"loss": [0.5, 0.4], "accuracy|pixel|pooled|t=0.5": [0.8, 0.9], "val_loss": [0.6, 0.5]}
        sizes = {part: len(positions) for part, positions in split.parts().items()}
        done = Fit(training.seed, trial.repeat, trial.fold, 2, 2, 1.0, sizes, history, [])
        done = replace(done, unlearned=summary(training.paper, training.recipe, folder, done).unlearned)
        (folder / "fit.json").write_text(json.dumps(vars(done)))
        return done

    monkeypatch.setattr(room, "fit", fit)
    monkeypatch.setattr(job, "fit", fit)

    def asks(repeats, resume=True, profile="smoke", **readings):
        return Request(
            CHENG, profile, run_.found, repeats, 0, readings, "float32",
            tmp_path / "runs", tmp_path / "results", resume,
        )  # fmt: skip

    def run_(repeats, resume=True, profile="smoke", adds=False, **readings):
        trained.clear()
        run_.said = []
        request = replace(asks(repeats, resume, profile, **readings), adds=adds)
        return room.run_experiment(request, run_.said.append)

    run_.asks, run_.found = asks, found
    run_.trained, run_.fails_in, run_.results = trained, None, tmp_path / "results"
    run_.diverges_in, run_.marks, run_.paper = [], None, CHENG
    run_.stored = lambda: results.load(tmp_path / "results", "cheng")
    run_.runs = tmp_path / "runs" / "cheng"
    return run_
