"""docs/tour.ipynb runs from start to end, and what is committed of it is whole, small and of no machine.

To make its outputs anew: `.venv/bin/jupyter-execute --inplace docs/tour.ipynb`, without REPRO_DATA.
"""

import ast
import json
import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOUR = ROOT / "docs" / "tour.ipynb"
COMMITTED = json.loads(TOUR.read_text(encoding="utf-8"))
CODE = [cell for cell in COMMITTED["cells"] if cell["cell_type"] == "code"]


def outputs_of(cells: list[dict]) -> list[set[str]]:
    """Of each cell, what it shows: "stdout", or the kinds of a picture or a table."""
    return [{kind for each in cell["outputs"] for kind in each.get("data", [each.get("name")])} for cell in cells]


def test_the_committed_tour_was_run_once_from_top_to_bottom_without_an_error():
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    kinds = {each["output_type"] for cell in CODE for each in cell["outputs"]}
    assert kinds == {"stream", "display_data", "execute_result"}
    assert "stderr" not in set().union(*outputs_of(CODE))
    assert sum("image/png" in shown for shown in outputs_of(CODE)) == 4
    assert sum("text/html" in shown for shown in outputs_of(CODE)) == 4


def test_every_name_that_the_tour_imports_is_there():
    code = ast.parse("\n".join("".join(cell["source"]) for cell in CODE))
    imports = [each for each in ast.walk(code) if isinstance(each, ast.ImportFrom)]
    names = [f"{each.module}.{alias.name}" for each in imports for alias in each.names]
    assert "common.data.phantom" in names
    for name in names:
        pkgutil.resolve_name(name)  # raises for a name that is not there


def test_the_committed_tour_is_small_and_names_no_place_on_a_disk():
    text = TOUR.read_text(encoding="utf-8")
    assert len(text) < 500_000
    bare = re.sub(r'"image/png": "[^"]*"', "", text)
    assert re.findall(r"(?<![\w./:])/(?:home|root|tmp|work|Users|usr|opt|mnt)\b[^\s\"]*", bare) == []


def test_the_committed_pictures_are_of_the_phantom():
    """No image of a patient may be in the repository."""
    printed = [text for cell in CODE for each in cell["outputs"] for text in each.get("text", [])]
    assert "120 images of phantom\n" in printed


@pytest.mark.long
def test_the_tour_runs_from_start_to_end(monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.delenv("REPRO_DATA", raising=False)
    tour = nbformat.read(TOUR, as_version=4)
    code = [cell for cell in tour.cells if cell.cell_type == "code"]
    for cell in code:
        cell.update(outputs=[], execution_count=None)
    place = {"metadata": {"path": str(ROOT / "docs")}}  # where Jupyter starts it
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    NotebookClient(tour, timeout=600, kernel_name="python3", resources=place).execute()  # raises for a cell that fails
    assert [cell.source for cell in tour.cells] == ["".join(cell["source"]) for cell in COMMITTED["cells"]]
    assert outputs_of(code) == outputs_of(CODE)
