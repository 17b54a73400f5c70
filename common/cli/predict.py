"""Commands that use a trained network: on your own images, on another labelled set, or as ONNX."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from common.cli.shared import Runs, app, err, out, progress_bar, say, say_json, show, tell
from common.errors import BadInput
from common.paths import data_root, refuse_inside, refuse_unwritable, refuse_unwritable_file
from common.plural import counted
from common.predict.bundled import FILE, NAME, WAYS_TO_NAME, describe_bundled, find_network
from common.training.backend import import_keras

_MOST_LINES = 10  # for more images than this, a line for each would hide the rest of the output

Model = Annotated[Path, typer.Option("--model", metavar="NAME", help=f"A trained network: {WAYS_TO_NAME}")]


@app.command()
def predict(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Images, folders or patterns ('a/*.png').")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the results.")],
    model: Model = Path(NAME),
) -> None:
    """Predict tumours in your own images: masks, overlays and bounding boxes. Takes PNG, JPEG, TIFF, BMP, WebP, and
    DICOM with one frame."""
    from common.data.listing import first_few
    from common.predict import inputs as files

    refuse_unwritable(output, "-o")
    files.refuse_files_of_a_person(output)
    found = files.find_inputs(inputs)
    files.refuse_nothing(found)
    model = find_network(model)
    import_keras()
    from common.predict import pipeline
    from common.predict.probe import load_for_images
    from common.predict.results import describe_line

    network, about = load_for_images(model)
    say(f"{about}.")
    if model == FILE:
        say(describe_bundled())
    say(pipeline.DISCLAIMER)
    with progress_bar() as progress:
        bar = progress.add_task("predicting", total=len(found.items))
        predicted = pipeline.predict_all(
            network, about, found.items, output, lambda number: progress.update(bar, completed=number)
        )
    wrong = found.missing + predicted.undone
    if not predicted.lines:
        remedy = [f"Left out besides: {found.left_out}."] if found.left_out else []
        raise BadInput.listing("No image could be used:", wrong + predicted.without, *remedy)
    for line in first_few(predicted.doubts):
        say(f"Doubtful: {line}")
    for line in first_few(predicted.without):
        say(f"Left out: {line}")
    if found.left_out:
        say(f"Left out (nothing to predict on): {found.left_out}.")
    number = len(found.items) - len(predicted.without)
    done = len(predicted.lines)
    say(f"{done} of {counted(number, 'image')}: masks, overlays and {files.LINES} are in {output}.")
    if done <= _MOST_LINES:
        for line in predicted.lines:
            say(f"- {describe_line(line)}")
    else:
        marked = sum(line["area_pixels"] > 0 for line in predicted.lines)
        say(f"Something is marked in {marked} of them. {files.LINES} says in which.")
    if predicted.earlier:
        say(f"Masks of an earlier prediction in {output}, which {files.LINES} does not list: {predicted.earlier}.")
    if wrong:
        raise BadInput.listing("These could not be used; all others are done:", wrong, "Replace or remove them.")


@app.command()
def evaluate(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            "--model", metavar="NAME", help=f"A trained network: {WAYS_TO_NAME} May be repeated.", show_default=NAME
        ),
    ] = None,
    predicted: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="A folder of masks that another program predicted, called as the images. May be repeated. A network "
            "is evaluated beside it only if --model names one.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder of your images. Needs --masks.", show_default=False)
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of their masks, with the same names.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Instead: busi, mini-ddsm, mammo_masses, phantom, a folder in their layout or nnU-Net's, or a .yaml "
            "that describes one.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Folder for images.csv (a line for each image) and the worst overlays.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every definition, and what clinicians ask for.")] = (
        False
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Evaluate trained networks, or masks that another program predicted, on images with masks. Shows 95 % intervals,
    and compares them with each other."""
    from common.data import fetch

    if output:
        refuse_unwritable(output, "-o")
    found = fetch.find_masked(data, images, masks, data_root(), runs)
    if output:
        found.refuse_output(output)
        refuse_inside(output, predicted or [])
        if found.packed:
            raise BadInput(f"{found.folder} is a packed file, without images to draw on: run this without -o.")
    import_keras()
    from common.predict import evaluation_files, evaluation_rows, evaluation_tables, pipeline
    from common.predict.evaluate import evaluate_all

    def watched(batches: Iterable, number: int) -> Iterator[Any]:
        with progress_bar() as progress:
            yield from progress.track(batches, number, description="evaluating")

    networks = model or ([] if predicted else [Path(NAME)])
    evaluated = evaluate_all(networks, found, runs, watched, predicted or [])
    for line in evaluation_tables.describe_files(evaluated, found, runs):
        say(line, err if as_json else out)
    written = evaluation_files.write_all(evaluated, output) if output else []
    if as_json:
        say_json(evaluation_rows.as_record(evaluated))
        return
    for each in evaluated:
        what = each.about or "masks that another program predicted"
        say(f"{each.prefix}{NAME if each.file == FILE else each.file}: {what}.")
    say(pipeline.DISCLAIMER)
    for line in evaluation_tables.describe_notes(evaluated, everything):
        say(line)
    for table, paragraphs in evaluation_tables.sections(evaluated, found.folder, everything):
        say()
        show(table)
        for paragraph in paragraphs:
            tell(paragraph)
    if written:
        say(f"Written: {', '.join(map(str, written))}.")
    if not everything:
        say("--all shows every definition, and what clinicians ask for.")


@app.command()
def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The .onnx file to write.")],
    model: Model = Path(NAME),
) -> None:
    """Write a trained network as ONNX, after a check that onnxruntime marks the same pixels."""
    refuse_unwritable_file(output, "-o")
    model = find_network(model)
    if output.exists() and output.samefile(model):
        raise BadInput(f"{output} is the network itself. Expected another file to write, such as a.onnx.")
    import_keras()
    from common.predict import export as exporting
    from common.predict.probe import load_for_images

    exporting.refuse_without_packages()
    network, about = load_for_images(model)
    check = exporting.export(network, about, output)
    say(f"{about}: {output}.")
    say(
        f"onnxruntime marks the same pixels as Keras on all {check.images} synthetic images; "
        f"largest difference of a probability: {check.largest:.1e}."
    )
