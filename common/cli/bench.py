"""The command that measures the speed of the suite."""

from pathlib import Path
from typing import Annotated

import typer

from common import limits, papers
from common.cli.shared import Data, OnePaperOrAll, Runs, app, say
from common.errors import BadInput
from common.paper import Profile
from common.paths import data_root, refuse_unwritable
from common.plural import counted
from common.training.at_once import share_memory
from common.training.backend import import_keras


@app.command()
def bench(
    paper: OnePaperOrAll = None,
    profile: Annotated[Profile, typer.Option(help="paper, small or smoke.")] = "small",
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="What to measure: pipeline, run, pytorch, roofline, count, without, variants, stacked, flags, batch, "
            "images or at-once. May be repeated.",
            show_default="all",
        ),
    ] = None,
    data: Data = None,
    precision: Annotated[
        str, typer.Option(help="auto (by the device), float32, mixed_bfloat16 or mixed_float16.")
    ] = "auto",
    steps: Annotated[int, typer.Option(min=1, max=limits.STEPS, help="Training steps in an epoch.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, max=limits.ROUNDS, help="Rounds of measurement.")] = 5,
    runs: Runs = Path("runs"),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the measurements.", show_default="bench in --runs")
    ] = None,
) -> None:
    """Measure the speed of training on this machine, as ratios: images a second over PyTorch's, an epoch over its bare
    steps, the least possible time over ours, larger batches, more images, several repeats at once."""
    folder = output or runs / "bench"
    refuse_unwritable(folder, "-o or --runs")
    chosen = [papers.load(name) for name in ([paper] if paper else papers.names())]
    share_memory()  # this process and its workers share the GPU
    import_keras()
    from common.bench import parts
    from common.bench.lines import Bench, Line
    from common.bench.measured import draw_ratios, save_lines
    from common.training.environment import environment
    from common.training.precision import gpu_in_use, resolve

    if unknown := sorted({*(part or [])} - {*parts.PARTS}):
        raise BadInput(f"There is no part {', '.join(unknown)}. Known: {', '.join(parts.PARTS)}.")
    policy, kind = resolve(precision), "gpu" if gpu_in_use() else "cpu"
    here = environment(policy)
    about = here.model_dump() | {"profile": profile, "steps": steps, "rounds": rounds}
    on = f"{here.device}, {counted(here.cores, 'core')}, {here.backend} {here.backend_version}, {policy}"
    say(f"{on}: median of {counted(rounds, 'round')} and their range")
    for each in chosen:
        setting = Bench(each, each.recipe(profile), policy, kind, data, data_root(), steps, rounds, runs)
        say(f"{each.name}, {profile} profile")
        lines: list[Line] = []
        for line in parts.measure(setting, part or list(parts.PARTS)):
            say(f"  {line}")
            lines.append(line)
        name = f"{each.name}-{profile}-{here.backend}-{policy}" + "".join(f"-{one}" for one in part or [])
        save_lines(lines, about | {"paper": each.name}, folder / f"{name}.json")
        drawn = draw_ratios(lines, f"{each.name}, {profile} profile; {on}", folder / f"{name}.png")
        picture = f" and {name}.png" if drawn else "; no picture, matplotlib is not installed"
        say(f"  kept in {folder / name}.json{picture}")
