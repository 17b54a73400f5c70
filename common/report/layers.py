"""Lists the layers of a paper's networks at the paper's own size. No weight is allocated: only shapes and counts are
needed."""

from dataclasses import dataclass
from math import prod
from typing import Any

from common.paper import Paper
from common.readings import as_text
from common.training import network

# The settings of a layer that its row shows, in this order, and how each is formatted.
_SHOWN = {
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
_USUAL = {"strides": (1, 1), "dilation_rate": (1, 1), "activation": "linear"}  # values that are not shown


@dataclass(frozen=True)
class Layer:
    """A layer, as text. kind: its class. shape: of its output, without the batch. inputs: the names of the layers that
    feed it."""

    name: str
    kind: str
    settings: str
    shape: str
    parameters: int
    inputs: str


@dataclass(frozen=True)
class Network:
    """A network. title: the readings that choose it, "" for the paper's own network. parameters: how many it has,
    trained or not. trainable: how many of them are trained."""

    title: str
    layers: list[Layer]
    parameters: int
    trainable: int


def networks(paper: Paper) -> list[Network]:
    """The paper's own network, then the networks with which the paper compares it."""
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
    shown = {key: config[key] for key in _SHOWN if config.get(key) not in (None, _USUAL.get(key))}
    is_input = type(layer).__name__ == "InputLayer"
    inputs = [] if is_input else [made_by[id(tensor)] for tensor in _tensors(layer.input)]
    return Layer(
        name=layer.name,
        kind=type(layer).__name__,
        settings=", ".join(_SHOWN[key].format(_by(value)) for key, value in shown.items()),
        shape=", ".join(_by(tensor.shape[1:]) for tensor in _tensors(layer.output)),
        parameters=layer.count_params(),
        inputs=", ".join(inputs),
    )


def _tensors(one_or_several: Any) -> list[Any]:
    return list(one_or_several) if isinstance(one_or_several, list | tuple) else [one_or_several]


def _by(value: Any) -> str:
    """A value, or several with a multiplication sign between them."""
    return _TIMES.join(map(str, value)) if isinstance(value, list | tuple) else str(value)
