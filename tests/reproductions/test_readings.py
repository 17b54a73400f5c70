"""Every reading of an architecture is read by its `model.py`: each value makes another network."""

import pytest

from common.papers import load, names
from common.readings import as_text
from common.recipe import Recipe
from common.training.network import Network

# What shows under another reading alone.
UNDER = {("kumar", "unet_norm"): {"network": "unet"}, ("gill", "skip"): {"down_sampling": "maxpool"}}
# What `common` does not carry out is read by `model.py` alone; the channels of the input are read by both, and the
# network is named in `common` but built by `model.py`.
ARCHITECTURAL = [
    pytest.param(record, key, id=f"{record.name}-{key}")
    for record in map(load, names())
    for key, reading in record.readings.items()
    if key not in Recipe.model_fields or (key in ("channels", "network") and reading.alternatives)
]


@pytest.mark.parametrize(("record", "key"), ARCHITECTURAL)
def test_each_value_of_an_architectural_reading_is_another_network(record, key):
    build, values = Network.of_paper(record.name).build, [as_text(value) for value in record.readings[key].values]
    under = UNDER.get((record.name, key), {})
    networks = {build(record.recipe("smoke", under | {key: value})).to_json() for value in values}
    assert len(networks) == len(values) > 1
