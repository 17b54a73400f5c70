"""The parts of `repro bench`: each yields its lines as soon as they are measured."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import common
from common.bench import roofline
from common.bench.contenders import COPIED, SIDE
from common.bench.ratios import LeftOut, Line, Ratio
from common.bench.workers import Failed, Took, in_turns, workers
from common.data.fetch import Missing
from common.paper import Paper
from common.recipe import Recipe

CONTENDERS = "common.bench.contenders"
CHECKOUT = Path(common.__file__).parents[1]
# PyTorch as most write it, and as its guides advise: layout, and whether it is compiled. Compiling for a CPU takes
# minutes, so there the two layouts are tried.
PYTORCH = {
    "cpu": {"eager": (False, False), "eager, channels last": (True, False)},
    "gpu": {"eager": (False, False), "compiled, channels last": (True, True)},
}
AT_ONCE = {"cpu": 2, "gpu": 5}
GROWTH = 10


@dataclass(frozen=True)
class Bench:
    """What is measured: a paper's network in this profile and precision on this kind of device, "cpu" or "gpu". steps:
    of an epoch; rounds: how often each is measured; data, root: the data set, by default the paper's, and where the
    data sets are, which only preparing asks for."""

    paper: Paper
    recipe: Recipe
    precision: str
    kind: str
    data: str | None
    root: Path
    steps: int
    rounds: int
    runs: Path

    @property
    def plain(self) -> Recipe:
        """Without the changes to images that the host makes, which are no part of a network's step."""
        return self.recipe.model_copy(update={"augmentation": {}})

    def training(self, recipe: Recipe, steps: int) -> tuple[Any, ...]:
        """The order for a worker that trains as the suite does."""
        images = steps * recipe.batch_size
        return f"{CONTENDERS}:training", self.paper.name, recipe, self.precision, images, self.runs


def pipeline(bench: Bench) -> Iterator[Line]:
    from common.training.request import cache_folder, find_data, prepare_for

    try:
        found = find_data(bench.paper, bench.data, bench.root, bench.runs)
    except Missing as missing:
        if bench.data:
            raise
        yield LeftOut(bench.paper.name, "pipeline", "pipeline", str(missing).partition("\n")[0])
        return

    def preparing(cache: Path) -> float:
        started = time.perf_counter()
        prepare_for(bench.recipe, found, cache)
        return time.perf_counter() - started

    bench.runs.mkdir(parents=True, exist_ok=True)
    empty = Path(tempfile.mkdtemp(prefix=".bench-", dir=bench.runs))
    try:
        first, again = preparing(empty), preparing(empty)
    finally:
        shutil.rmtree(empty)
    meaning = f"{first:.1f} s for {len(found.cases)} images of {found.name}, then {again:.2f} s"
    yield Ratio(bench.paper.name, "pipeline", "preparing / from the cache", meaning, "s", [first], [again])

    cache = cache_folder(bench.runs)
    prepare_for(bench.recipe, found, cache)
    network = bench.paper.name, bench.recipe, bench.precision
    feeding = f"{CONTENDERS}:feeding", *network, found, bench.steps, cache
    with workers(feeding, (f"{CONTENDERS}:bare", *network, bench.steps, bench.runs)) as (fed, bare):
        above, below = in_turns(bench.rounds, [fed.measure, bare.measure])
    meaning = "time of an epoch over that of its steps on one batch that never changes; 1 is a pipeline that is free"
    yield from _on_each_clock(bench, "pipeline", "epoch / bare steps", meaning, above, below)


def pytorch(bench: Bench) -> Iterator[Line]:
    mixed = ", mixed precision" if bench.precision != "float32" else ""
    names = {variant: f"ours / PyTorch {variant}{mixed}" for variant in PYTORCH[bench.kind]}
    if missing := _missing_twin(bench.paper.name):
        yield from (LeftOut(bench.paper.name, "pytorch", name, missing) for name in names.values())
        return
    device = "cuda" if bench.kind == "gpu" else "cpu"
    meaning = "images a second in training over PyTorch's, which computes no metrics; above 1 we are faster"
    with workers(bench.training(bench.plain, bench.steps)) as (ours,):
        for variant, (channels_last, compiled) in PYTORCH[bench.kind].items():
            settings = bench.paper.name, bench.plain, bench.precision, device, channels_last, compiled, bench.steps
            try:
                with workers((f"{CONTENDERS}:pytorch", CHECKOUT, *settings)) as (theirs,):
                    below, above = in_turns(bench.rounds, [ours.measure, theirs.measure])
            except Failed as failed:
                yield LeftOut(bench.paper.name, "pytorch", names[variant], str(failed))
            else:
                yield from _on_each_clock(bench, "pytorch", names[variant], meaning, above, below)


