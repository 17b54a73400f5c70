"""The smaller profiles change pixels and filters, not the architecture. The networks of Paudel's Table X are in
test_comparators.py."""

import pytest

from common import papers
from common.training.network import Network

# The papers print numbers of these networks too.
OTHERS = [("kumar", {"network": "unet"}), ("tang", {"network": "cmunext"})]


@pytest.mark.parametrize(("paper", "readings"), [*((each, {}) for each in papers.names()), *OTHERS])
def test_the_small_profile_keeps_the_architecture_and_the_smoke_profile_all_but_its_depth(paper, readings):
    recipes = {profile: papers.load(paper).recipe(profile, readings) for profile in ("paper", "small", "smoke")}
    models = {profile: Network.of_paper(paper).plan(recipe) for profile, recipe in recipes.items()}
    layers = {profile: {layer.name for layer in model.layers} for profile, model in models.items()}
    assert layers["small"] == layers["paper"]
    assert layers["smoke"] <= layers["paper"]
    for profile in ("small", "smoke"):
        output, side = models[profile].output, recipes[profile].side
        masks = output["segmentation_output"] if isinstance(output, dict) else output
        assert tuple(masks.shape) == (None, side, side, 1)
        assert models[profile].count_params() < models["paper"].count_params() / 10
