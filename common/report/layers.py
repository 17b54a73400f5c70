"""The networks layer by layer, at the paper's own size. Nothing is allocated: shapes and counts alone are asked for."""

from dataclasses import dataclass
from math import prod
from typing import Any

from common.paper import Paper
from common.readings import as_text
from common.training import network

# The settings of a layer that its row tells, in this order.
_TOLD = {
    "filters": "{} filters",
    "units": "{} units",
    "kernel_size": "kernel {}",
    "pool_size": "pool {}",
    "strides": "stride {}",
    "size": "size {}",
    "dilation_rate": "dilation {}",
    "rate": "rate {}",
    "activation": "{}",
}
_TIMES = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}"
_USUAL = {"strides": (1, 1), "dilation_rate": (1, 1), "activation": "linear"}


@dataclass(frozen=True)
class Layer:
    """shape: of its output, without the batch; inputs: the names of the layers that feed it."""

    name: str
    kind: str
    settings: str
    shape: str
    parameters: int
    inputs: str


@dataclass(frozen=True)
class Network:
    """title: the readings that choose it, "" for the paper's own. parameters: trained or not."""

    title: str
    layers: list[Layer]
    parameters: int
    trainable: int


def networks(paper: Paper) -> list[Network]:
    """The paper's network, then those that it sets beside it."""
    return [_network(paper, readings) for readings in [{}, *paper.baselines]]


def _network(paper: Paper, readings: dict[str, Any]) -> Network:
    model = network.Network.of_paper(paper.name).plan(paper.recipe("paper", readings))
    made_by = {id(tensor): layer.name for layer in model.layers for tensor in _tensors(layer.output)}
    rows = [_layer(layer, made_by) for layer in model.layers]
    title = ", ".join(f"{key}={as_text(value)}" for key, value in readings.items())
    trainable = sum(prod(weight.shape) for weight in model.trainable_weights)
    return Network(title, rows, model.count_params(), trainable)


def _layer(layer: Any, made_by: dict[int, str]) -> Layer:
    config = layer.get_config()
    told = {key: config[key] for key in _TOLD if config.get(key) not in (None, _USUAL.get(key))}
    is_input = not layer.weights and type(layer).__name__ == "InputLayer"
    inputs = [] if is_input else [made_by[id(tensor)] for tensor in _tensors(layer.input)]
    return Layer(
        name=layer.name,
        kind=type(layer).__name__,
        settings=", ".join(_TOLD[key].format(_by(value)) for key, value in told.items()),
        shape=", ".join(_by(tensor.shape[1:]) for tensor in _tensors(layer.output)),
        parameters=layer.count_params(),
        inputs=", ".join(inputs),
    )


def _tensors(one_or_several: Any) -> list[Any]:
    return list(one_or_several) if isinstance(one_or_several, list | tuple) else [one_or_several]


def _by(value: Any) -> str:
    return _TIMES.join(map(str, value)) if isinstance(value, list | tuple) else str(value)
