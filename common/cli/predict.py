"""Commands that use a trained network: on one's own images, on another labelled set, in another runtime."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from common.cli.shared import app, import_keras, out, say
from common.errors import BadInput

Model = Annotated[Path, typer.Option("--model", metavar="FILE", help="A model.keras, as each repeat of a run leaves.")]


@app.command()
def predict(
    model: Model,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders or patterns: 'a/*.png'.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where the results are written.")],
) -> None:
    """Masks, overlays and bounding boxes for your own images: PNG, JPEG, TIFF, BMP or DICOM of one frame."""
    from common.predict import inputs as files

    items, missing = files.find(inputs, output)
    files.refuse_nothing(items, missing)
    import_keras()
    from common.predict import pipeline
    from common.training import model_file

    network, about = model_file.load(model)
    say(f"{about}.")
    say(pipeline.DISCLAIMER)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
        bar = progress.add_task("predicting", total=len(items))
        done, unreadable = pipeline.run(
            network, about, items, output, lambda number: progress.update(bar, completed=number)
        )
    say(f"{done} of {len(items)} images: masks, overlays and {pipeline.LINES} are in {output}.")
    if missing or unreadable:
        raise BadInput.listing(
            "These could not be read, all others were done:", missing + unreadable, "Replace or remove them."
        )
