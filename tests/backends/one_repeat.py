"""Trains one repeat of a paper on JAX, from its initial weights to the counts of its images, in bfloat16, and prints as
JSON what decides how many programs that may compile. Run by test_compiled.py in a process of its own.

Arguments: a paper, "stepwise" or "scanned", a folder in BUSI's layout, an empty folder."""

import json
import sys
from pathlib import Path

from rich.progress import Progress

from common import papers
from common.data.busi import index
from common.data.fetch import Found
from common.training import scan
from common.training.batch_statistics import normalisations
from common.training.fit import fit
from common.training.request import Request, plan

EPOCHS = 2


def main(name: str, way: str, images: Path, folder: Path) -> None:
    about = papers.load(name)
    shorter = {**about.profiles["smoke"], "epochs": EPOCHS}
    about = about.model_copy(update={"profiles": {**about.profiles, "smoke": shorter}})
    found = Found("phantom", images, index(images), [])
    readings = {"split": "grouped"} if about.recipe().split == "published" else {}
    planned = plan(Request(about, "smoke", found, 1, 0, readings, "mixed_bfloat16", folder, folder, False), print)
    trial, network = planned.trials[0], planned.training.network
    training, split = planned.inputs_of(trial)
    recipe, scanned, widths = training.recipe, [], []
    if way == "scanned":  # as on a GPU
        scan.usable = lambda batches, validation: scanned.append(not batches.augment) or scanned[-1]
        scan._Steps = noting(scan._Steps, widths)
    with Progress(disable=True) as progress:
        fit(training, split, trial, folder / "repeat", progress)
    model = network.build(recipe)
    facts = {
        "scanned": any(scanned),
        "train": [len(split.train), recipe.batch_size],
        "validation": [len(split.validation), widths[-1] if widths else recipe.batch_size],
        "normalises": bool(normalisations(model)),
        "shapes": len({weight.shape for weight in model.weights}),
    }
    print(json.dumps(facts))


def noting(steps: type, widths: list[int]) -> type:
    """The same class, which notes the number of images at a time of each that is made."""

    class Noting(steps):
        def __init__(self, batches, resident, size):
            super().__init__(batches, resident, size)
            widths.append(size)

    return Noting


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(Path, sys.argv[3:]))
