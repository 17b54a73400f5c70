"""What each record says of its paper: the words stand in the paper's text, the settings and definitions are usable."""

import os
import re
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from common import papers
from common.evidence.definition import Definition
from common.paper import Paper
from common.readings import as_text
from common.reported import Table

PAPERS = [papers.load(name) for name in papers.names()]
STATEMENTS = [
    pytest.param(record, statement.quote, id=f"{record.name}-{key}")
    for record in PAPERS
    for key, statement in (record.stated | record.readings).items()
    if statement.quote is not None
] + [
    pytest.param(record, more.quote, id=f"{record.name}-{name}")
    for record in PAPERS
    for name, more in (("cases", record.cases), ("training_pass", record.training_pass))
    if more and more.quote
]
WORDED = [pytest.param(record, claim, id=f"{record.name}-{claim.id}") for record in PAPERS for claim in record.worded]
QUOTED = [each for each in WORDED if each.values[1].quote is not None]
REPORTED = [pytest.param(record, cell, id=f"{record.name}-{cell.id}") for record in PAPERS for cell in record.reported]
TABLES = [
    pytest.param(record, Table.model_validate(table), id=f"{record.name}-{table['table']}")
    for record in PAPERS
    for table in yaml.safe_load((files("reproductions") / record.name / "paper.yaml").read_text()).get("tables", [])
]
ALTERNATIVES = [
    pytest.param(record, key, value, id=f"{record.name}-{key}={as_text(value)}")
    for record in PAPERS
    for key, reading in record.readings.items()
    for value in reading.alternatives
]


def one_spaced(text: str) -> str:
    return " ".join(text.split())


def numbers(text: str) -> str:
    """Its numbers in their order, one blank between; a ± joins two, as the texts write it or as LaTeX does."""
    joined = re.sub(r"\s*(?:±|\\pm|\\square)\s*", "±", text)
    return " ".join(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:±\d+(?:\.\d+)?)?(?![\w.]*\w)", joined))


@pytest.fixture
def folder():
    """Where the papers' full texts are."""
    if "REPRO_PAPERS" not in os.environ:
        pytest.skip("REPRO_PAPERS is not set: the folder of the papers' full texts")
    return Path(os.environ["REPRO_PAPERS"])


@pytest.fixture
def full_text(folder):
    """The full text of a paper."""

    def read(record: Paper) -> str:
        if record.text is None:
            pytest.skip(f"the text of {record.name} is not at hand: its facts cite file and line of the authors' code")
        return (folder / record.text).read_text(encoding="utf-8")

    return read


@pytest.fixture
def text(full_text):
    """The same with every run of white space as one blank."""
    return lambda record: one_spaced(full_text(record))


@pytest.mark.parametrize(("record", "quote"), STATEMENTS)
def test_a_quote_occurs_in_the_paper(record, quote, text):
    assert one_spaced(quote) in text(record)


@pytest.mark.parametrize(("record", "cell"), REPORTED)
def test_a_reported_value_occurs_in_the_paper_as_printed(record, cell, text):
    """As a whole number: 0.07 is not in 0.076."""
    assert re.search(rf"(?<![\d.]){re.escape(cell.value)}(?!\d)", text(record))


@pytest.mark.parametrize(("record", "table"), TABLES)
def test_each_line_of_a_table_is_a_line_of_the_papers_table_with_its_numbers_in_order(record, table, full_text):
    lines = [line for line in full_text(record).splitlines() if "\t" in line]
    at = -1
    for row in table.rows:
        found = (i for i, line in enumerate(lines) if i > at and f" {numbers(row.values)} " in f" {numbers(line)} ")
        at = next(found, None)
        assert at is not None, f"no line of a table, after those before it, has {row.values}"
        network, _, source = row.quoted.partition(" [")
        assert network in lines[at]
        # The source stands in the line itself or, where it has several lines, in the first of them.
        assert not source or re.findall(r"\[\d+\]", " ".join(lines[: at + 1]))[-1] == f"[{source}"
        assert (row.classes or [""])[0].capitalize() in lines[at]


@pytest.mark.parametrize(("record", "claim"), QUOTED)
def test_the_words_of_a_claim_occur_in_the_paper(record, claim, text):
    assert one_spaced(claim.quote) in text(record)


@pytest.mark.parametrize(("record", "claim"), WORDED)
def test_a_claim_in_words_is_about_a_definition_and_a_network_that_can_be_run(record, claim):
    assert str(Definition.parse(claim.definition)) == claim.definition
    assert isinstance(claim.over, str | None) or record.recipe(readings=claim.over)
    assert record.recipe(readings=claim.readings)


@pytest.mark.parametrize(("record", "cell"), REPORTED)
def test_a_reported_value_has_a_definition_that_can_be_computed(record, cell):
    assert str(Definition.parse(cell.definition)) == cell.definition


@pytest.mark.parametrize(("record", "key", "value"), ALTERNATIVES)
def test_an_alternative_reading_makes_a_recipe_that_differs_in_it_alone(record, key, value):
    """A baseline also differs in what the record says of all baselines, and another size of batch in a monitor that is
    taken over batches."""
    default, other = record.recipe().model_dump(), record.recipe(readings={key: value}).model_dump()
    of_baseline = record.of_baselines.keys() if record.network_of({key: value}) else set()
    follows = {"monitor"} if key == "batch_size" and "|batch=" in default["monitor"] else set()
    assert {changed for changed in default if default[changed] != other[changed]} == {key, *of_baseline, *follows}


@pytest.mark.parametrize("record", PAPERS, ids=lambda record: record.name)
def test_what_selects_an_epoch_is_the_loss_or_a_definition(record):
    for monitor in record.readings["monitor"].values if "monitor" in record.readings else [record.recipe().monitor]:
        assert monitor == "loss" or Definition.parse(monitor)
