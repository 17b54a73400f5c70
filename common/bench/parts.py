"""The parts of `repro bench`. Each yields its lines as soon as they are measured: ratios, or why there is none."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import common
from common.bench.contenders import COPIED, SIDE, kernel_works
from common.bench.workers import Failed, Took, in_turns, workers
from common.data.fetch import Missing
from common.lock import temporary_folder
from common.paper import Paper
from common.recipe import Recipe

CONTENDERS = "common.bench.contenders"
CHECKOUT = Path(common.__file__).parents[1]
# PyTorch as most write it, and as its guides advise: layout, and whether it is compiled. Compiling for a CPU takes
# minutes, so there only the layouts differ.
PYTORCH = {
    "cpu": {"eager": (False, False), "eager, channels last": (True, False)},
    "gpu": {"eager": (False, False), "compiled, channels last": (True, True)},
}
AT_ONCE = {"cpu": 2, "gpu": 5}
GROWTH = 10


@dataclass(frozen=True)
class Ratio:
    """above, below: what was measured in each round, in `unit`; the ratio is their quotient. meaning: how a person
    reads it, with the value to wish for."""

    paper: str
    part: str
    name: str
    meaning: str
    unit: str
    above: list[float]
    below: list[float]

    @property
    def values(self) -> list[float]:
        return [above / below for above, below in zip(self.above, self.below, strict=True)]

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return f"{self.name}: {self.median:.3g} ({low:.3g} to {high:.3g}); {self.meaning}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"median": self.median, "low": min(self.values), "high": max(self.values)}


@dataclass(frozen=True)
class LeftOut:
    """A line that can't be measured here."""

    paper: str
    part: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: left out, {self.reason}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Line = Ratio | LeftOut


@dataclass(frozen=True)
class Bench:
    """A paper's network in this recipe and precision. kind: of device, "cpu" or "gpu"; steps: of an epoch; rounds: how
    often each is measured; data: None for the paper's; root: folder of the data sets."""

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
        """Without augmentation, which the host computes and which is no part of a network's step."""
        return self.recipe.model_copy(update={"augmentation": {}})

    def training(self, recipe: Recipe, steps: int) -> tuple[Any, ...]:
        """The order for a worker that trains as the suite does."""
        images = steps * recipe.batch_size
        return f"{CONTENDERS}:training", self.paper.name, recipe, self.precision, images, self.runs

    def ratio(
        self, part: str, name: str, meaning: str, above: list[float], below: list[float], unit: str = "s"
    ) -> Ratio:
        return Ratio(self.paper.name, part, name, meaning, unit, above, below)

    def left_out(self, part: str, name: str, reason: str) -> LeftOut:
        return LeftOut(self.paper.name, part, name, reason)

    def on_each_clock(
        self, part: str, name: str, meaning: str, above: list[Took], below: list[Took]
    ) -> Iterator[Ratio]:
        """The ratio of times, and, where a CPU does the work, of CPU times: these are the same on a machine that others
        use too, or whose speed varies."""
        yield self.ratio(part, name, meaning, _wall(above), _wall(below))
        if self.kind == "cpu":
            above_cpu, below_cpu = ([took.cpu for took in each] for each in (above, below))
            yield self.ratio(part, f"{name}, CPU time", "the same of seconds of CPU", above_cpu, below_cpu)


def measure_pipeline(bench: Bench) -> Iterator[Line]:
    from common.training.request import cache_folder, find_data, prepare_for

    try:
        found = find_data(bench.paper, bench.data, bench.root, bench.runs)
    except Missing as missing:
        if bench.data:
            raise
        yield bench.left_out("pipeline", "pipeline", str(missing).partition("\n")[0])
        return

    def seconds_of_preparing(cache: Path) -> float:
        started = time.perf_counter()
        prepare_for(bench.recipe, found, cache)
        return time.perf_counter() - started

    bench.runs.mkdir(parents=True, exist_ok=True)
    with temporary_folder(bench.runs, ".bench-") as empty:
        first, again = seconds_of_preparing(empty), seconds_of_preparing(empty)
    meaning = f"{first:.1f} s for {len(found.cases)} images of {found.name}, then {again:.2f} s"
    yield bench.ratio("pipeline", "preparing / from the cache", meaning, [first], [again])

    cache = cache_folder(bench.runs)
    prepare_for(bench.recipe, found, cache)
    network = bench.paper.name, bench.recipe, bench.precision
    feeding = f"{CONTENDERS}:feeding", *network, found, bench.steps, cache
    with workers(feeding, (f"{CONTENDERS}:bare", *network, bench.steps, bench.runs)) as (fed, bare):
        above, below = in_turns(bench.rounds, [fed.measure, bare.measure])
    meaning = "time of an epoch over that of its steps on one batch that never changes; 1 is a pipeline that is free"
    yield from bench.on_each_clock("pipeline", "epoch / bare steps", meaning, above, below)


