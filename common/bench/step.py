"""The parts of `repro bench` on a single training step: the least time that it can take, and where that time goes."""

from collections.abc import Iterator, Sequence
from typing import Any

from common.bench.contenders import COPIED, SIDE
from common.bench.lines import CONTENDERS, Bench, Counted, Line
from common.bench.workers import in_turns, workers

# What one NVIDIA H200 reached: a product of two matrices of 8,192 x 8,192 in bfloat16, and a copy of 1 GiB, operations
# and bytes a second.
GPU, PRODUCTS, BANDWIDTH = "an NVIDIA H200", 790e12, 4.3e12
# Its float32 operations a second outside of the matrix units, by its datasheet, and of integers a quarter of that: 64
# lanes of 128 in each multiprocessor, and no multiplication and addition at once (H100 whitepaper).
VECTOR, INTEGER = 67e12, 67e12 / 4


def count_step(bench: Bench) -> Iterator[Line]:
    """Where the least possible time of a step goes in mixed bfloat16 on a GPU, which need not be there."""
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
    """The paper's network as it is trained, and its metrics as `compile` took them."""
    from common.training.fit import compiled
    from common.training.network import Network

    network = Network.of_paper(bench.paper.name)
    return compiled(network, bench.plain, precision, steps=1), network.metrics(bench.plain)


def measure_roofline(bench: Bench) -> Iterator[Line]:
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
