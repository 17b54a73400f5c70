"""The command that measures how fast the suite is."""

from pathlib import Path
from typing import Annotated

import typer

from common import paper as papers
from common.cli.shared import Data, Runs, app, root, say
from common.errors import BadInput
from common.paper import Profile
from common.training.at_once import share_memory
from common.training.backend import import_keras


@app.command()
def bench(
    paper: Annotated[str | None, typer.Argument(metavar="[PAPER]", help="One paper, or all.")] = None,
    profile: Annotated[Profile, typer.Option(help="paper, small or smoke.")] = "small",
    part: Annotated[
        list[str] | None,
        typer.Option(help="pipeline, pytorch, roofline, batch, images or at-once. May recur. [default: all]"),
    ] = None,
    data: Data = None,
    precision: Annotated[str, typer.Option(help="auto, float32, mixed_bfloat16 or mixed_float16.")] = "auto",
    steps: Annotated[int, typer.Option(min=1, help="Training steps of an epoch.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    runs: Runs = Path("runs"),
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder. [default: bench/ in runs]")] = None,
) -> None:
    """Ratios of speed on this machine, measured in turns: our training step over plain PyTorch's, the epoch over its
    bare steps, the step over what the machine could do at best, and what wider batches, more images and repeats at
    once cost. Also as JSON and, where matplotlib is installed, as a picture."""
    chosen = [papers.load(name) for name in ([paper] if paper else papers.names())]
    share_memory()  # of the GPU, between this process and the workers
    import_keras()
    from common.bench import parts as known
    from common.bench import report
    from common.bench.ratios import Line
    from common.training.environment import environment
    from common.training.precision import gpu_in_use, resolve

    if unknown := sorted({*(part or [])} - {*known.PARTS}):
        raise BadInput(f"There is no part {', '.join(unknown)}. Known: {', '.join(known.PARTS)}.")
    policy, kind = resolve(precision), "gpu" if gpu_in_use() else "cpu"
    here, folder = environment(policy), output or runs / "bench"
    about = here.model_dump() | {"profile": profile, "steps": steps, "rounds": rounds}
    on = f"{here.device}, {here.cores} cores, {here.backend} {here.backend_version}, {policy}"
    say(f"{on}: median of {rounds} rounds and their range")
    for each in chosen:
        setting = known.Bench(each, each.recipe(profile), policy, kind, data, root(), steps, rounds, runs)
        say(f"{each.name}, {profile} profile")
        lines: list[Line] = []
        for line in known.measure(setting, part or list(known.PARTS)):
            say(f"  {line}")
            lines.append(line)
        name = f"{each.name}-{profile}-{here.backend}-{policy}" + "".join(f"-{one}" for one in part or [])
        report.save(lines, about | {"paper": each.name}, folder / f"{name}.json")
        drawn = report.plot(lines, f"{each.name}, {profile} profile; {on}", folder / f"{name}.png")
        picture = f" and {name}.png" if drawn else "; no picture, matplotlib is not installed"
        say(f"  kept in {folder / name}.json{picture}")
