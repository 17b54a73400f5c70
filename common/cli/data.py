"""Commands about data sets: find, download, check and audit them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from common import papers
from common.cli.shared import Results, Runs, app, out, say, show
from common.errors import BadInput
from common.paper import Paper, Profile
from common.paths import data_root, refuse_unwritable, refuse_unwritable_file
from common.plural import counted

if TYPE_CHECKING:  # a command imports these when it runs
    import numpy as np

    from common.data.case import Case
    from common.data.fetch import Found

data_app = typer.Typer(no_args_is_help=True, help="Find, download, check and pack data sets.")
app.add_typer(data_app, name="data")

NameOrDir = Annotated[
    str,
    typer.Argument(
        metavar="NAME_OR_DIR", help="Data: busi, mini-ddsm, mammo_masses, phantom, a folder, or a .yaml about one."
    ),
]


@data_app.command()
def verify(name: NameOrDir, runs: Runs = Path("runs")) -> None:
    """Check that a data set is the published BUSI, pixel by pixel."""
    from common.data import manifest

    found = _find_images("verify", name, runs)
    if differences := manifest.verify(manifest.digest_all(found.cases)):
        raise BadInput.listing(f"{name} is not the published BUSI:", differences, "Its results will say so.")
    say(f"{name}: {len(found.cases)} cases, every pixel as in the published BUSI.")


@data_app.command()
def audit(
    name: NameOrDir,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder for the findings.", show_default="audit-NAME in --runs"
        ),
    ] = None,
    split: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A published split, in two files with an id a line: give this once for the training images, then once "
            "for the test images. Counts the test images with a copy in training, and those of BUSI that published "
            "curations doubt. For several splits, give more pairs.",
        ),
    ] = None,
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
) -> None:
    """Look for faults in a data set: copies, copies in two classes, suspect masks, leakage of a random split, and in
    BUSI what published curations doubt. Findings in a data set of the papers are also stored in the results, for the
    pages of `repro report`."""
    from common.data import audit_files
    from common.data.audit import examine_all, findings_of
    from common.data.known import NAMES

    if output:
        refuse_unwritable(output, "-o")
    found = _find_images("audit", name, runs)
    if output:
        found.refuse_output(output)
    lists = _published_lists(split or [], found.cases)
    folder = output or runs / f"audit-{found.name}"
    with out.status(f"reading {counted(len(found.cases), 'case')} and comparing each with each ..."):
        examined = examine_all(found.cases)
        findings = findings_of(found.name, found.cases, examined, _users(found.name), lists)
        audit_files.write_findings(findings, found.cases, folder)
    show(audit_files.findings_table(findings))
    for curation, about in findings.get("curations", {}).get("lists", {}).items():
        say(f"{curation}: {about['title']}")
        say(f"  {about['source']}")
    say(f"All findings: {folder / 'audit.json'}, with pictures beside it.")
    if findings["data"] in NAMES:
        kept = results / f"audit-{findings['data']}.json"
        audit_files.write_findings_json({key: each for key, each in findings.items() if key != "lists"}, kept)
        say(f"For the pages of `repro report`: {kept}")


@data_app.command("fetch")
def fetch_data(name: NameOrDir = "busi", runs: Runs = Path("runs")) -> None:
    """Print the folder of a data set. If it is missing, download or generate it first."""
    found = _find("fetch", name, runs)
    say(found.folder)
    for line in found.describe_unusable(runs):
        say(line)


@data_app.command()
def pack(
    name: NameOrDir,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The file to write.", show_default="NAME.pack")
    ] = None,
    profile: Annotated[Profile, typer.Option(help="The profile that decides the image sizes.")] = "paper",
    runs: Runs = Path("runs"),
) -> None:
    """Put everything that training needs from a data set into one file, for a machine without the images. Use it there
    with `repro run PAPER --data FILE`, or put it into the data folder as NAME.pack."""
    from common.data import pack as packing
    from common.data.listing import first_few
    from common.data.prepare import Need

    found = _find_images("pack", name, runs)
    path = output or Path(f"{found.name}{packing.ENDING}")
    refuse_unwritable_file(path, "-o")
    found.refuse_output(path)
    # Every reading of masks and channels, because they add little. Another side or contrast would need other images.
    needs = {
        Need.of_recipe(paper.plain_recipe(profile, reading))
        for paper in _users(found.name)
        for reading in [{}, *_readings(paper, "masks"), *_readings(paper, "channels")]
    }
    packed = packing.write_pack(path, found.name, found.cases, list(needs), runs)
    for line in first_few(packed.doubts):
        say(f"Doubtful: {line}")
    sides = sorted({need.side for need in needs})
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    say(f"{path}: {counted(len(found.cases), 'case')} at {', '.join(map(str, sides))} pixels, {size}")


def _published_lists(paths: list[Path], cases: Sequence["Case"]) -> dict[str, tuple["np.ndarray", "np.ndarray"]]:
    """The published splits in these files, by the name of the test list: for each, the positions of its training and of
    its test images among the cases. paths: a training list, its test list, the next training list, and so on.

    Raises BadInput for a list that does not fit the cases, and for a training list without a test list."""
    import numpy as np

    from common.data import splits

    if len(paths) % 2:
        raise BadInput(f"--split: {paths[-1]} stands alone. A split has two lists, of training and of test images.")
    for path, times in Counter(paths[1::2]).items():
        if times > 1:
            raise BadInput(f"--split: {path} is the test part of {times} splits. Audit them one at a time.")
    pairs = zip(paths[::2], paths[1::2], strict=True)
    positions = np.arange(len(cases))
    return {
        str(test): splits.listed(
            cases,
            positions,
            splits.read_names(train),
            splits.read_names(test),
            called=f"The split of {train} (training part) and {test} (test part)",
        )
        for train, test in pairs
    }


def _users(data: str) -> list[Paper]:
    """The papers that use a data set; all papers if none does."""
    known = [papers.load(name) for name in papers.names()]
    return [paper for paper in known if data in (paper.data, paper.stand_in)] or known


def _readings(paper: Paper, key: str) -> list[dict[str, Any]]:
    """Every value of one reading, each as {key: value}; [] if the paper has no such reading."""
    return [{key: value} for value in paper.readings[key].values] if key in paper.readings else []


def _find(command: str, name: str, runs: Path) -> "Found":
    """Finds a data set. If it is missing, the message names other data as `repro data COMMAND` takes them."""
    from common.data import fetch
    from common.data.known import Missing

    try:
        return fetch.find(name, data_root(), runs)
    except Missing as missing:
        raise missing.for_command(f"repro data {command}") from missing


def _find_images(command: str, name: str, runs: Path) -> "Found":
    """Finds a data set with images, and prints what in it can't be used. Raises BadInput for a packed file, which has
    no images."""
    found = _find(command, name, runs)
    if found.packed:
        raise BadInput(
            f"{found.packed.path} is a packed file: it has the arrays that training reads, not the images. This "
            "command needs a folder with the images."
        )
    for line in found.describe_unusable(runs):
        say(line)
    return found
