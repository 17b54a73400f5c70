"""The record of a paper: what makes a recipe of it, and what it refuses."""

from importlib import import_module

import pytest
from pydantic import ValidationError

from common import papers
from common.errors import BadInput
from common.paper import PROFILES, SHRINKS, Paper, Stated
from common.readings import as_shown, as_text
from common.recipe import Recipe

CHENG = papers.load("cheng")


def test_a_recipe_is_what_is_stated_and_the_default_of_each_reading():
    recipe = CHENG.recipe()
    assert (recipe.side, recipe.batch_size, recipe.loss) == (256, 8, "bce")
    assert recipe.filters == (32, 64, 128, 256)


def test_a_profile_shrinks_and_a_chosen_reading_outranks_it():
    smoke = CHENG.recipe("smoke")
    assert smoke.side < 256
    assert smoke.epochs < 20
    assert CHENG.recipe("smoke", {"epochs": "50"}).epochs == 50


@pytest.mark.parametrize(
    ("typed", "value"),
    [("16", 16), (16, 16), ("8", 8)],
)
def test_a_reading_is_found_by_its_text(typed, value):
    assert CHENG.choose({"batch_size": typed}) == {"batch_size": value}


def test_lists_none_and_truth_values_can_be_typed():
    assert CHENG.choose({"classes": "benign+malignant"}) == {"classes": ["benign", "malignant"]}
    assert CHENG.choose({"patience": "none"}) == {"patience": None}


def test_every_reading_of_every_paper_makes_a_valid_recipe():
    for name in papers.names():
        record = papers.load(name)
        for key, reading in record.readings.items():
            for value in reading.values:
                assert getattr(record.recipe(readings={key: as_text(value)}), key) in (value, tuple_of(value))


def tuple_of(value):
    return tuple(value) if isinstance(value, list) else value


def test_all_wrong_readings_are_named_at_once_with_the_known_ones():
    with pytest.raises(BadInput) as caught:
        CHENG.recipe(readings={"batch_size": "7", "colour": "red"})
    message = str(caught.value)
    assert "batch_size=7: known values are 8, 16, 32" in message
    assert "colour: not a reading of this paper" in message
    assert "up_sampling: transposed, nearest" in message


def test_what_is_both_stated_and_open_is_refused():
    side = {"default": 128, "alternatives": [], "why": "?"}
    twice = CHENG.model_dump() | {"readings": {"side": side}, "profiles": {}}
    with pytest.raises(ValidationError, match="both stated and open: side"):
        Paper(**twice)


def test_a_profile_can_not_set_what_no_recipe_has():
    with pytest.raises(ValidationError, match="profile small sets what no recipe has: colour"):
        Paper(**CHENG.model_dump() | {"profiles": {"small": {"colour": "red"}}})
    with pytest.raises(ValidationError, match="of_baselines sets what no recipe has: colour"):
        Paper(**CHENG.model_dump() | {"of_baselines": {"colour": "red"}})


def test_baselines_have_their_own_values_of_some_settings_in_every_profile_unless_a_reading_chooses_another():
    changed = {"baselines": [{"classes": "benign+malignant"}], "of_baselines": {"batch_size": 3}}
    about = CHENG.model_copy(update=changed)
    own, baseline = {}, {"classes": "benign+malignant"}
    for profile in PROFILES:
        assert about.plain_recipe(profile, own).batch_size == CHENG.plain_recipe(profile, own).batch_size != 3
        assert about.plain_recipe(profile, baseline).batch_size == 3
    assert about.plain_recipe("paper", baseline | {"batch_size": "16"}).batch_size == 16


def test_readings_choose_the_papers_own_network_or_a_baseline():
    about = papers.load("rahman")
    assert about.network_of({}) == about.network_of({"residual": "encoder"}) == {}
    assert about.network_of({"residual": "none", "masks": "first"}) == {"residual": "none"}
    assert [cell.id for cell in about.printed_numbers if about.network_of(cell.readings)] == []


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="colour"):
        Paper(**CHENG.model_dump(), colour="red")


@pytest.mark.parametrize("key", ["learning_rate", "batch_size", "epochs", "patience", "images", "loss"])
def test_a_small_network_is_the_papers_with_fewer_pixels_and_filters_and_nothing_else(key):
    """Gill's had 17 times the learning rate once: its numbers were those of another recipe."""
    settings = {key: CHENG.recipe().model_dump()[key]}
    changed = CHENG.model_dump() | {"profiles": {"small": settings}}
    readings = changed["readings"] | (
        {} if key in CHENG.readings or key in CHENG.stated else {key: changed["readings"]["epochs"]}
    )
    with pytest.raises(ValidationError, match=f"profile small sets {key}: it may set side, filters, bottleneck"):
        Paper(**changed | {"readings": readings})


@pytest.mark.parametrize("name", papers.names())
def test_the_smoke_profile_may(name):
    assert papers.load(name).profiles["smoke"].keys() - set(SHRINKS)


