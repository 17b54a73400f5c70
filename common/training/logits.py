"""A network's logits: the inputs of its last sigmoid.

A probability that is rounded to 0 or 1 no longer shows how wrong its logit is, and has no gradient. So networks are
trained on logits on every backend, and evaluated on logits and probabilities.
"""

import keras

from common.errors import BadInput


def of_network(model: keras.Model, kind: type[keras.Model] = keras.Model) -> keras.Model:
    """A network with the same layers and weights, but without the last sigmoids. Each output is the input of the former
    sigmoid, float32, of the same shape and name. kind: the class of the new network.

    Raises BadInput for an output that is neither an Activation("sigmoid") nor an Average of several. Its logits can't
    be reached, so it could only be trained on clipped probabilities.
    """
    for output in keras.tree.flatten(model.output):
        _refuse_hidden(model, output)
    return kind(model.input, _logits(model), name=f"{model.name}_logits")


def _refuse_hidden(model: keras.Model, output: keras.KerasTensor) -> None:
    layer = _layer_of(model, output)
    if layer is None:
        raise BadInput(
            f"{model.name} ends in an operation that is not a layer, so its logits are hidden. End it with "
            'keras.layers.Activation("sigmoid").'
        )
    if _is_sigmoid(layer):
        return
    if isinstance(layer, keras.layers.Average):
        for each in layer.input:
            _refuse_hidden(model, each)
        return
    if not isinstance(layer, keras.layers.Activation) and hasattr(layer, "activation"):
        raise BadInput(
            f"The output '{layer.name}' of {model.name} has its sigmoid inside a {type(layer).__name__}, so its logits "
            'are hidden. Remove the activation there and add keras.layers.Activation("sigmoid") after it.'
        )
    raise BadInput(
        f"The output '{layer.name}' of {model.name} comes from a {type(layer).__name__} and not from a sigmoid, so its "
        'logits are hidden. End it with keras.layers.Activation("sigmoid"), or with a keras.layers.Average of several.'
    )


def beside_probabilities(model: keras.Model) -> keras.Model:
    """The network with the output (probabilities, logits). Both have the structure of the original output."""
    return keras.Model(model.input, (model.output, _logits(model)), name=f"{model.name}_both")


def _logits(model: keras.Model):
    return keras.tree.map_structure(lambda output: _before_sigmoid(model, output), model.output)


def _before_sigmoid(model: keras.Model, output: keras.KerasTensor) -> keras.KerasTensor:
    layer = _layer_of(model, output)
    if _is_sigmoid(layer):
        return layer.input
    if isinstance(layer, keras.layers.Average):
        return LogitOfMean(dtype="float32")([_before_sigmoid(model, each) for each in layer.input])
    return Logit(dtype="float32")(output)


def _is_sigmoid(layer: keras.Layer | None) -> bool:
    return isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.sigmoid


def _layer_of(model: keras.Model, output: keras.KerasTensor) -> keras.Layer | None:
    """The layer that makes an output; None if an operation such as keras.ops.sigmoid makes it."""
    return next((layer for layer in model.layers if layer.output is output), None)


class LogitOfMean(keras.layers.Layer):
    """ln(p / (1 - p)) of the mean p of several sigmoids, computed from their logits. If the logits are finite, so are
    the result and its gradient."""

    def call(self, logits):
        each = keras.ops.stack(logits)
        of_tumour, of_rest = (keras.ops.logsumexp(keras.ops.log_sigmoid(z), axis=0) for z in (each, -each))
        return of_tumour - of_rest


class Logit(keras.layers.Layer):
    """ln(p / (1 - p)) of a probability p whose logit is hidden. It is used only in an evaluation. p is clipped to
    [epsilon, 1 - epsilon], as in Keras' cross-entropy (keras.config.epsilon(), 1e-7)."""

    def call(self, probability):
        p = keras.ops.clip(probability, keras.config.epsilon(), 1 - keras.config.epsilon())
        return keras.ops.log(p) - keras.ops.log(1 - p)
