"""Gill, Masood, Nasim & Usman: "U-Net++ Based Breast Cancer Detection", 2025.

The U-Net++ of Methodology 2: five encoder blocks of 64, 128, 256, 336, 512 filters, a bottleneck block of 786, the full
triangle of 15 decoder nodes, and one sigmoid output. An encoder block has two convolutions of kernel 2 with ELU,
SpatialDropout2D 0.06, batch normalisation, and a third convolution of stride 2 with 1.1 times the filters and ELU. A
decoder node has a transposed convolution, the concatenation with all earlier nodes of the level, two convolutions of
kernel 2 with ELU, and batch normalisation. RGB input of 196 x 196: 28,083,716 parameters in the default reading.

Reported (Table 1), IoU, accuracy, loss: 0.5383, 0.8880, 0.5749 on the training set, 0.5667, 0.9124, 0.5963 on the test
set. Expect: an accuracy above 0.92, which is the score of predicting no lesion anywhere in BUSI.
Takes a repeat: at most 21 h and 3.1 GiB on two cores of an Intel Xeon (from 3.6 s a step, batch 2; early stopping may
end it sooner); in the small profile at most 15 min.

    make reproduce-gill             or    repro run gill --profile paper --repeats 3
"""

from typing import Literal

import keras
from keras import layers
from pydantic import ConfigDict

from common.errors import BadInput
from common.recipe import Recipe


class Settings(Recipe):
    """The settings of the network, in addition to those of every training (`Recipe`).

    filters: number in each encoder block, from the first block down; the decoder nodes on a level have the same.
    bottleneck: number of filters in the bottleneck block. expansion: a block's third convolution has this factor times
    the block's filters, rounded down. kernel: side of the convolutions in pixels. dropout: rate of the spatial dropout,
    0 to 1. down_sampling: by stride 2 in a block's third convolution, or by max pooling after it. nest: the full
    triangle of U-Net++, or a plain U-Net. skip: whether skip connections leave before or after the third convolution.
    fit: if a side can't be halved, either the input is padded or the up-sampled maps are cropped. heads: one output, or
    the average of three. initializer: by its name in Keras.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: tuple[int, ...]
    bottleneck: int
    expansion: float
    kernel: int
    dropout: float
    down_sampling: Literal["strided", "maxpool"]
    nest: Literal["nested", "plain"]
    skip: Literal["before", "after"]
    fit: Literal["pad", "crop"]
    heads: Literal["one", "average"]
    initializer: Literal["glorot_uniform", "he_normal"]


def build(recipe: Settings) -> keras.Model:
    """The network. Input: float32 images (side, side, channels) in [0, 1]. Output: lesion probabilities, float32 (side,
    side, 1).

    Raises BadInput for heads=average with nest=plain, which has only one decoder of full resolution, and for skip=after
    with down_sampling=strided, because the third convolution has halved the side.
    """
    if recipe.heads == "average" and recipe.nest == "plain":
        raise BadInput("heads=average needs nest=nested: a plain U-Net has one decoder of full resolution, not three.")
    if recipe.skip == "after" and recipe.down_sampling == "strided":
        raise BadInput("skip=after needs down_sampling=maxpool: a strided third convolution leaves half the side.")
    depth = len(recipe.filters)
    x = inputs = keras.Input((recipe.side, recipe.side, recipe.channels), name="image")

    # 196 is no multiple of 2^5. So pad the input to 224 and crop the output, or crop the map of each up-sampling.
    surplus = -recipe.side % 2**depth if recipe.fit == "pad" else 0
    margins = 2 * ((surplus // 2, surplus - surplus // 2),)
    if surplus:
        x = layers.ZeroPadding2D(margins, name="pad")(x)

    # node[i, j] is X(i,j) of U-Net++: the j-th node on level i. X(i,0) comes from the encoder.
    node = {}
    for level, filters in enumerate(recipe.filters):
        strides = 2 if recipe.down_sampling == "strided" else 1
        before, x = _encoder(x, filters, strides, recipe, f"encoder{level + 1}")
        node[level, 0] = x if recipe.skip == "after" else before
        if recipe.down_sampling == "maxpool":
            x = layers.MaxPooling2D(2, padding="same", name=f"encoder{level + 1}_pool")(x)
    # "In the bottleneck, we used only one CNN block with 786 filters, as mentioned above, without a pooling layer"
    _, node[depth, 0] = _encoder(x, recipe.bottleneck, 1, recipe, "bottleneck")

    # The nest has a node wherever level + column <= depth; a plain U-Net is its diagonal, level + column = depth.
    for column in range(1, depth + 1):
        for level in range(depth - column + 1) if recipe.nest == "nested" else [depth - column]:
            earlier = [node[level, j] for j in range(column) if (level, j) in node]
            below = node[level + 1, column - 1]
            node[level, column] = _decoder(below, earlier, recipe.filters[level], recipe, f"node{level}_{column}")

    if recipe.heads == "average":
        heads = [_head(node[0, column], margins, f"head{column}") for column in range(depth - 2, depth + 1)]
        outputs = layers.Average(name="probability", dtype="float32")(heads)
    else:
        outputs = _head(node[0, depth], margins, "probability")
    return keras.Model(inputs, outputs, name="gill")


def _encoder(x, filters: int, strides: int, recipe: Settings, name: str):
    """An encoder block. Returns its maps before and after the third convolution, which has `expansion` times the
    filters, rounded down."""
    x = _convolution(x, filters, recipe, f"{name}_conv1")
    x = _convolution(x, filters, recipe, f"{name}_conv2")
    x = layers.SpatialDropout2D(recipe.dropout, name=f"{name}_dropout")(x)
    before = layers.BatchNormalization(name=f"{name}_norm")(x)
    return before, _convolution(before, int(recipe.expansion * filters), recipe, f"{name}_conv3", strides)


def _decoder(below, earlier: list, filters: int, recipe: Settings, name: str):
    """A decoder node. Doubles the side of the node below, joins it with all earlier nodes of this level, and applies
    two convolutions and batch normalisation."""
    x = layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer=recipe.initializer, name=f"{name}_up")(below)
    if surplus := x.shape[1] - earlier[0].shape[1]:
        x = layers.Cropping2D(2 * ((0, surplus),), name=f"{name}_crop")(x)
    x = layers.Concatenate(name=f"{name}_concat")([*earlier, x])
    x = _convolution(x, filters, recipe, f"{name}_conv1")
    x = _convolution(x, filters, recipe, f"{name}_conv2")
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def _convolution(x, filters: int, recipe: Settings, name: str, strides: int = 1):
    settings = {"padding": "same", "activation": "elu", "kernel_initializer": recipe.initializer}
    return layers.Conv2D(filters, recipe.kernel, strides, **settings, name=name)(x)


def _head(x, margins: tuple[tuple[int, int], tuple[int, int]], name: str):
    """The probability of a lesion, without the padded margins."""
    x = layers.Conv2D(1, 1, name=f"{name}_conv", dtype="float32")(x)
    if any(margins[0]):
        x = layers.Cropping2D(margins, name=f"{name}_crop", dtype="float32")(x)
    return layers.Activation("sigmoid", name=name, dtype="float32")(x)
