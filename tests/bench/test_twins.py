"""The PyTorch twins that `repro bench` sets beside the suite's networks compute the same function."""

from importlib import import_module

import keras
import numpy as np
import pytest

from common import papers

torch = pytest.importorskip("torch", reason="needs PyTorch, which the suite itself does not: pip install torch")

from common.training import losses  # noqa: E402, after the tests are known to be wanted
from tests.bench import training  # noqa: E402
from tests.bench.twins import weights  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
PAPERS = ("cheng", "gill", "kumar")


@pytest.fixture(scope="module", params=PAPERS)
def pair(request):
    """Keras' network and its twin, with the same weights and statistics, all of them random."""
    recipe = papers.load(request.param).recipe("smoke")
    keras.utils.set_random_seed(0)
    model = import_module(f"reproductions.{request.param}.model").build(recipe)
    random = np.random.default_rng(0)
    for weight in model.weights:
        positive = "variance" in weight.name
        if "kernel" not in weight.name and "seed" not in weight.path:
            weight.assign(random.uniform(0.5 if positive else -0.5, 1.5 if positive else 0.5, weight.shape))
    twin = training.network(request.param, recipe)
    weights.copy(model, twin)
    return recipe, model, twin.eval()


def test_outputs_are_equal(pair):
    recipe, model, twin = pair
    images = np.random.default_rng(1).random((2, recipe.side, recipe.side, recipe.channels), dtype=np.float32)
    ours = np.asarray(model(images, training=False))
    with torch.no_grad():
        theirs = twin(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).sigmoid().numpy().transpose(0, 2, 3, 1)
    difference = np.abs(ours - theirs).max()
    assert difference < 1e-4
    assert difference < ours.std() / 100, "where all pixels have nearly one value, being near to it says little"


def test_the_same_weights_are_trained(pair):
    _, model, twin = pair
    ours = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert ours == sum(parameter.numel() for parameter in twin.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("name", PAPERS)
def test_losses_are_equal(name):
    recipe = papers.load(name).recipe("smoke")
    random = np.random.default_rng(2)
    logits = random.normal(size=(2, 8, 8, 1)).astype(np.float32)
    truth = (random.random((2, 8, 8, 1)) < 0.3).astype(np.float32)
    ours = float(losses.for_recipe(recipe)(truth, logits))
    assert float(training.loss(recipe, torch.from_numpy(logits), torch.from_numpy(truth))) == pytest.approx(ours, 1e-5)


@pytest.mark.parametrize("name", PAPERS)
def test_a_twin_learns(name):
    """Its step is a whole one: forward, backward and a change of the weights, in either layout."""
    recipe = papers.load(name).recipe("smoke").model_copy(update={"batch_size": 1})
    torch.manual_seed(0)
    train = training.epoch(name, recipe, "float32", "cpu", channels_last=True, compiled=False, steps=1)
    model = next(cell.cell_contents for cell in train.__closure__ if isinstance(cell.cell_contents, torch.nn.Module))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    train()
    changed = [not torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True)]
    assert all(now for now, each in zip(changed, model.parameters(), strict=True) if each.requires_grad)