def ceiling(bench: Bench) -> Iterator[Line]:
    from common.training.fit import compiled
    from common.training.network import Network

    model = compiled(Network.of(bench.paper.name), bench.plain, bench.precision, steps=1)
    layers = roofline.works(model, bench.plain.batch_size)
    del model
    with workers(bench.training(bench.plain, bench.steps), (f"{CONTENDERS}:machine", bench.precision, bench.kind)) as (
        ours,
        machine,
    ):
        turns = [ours.measure, lambda: machine.measure("product"), lambda: machine.measure("copy")]
        epochs, products, copies = in_turns(bench.rounds, turns)
    rates = [2 * SIDE[bench.kind] ** 3 / took.wall for took in products]
    bandwidths = [2 * COPIED[bench.kind] / took.wall for took in copies]
    least = [sum(layer.seconds(*speed) for layer in layers) for speed in zip(rates, bandwidths, strict=True)]
    operations, moved = sum(layer.operations for layer in layers), sum(layer.bytes for layer in layers)
    meaning = (
        f"share of the possible: the least time for the {operations / 1e9:.3g} billion operations and "
        f"{moved / 1e9:.3g} GB of a step, at the {max(rates) / 1e12:.3g} TFLOP/s and {max(bandwidths) / 1e9:.3g} GB/s "
        "measured, over the step's time; 1 can't be reached"
    )
    steps = [took.wall / bench.steps for took in epochs]
    yield Ratio(bench.paper.name, "roofline", "least possible / step", meaning, "s", least, steps)


def batch(bench: Bench) -> Iterator[Line]:
    size, widest = bench.plain.batch_size, 4
    steps = -(-bench.steps // widest) * widest
    sizes = {times: bench.plain.model_copy(update={"batch_size": times * size}) for times in (1, 2, widest)}
    orders = [bench.training(recipe, steps // times) for times, recipe in sizes.items()]
    with workers(*orders) as each:
        paper, *wider = in_turns(bench.rounds, [worker.measure for worker in each])
    meaning = "images a second over those of the paper's batch; above 1 the device was not full"
    for times, took in zip((2, widest), wider, strict=True):
        name = f"batch {times * size} / batch {size}"
        yield Ratio(bench.paper.name, "batch", name, meaning, "s", _wall(paper), _wall(took))


def images(bench: Bench) -> Iterator[Line]:
    few = max(2, bench.steps // 4)
    memory: list[list[float]] = []
    with workers(bench.training(bench.plain, GROWTH * few), bench.training(bench.plain, few)) as pair:
        many_took, few_took = in_turns(bench.rounds, [worker.measure for worker in pair])
        if Path("/proc").is_dir():
            memory = [[float(worker.memory())] for worker in pair]
    per_image = [Took(took.wall / GROWTH, took.cpu / GROWTH) for took in many_took]
    name = f"{GROWTH}x the images"
    meaning = "time an image over that with few; 1 is what it should be"
    yield from _on_each_clock(bench, "images", f"{name}: time", meaning, per_image, few_took)
    if memory:
        meaning = "memory of the process over that with few, without what the system can take back; 1 is constant"
        yield Ratio(bench.paper.name, "images", f"{name}: memory", meaning, "bytes", *memory)
    else:
        yield LeftOut(bench.paper.name, "images", f"{name}: memory", "only Linux says what a process keeps")


def at_once(bench: Bench) -> Iterator[Line]:
    number = AT_ONCE[bench.kind]
    with workers(*[bench.training(bench.plain, bench.steps)] * number) as crowd:

        def together() -> float:
            started = time.perf_counter()
            for worker in crowd:
                worker.start("epoch")
            for worker in crowd:
                worker.took()
            return time.perf_counter() - started

        above, below = in_turns(bench.rounds, [together, lambda: crowd[0].measure().wall])
    name = f"{number} repeats at once / one"
    meaning = (
        f"time of {number} trainings at the same time over that of one, in epochs past the first: without starting, "
        f"compiling and evaluating; {number} is no gain"
    )
    yield Ratio(bench.paper.name, "at-once", name, meaning, "s", above, below)


PARTS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "pipeline": pipeline,
    "pytorch": pytorch,
    "roofline": ceiling,
    "batch": batch,
    "images": images,
    "at-once": at_once,
}


def measure(bench: Bench, parts: Sequence[str]) -> Iterator[Line]:
    """The lines of these parts. A part that fails is left out, with its reason, and does not end the others."""
    for part in parts:
        try:
            yield from PARTS[part](bench)
        except Failed as failed:
            yield LeftOut(bench.paper.name, part, part, str(failed))


def _on_each_clock(
    bench: Bench, part: str, name: str, meaning: str, above: list[Took], below: list[Took]
) -> Iterator[Ratio]:
    """The ratio of times by the clock, and, where a CPU does the work, of CPU times too: those of a machine that others
    use as well, or whose speed varies, come out the same again."""
    yield Ratio(bench.paper.name, part, name, meaning, "s", _wall(above), _wall(below))
    if bench.kind == "cpu":
        cpu = [[took.cpu for took in each] for each in (above, below)]
        yield Ratio(bench.paper.name, part, f"{name}, CPU time", "the same of seconds of CPU", "s", *cpu)


def _wall(all_took: list[Took]) -> list[float]:
    return [took.wall for took in all_took]


def _missing_twin(paper: str) -> str | None:
    """Why there is nothing to compare with, None where there is."""
    if not (CHECKOUT / "tests" / "bench" / "twins").is_dir():
        return "the networks in plain PyTorch lie in tests/bench/ of a checkout, which this is not"
    if not (CHECKOUT / "tests" / "bench" / "twins" / f"{paper}.py").is_file():
        return "this network has no twin in plain PyTorch"
    if not find_spec("torch"):
        return "PyTorch is not installed: .venv/bin/python -m pip install torch"
    return None
