"""Commands about data sets: find, download, check and audit them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from common import paper as papers
from common.cli.shared import Results, Runs, app, out, report_unusable, root, say
from common.errors import BadInput
from common.paper import Paper, Profile

data_app = typer.Typer(no_args_is_help=True, help="Find, download and check data sets.")
app.add_typer(data_app, name="data")


@data_app.command()
def verify(name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")], runs: Runs = Path("runs")) -> None:
    """Compare every pixel of a data set with the published BUSI."""
    from common.data import fetch, manifest

    found = _with_images(fetch.find(name, root(), runs))
    report_unusable(found, runs)
    if differences := manifest.verify(manifest.digest_all(found.cases)):
        raise BadInput.listing(f"{name} is not the published BUSI:", differences, "Its results will say so.")
    out.print(f"{name}: {len(found.cases)} cases, every pixel as in the published BUSI.")


@data_app.command()
def audit(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="[default: audit-NAME in --runs]")
    ] = None,
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
) -> None:
    """What is wrong with a data set: copies, copies in two classes, suspect masks, and how often a split leaks. Of one
    known by name, which papers are about, the findings are kept with the results too, for the site."""
    from common.data import audit as auditing
    from common.data import fetch

    found = _with_images(fetch.find(name, root(), runs))
    report_unusable(found, runs)
    folder = output or runs / f"audit-{found.name}"
    with out.status(f"reading {len(found.cases)} cases and comparing each with each ..."):
        findings = auditing.findings_of(found.name, found.cases, auditing.examine_all(found.cases), _users(found.name))
        auditing.write_findings(findings, found.cases, folder)
    out.print(auditing.findings_table(findings))
    say(f"All findings: {folder / 'audit.json'}. To see them: the pictures beside it.")
    if findings["data"] in fetch.NAMES:
        kept = results / f"audit-{findings['data']}.json"
        auditing.write_findings_json(findings, kept)
        say(f"For the site that `repro report` makes: {kept}")


@data_app.command("fetch")
def fetch_data(name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")] = "busi", runs: Runs = Path("runs")) -> None:
    """Find a data set, downloading or making it where it is missing, and say where it lies."""
    from common.data import fetch

    found = fetch.find(name, root(), runs)
    out.print(found.folder, soft_wrap=True, highlight=False)
    report_unusable(found, runs)


@data_app.command()
def pack(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="[default: NAME.pack in this folder]")
    ] = None,
    profile: Annotated[Profile, typer.Option(help="Whose image sizes: paper, small or smoke.")] = "paper",
    runs: Runs = Path("runs"),
) -> None:
    """Put what training needs of a data set into one compressed file, for a host that has no images: there
    `repro run PAPER --data FILE` uses it, or, as NAME.pack in the data folder, any run."""
    from common.data import fetch
    from common.data import pack as packing
    from common.data.listing import first_few
    from common.data.prepare import Need

    found = _with_images(fetch.find(name, root(), runs))
    report_unusable(found, runs)
    path = output or Path(f"{found.name}{packing.ENDING}")
    # Masks and channels in every reading, since they add little; another side or contrast is another set of images.
    needs = {
        Need.of_recipe(paper.plain_recipe(profile, reading))
        for paper in _users(found.name)
        for reading in [{}, *_readings(paper, "masks"), *_readings(paper, "channels")]
    }
    packed = packing.write_pack(path, found.name, found.cases, list(needs), runs)
    for line in first_few(packed.doubts):
        say(f"Doubtful: {line}")
    sides = sorted({need.side for need in needs})
    say(f"{path}: {len(found.cases)} cases at {', '.join(map(str, sides))} pixels, {path.stat().st_size / 1e6:.1f} MB")


def _users(data: str) -> list[Paper]:
    """The papers that use a data set, or all where none is known to."""
    known = [papers.load(name) for name in papers.names()]
    return [paper for paper in known if data in (paper.data, paper.stand_in)] or known


def _readings(paper: Paper, key: str) -> list[dict[str, Any]]:
    return [{key: value} for value in paper.readings[key].values] if key in paper.readings else []


def _with_images(found: "Found") -> "Found":  # noqa: F821, imported when a command needs it
    if found.packed:
        raise BadInput(
            f"{found.packed.path} is a packed file: it has the arrays that training reads, not the images. This "
            "needs a folder with the images."
        )
    return found
