"""The parts of `repro bench` on a single training step: the least time that it can take, and where that time goes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from common.bench.contenders import COPIED, SIDE
from common.bench.lines import CONTENDERS, Bench, Counted, Line
from common.bench.workers import Failed, Took, in_turns, workers

# The speed that one NVIDIA H200 reached: operations a second in a product of two matrices of 8,192 x 8,192 in bfloat16,
# and bytes a second in a copy of 1 GiB.
GPU, PRODUCTS, BANDWIDTH = "an NVIDIA H200", 790e12, 4.3e12
# Operations a second of this GPU outside of its matrix units. float32: from its datasheet. Integers: a quarter of that,
# because each multiprocessor has 64 lanes instead of 128, and can't multiply and add at once (H100 whitepaper).
VECTOR, INTEGER = 67e12, 67e12 / 4

WORTH_IT = "time of a step over that of ours; below 0.95 it is worth having"
STACKED = 5  # repeats in one program
# Flags of XLA that may make a step faster. They change the layout of convolutions, what is fused with them, and the
# order of kernels. jaxlib 0.10 knows them.
FLAGS = {
    "cpu": (),
    "gpu": (
        "--xla_gpu_force_conv_nhwc=true",
        "--xla_gpu_force_conv_nchw=true",
        "--xla_gpu_experimental_enable_conv_fusion=true",
        "--xla_gpu_use_runtime_fusion=true",
        "--xla_gpu_enable_latency_hiding_scheduler=true",
    ),
}


def count_step(bench: Bench) -> Iterator[Line]:
    """Counts how the least possible time of a step is spent, in mixed bfloat16 on an H200. This needs no GPU."""
    from common.bench import step_work

    size = bench.plain.batch_size
    model, metrics = _compiled(bench, "mixed_bfloat16")
    kernels, others = step_work.kernel_works(model, size), step_work.other_works(model, size, metrics)
    separate, between = step_work.separate_works(model, size), step_work.fused_bytes(model, size)
    draws = step_work.random_bits(model, size)

    def line(name: str, operations: float, moved: float, seconds: float, meaning: str = "") -> Counted:
        return Counted(bench.paper.name, "count", name, operations, moved, seconds, GPU, meaning)

    def total(name: str, works: Sequence[Any], moved: float = 0) -> Counted:
        seconds = sum(map(_seconds, works)) + moved / BANDWIDTH
        all_moved = sum(work.bytes for work in works) + moved
        at_most = f"at most {size / seconds:,.0f} images/s"
        return line(name, sum(work.operations for work in works), all_moved, seconds, at_most)

    every = [*kernels, *others, *separate]
    whole = sum(map(_seconds, every))
    for kind in dict.fromkeys(work.kind for work in every):
        of_kind = [work for work in every if work.kind == kind]
        seconds = sum(map(_seconds, of_kind))
        operations, moved = sum(work.operations for work in of_kind), sum(work.bytes for work in of_kind)
        yield line(f"{kind} ({len(of_kind)})", operations, moved, seconds, f"{seconds / whole:.1%} of the last line")
    if draws:
        operations = step_work.THREEFRY * draws
        seconds = operations / INTEGER
        meaning = (
            f"{draws / 1e6:.3g} million numbers; operations on integers, {seconds / whole:.1%} and not in the last line"
        )
        yield line("random bits of dropout", operations, 0, seconds, meaning)
    yield total("kernels alone", kernels)
    yield total("all, one kernel between two convolutions", [*kernels, *others], between)
    yield total("all, each layer a kernel of its own", every)


def _seconds(work: Any) -> float:
    return work.seconds(PRODUCTS if work.has_kernel else VECTOR, BANDWIDTH)


def _compiled(bench: Bench, precision: str) -> tuple[Any, Any]:
    """The paper's network as it is trained, and its metrics as they are given to `compile`."""
    from common.training.compiled import compiled
    from common.training.network import Network

    network = Network.of_paper(bench.paper.name)
    return compiled(network, bench.plain, precision, steps=1), network.metrics(bench.plain)


def measure_without(bench: Bench) -> Iterator[Line]:
    """How long a step takes if a part of it is left out. The difference is the most that can be saved in this part."""
    from common.bench.variants import WITHOUT

    meaning = "time of a step without it over that of a step; what is missing to 1 is the most that can be saved there"
    yield from _beside_variants(bench, "without", WITHOUT, "without {}", meaning)


def measure_variants(bench: Bench) -> Iterator[Line]:
    """How long a step takes if a part of it is computed in another way. JAX only."""
    import keras

    from common.bench.variants import CANDIDATES

    if keras.backend.backend() != "jax":
        yield bench.left_out("variants", "variants", "they are written for JAX: KERAS_BACKEND=jax")
        return
    yield from _beside_variants(bench, "variants", CANDIDATES, "{}", WORTH_IT)


def _beside_variants(bench: Bench, part: str, names: Iterable[str], label: str, meaning: str) -> Iterator[Line]:
    from common.bench import variants

    chosen = [name for name in names if variants.changes(bench.paper.name, bench.plain, name)]
    orders = {label.format(name): bench.training(bench.plain, bench.steps, name) for name in chosen}
    yield from beside_ours(bench, part, orders, meaning)


def measure_flags(bench: Bench) -> Iterator[Line]:
    """How long a step takes on a GPU with other flags of XLA. A flag that XLA does not know ends its process, and is
    then left out."""
    if not FLAGS[bench.kind]:
        yield bench.left_out("flags", "flags of XLA", "those that are tried are for a GPU")
        return
    orders = {flags: bench.training(bench.plain, bench.steps, flags=flags) for flags in FLAGS[bench.kind]}
    yield from beside_ours(bench, "flags", orders, WORTH_IT)


def beside_ours(bench: Bench, part: str, orders: Mapping[str, tuple[Any, ...]], meaning: str) -> Iterator[Line]:
    """The time of each order's epoch over that of the suite's own, in turns. An order that fails is left out. orders:
    the arguments of `workers.Worker`, by the name of the line."""
    with workers(bench.training(bench.plain, bench.steps)) as (ours,):
        for name, order in orders.items():
            try:
                with workers(order) as (other,):
                    above, below = in_turns(bench.rounds, [other.measure, ours.measure])
            except Failed as failed:
                yield bench.left_out(part, name, str(failed))
            else:
                yield from bench.on_each_clock(part, name, meaning, above, below)


def measure_stacked(bench: Bench) -> Iterator[Line]:
    """How long several repeats take in one program, compared with one after the other. JAX only."""
    import keras

    name = f"{STACKED} repeats in one program / one after another"
    if keras.backend.backend() != "jax":
        yield bench.left_out("stacked", name, "it is written for JAX: KERAS_BACKEND=jax")
        return
    about = f"{CONTENDERS}:stacked", bench.paper.name, bench.plain, bench.precision, bench.steps, bench.runs
    with workers((*about, STACKED), (*about, 1)) as pair:
        together, alone = in_turns(bench.rounds, [worker.measure for worker in pair])
    each = [Took(took.wall * STACKED, took.cpu * STACKED) for took in alone]
    yield from bench.on_each_clock("stacked", name, "below 1 it pays: one device does the work of all", together, each)


def measure_roofline(bench: Bench) -> Iterator[Line]:
    """The least time that this machine could need for a step, over the time that it needs."""
    from common.bench import step_work

    (model, metrics), size = _compiled(bench, bench.precision), bench.plain.batch_size
    updates = [work for work in step_work.other_works(model, size, metrics) if work.kind == "optimizer"]
    layers = [*step_work.kernel_works(model, size), *updates]
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
