"""The `repro` command. Each command imports what it needs when it is called, so that those without a network to
train answer at once."""

import os
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from common import paper as papers
from common.errors import BadInput
from common.paper import Profile

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(
    "Reproduces what five papers report on segmenting breast tumours, and says of every number whether it holds."
))  # fmt: skip
data_app = typer.Typer(no_args_is_help=True, help="Find, download and check data sets.")
app.add_typer(data_app, name="data")

out = Console()
PaperName = Annotated[str, typer.Argument(metavar="PAPER", help="One of those that `repro papers` lists.")]
Data = Annotated[
    str | None,
    typer.Option(
        help="busi, mini-ddsm, mammo_masses, phantom, a folder, or a .yaml that describes one. [default: the paper's]"
    ),
]
Runs = Annotated[Path, typer.Option(help="Where trainings, caches and the phantom are kept.")]
Results = Annotated[Path, typer.Option(help="Where the results are kept that compare reads.")]


def main() -> None:
    """Runs the command. Bad input ends in one message and exit status 2, an interruption in 130; a traceback is
    shown with --debug only."""
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    try:
        app()
    except BadInput as error:
        if debug:
            raise
        sys.exit(_complain(str(error), 2))
    except SystemExit as stopped:
        if stopped.code == 130:  # what typer makes of Ctrl-C
            _complain("Interrupted. The same command with --resume goes on after the last whole epoch.", 130)
        raise
    except Exception as error:
        if debug:
            raise
        sys.exit(_complain(f"{type(error).__name__}: {error}\nThe run failed. --debug shows where.", 1))


def _complain(message: str, status: int) -> int:
    print(message, file=sys.stderr)
    return status


@app.command("papers")
def list_papers(results: Results = Path("results")) -> None:
    """The papers, the data they use, and what there is of results."""
    from common.evidence.results import load

    for name in papers.names():
        paper = papers.load(name)
        done = [f"{record.profile} x{len(record.runs)} on {record.dataset.name}" for record in load(results, name)]
        out.print(f"[bold]{name:8}[/] {paper.title}", highlight=False)
        out.print(f"{'':8} {paper.authors}. Data: {paper.data}. {len(paper.reported)} reported numbers.", style="dim")
        out.print(f"{'':8} Results: {', '.join(done) or 'none yet'}", style="dim", highlight=False)


@app.command()
def run(
    paper: PaperName,
    profile: Annotated[str, typer.Option(help="auto (paper on a GPU, else small), paper, small or smoke.")] = "auto",
    data: Data = None,
    repeats: Annotated[
        int | None, typer.Option(help="Each with its own split and weights. [default: 3; of a cross-validation 1]")
    ] = None,
    folds: Annotated[int | None, typer.Option(help="Each repeat a stratified cross-validation of so many.")] = None,
    seed: Annotated[int, typer.Option(help="All randomness follows from it.")] = 0,
    reading: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Another reading. May recur.")] = None,
    precision: Annotated[str, typer.Option(help="auto, float32, mixed_bfloat16 or mixed_float16.")] = "auto",
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
    resume: Annotated[bool, typer.Option("--resume", help="Keep what an earlier run has finished.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write logs for TensorBoard.")] = False,
) -> None:
    """Train and evaluate the network of one paper, and compare with what it reports."""
    record = papers.load(paper)
    readings = dict(_pair(choice) for choice in reading or []) | ({} if folds is None else {"folds": str(folds)})
    if repeats is None:
        repeats = 1 if record.recipe("paper", readings).folds else 3
    _import_keras()
    from common.training.precision import resolve
    from common.training.profile import check, choose
    from common.training.run import Request, find_data
    from common.training.run import run as train

    check(profile, repeats, seed)
    policy = resolve(precision)
    found = find_data(record, data, _root(), runs)
    if found.name != record.data and data is None:
        _say(f"{record.data} is not here: {found.name} instead, whose numbers are not comparable with the paper's.")
    _report_unusable(found, runs)
    request = Request(record, "paper", found, repeats, seed, readings, policy, runs, results, resume, tensorboard)
    # On a terminal, so that the minute that this may take the first time is not a silent one.
    with out.status("timing a few steps of the network on this machine ..."):
        request = choose(request, profile, _say)
    # The networks that the paper sets beside its own are trained too, unless one network is asked for.
    baselines = [baseline for baseline in record.baselines if not baseline.keys() & readings.keys()]
    for network in [{}, *baselines]:
        if baselines:
            baseline = ", ".join(map(papers.as_text, network.values()))
            _say(f"the baseline, {baseline}:" if network else "the paper's own network:")
        train(replace(request, readings=readings | network), _say)
    compare(paper, results)


