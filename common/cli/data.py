"""Commands about data sets: find, download, check and audit them."""

from pathlib import Path
from typing import Annotated

import typer

from common import paper as papers
from common.cli.shared import Runs, app, out, report_unusable, root, say
from common.errors import BadInput

data_app = typer.Typer(no_args_is_help=True, help="Find, download and check data sets.")
app.add_typer(data_app, name="data")


@data_app.command()
def verify(name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")], runs: Runs = Path("runs")) -> None:
    """Compare every pixel of a data set with the published BUSI."""
    from common.data import fetch, manifest

    cases = fetch.find(name, root(), runs).cases
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

    found = fetch.find(name, root(), runs)
    folder = output or runs / f"audit-{found.name}"
    with out.status(f"reading {len(found.cases)} cases and comparing each with each ..."):
        known = [papers.load(paper) for paper in papers.names()]
        concerned = [paper for paper in known if found.name in (paper.data, paper.stand_in)] or known
        findings = auditing.report(found.name, found.cases, auditing.examine_all(found.cases), concerned)
        audit_report.write(findings, found.cases, folder)
    out.print(audit_report.table(findings))
    say(f"All findings: {folder / 'audit.json'}. To see them: the pictures beside it.")


@data_app.command("fetch")
def fetch_data(name: Annotated[str, typer.Argument(metavar="NAME_OR_DIR")] = "busi", runs: Runs = Path("runs")) -> None:
    """Find a data set, downloading or making it where it is missing, and say where it lies."""
    from common.data import fetch

    found = fetch.find(name, root(), runs)
    out.print(found.folder, soft_wrap=True, highlight=False)
    report_unusable(found, runs)
