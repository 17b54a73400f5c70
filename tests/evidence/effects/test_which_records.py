"""Which records are set beside each other, and in which order they stand."""

import pytest

from common.evidence import effects, effects_tables
from common.evidence.effects_sentences import effect_sentences
from common.evidence.schema import Record
from common.paper import Reading
from tests.evidence.effects.made import DEFAULT, LOSS, assessed, dice, moved, read, with_baseline
from tests.evidence.made import DICE, cell, paper, record_of


def test_records_that_differ_in_two_readings_are_kept_apart():
    both = read([0.9, 0.9, 0.9], kernel="3", nest="plain")
    found = moved(read(DEFAULT), both, read([0.73, 0.76, 0.76], kernel="3"))
    assert [each.reading for each in found.alternatives] == ["kernel=3"]
    assert [each.reading for each in found.several] == ["kernel=3 nest=plain"]
    assert "nest=plain" not in " ".join(effect_sentences(found))
    assert "Several readings at once" in effects_tables.page([found])


def other_environment(**changes) -> dict:
    of = read(DEFAULT)
    return {"environment": of.environment.model_copy(update=changes)}


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "small"},
        {"dataset": read(DEFAULT).dataset.model_copy(update={"name": "phantom"})},
        {"dataset": read(DEFAULT).dataset.model_copy(update={"fingerprint": "other"})},
        other_environment(backend="torch"),
        other_environment(precision="mixed_bfloat16"),
    ],
)
def test_other_profiles_data_and_arithmetic_are_no_default(changes):
    group = assessed(read(DEFAULT), read([0.8], kernel="3").model_copy(update=changes))
    assert effects.effects_in_paper(group) == []
    assert [each.in_full for each in group] == [True, True], "shown nowhere else"


def test_splits_that_come_again_are_no_reading():
    again = read([0.8, 0.8, 0.8], splits="3")
    assert effects.effects_in_paper(assessed(read(DEFAULT), again)) == []
    found = moved(read(DEFAULT), again, read([0.8, 0.8, 0.8], kernel="3"))
    assert [each.reading for each in found.alternatives] == ["kernel=3"]


def test_another_device_is_the_same():
    assert dice(moved(read([0.7]), read([0.8], kernel="3").model_copy(update=other_environment(device="a GPU")))).mean


def test_a_network_beside_the_papers_own_is_told_apart_from_a_missing_sentence():
    found = moved(read(DEFAULT), read([0.5, 0.5, 0.5], network="unet"), of=with_baseline())
    assert found.alternatives[0].network
    assert effect_sentences(found)[0].startswith(
        "Of 2 other readings none was run yet (paper profile, busi). The network that"
    )
    both = moved(
        read(DEFAULT), read([0.5] * 3, network="unet"), read([0.73, 0.76, 0.76], kernel="3"), of=with_baseline()
    )
    assert effect_sentences(both)[0].startswith("Of 2 other readings 1 was run (paper profile, busi): `kernel=3` moves")


def test_a_reading_of_such_a_network_is_compared_with_that_network():
    records = read(DEFAULT), read([0.5], network="unet"), read([0.6], network="unet", kernel="3")
    group = assessed(*records, of=with_baseline())
    own, other = effects.effects_in_paper(group)
    assert [each.reading for each in own.alternatives] == ["network=unet"]
    assert (other.default.record, other.alternatives[0].reading) == (records[1], "kernel=3")
    assert other.several == own.several == []


def test_the_reading_that_moves_a_printed_number_most_comes_first():
    of = paper(cell(), cell(definition=LOSS).model_copy(update={"id": "loss"}))

    def made(dices, losses, **readings: str) -> Record:
        pairs = zip(dices, losses, strict=True)
        runs = [{"metrics": {"test": {DICE: one, LOSS: other}}} for one, other in pairs]
        return record_of(runs, readings=readings)

    losses = [0.4, 0.4, 0.4]
    found = moved(
        made(DEFAULT, losses),
        made([0.71, 0.74, 0.73], [3, 3, 3], a="loss far, Dice little"),
        made([0.60, 0.64, 0.61], losses, b="far down"),
        made([0.78, 0.79, 0.79], losses, c="up"),
        made([0.99], [0.4], d="one repeat"),
        of=of,
    )
    assert [each.reading[0] for each in found.alternatives] == ["b", "c", "a", "d"]
    assert [each.signature for each in found.alternatives[2].most_moved] == [DICE, LOSS], "of another scale"


def test_another_value_of_what_the_profile_shrinks_is_no_alternative():
    """128 pixels are fewer than the paper's 256 and more than the 96 of its small profile."""
    side = Reading(default=256, alternatives=[128], why="open")
    of = paper().model_copy(update={"readings": {"side": side}, "profiles": {"small": {"side": 96}}})
    for profile, known in (("paper", 1), ("small", 0)):
        default, other = (
            each.model_copy(update={"profile": profile}) for each in (read(DEFAULT), read(DEFAULT, side="128"))
        )
        group = assessed(default, other, of=of)
        assert len(effects.effects_in_paper(group)) == known
        assert group[1].in_full != bool(known), "else it stands nowhere"
