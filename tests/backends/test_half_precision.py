"""Every paper's network in half precision: what stays float32, and that it learns the same."""

import keras
import pytest

from common import papers
from common.data.batches import Batches
from common.data.busi import index
from common.data.fetch import Found
from common.training.compiled import compiled
from common.training.network import Network
from common.training.request import prepare_for

STEPS = 5
QUICK = ("cheng",)  # a network takes some seconds, since each step is carried out operation by operation


@pytest.fixture(autouse=True)
def afterwards_float32():
    yield
    keras.config.set_dtype_policy("float32")


def loss(name, precision, images, runs):
    """What a few training steps on the phantom give as their loss, and the network."""
    about = papers.load(name)
    recipe = about.recipe("smoke")
    prepared = prepare_for(recipe, Found("phantom", images, index(images), []), runs)
    keras.utils.set_random_seed(0)
    model = compiled(Network.of_paper(about.name), recipe, precision, steps=STEPS)
    model.run_eagerly = True  # the same arithmetic, and nothing to compile
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # TensorFlow draws what is dropped in the layer's own precision, so it would differ
    batches = Batches(prepared, prepared.only(recipe.classes), recipe, 8, (0, 0))
    for number in range(STEPS):  # the last gives the mean over all of them, as `fit` prints it of an epoch
        logs = model.train_on_batch(*batches[number % len(batches)], return_dict=True)
    return float(logs["loss"]), model


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in papers.names()]
)
def test_the_loss_in_bfloat16_stays_within_5_percent_of_float32(name, phantom_folder, tmp_path):
    expected, _ = loss(name, "float32", phantom_folder, tmp_path)
    seen, model = loss(name, "mixed_bfloat16", phantom_folder, tmp_path)
    assert seen == pytest.approx(expected, rel=0.05)
    assert seen != expected, "computed in float32"
    assert {output.dtype for output in model.outputs} == {"float32"}
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert {metric.dtype for metric in model.metrics} == {"float32"}


def test_in_float16_the_loss_is_scaled_and_the_scale_saved_with_the_optimizer():
    """A gradient of 1e-8 is 0 in float16. Keras scales by itself; that the state is among the optimizer's variables,
    which a checkpoint holds, is what resuming rests on."""
    about = papers.load("cheng")
    recipe = about.recipe("smoke")
    model = compiled(Network.of_paper(about.name), recipe, "mixed_float16", steps=1)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert float(model.optimizer.dynamic_scale) == 2**15
    assert any(variable is model.optimizer.dynamic_scale for variable in model.optimizer.variables)
    assert {output.dtype for output in model.outputs} == {"float32"}
