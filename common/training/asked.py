"""What is asked of the run in a folder, in `run.json`, for whoever asks how far it is (`repro status`)."""

from pathlib import Path

from common.errors import Damaged
from common.files import read_json, write_json
from common.training.request import Request, trial_folder, trials

NAME = "run.json"


def note(folder: Path, request: Request, *, stored: bool) -> None:
    """stored: whether the run's record is in the results. Jobs side by side note the same, the first of them alone
    writes."""
    asked = trials(request.recipe, range(request.repeats))
    places = {str(trial): str(trial_folder(folder, trial).relative_to(folder)) for trial in asked}
    content = {"command": request.command, "epochs": request.recipe.epochs, "trials": places, "stored": stored}
    try:
        if read_json(folder / NAME) == content:
            return
    except (Damaged, OSError):
        pass
    write_json(folder / NAME, content)
