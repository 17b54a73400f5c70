"""Commands that use a trained network: on your own images, on another labelled set, or as ONNX."""

from pathlib import Path
from string import ascii_uppercase
from typing import Annotated

import typer
from rich.progress import Progress

from common.cli.shared import Runs, app, err, out, report_unusable, root, say, say_json, show
from common.errors import BadInput
from common.files import refuse_no_folder, refuse_unwritable_file
from common.predict.bundled import FILE, NAME, describe_bundled, find_network
from common.training.backend import import_keras

_NAMES = f"{NAME}, which comes with the suite; the folder of a run or of a repeat; or its best.keras or last.keras."
Model = Annotated[Path, typer.Option("--model", metavar="NAME", help=f"A trained network: {_NAMES}")]


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

    refuse_no_folder(output)
    found = files.find_inputs(inputs, output)
    files.refuse_nothing(found)
    model = find_network(model)
    import_keras()
    from common.predict import pipeline, probe
    from common.training import model_file

    network, about = model_file.load(model)
    model_file.refuse_leak(about)
    probe.refuse_no_probabilities(model, network, about)
    say(f"{about}.")
    if model == FILE:
        say(describe_bundled())
    say(pipeline.DISCLAIMER)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
        bar = progress.add_task("predicting", total=len(found.items))
        predicted = pipeline.predict_all(
            network, about, found.items, output, lambda number: progress.update(bar, completed=number)
        )
    for line in first_few(predicted.doubts):
        say(f"Doubtful: {line}")
    for line in first_few(predicted.without):
        say(f"Left out: {line}")
    if found.left_out:
        say(f"Left out (nothing to predict on): {found.left_out}.")
    number = len(found.items) - len(predicted.without)
    say(f"{predicted.done} of {number} images: masks, overlays and {files.LINES} are in {output}.")
    if wrong := found.missing + predicted.undone:
        raise BadInput.listing("These could not be used; all others are done:", wrong, "Replace or remove them.")
    if not predicted.done:
        raise BadInput.listing("None of these holds a picture:", predicted.without, "Name the files of the images.")


@app.command()
def evaluate(
    model: Annotated[
        list[Path], typer.Option("--model", metavar="NAME", help=f"A trained network: {_NAMES} May be repeated.")
    ],
    data: Annotated[
        str,
        typer.Option(help="Data: busi, mini-ddsm, mammo_masses, phantom, a folder, or a .yaml that describes one."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Evaluate trained networks on a labelled set, with 95 % intervals, and compare them."""
    from common.data import fetch
    from common.data.listing import first_few
    from common.evidence.clinical import explain_measures

    if len(model) > len(ascii_uppercase):
        raise BadInput(f"{len(model)} networks: at most {len(ascii_uppercase)} can be compared.")
    import_keras()
    from common.predict import evaluate as evaluation
    from common.training import model_file
    from common.training.request import cache_folder

    networks = [(file, *model_file.load(file)) for file in map(find_network, model)]
    found = fetch.find(data, root(), runs)
    evaluated = evaluation.evaluate_all(networks, found, cache_folder(runs))
    to = err if as_json else out
    report_unusable(found, runs, to)
    for doubt in first_few(dict.fromkeys(doubt for each in evaluated for doubt in each.doubts)):
        say(f"Doubtful: {doubt}", to)
    if as_json:
        say_json(evaluation.as_record(evaluated, found))
        return
    for letter, each in zip(ascii_uppercase, evaluated, strict=False):
        name = f"{each.file}: {each.about}."
        say(f"{letter}: {name}" if networks[1:] else name)
        if each.seen:
            say("   Trained on images of this very set: its scores here say little about new images.")
    show(evaluation.evaluation_table(evaluated))
    say(
        f"{_images(len(evaluated[0].rows))} of {found.name}. Below each value is its 95 % interval over the "
        "images (bootstrap, 10,000 resamples). It takes the images as independent; with several images of a lesion the "
        "true interval is wider."
        + (" For a difference both use the same resamples; it is bold if 0 is outside." if networks[1:] else "")
    )
    for letter, each in zip(ascii_uppercase, evaluated, strict=False):
        say()
        say(f"{letter}: what clinicians ask for" if networks[1:] else "What clinicians ask for")
        show(evaluation.clinical_view(each))
    for line in explain_measures(evaluated[0].dataset):
        say(f"- {line}")


def _images(number: int) -> str:
    return f"{number} image{'' if number == 1 else 's'}"


@app.command()
def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The .onnx file to write.")],
    model: Model = Path(NAME),
) -> None:
    """Write a trained network as ONNX, after a check that onnxruntime marks the same pixels."""
    refuse_unwritable_file(output)
    model = find_network(model)
    import_keras()
    from common.predict import export as exporting
    from common.predict import probe
    from common.training import model_file

    exporting.refuse_without_packages()
    network, about = model_file.load(model)
    model_file.refuse_leak(about)
    probe.refuse_no_probabilities(model, network, about)
    check = exporting.export(network, about, output)
    say(f"{about}: {output}.")
    say(
        f"onnxruntime marks the same pixels as Keras on all {check.images} synthetic images; "
        f"largest difference of a probability: {check.largest:.1e}."
    )