@pytest.mark.parametrize("key", ["smoothh", "schedule"])
def test_a_setting_that_no_code_reads_is_refused_by_name(key):
    """Found by review: it loaded, and trained as if it were not there."""
    stated = {**CHENG.stated, key: Stated(value=1, quote="?")}
    with pytest.raises(BadInput, match=f"settings that can't be used:\n  - {key}: there is no such key"):
        CHENG.model_copy(update={"stated": stated}).recipe()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("batch_norm", "encodr"), ("monitor", "val_loss"), ("augmentation", {"flipz": True}), ("positive", "tumour")),
        *(("epochs", 0), ("batch_size", 0), ("learning_rate", -1)),
    ],
)
def test_so_is_a_value_that_no_code_reads(key, value):
    stated = {each: kept for each, kept in CHENG.stated.items() if each != key}
    readings = {each: kept for each, kept in CHENG.readings.items() if each != key}
    stated[key] = Stated(value=value, quote="?")
    with pytest.raises(BadInput, match="settings that can't be used") as refused:
        CHENG.model_copy(update={"stated": stated, "readings": readings}).recipe()
    assert key in str(refused.value)


def test_a_monitor_that_nobody_makes_is_refused_by_name():
    monitor = CHENG.readings["monitor"].model_copy(update={"default": "iou|fg|image|t=0.5|empty=one"})
    changed = CHENG.model_copy(update={"readings": CHENG.readings | {"monitor": monitor}})
    with pytest.raises(BadInput, match=r"names the monitor 'iou\|fg\|image.*For any other, write a function `metrics`"):
        changed.recipe()


def test_a_network_that_also_classifies_is_monitored_by_its_loss_alone():
    """Keras prints its metrics under other names: a training would end in a KeyError."""
    paudel = papers.load("paudel")
    stated = paudel.stated | {"monitor": Stated(value="iou|fg|pooled|t=0.5", quote="?")}
    with pytest.raises(BadInput, match="can select its epoch by the loss alone: expected monitor 'loss'"):
        paudel.model_copy(update={"stated": stated}).recipe()
    assert paudel.model_copy(update={"stated": stated}).recipe(readings={"network": "unet"}).positive is None


@pytest.mark.parametrize("given", [{}, {"quote": "?", "source": "main.py:1"}], ids=["neither", "both"])
def test_a_stated_value_has_the_paper_s_words_or_a_line_of_its_code(given):
    with pytest.raises(ValidationError, match="one of the two"):
        Stated(value=1, **given)


def test_a_value_that_no_reading_has_is_refused_wherever_the_record_chooses_one():
    """Found by review: an unknown baseline was refused only after hours, when the paper's own network was trained."""
    baseline = CHENG.model_dump() | {"baselines": [{"batch_norm": "nowhere"}]}
    with pytest.raises(ValidationError, match="a baseline has batch_norm=nowhere: known values are encoder, "):
        Paper(**baseline)
    number = CHENG.reported[0].model_copy(update={"readings": {"network": "unet"}})
    with pytest.raises(ValidationError, match=f"the number {number.id} has network: not a reading of this paper"):
        Paper(**CHENG.model_dump() | {"reported": [number.model_dump()], "claims": [], "headline": []})


def test_settings_that_let_unknown_keys_through_are_refused(monkeypatch):
    class Loose(Recipe):
        pass

    monkeypatch.setattr(import_module("reproductions.cheng.model"), "Settings", Loose)
    with pytest.raises(BadInput, match="declares no `class Settings"):
        CHENG.recipe()


def test_a_setting_that_the_network_lacks_is_named():
    stated = {key: kept for key, kept in CHENG.stated.items() if key != "bottleneck"}
    with pytest.raises(BadInput, match="bottleneck: it is missing"):
        CHENG.model_copy(update={"stated": stated}).recipe()


@pytest.mark.parametrize("name", papers.names())
def test_every_network_says_what_its_settings_are(name):
    settings = import_module(f"reproductions.{name}.model").Settings
    own = settings.model_fields.keys() - Recipe.model_fields.keys()
    assert own
    assert all(field in settings.__doc__ for field in own)


def test_readings_are_shown_as_typed_and_the_leak_is_called_one():
    shown = as_shown({"patience": None, "input": "image+mask", "classes": ["benign", "malignant"]})
    assert shown == ["patience=none", "input=image+mask (LEAK)", "classes=benign+malignant"]
    assert as_shown({"input": "image"}) == ["input=image"]


def with_values(**values):
    stated = CHENG.stated | {key: Stated(value=value, quote="") for key, value in values.items()}
    readings = {key: reading for key, reading in CHENG.readings.items() if key not in values}
    return CHENG.model_copy(update={"stated": stated, "readings": readings})


@pytest.mark.parametrize(("what", "name"), [("optimizer", "sgd"), ("loss", "tversky")])
def test_an_optimizer_or_a_loss_that_nobody_makes_is_refused(what, name):
    with pytest.raises(
        BadInput, match=f"names the {what} '{name}'. Known are .*. For any other, write a function `{what}`"
    ):
        with_values(**{what: name}).recipe()


@pytest.mark.parametrize(
    ("source", "link"),
    [
        ("https://doi.org/10.5281/zenodo.18051608 (published 2025)", "https://doi.org/10.5281/zenodo.18051608"),
        ("A journal, 2024, https://doi.org/10.3126/jost.v4i1.74565", "https://doi.org/10.3126/jost.v4i1.74565"),
        ("https://arxiv.org/abs/2308.01239, and the code", "https://arxiv.org/abs/2308.01239"),
        ("A university (the text gives no DOI)", None),
    ],
)
def test_the_address_of_a_paper_is_that_in_its_source(source: str, link: str | None):
    assert CHENG.model_copy(update={"source": source}).link == link
