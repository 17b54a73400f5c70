"""A network's logits: what it gives before the last sigmoid.

A probability that has been rounded to 0 or 1 no longer tells how far on the wrong side its logit was, and passes no
gradient back. So networks are trained on their logits, whichever the backend, and evaluated on logits and
probabilities.
"""

import keras

from common.errors import BadInput


def of_network(model: keras.Model, kind: type[keras.Model] = keras.Model) -> keras.Model:
    """The same layers and weights up to the logits: in place of each output, the input of its sigmoid, float32 of the
    same shape and under the same name. kind: the class of the network that is made.

    Raises BadInput for an output whose sigmoid is part of a convolution or a dense layer, or no layer at all, which
    hides its logits.
    """
    for output in keras.tree.flatten(model.output):
        layer = _layer_of(model, output)
        if layer is None:
            raise BadInput(
                f"{model.name} ends in an operation that is no layer, which hides its logits. Let "
                'keras.layers.Activation("sigmoid") give its probabilities.'
            )
        if not isinstance(layer, keras.layers.Activation) and hasattr(layer, "activation"):
            raise BadInput(
                f"The output '{layer.name}' of {model.name} has its sigmoid inside a {type(layer).__name__}, which "
                'hides its logits. Leave the activation out there and let keras.layers.Activation("sigmoid") follow.'
            )
    return kind(model.input, _logits(model), name=f"{model.name}_logits")


def beside_probabilities(model: keras.Model) -> keras.Model:
    """A network whose output is the pair (probabilities, logits), each in the structure of the network's output."""
    return keras.Model(model.input, (model.output, _logits(model)), name=f"{model.name}_both")


def _logits(model: keras.Model):
    return keras.tree.map_structure(lambda output: _before_sigmoid(model, output), model.output)


def _before_sigmoid(model: keras.Model, output: keras.KerasTensor) -> keras.KerasTensor:
    layer = _layer_of(model, output)
    if isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.sigmoid:
        return layer.input
    if isinstance(layer, keras.layers.Average):
        return LogitOfMean(dtype="float32")([_before_sigmoid(model, each) for each in layer.input])
    return Logit(dtype="float32")(output)


def _layer_of(model: keras.Model, output: keras.KerasTensor) -> keras.Layer | None:
    """None for what no layer gives, such as keras.ops.sigmoid."""
    return next((layer for layer in model.layers if layer.output is output), None)


class LogitOfMean(keras.layers.Layer):
    """ln(p / (1 - p)) of the mean p of several sigmoids, from their logits: finite and with a slope where these are."""

    def call(self, logits):
        each = keras.ops.stack(logits)
        of_tumour, of_rest = (keras.ops.logsumexp(keras.ops.log_sigmoid(z), axis=0) for z in (each, -each))
        return of_tumour - of_rest


class Logit(keras.layers.Layer):
    """ln(p / (1 - p)) of a probability whose logit is hidden, in a network that is only evaluated. p is kept `epsilon`
    away from 0 and 1, as Keras' cross-entropy does (keras.config.epsilon(), 1e-7)."""

    def call(self, probability):
        p = keras.ops.clip(probability, keras.config.epsilon(), 1 - keras.config.epsilon())
        return keras.ops.log(p) - keras.ops.log(1 - p)
