"""Prints a digest of every batch that each paper trains and validates on, two epochs of them, under this backend: run
in several environments by test_without_tensorflow.py. Arguments: a folder in BUSI's layout, a folder for runs."""

import sys
from hashlib import blake2b
from pathlib import Path

import keras
import numpy as np

from common import papers
from common.data.batches import Batches, MadeAhead, for_backend
from common.data.busi import index
from common.data.fetch import Found
from common.data.splits import draw
from common.training.network import Network
from common.training.request import prepare_for


def main(folder: Path, runs: Path) -> None:
    found = Found("phantom", folder, index(folder), [])
    for name in papers.names():
        recipe = papers.load(name).recipe("smoke")
        if recipe.split == "published":  # lists of images that the phantom does not have
            recipe = recipe.model_copy(update={"split": "random"})
        prepared = prepare_for(recipe, found, runs)
        split = draw(prepared.cases, prepared.only(recipe.classes), recipe, seed=0, repeat=0)[0]
        print(name, *(f"{part}={ids.tolist()}" for part, ids in split.parts().items()))
        for seed, positions in (((0, 0), split.train), (None, split.validation)):
            batches = Batches(
                prepared, positions, recipe, recipe.batch_size, seed, Network.of_paper(name).augment(recipe)
            )
            for epoch, digests in enumerate(served(batches, epochs=2)):
                print(name, epoch, *digests)


def served(batches: Batches, epochs: int) -> list[list[str]]:
    """The digests of the batches of each epoch: those of the pipeline under TensorFlow, else those that reach `fit`,
    for which several threads make them."""
    model, seen, given = Watching(), [], for_backend(batches)
    if not isinstance(given, MadeAhead):
        for batches.epoch in range(epochs):
            seen.append([digest(batch) for batch in given.as_numpy_iterator()])
        return seen

    class EpochStart(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            batches.epoch, model.seen = epoch, []
            seen.append(model.seen)

    model.compile(run_eagerly=True)
    model.fit(given, epochs=epochs, shuffle=False, verbose=0, callbacks=[EpochStart()])
    return seen


class Watching(keras.Model):
    """Notes the digest of each batch, and learns nothing."""

    built = True
    seen: list[str]

    def call(self, inputs):
        return inputs

    def train_step(self, *given):
        *state, batch = given
        self.seen.append(digest(batch))
        return ({}, *state) if state else {}  # under JAX also the state, which stays


def digest(batch) -> str:
    parts = [np.ascontiguousarray(part) for part in keras.tree.flatten(batch)]
    return blake2b(b"".join(f"{part.dtype}{part.shape}".encode() + part.tobytes() for part in parts)).hexdigest()[:16]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
