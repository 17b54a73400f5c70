"""docs/describe-data.md has every key of a description and every column of images.csv, and its examples work."""

import re
from pathlib import Path

import pytest
import yaml

from common.data import folder

DOCUMENT = (Path(__file__).parents[2] / "docs" / "describe-data.md").read_text(encoding="utf-8")


def table(header: str) -> list[list[str]]:
    """The cells of the lines below this header, without the back quotes around them."""
    _, _, below = DOCUMENT.partition(f"\n| {header} |")
    lines = below.split("\n\n")[0].splitlines()[2:]  # below the rest of the header and the rule
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_key_is_there_with_its_default():
    keys = {cells[0].strip("` "): cells[2] for cells in table("key")}
    fields = folder.Description.model_fields
    assert keys.keys() == fields.keys()
    for key, field in fields.items():
        said = keys[key].strip("`")
        if field.is_required():
            assert said == "required"
        else:
            assert (None if said == "none" else yaml.safe_load(said)) in (field.default, list(field.default or ()))


@pytest.mark.parametrize("key", folder.Description.model_fields)
def test_the_example_of_a_key_is_a_value_of_it(key):
    (example,) = [cells[3].strip("`") for cells in table("key") if cells[0].strip("` ") == key]
    about = {"images": "scans", "masks": "truth", "pattern": "(?P<class>.)", "classes": {"b": "benign"}}
    folder.Description.model_validate(about | {key: yaml.safe_load(example)})


def test_its_named_groups_are_those_that_are_read():
    code = Path(folder.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r'_part\(match, "(\w+)"', code)) | set(re.findall(r'match\["(\w+)"\]', code))
    assert {re.search(r"<(\w+)>", cells[0])[1] for cells in table("named group")} == read


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL))
def test_an_example_is_a_description(tmp_path, example):
    path = tmp_path / "mine.yaml"
    path.write_text(example)
    about = folder.load_description(path)
    # The comment above it names a file and its mask.
    image, mask = re.match(r"# \w+/(\S+) with \w+/(\S+?),? ?(?:all.*)?\n", example).groups()
    for name, part in ((image, about.images), (mask, about.masks)):
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / part / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in about.ignore:
        (tmp_path / about.images / name).touch()
    (case,), _ = folder.index(about, tmp_path)
    assert (case.image.name, case.masks[0].name) == (image, mask)
    assert case.label in ("benign", "malignant")