def measure_pytorch(bench: Bench) -> Iterator[Line]:
    mixed = ", mixed precision" if bench.precision != "float32" else ""
    names = {variant: f"ours / PyTorch {variant}{mixed}" for variant in PYTORCH[bench.kind]}
    if missing := _missing_twin(bench.paper.name):
        yield from (bench.left_out("pytorch", name, missing) for name in names.values())
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
                yield bench.left_out("pytorch", names[variant], str(failed))
            else:
                yield from bench.on_each_clock("pytorch", names[variant], meaning, above, below)


def measure_roofline(bench: Bench) -> Iterator[Line]:
    from common.training.fit import compiled
    from common.training.network import Network

    model = compiled(Network.of_paper(bench.paper.name), bench.plain, bench.precision, steps=1)
    layers = kernel_works(model, bench.plain.batch_size)
    del model
    machine_order = f"{CONTENDERS}:machine", bench.precision, bench.kind
    with workers(bench.training(bench.plain, bench.steps), machine_order) as (ours, machine):
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
    yield bench.ratio("roofline", "least possible / step", meaning, least, [took.wall / bench.steps for took in epochs])


def measure_batch(bench: Bench) -> Iterator[Line]:
    size, widest = bench.plain.batch_size, 4
    steps = -(-bench.steps // widest) * widest
    sizes = {times: bench.plain.model_copy(update={"batch_size": times * size}) for times in (1, 2, widest)}
    orders = [bench.training(recipe, steps // times) for times, recipe in sizes.items()]
    with workers(*orders) as each:
        paper, *wider = in_turns(bench.rounds, [worker.measure for worker in each])
    meaning = "images a second over those of the paper's batch; above 1 the device was not full"
    for times, took in zip((2, widest), wider, strict=True):
        yield bench.ratio("batch", f"batch {times * size} / batch {size}", meaning, _wall(paper), _wall(took))


def measure_images(bench: Bench) -> Iterator[Line]:
    few = max(2, bench.steps // 4)
    memory: list[list[float]] = []
    with workers(bench.training(bench.plain, GROWTH * few), bench.training(bench.plain, few)) as pair:
        many_took, few_took = in_turns(bench.rounds, [worker.measure for worker in pair])
        if Path("/proc").is_dir():
            memory = [[float(worker.memory())] for worker in pair]
    per_image = [Took(took.wall / GROWTH, took.cpu / GROWTH) for took in many_took]
    name = f"{GROWTH}x the images"
    meaning = "time an image over that with few; 1 is what it should be"
    yield from bench.on_each_clock("images", f"{name}: time", meaning, per_image, few_took)
    if memory:
        meaning = "memory of the process over that with few, without what the system can take back; 1 is constant"
        yield bench.ratio("images", f"{name}: memory", meaning, *memory, unit="bytes")
    else:
        yield bench.left_out("images", f"{name}: memory", "only Linux says what a process keeps")


def measure_at_once(bench: Bench) -> Iterator[Line]:
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
    meaning = (
        f"time of {number} trainings at the same time over that of one, in epochs past the first: without starting, "
        f"compiling and evaluating; {number} is no gain"
    )
    yield bench.ratio("at-once", f"{number} repeats at once / one", meaning, above, below)


PARTS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "pipeline": measure_pipeline,
    "pytorch": measure_pytorch,
    "roofline": measure_roofline,
    "batch": measure_batch,
    "images": measure_images,
    "at-once": measure_at_once,
}


def measure(bench: Bench, parts: Sequence[str]) -> Iterator[Line]:
    """The lines of these parts. A part that fails is left out, with its reason, and does not end the others."""
    for part in parts:
        try:
            yield from PARTS[part](bench)
        except Failed as failed:
            yield bench.left_out(part, part, str(failed))


def _wall(all_took: list[Took]) -> list[float]:
    return [took.wall for took in all_took]


def _missing_twin(paper: str) -> str | None:
    """Why there is no PyTorch network to compare with; None where there is one."""
    if not (CHECKOUT / "tests" / "bench" / "twins").is_dir():
        return "the networks in plain PyTorch lie in tests/bench/ of a checkout, which this is not"
    if not (CHECKOUT / "tests" / "bench" / "twins" / f"{paper}.py").is_file():
        return "this network has no twin in plain PyTorch"
    if not find_spec("torch"):
        return "PyTorch is not installed: .venv/bin/python -m pip install torch"
    return None
