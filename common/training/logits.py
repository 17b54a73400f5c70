"""A network's logits: what it gives before the last sigmoid.

A probability that has been rounded to 0 or 1 no longer tells how far on the wrong side its logit was, and passes no
gradient back. So networks are trained on their logits, whichever the backend, and evaluated on logits and
probabilities.
"""

import keras


def of_network(model: keras.Model) -> keras.Model:
    """The same layers and weights up to the logits: in place of each output, the input of its sigmoid, float32 of the
    same shape and under the same name."""
    logits = keras.tree.map_structure(lambda output: _before_sigmoid(model, output), model.output)
    return keras.Model(model.input, logits, name=f"{model.name}_logits")


def beside_probabilities(model: keras.Model) -> keras.Model:
    """A network whose output is the pair (probabilities, logits), each as the network and `of_network` give them."""
    return keras.Model(model.input, (model.output, of_network(model).output), name=f"{model.name}_both")


def _before_sigmoid(model: keras.Model, output: keras.KerasTensor) -> keras.KerasTensor:
    layer = next(layer for layer in model.layers if layer.output is output)
    if isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.sigmoid:
        return layer.input
    return Logit(dtype="float32")(output)


class Logit(keras.layers.Layer):
    """ln(p / (1 - p)) of a probability that no sigmoid gave, such as the mean of several. p is kept `epsilon` away
    from 0 and 1, as Keras' cross-entropy does (keras.config.epsilon(), 1e-7)."""

    def call(self, probability):
        p = keras.ops.clip(probability, keras.config.epsilon(), 1 - keras.config.epsilon())
        return keras.ops.log(p) - keras.ops.log(1 - p)
