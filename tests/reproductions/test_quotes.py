"""What each record says of its paper: the words stand in the paper's text, the settings and definitions are usable."""

import os
from pathlib import Path

import pytest

from common import paper
from common.evidence.metrics import Definition

PAPERS = [paper.load(name) for name in paper.names()]
STATEMENTS = [
    pytest.param(record, statement.quote, id=f"{record.name}-{key}")
    for record in PAPERS
    for key, statement in (record.stated | record.readings).items()
    if statement.quote is not None
]
REPORTED = [pytest.param(record, cell, id=f"{record.name}-{cell.id}") for record in PAPERS for cell in record.reported]
ALTERNATIVES = [
    pytest.param(record, key, value, id=f"{record.name}-{key}={paper.as_text(value)}")
    for record in PAPERS
    for key, reading in record.readings.items()
    for value in reading.alternatives
]


def one_spaced(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def text():
    """The full text of a paper with every run of white space as one blank."""
    folder = os.environ.get("REPRO_PAPERS")
    if not folder:
        pytest.skip("REPRO_PAPERS is not set: the folder of the papers' full texts")
    return lambda record: one_spaced((Path(folder) / record.text).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("record", "quote"), STATEMENTS)
def test_a_quote_occurs_in_the_paper(record, quote, text):
    assert one_spaced(quote) in text(record)


@pytest.mark.parametrize(("record", "cell"), REPORTED)
def test_a_reported_value_occurs_in_the_paper_as_printed(record, cell, text):
    assert cell.value in text(record)


@pytest.mark.parametrize(("record", "cell"), REPORTED)
def test_a_reported_value_has_a_definition_that_can_be_computed(record, cell):
    assert str(Definition.parse(cell.definition)) == cell.definition


@pytest.mark.parametrize(("record", "key", "value"), ALTERNATIVES)
def test_an_alternative_reading_makes_a_recipe_that_differs_in_it_alone(record, key, value):
    default, other = record.recipe().model_dump(), record.recipe(readings={key: value}).model_dump()
    assert {changed for changed in default if default[changed] != other[changed]} == {key}


@pytest.mark.parametrize("record", PAPERS, ids=lambda record: record.name)
def test_what_selects_an_epoch_is_the_loss_or_a_definition(record):
    for monitor in record.readings["monitor"].values if "monitor" in record.readings else [record.recipe().monitor]:
        assert monitor == "loss" or Definition.parse(monitor)
