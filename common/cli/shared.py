"""The parts that all commands share: the application, its console, common options, and the command that was typed."""

import os
import shlex
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import get_console
from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.status import Status
from rich.text import Text

from common import __version__, limits, papers
from common.paths import refuse_no_folder
from common.protocol import PROTOCOL
from common.text import for_json, for_terminal, names_stream
from common.training.backend import first_backend

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


class Terminal(Console):
    """A console that shows all text as it is: neither `[red]`, nor `:eyes:`, nor a control character in the name of a
    file does anything. What is meant to be bold or dim is a `Text`."""

    def __init__(self, stderr: bool = False):
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        lines = map(for_terminal, text.split("\n"))  # cells of a table may have several
        return super().render_str("\n".join(lines), **options)

    def status(self, status: str, **options: Any) -> Status:
        return super().status(Text(for_terminal(status)), **options)

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError; rich would exit with status 1

    def print(self, *content: RenderableType, **options: Any) -> None:
        with names_stream(self.stderr):
            super().print(*content, **options)


out, err = Terminal(), Terminal(stderr=True)  # err for messages where the output is JSON or lines for a program
# "autocompletion" is given what was typed so far, "parser" the whole word.
PAPERS = {
    "autocompletion": lambda incomplete: [name for name in papers.names() if name.startswith(incomplete)],
    "parser": papers.find_name,
}
PaperName = Annotated[str, typer.Argument(metavar="PAPER", help="A paper; `repro papers` lists them.", **PAPERS)]
OnePaperOrAll = Annotated[
    str | None,
    typer.Argument(metavar="[PAPER]", help="A paper; `repro papers` lists them.", show_default="all", **PAPERS),
]
Data = Annotated[
    str | None,
    typer.Option(
        help="Data: busi, mini-ddsm, mammo_masses, phantom, a folder, a .yaml that describes one, or a packed file.",
        show_default="the paper's",
    ),
]
Repeats = Annotated[
    int | None,
    typer.Option(
        max=limits.TRAININGS,
        help="Number of repeats, each with its own split and weights.",
        show_default="3; 1 for a cross-validation; 3 on each of --splits",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        max=limits.TRAININGS,
        help="Folds of a stratified cross-validation, one in each repeat.",
        show_default="the paper's",
    ),
]
Splits = Annotated[
    int | None,
    typer.Option(
        max=limits.TRAININGS,
        help="Different splits; then they come again with other initial weights, to tell split from luck.",
        show_default="one for each repeat",
    ),
]


def _refuse_no_folder(given: Path) -> Path:
    refuse_no_folder(given)
    return given


Runs = Annotated[Path, typer.Option(help="Folder for trainings, caches and the phantom.", callback=_refuse_no_folder)]
Results = Annotated[Path, typer.Option(help="Folder of the results.")]
ResultsOfRuns = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the results.",
        show_default="results; of smoke runs, other data and other readings results in --runs",
    ),
]


def _show_version(asked: bool) -> None:
    if asked:
        from common.evidence.verdict import RULES

        say(f"repro {__version__}, protocol {PROTOCOL}, rules of the verdicts {RULES}")
        raise typer.Exit


@app.callback()
def repro(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """Trains the networks of six papers on breast tumour segmentation again. Says of their printed numbers whether
    each can be right, whether it beats a guess that ignores the image, and whether our runs give it too."""


def say(line: object = "", to: Console = out) -> None:
    """Prints one line, which the terminal may wrap."""
    to.print(for_terminal(line), soft_wrap=True)


def say_json(content: Any) -> None:
    for line in for_json(content, indent=1).split("\n"):
        say(line)


def show(content: RenderableType) -> None:
    """Prints a table."""
    out.print(content)


def progress_bar() -> Progress:
    """A bar for work that takes a while: on standard error, if that is a terminal, and removed at the end."""
    return Progress(transient=True, redirect_stdout=False, disable=not get_console().is_terminal)


def tell(text: str, indent: int = 0) -> None:
    """Prints prose, wrapped between words at the width of the terminal. Use `say` for a command that a person copies:
    wrapping would break it. indent: blanks before each line."""
    indents = {"initial_indent": " " * indent, "subsequent_indent": " " * indent}
    for line in textwrap.wrap(for_terminal(text), out.width, break_long_words=False, break_on_hyphens=False, **indents):
        say(line)


def command_line(*without: str) -> str:
    """The command that was typed, quoted for a new shell in this folder. It resumes a run or a sweep.

    without: options to leave out; "=" at the end, as in "--only=", says that the option has a value."""
    words = []
    for word, before in zip(sys.argv[1:], ["", *sys.argv[1:]], strict=False):
        is_option = word in without or f"{word.partition('=')[0]}=" in without
        is_value = f"{before}=" in without
        if not is_option and not is_value:
            words.append(word)
    resumes = words[:1] == ["run"] and "--resume" not in words
    return quoted_command(*words, *(["--resume"] if resumes else []))


def quoted_command(*words: str) -> str:
    """A `repro` command for a new shell in this folder. It is quoted, and has the environment variables that matter and
    the path of the program, because the shell may not find `repro`."""
    called = sys.argv[0]
    by_path = os.path.basename(called) == "repro" and os.sep in called
    program = [called] if by_path else [sys.executable, "-m", "reproductions"]
    defaults = {"KERAS_BACKEND": first_backend(), "REPRO_DATA": "", "XLA_FLAGS": ""}
    settings = [
        f"{name}={shlex.quote(os.environ[name])}"
        for name, default in defaults.items()
        if os.environ.get(name, default) != default
    ]
    return " ".join([*settings, shlex.join([*program, *words])])
