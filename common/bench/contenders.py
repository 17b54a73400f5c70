"""The contenders of `repro bench`: the pieces of work that are timed.

Each public function runs in a process of its own and imports its framework there. It returns `Works`, which
`common.bench.workers` calls by their names.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any

import numpy as np

from common.bench.workers import Works
from common.data.case import Case
from common.data.fetch import Found
from common.lock import temporary_folder
from common.recipe import Recipe
from common.training.backend import import_keras

# The side of the square matrices that are multiplied, and the number of bytes that are copied. The work takes
# milliseconds, and the data are far larger than a cache.
SIDE = {"cpu": 1536, "gpu": 8192}
COPIED = {"cpu": 2**26, "gpu": 2**30}


def training(
    paper: str, recipe: Recipe, precision: str, images: int, runs: Path, variant: str = "", flags: str = ""
) -> Works:
    """An epoch as the suite trains it, on random images that are memory-mapped like prepared ones. images: their
    number. variant: the name of a variant of the network (`common.bench.variants`); "" for the network itself. flags:
    of XLA, in addition to those of the environment."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    import_keras()
    return _pipeline(paper, recipe, precision, _random(recipe, images, runs), np.arange(images), variant)


def stacked(paper: str, recipe: Recipe, precision: str, steps: int, runs: Path, repeats: int) -> Works:
    """Steps of several repeats in one program, on JAX only. The weights of all repeats are stacked, and each repeat has
    its own batch. With one repeat, this is the step of a plain training."""
    import_keras()
    import jax
    import keras

    from common.data.batches import Batches

    one = _random(recipe, recipe.batch_size, runs)
    batch = Batches(one, np.arange(len(one.cases)), recipe, recipe.batch_size, seed=None)[0]
    model = _model(paper, recipe, precision)
    model._symbolic_build(data_batch=batch)
    kinds = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state: Any = tuple([variable.value for variable in variables] for variables in kinds)
    data: Any = keras.tree.map_structure(jax.numpy.asarray, batch)
    if repeats > 1:
        state, data = (jax.tree.map(lambda array: jax.numpy.stack([array] * repeats), each) for each in (state, data))
    step = jax.jit(jax.vmap(model.train_step) if repeats > 1 else model.train_step, donate_argnums=0)

    def epoch() -> None:
        nonlocal state
        for _ in range(steps):
            _, state = step(state, data)
        jax.block_until_ready(state)

    return {"epoch": epoch}


def feeding(paper: str, recipe: Recipe, precision: str, found: Found, steps: int, runs: Path) -> Works:
    """An epoch as the suite trains it, on real images from the cache."""
    import_keras()
    from common.training.request import prepare_for

    prepared = prepare_for(recipe, found, runs)
    positions = np.resize(np.arange(len(prepared.cases)), steps * recipe.batch_size)
    return _pipeline(paper, recipe, precision, prepared, positions)


def bare(paper: str, recipe: Recipe, precision: str, steps: int, runs: Path) -> Works:
    """The training steps alone: Keras' `fit` on one batch that the backend already holds."""
    import_keras()
    import keras

    from common.data.batches import Batches, for_backend

    one = _random(recipe, recipe.batch_size, runs)
    batches = Batches(one, np.arange(len(one.cases)), recipe, recipe.batch_size, seed=None)
    if keras.backend.backend() == "tensorflow":
        data: Any = for_backend(batches).cache().repeat(steps)
    else:
        batch = keras.tree.map_structure(keras.ops.convert_to_tensor, batches[0])

        class Again(keras.utils.PyDataset):
            def __len__(self) -> int:
                return steps

            def __getitem__(self, number: int) -> Any:
                return batch

        data = Again()
    options = {"shuffle": False, "verbose": 0, "epochs": sys.maxsize}
    return _epochs(lambda turns: _model(paper, recipe, precision).fit(data, callbacks=turns, **options))


def pytorch(checkout: Path, *arguments: Any) -> Works:
    """An epoch of a network in PyTorch, as `tests/bench/training.py` in this checkout trains it. arguments: for its
    function `epoch`."""
    sys.path.append(str(checkout))
    return {"epoch": import_module("tests.bench.training").epoch(*arguments)}


def machine(precision: str, kind: str) -> Works:
    """The speed of the machine itself: a product of two matrices in the precision in which layers compute, and a copy
    of float32 numbers. kind: of device, "cpu" or "gpu"."""
    import_keras()
    import keras
    from keras import ops

    of_layers = keras.dtype_policies.DTypePolicy(precision).compute_dtype
    square = ops.cast(keras.random.uniform((SIDE[kind], SIDE[kind])), of_layers)
    long = ops.ones(COPIED[kind] // 4)

    def finish(tensor: Any) -> None:
        ops.convert_to_numpy(ops.ravel(tensor)[:1])  # waits for the device

    return {"product": lambda: finish(ops.matmul(square, square)), "copy": lambda: finish(long + 1.0)}


def _pipeline(
    paper: str, recipe: Recipe, precision: str, prepared: Any, positions: np.ndarray, variant: str = ""
) -> Works:
    from common.data.batches import Batches
    from common.training.compiled import feeding
    from common.training.network import Network

    augment = Network.of_paper(paper).augment(recipe)
    batches = Batches(prepared, positions, recipe, recipe.batch_size, (0, 0), augment)

    def train(turns: Sequence[Any]) -> None:
        model = _model(paper, recipe, precision, variant)
        with feeding(model, batches, None) as (data, _):
            model.fit(data, epochs=sys.maxsize, shuffle=False, verbose=0, callbacks=list(turns))

    return _epochs(train)


def _epochs(train: Callable[[Sequence[Any]], Any]) -> Works:
    """A training that never ends, and waits at the start of each epoch until `epoch` is called. So the work before the
    first epoch is not timed. train: trains with the given callbacks."""
    import keras

    begin, ended, failed = Semaphore(0), Semaphore(0), []

    class Turns(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            begin.acquire()

        def on_epoch_end(self, epoch, logs=None):
            ended.release()

    def run() -> None:
        try:
            train([Turns()])
        except Exception as error:
            failed.append(error)
        ended.release()

    def epoch() -> None:
        begin.release()
        ended.acquire()
        if failed:
            raise failed[0]

    # Keras is used in this thread only, because its settings belong to a thread.
    Thread(target=run, daemon=True).start()
    return {"epoch": epoch}


def _random(recipe: Recipe, images: int, runs: Path) -> Any:
    """Random images and masks in the form of prepared data, memory-mapped."""
    from common.data.prepare import Prepared

    runs.mkdir(parents=True, exist_ok=True)
    with temporary_folder(runs, ".bench-") as folder:  # a mapped file outlives its folder
        shape = images, recipe.side, recipe.side
        pixels = _mapped(folder / "images.npy", (*shape, recipe.channels))
        masks = _mapped(folder / "masks.npy", shape)
    cases = tuple(Case(str(n), recipe.classes[n % len(recipe.classes)], str(n), Path(), ()) for n in range(images))
    return Prepared("random", cases, pixels, masks, "")


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.default_rng(0)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for number in range(len(array)):  # image by image, because a whole random array would take the process's memory
        array[number] = random.integers(0, 256, shape[1:], dtype=np.uint8)
    array.flush()
    return np.load(path, mmap_mode="r")


def _model(paper: str, recipe: Recipe, precision: str, variant: str = "") -> Any:
    from common.bench import variants
    from common.training.compiled import compiled

    return compiled(variants.of_paper(paper, variant), recipe, precision, steps=1)