@app.command()
def compare(
    paper: Annotated[str | None, typer.Argument(metavar="[PAPER]", help="One paper, or all.")] = None,
    results: Results = Path("results"),
) -> None:
    """Reported against reproduced numbers, from the results alone; renews the README.md beside them."""
    from common.evidence import lineage, tables
    from common.evidence.assess import assess
    from common.evidence.readme import keep_images, readme
    from common.evidence.results import load, store
    from common.files import write_atomically
    from common.training.identity import code_hash, recipe_hash

    assessed, known = [], lineage.load(results)
    for name in papers.names():
        about = papers.load(name)
        records = load(results, name)
        for record in records:
            try:
                recipe = about.recipe(record.profile, record.readings)
                fresh = lineage.fresh(record, recipe_hash(recipe), code_hash(about), known)
            except BadInput:  # a reading that has left paper.yaml since
                fresh = False
            assessed.append(assess(about, record, records, results, fresh))
            if assessed[-1].rows != record.reported:
                store(results, record.model_copy(update={"reported": assessed[-1].rows}))
    wanted = [each for each in assessed if paper in (None, each.paper.name)]
    if paper:
        papers.load(paper)
    if not wanted:
        raise BadInput(f"No results in {results} yet. `repro run {paper or 'PAPER'}` makes them.")
    write_atomically(results / "README.md", readme(assessed).encode())
    for each in wanted:
        keep_images(each, results)
        out.print(tables.table(each))
        out.print()


@app.command("claims")
def check_claims(
    paper: Annotated[str | None, typer.Argument(metavar="[PAPER]", help="One paper, or all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every finding, as JSON.")] = False,
) -> None:
    """Whether the numbers that a paper prints agree with each other. Needs no run and no data."""
    from common.evidence import trivial
    from common.evidence.claims import show

    chosen = [papers.load(name) for name in ([paper] if paper else papers.names())]
    known = {about.name: trivial.prevalence(about) for about in chosen}
    if as_json:
        print(show.as_json(chosen, known))
        return
    for about in chosen:
        for line in show.lines(about, known[about.name]):
            _say(line)
        _say("")


@app.command()
def bench(
    paper: Annotated[str | None, typer.Argument(metavar="[PAPER]", help="One paper, or all.")] = None,
    profile: Annotated[Profile, typer.Option(help="paper, small or smoke.")] = "small",
    data: Data = None,
    steps: Annotated[int, typer.Option(help="Training steps of an epoch.")] = 40,
    rounds: Annotated[int, typer.Option(help="Epochs of each kind.")] = 6,
    runs: Runs = Path("runs"),
) -> None:
    """What the suite adds to the bare work: preparing the data, and feeding training from the pipeline."""
    chosen = [papers.load(name) for name in ([paper] if paper else papers.names())]
    _import_keras()
    from common import bench as benchmark
    from common.training.precision import resolve
    from common.training.run import cache_folder, find_data, prepare_for

    for about in chosen:
        recipe = about.recipe(profile)
        found = find_data(about, data, _root(), runs)
        first, again = benchmark.preparing(found, recipe, runs)
        _say(f"{about.name}, {profile} profile, {len(found.cases)} images of {found.name} at {recipe.side} pixels")
        _say(f"  preparing them: {first:.1f} s, from the cache {again:.2f} s")
        prepared = prepare_for(recipe, found, cache_folder(runs))
        ratios = benchmark.feeding(about, recipe, prepared, resolve("auto"), steps, rounds)
        _say(f"  an epoch fed by the pipeline over the same steps from memory: {benchmark.summary(ratios)}")


