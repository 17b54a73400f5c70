"""The parts of `repro bench`. Each part yields its lines as soon as they are measured: ratios, or why there is none."""

import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import common
from common.bench import step
from common.bench.lines import CONTENDERS, Bench, Line, walls
from common.bench.workers import Failed, Took, in_turns, workers
from common.data.fetch import Found
from common.data.known import Missing
from common.lock import temporary_folder
from common.plural import counted

CHECKOUT = Path(common.__file__).parents[1]
# The variants of PyTorch: as most people write it, and as its guides advise. For each: whether the layout is channels
# last, and whether the network is compiled. Compiling for a CPU takes minutes, so there only the layouts differ.
PYTORCH = {
    "cpu": {"eager": (False, False), "eager, channels last": (True, False)},
    "gpu": {"eager": (False, False), "compiled, channels last": (True, True)},
}
AT_ONCE = {"cpu": 2, "gpu": 5}  # trainings at the same time
GROWTH = 10  # how many times more images `measure_images` compares with few
EPOCHS = 3  # of the training in `measure_run`


def measure_pipeline(bench: Bench) -> Iterator[Line]:
    """How long preparing the data takes over reading them from the cache, and an epoch over its steps alone."""
    from common.training.request import prepare_for

    found = _find(bench)
    if isinstance(found, Missing):
        yield bench.left_out("pipeline", "pipeline", str(found).partition("\n")[0])
        return

    def seconds_of_preparing(runs: Path) -> float:
        started = time.perf_counter()
        prepare_for(bench.recipe, found, runs)
        return time.perf_counter() - started

    bench.runs.mkdir(parents=True, exist_ok=True)
    with temporary_folder(bench.runs, ".bench-") as empty:
        first, again = seconds_of_preparing(empty), seconds_of_preparing(empty)
    meaning = f"{first:.1f} s for {len(found.cases)} images of {found.name}, then {again:.2f} s"
    yield bench.ratio("pipeline", "preparing / from the cache", meaning, [first], [again])

    prepare_for(bench.recipe, found, bench.runs)
    network = bench.paper.name, bench.recipe, bench.precision
    feeding = f"{CONTENDERS}:feeding", *network, found, bench.steps, bench.runs
    with workers(feeding, (f"{CONTENDERS}:bare", *network, bench.steps, bench.runs)) as (fed, bare):
        above, below = in_turns(bench.rounds, [fed.measure, bare.measure])
    meaning = "time of an epoch over that of its steps on one batch that never changes; 1 is a pipeline that is free"
    yield from bench.on_each_clock("pipeline", "epoch / bare steps", meaning, above, below)


def measure_run(bench: Bench) -> Iterator[Line]:
    """How a short training spends its time, from its start to its last file, by kind of work."""
    from rich.progress import Progress

    from common.training.fit import Training, fit
    from common.training.network import Network
    from common.training.record import Fit
    from common.training.request import Plan, grouped, prepare_for, trials

    found = _find(bench)
    if isinstance(found, Missing):
        yield bench.left_out("run", "a training", str(found).partition("\n")[0])
        return
    recipe = bench.recipe.model_copy(update={"epochs": min(EPOCHS, bench.recipe.epochs)})
    prepared, used = grouped(prepare_for(recipe, found, bench.runs), recipe)
    training = Training(bench.paper, Network.of_paper(bench.paper.name), recipe, prepared, bench.precision, seed=0)
    with temporary_folder(bench.runs, ".bench-") as folder, Progress(disable=True) as progress:
        planned = Plan(training, used, trials(recipe, [0]), folder)
        trial = planned.trials[0]
        ended = fit(*planned.inputs_of(trial), trial, folder, progress)
    if not isinstance(ended, Fit):
        yield bench.left_out("run", "a training", ended.why)
        return
    whole = sum(ended.spent.values())
    meaning = f"share of the {whole:.1f} s of a training of {counted(recipe.epochs, 'epoch')}, of {bench.recipe.epochs}"
    for kind, seconds in ended.spent.items():
        yield bench.ratio("run", f"{kind} / all", meaning, [seconds], [whole])


def measure_pytorch(bench: Bench) -> Iterator[Line]:
    """How fast the network trains, compared with the same network in plain PyTorch."""
    mixed = ", mixed precision" if bench.precision != "float32" else ""
    device = "cuda" if bench.kind == "gpu" else "cpu"
    about = f"{CONTENDERS}:pytorch", CHECKOUT, bench.paper.name, bench.plain, bench.precision, device
    forms = PYTORCH[bench.kind].items()
    orders = {f"ours / PyTorch {variant}{mixed}": (*about, *form, bench.steps) for variant, form in forms}
    if missing := _missing_twin(bench.paper.name):
        yield from (bench.left_out("pytorch", name, missing) for name in orders)
        return
    meaning = "images a second in training over PyTorch's, which computes no metrics; above 1 we are faster"
    yield from step.beside_ours(bench, "pytorch", orders, meaning)


def measure_batch(bench: Bench) -> Iterator[Line]:
    """How many images a second the network trains on with larger batches."""
    size, widest = bench.plain.batch_size, 4
    steps = -(-bench.steps // widest) * widest
    sizes = {times: bench.plain.model_copy(update={"batch_size": times * size}) for times in (1, 2, widest)}
    orders = [bench.training(recipe, steps // times) for times, recipe in sizes.items()]
    with workers(*orders) as each:
        paper, *wider = in_turns(bench.rounds, [worker.measure for worker in each])
    meaning = "images a second over those of the paper's batch; above 1 the device was not full"
    for times, took in zip((2, widest), wider, strict=True):
        yield bench.ratio("batch", f"batch {times * size} / batch {size}", meaning, walls(paper), walls(took))


def measure_images(bench: Bench) -> Iterator[Line]:
    """How the time for an image and the memory of the process change with more images."""
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
    """How long several trainings at the same time take, compared with one."""
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
    "run": measure_run,
    "pytorch": measure_pytorch,
    "roofline": step.measure_roofline,
    "count": step.count_step,
    "without": step.measure_without,
    "variants": step.measure_variants,
    "stacked": step.measure_stacked,
    "flags": step.measure_flags,
    "batch": measure_batch,
    "images": measure_images,
    "at-once": measure_at_once,
}


def measure(bench: Bench, parts: Sequence[str]) -> Iterator[Line]:
    """Yields the lines of these parts. A part that fails gives a line with the reason, and the next part goes on."""
    for part in parts:
        try:
            yield from PARTS[part](bench)
        except Failed as failed:
            yield bench.left_out(part, part, str(failed))


def _find(bench: Bench) -> Found | Missing:
    """The data set, or the error that says why it is missing. Raises that error if the user asked for the data set."""
    from common.training.request import find_data

    try:
        return find_data(bench.paper, bench.data, bench.root, bench.runs)
    except Missing as missing:
        if bench.data:
            raise
        return missing


def _missing_twin(paper: str) -> str | None:
    """Why there is no PyTorch network to compare with. None if there is one."""
    if not (CHECKOUT / "tests" / "bench" / "twins").is_dir():
        return "the networks in plain PyTorch lie in tests/bench/ of a checkout, which this is not"
    if not (CHECKOUT / "tests" / "bench" / "twins" / f"{paper}.py").is_file():
        return "this network has no twin in plain PyTorch"
    if not find_spec("torch"):
        return "PyTorch is not installed: .venv/bin/python -m pip install torch"
    return None
