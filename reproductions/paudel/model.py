"""Paudel & Khakurel: "Segmenting Abnormalities and Predicting Breast Cancer in Ultrasound Images using Modified UNET
Architecture", Journal of Science and Technology 4(1), 2024.

The U-Net with two outputs of Section III-3. An encoder block has three convolutional blocks (convolution 3x3, batch
normalisation, ReLU, dropout) and a pooling. The bottleneck is a residual block. A decoder block has a transposed
convolution, dropout, concatenation and three convolutional blocks. A 1x1 convolution with a sigmoid segments. Flatten,
Dense 64 and Dense 1 with a sigmoid classify. Grey input of 256 x 256: 69,482,802 parameters in the default reading, of
which 67,108,928 are in the layer of 64 units. `comparators.py` has the six networks of Table X (network=unet, ...).

Reported (mean of ten folds, test): classification accuracy 98.08 % (in the text 99.08 %), loss 0.122; segmentation IoU
89.089 %. Expect: a network that calls every image benign scores an accuracy of 0.675.
Takes ten folds: at most 5.9 h and 3.7 GiB on two cores of an Intel Xeon (from 2.1 s a step, batch 8; early stopping may
end a fold sooner), 35 to 82 s a fold on an H200; in the small profile 13 min and 1.9 GiB. The networks of Table X take
longer: README.md has their steps.

    make reproduce-paudel           or    repro run paudel --profile paper --folds 10 --reading network=own
"""

from typing import Literal

import keras
from keras import layers
from pydantic import ConfigDict

from common.errors import BadInput
from common.recipe import Recipe
from reproductions.paudel import comparators

# The default reading of `filters`. The networks of Table X have their authors' filters times `filters` / FILTERS, so
# that a small profile shrinks all networks by the same factor.
FILTERS = 16


class Settings(Recipe):
    """The settings of the network, in addition to those of every training (`Recipe`).

    network: the paper's own, or one of `comparators.NETWORKS`, which use only `filters` and `depth`. filters: number in
    the first encoder block; it doubles at each of `depth` levels. kernel: side of the convolutions in pixels. units:
    number in the dense layer of the classifier. dropout: rate in the convolutional blocks, 0 to 1. block_dropout: rate
    in residual and decoder blocks, 0 to 1. residual: the parts with residual blocks. head: the input of the classifier:
    the last map flattened, the map of the bottleneck flattened, or the mean of each channel of the last map.
    initializer: by its name in Keras.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Literal[
        "own", "unet", "attention-unet", "sharp-unet", "unet-plus-plus", "unet-3-plus", "sharp-attention-unet"
    ] = "own"
    filters: int
    depth: int
    kernel: int
    units: int
    dropout: float
    block_dropout: float
    residual: Literal["bottleneck", "encoder+bottleneck"]
    head: Literal["flatten", "flatten-bottleneck", "average"]
    initializer: Literal["glorot_uniform", "he_normal"]


def build(recipe: Settings) -> keras.Model:
    """The network. Input: float32 images (side, side, input_channels) in [0, 1]. Output: a dict with the paper's names,
    both float32 in [0, 1]: segmentation_output (side, side, 1), the probability of the tumour at each pixel, and
    classification_output (1,), the probability of the positive class. A network of Table X returns only the array of
    the first.

    `side` must be a multiple of 2 to the power of `depth`. Raises BadInput for a network of Table X with `positive`.
    """
    x = inputs = keras.Input((recipe.side, recipe.side, recipe.input_channels), name="image")
    if recipe.network != "own":
        return _comparator(inputs, recipe)

    skips = []
    for level in range(recipe.depth):
        x = _encoder(x, recipe.filters * 2**level, recipe, f"encoder{level + 1}")
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"encoder{level + 1}_pool")(x)

    x = bottom = _residual_block(x, recipe.filters * 2**recipe.depth, (1, 2), recipe, "bottleneck")

    # decoder1 is the deepest.
    for number, skip in enumerate(reversed(skips), start=1):
        x = _decoder(x, skip, recipe.filters * 2 ** (recipe.depth - number), recipe, f"decoder{number}")

    # "The model branches into two outputs after the final convolutional block"
    segmentation = layers.Conv2D(1, 1, name="segmentation_conv", dtype="float32")(x)
    if recipe.head == "average":
        features = layers.GlobalAveragePooling2D(name="classification_average")(x)
    else:
        features = layers.Flatten(name="classification_flatten")(bottom if recipe.head == "flatten-bottleneck" else x)
    features = layers.Dense(
        recipe.units, activation="relu", kernel_initializer=recipe.initializer, name="classification_dense"
    )(features)
    classification = layers.Dense(1, name="classification_logit", dtype="float32")(features)
    outputs = {
        name: layers.Activation("sigmoid", name=name, dtype="float32")(logits)
        for name, logits in (("segmentation_output", segmentation), ("classification_output", classification))
    }
    return keras.Model(inputs, outputs, name="paudel")


def _comparator(inputs, recipe: Settings) -> keras.Model:
    """A network of Table X, with `depth` levels above the bottleneck."""
    if recipe.positive:
        raise BadInput(f"network={recipe.network} segments only: it can't have positive={recipe.positive}.")
    build_logits, first = comparators.NETWORKS[recipe.network]
    first = max(1, round(first * recipe.filters / FILTERS))
    logits = build_logits(inputs, [first * 2**level for level in range(recipe.depth + 1)])
    outputs = layers.Activation("sigmoid", name="segmentation_output", dtype="float32")(logits)
    return keras.Model(inputs, outputs, name=f"paudel_{recipe.network}")


def _encoder(x, filters: int, recipe: Settings, name: str):
    """Three convolutional blocks. With residual=encoder+bottleneck the last two form a residual block."""
    x = _convolutional_block(x, filters, recipe, f"{name}_block1")
    if recipe.residual == "encoder+bottleneck":
        return _residual_block(x, filters, (2, 3), recipe, name)
    for number in (2, 3):
        x = _convolutional_block(x, filters, recipe, f"{name}_block{number}")
    return x


def _decoder(x, skip, filters: int, recipe: Settings, name: str):
    """Doubles the side, applies dropout, joins the skip connection, and applies three convolutional blocks."""
    x = layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer=recipe.initializer, name=f"{name}_up")(x)
    x = layers.Dropout(recipe.block_dropout, name=f"{name}_dropout")(x)
    x = layers.Concatenate(name=f"{name}_concat")([x, skip])
    for number in (1, 2, 3):
        x = _convolutional_block(x, filters, recipe, f"{name}_block{number}")
    return x


def _residual_block(x, filters: int, numbers: tuple[int, int], recipe: Settings, name: str):
    """Two convolutional blocks and dropout, added to a 1x1 convolution of the input. No activation follows, because the
    paper's list of layers ends with the sum."""
    shortcut = layers.Conv2D(filters, 1, kernel_initializer=recipe.initializer, name=f"{name}_shortcut")(x)
    for number in numbers:
        x = _convolutional_block(x, filters, recipe, f"{name}_block{number}")
    x = layers.Dropout(recipe.block_dropout, name=f"{name}_dropout")(x)
    return layers.Add(name=f"{name}_add")([x, shortcut])


def _convolutional_block(x, filters: int, recipe: Settings, name: str):
    settings = {"padding": "same", "kernel_initializer": recipe.initializer}
    x = layers.Conv2D(filters, recipe.kernel, **settings, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.Dropout(recipe.dropout, name=f"{name}_dropout")(x)