@data_app.command()
def verify(name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")], runs: Runs = Path("runs")) -> None:
    """Compare every pixel of a data set with the published BUSI."""
    from common.data import fetch, manifest

    cases = fetch.find(name, _root(), runs).cases
    if differences := manifest.verify(manifest.digest_all(cases)):
        raise BadInput.listing(f"{name} is not the published BUSI:", differences, "Its results will say so.")
    out.print(f"{name}: {len(cases)} cases, every pixel as in the published BUSI.")


@data_app.command()
def audit(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="[default: audit-NAME in --runs]")
    ] = None,
    runs: Runs = Path("runs"),
) -> None:
    """What is wrong with a data set: copies, copies in two classes, suspect masks, and how often a split leaks."""
    from common.data import audit as auditing
    from common.data import audit_report, fetch

    found = fetch.find(name, _root(), runs)
    folder = output or runs / f"audit-{found.name}"
    with out.status(f"reading {len(found.cases)} cases and comparing each with each ..."):
        known = [papers.load(paper) for paper in papers.names()]
        concerned = [paper for paper in known if found.name in (paper.data, paper.stand_in)] or known
        findings = auditing.report(found.name, found.cases, auditing.examine_all(found.cases), concerned)
        audit_report.write(findings, found.cases, folder)
    out.print(audit_report.table(findings))
    _say(f"All findings: {folder / 'audit.json'}. To see them: the pictures beside it.")


@data_app.command("fetch")
def fetch_data(name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")] = "busi", runs: Runs = Path("runs")) -> None:
    """Find a data set, downloading or making it where it is missing, and say where it lies."""
    from common.data import fetch

    found = fetch.find(name, _root(), runs)
    out.print(found.folder, soft_wrap=True, highlight=False)
    _report_unusable(found, runs)


def _say(line: str) -> None:
    out.print(line, highlight=False, soft_wrap=True)


def _report_unusable(found: "Found", runs: Path) -> None:  # noqa: F821, imported when a command needs it
    """One line on what the data set lists and can't be used, and a file that explains each."""
    from common.files import write_atomically

    if found.unusable:
        path = runs / f"{found.name}-unusable.txt"
        write_atomically(path, "".join(f"{line}\n" for line in found.unusable).encode())
        _say(f"{found.name}: {len(found.cases)} cases; {len(found.unusable)} more can't be used, explained in {path}")


def _root() -> Path:
    """Where the data sets are."""
    return Path(os.environ.get("REPRO_DATA") or "data")


def _pair(choice: str) -> tuple[str, str]:
    key, equals, value = choice.partition("=")
    if not equals:
        raise BadInput(f"--reading {choice}: expected KEY=VALUE, such as batch_size=16.")
    return key, value


def _import_keras() -> None:
    """Imports Keras and its backend, without the lines that TensorFlow writes, past Python, when it is loaded. Where
    none is chosen by KERAS_BACKEND, the first backend that is installed is taken.

    Raises BadInput where none is."""
    installed = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]
    os.environ.setdefault("KERAS_BACKEND", (installed or ["tensorflow"])[0])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import keras  # noqa: F401
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"The package {str(missing.name).partition('.')[0]} is not installed, which Keras with the backend "
            f"{os.environ['KERAS_BACKEND']} needs. `make install` puts TensorFlow into .venv, `make install "
            "EXTRAS=jax-gpu` JAX; KERAS_BACKEND=jax or =torch picks another."
        ) from missing
    finally:
        os.dup2(kept, 2)
        os.close(kept)
