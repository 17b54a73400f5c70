"""Variants of a paper's network, with a part left out or computed in another way. `repro bench` compares their steps
with those of the network itself. The time that a part takes is the most that can be saved there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from common.recipe import Recipe
from common.training import train_metrics
from common.training.network import Network


@dataclass(frozen=True)
class Variant(Network):
    """A variant of a network. replace: a function that returns another layer for a layer of the network, or None if the
    layer stays. watched: whether metrics are computed in each step. adam: whether the recipe's optimizer is used, or
    plain gradient descent."""

    replace: Callable[[Any], Any] = lambda layer: None
    watched: bool = True
    adam: bool = True

    def build(self, recipe: Recipe) -> keras.Model:
        def clone(layer: Any) -> Any:
            return self.replace(layer) or type(layer).from_config(layer.get_config())

        return keras.models.clone_model(super().build(recipe), clone_function=clone)

    def metrics(self, recipe: Recipe) -> Any:
        if self.watched:
            return super().metrics(recipe)
        return {output: [] for output in train_metrics.names_of(recipe)} if recipe.positive else []

    def optimizer(self, recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
        return super().optimizer(recipe, steps) if self.adam else keras.optimizers.SGD(recipe.learning_rate)


def of_paper(paper: str, name: str) -> Network:
    """The variant of a paper's network with this name from WITHOUT or CANDIDATES; the network itself for ""."""
    network = Network.of_paper(paper)
    return Variant(network.model, **(WITHOUT | CANDIDATES)[name]) if name else network


class LeftOut(layers.Layer):
    """Takes the place of a layer, and returns its input."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return inputs


def _without(*kinds: type) -> Callable[[Any], Any]:
    return lambda layer: LeftOut(name=layer.name) if isinstance(layer, kinds) else None


def _without_activation(layer: Any) -> Any:
    """Replaces a layer by one without activation. Sigmoids stay, because one must end the network
    (`common.training.logits`)."""
    if isinstance(layer, layers.ReLU | layers.LeakyReLU | layers.ELU):
        return LeftOut(name=layer.name)
    if getattr(layer, "activation", None) in (None, keras.activations.linear, keras.activations.sigmoid):
        return None
    if isinstance(layer, layers.Activation):
        return LeftOut(name=layer.name)
    return type(layer).from_config(layer.get_config() | {"activation": None})


def _bare(layer: Any) -> Any:
    """Leaves out dropout, normalisation and activation."""
    left_out = _without(layers.Dropout, layers.SpatialDropout2D, layers.BatchNormalization)
    return left_out(layer) or _without_activation(layer)


def _dropout(kind: type) -> Callable[[Any], Any]:
    return lambda layer: kind.from_config(layer.get_config()) if type(layer) is layers.Dropout else None


def _padded(layer: Any) -> Any:
    even = type(layer) is layers.Conv2D and not any(side % 2 for side in layer.kernel_size)
    if even and layer.padding == "same" and layer.strides == (1, 1):
        return PaddedOnBothSides.from_config(layer.get_config())
    return None


class RbgDropout(layers.Dropout):
    """Dropout with random bits from the device's generator (XLA's RngBitGenerator), not from Threefry. JAX only."""

    def keep(self, seed: Any, shape: tuple[int, ...]) -> Any:
        import jax

        key = jax.random.wrap_key_data(jax.numpy.concatenate([seed, seed]), impl="rbg")
        return jax.random.bernoulli(key, 1 - self.rate, shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or not self.rate:
            return inputs
        kept = self.keep(self.seed_generator.next(), inputs.shape)
        return keras.ops.where(kept, inputs / (1 - self.rate), keras.ops.zeros_like(inputs))


class BytesDropout(RbgDropout):
    """Dropout in which one draw of 32 bits decides on four numbers. The rate is rounded to a multiple of 1/256. JAX
    only."""

    def keep(self, seed: Any, shape: tuple[int, ...]) -> Any:
        import jax

        return jax.random.bits(seed, shape, "uint8") < round(256 * (1 - self.rate))


class PaddedOnBothSides(layers.Conv2D):
    """A convolution with an even kernel and the same result, that pads both sides alike, as a library does. It computes
    one more row and column, and cuts them off. So the input need not be copied with a margin on one side. JAX only."""

    def call(self, inputs: Any) -> Any:
        import jax

        margins = [(side // 2, side // 2) for side in self.kernel_size]
        form = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(inputs, self.kernel.value, (1, 1), margins, dimension_numbers=form)
        x = x[:, 1:, 1:]
        return self.activation(x + self.bias.value if self.use_bias else x)


WITHOUT: dict[str, dict[str, Any]] = {
    "dropout": {"replace": _without(layers.Dropout, layers.SpatialDropout2D)},
    "normalisation": {"replace": _without(layers.BatchNormalization)},
    "activation": {"replace": _without_activation},
    "metrics": {"watched": False},
    "Adam": {"adam": False},
    "all of these": {"replace": _bare, "watched": False, "adam": False},
}
CANDIDATES: dict[str, dict[str, Any]] = {
    "dropout by the device's generator": {"replace": _dropout(RbgDropout)},
    "dropout by bytes": {"replace": _dropout(BytesDropout)},
    "even kernels padded on both sides": {"replace": _padded},
}


def changes(paper: str, recipe: Recipe, name: str) -> bool:
    """Whether the variant with this name differs from the paper's network. For example, "dropout" does not if the
    network has no dropout."""
    about = (WITHOUT | CANDIDATES)[name]
    if "replace" not in about:
        return True
    return any(map(about["replace"], Network.of_paper(paper).build(recipe).layers))
