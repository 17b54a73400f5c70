"""The command that makes the site."""

from pathlib import Path
from typing import Annotated

import typer

from common import paper as papers
from common.cli.shared import Results, Runs, app, out, root, say
from common.errors import BadInput
from common.training.backend import import_keras


@app.command()
def report(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where it is put.")] = Path("site"),
    results: Results = Path("results"),
    runs: Runs = Path("runs"),
) -> None:
    """The results as a static site, from the files of results alone. Where the data sets are, with their images."""
    import_keras()
    try:
        from common.report import site
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"The package {missing.name} is not installed, which the report needs. `make install` puts it into .venv; "
            "for this Python: pip install '.[report]'"
        ) from missing
    with out.status("reading the results, checking the papers' arithmetic, looking for images: a minute ..."):
        built = site.build_site(results, papers.names(), root(), runs)
        site.write_site(built, output)
    for remark in built.remarks:
        say(f"Without images: {remark}")
    if built.remarks:
        say("REPRO_DATA names the folder of data sets; with them, the galleries show what was to be marked too.")
    say(f"{output / 'index.html'}: {len(built.pages)} pages, {built.size / 1e6:.1f} MB. Open it in a browser.")
