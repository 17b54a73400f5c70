"""What all commands share: the application, its console, the options that recur, and the command that was typed."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from common.training.backend import first_backend

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=(
    "Reproduces what five papers report on segmenting breast tumours, and says of every number whether it holds."
))  # fmt: skip

out, err = Console(), Console(stderr=True)  # the second for what is said where the first carries JSON
PaperName = Annotated[str, typer.Argument(metavar="PAPER", help="One of those that `repro papers` lists.")]
Data = Annotated[
    str | None,
    typer.Option(
        help="busi, mini-ddsm, mammo_masses, phantom, a folder, a .yaml that describes one, or a packed file. "
        "[default: the paper's]"
    ),
]
Runs = Annotated[Path, typer.Option(help="Where trainings, caches and the phantom are kept.")]
Results = Annotated[Path, typer.Option(help="Where the results are kept that compare reads.")]


def say(line: str, to: Console = out) -> None:
    to.print(line, highlight=False, soft_wrap=True)


def root() -> Path:
    """Where the data sets are."""
    return Path(os.environ.get("REPRO_DATA") or "data")


def report_stand_in(paper: "Paper", found: "Found", asked: str | None, to: Console = out) -> None:  # noqa: F821
    """That another data set takes the place of the paper's, where nobody asked for that."""
    if asked is None and found.name != paper.data:
        say(
            f"{paper.name}: {paper.data} is not here: {found.name} instead, whose numbers are not comparable with the "
            "paper's.",
            to,
        )


def report_unusable(found: "Found", runs: Path, to: Console = out) -> None:  # noqa: F821, imported when needed
    """One line on what the data set lists and can't be used, and a file that explains each; one on what lies beside its
    images and is none of them."""
    from common.files import write_atomically

    if found.left_out:
        say(escape(f"{found.name}: {len(found.cases)} cases. Left out, as no images of it: {found.left_out}."), to)
    if found.unusable:
        path = runs / f"{found.name}-unusable.txt"
        write_atomically(path, "".join(f"{line}\n" for line in found.unusable).encode())
        say(
            f"{found.name}: {len(found.cases)} cases; {len(found.unusable)} more can't be used, explained in {path}", to
        )


def command_line(*without: str) -> str:
    """The command that was typed, in a form that goes on with what it has begun when it is pasted into a new shell in
    this folder. without: options that are left out of it, "--only=" one that has a value."""
    words = _dropped(sys.argv[1:], without)
    resumes = words[:1] == ["run"] and "--resume" not in words
    return invocation(*words, *(["--resume"] if resumes else []))


def invocation(*words: str) -> str:
    """A command of the suite for a new shell in this folder: quoted, with the settings that this one took from its
    environment, by a path where `repro` may not be on that of the shell."""
    called = sys.argv[0]
    by_path = os.path.basename(called) == "repro" and os.sep in called
    here = [called] if by_path else [sys.executable, "-m", "reproductions"]
    settings = {"KERAS_BACKEND": first_backend(), "REPRO_DATA": "", "XLA_FLAGS": ""}
    needed = [
        f"{name}={shlex.quote(os.environ[name])}"
        for name, default in settings.items()
        if os.environ.get(name, default) != default
    ]
    return " ".join([*needed, shlex.join([*here, *words])])


def _dropped(words: list[str], options: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    for word, before in zip(words, ["", *words], strict=False):
        is_option = word in options or f"{word.partition('=')[0]}=" in options
        is_value = f"{before}=" in options
        if not is_option and not is_value:
            kept.append(word)
    return kept
