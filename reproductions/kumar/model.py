"""Kumar, Praveen, Pavani & Akshaya: "Segmentation of Mammogram Images using Deep Learning based MultiRes U-Net".

The MultiRes U-Net of Section 5, and the classic U-Net that Table 1 sets beside it (network=unet). A MultiRes block in
place of a U-Net block of U filters shares W = 1.67 U filters out to three 3 x 3 convolutions in a row, concatenates
them and adds a 1 x 1 shortcut; a Res path of 4, 3, 2, 1 residual convolutions lies on each skip connection. U is 32,
64, 128, 256, 512. Where the paper is silent the block follows the TensorFlow original of N. Ibtehaz and M. S. Rahman
(github.com/nibtehaz/MultiResUNet, tensorflow/MultiResUNet.py). Grey input of 256 x 256: 7,262,502 parameters, the
U-Net 7,771,297.

Reported (Table 1, test set), loss, accuracy, IoU in percent: 1.54, 99.71, 95.74; U-Net 1.98, 99.34, 92.48.
Expect: a high accuracy even from a mask that marks nothing, because a mass covers a small part of a mammogram.

    make reproduce-kumar            or    repro run kumar --profile paper --repeats 3
"""

from typing import Literal

import keras
from keras import layers
from pydantic import ConfigDict

from common.errors import BadInput
from common.recipe import Recipe

# Shares of W that a block's three convolutions get, rounded down (original code); W is alpha times `filters`.
SHARES = (0.167, 0.333, 0.5)


class Settings(Recipe):
    """What the networks have beside the settings of every training (`Recipe`).

    network: the paper's, or the classic U-Net. filters: of the U-Net's blocks, from the first one down, the bottleneck
    last. alpha: W over these filters. block: of the MultiRes U-Net. output_norm: whether batch normalisation follows
    its last convolution. unet_norm: whether the U-Net has batch normalisation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Literal["multires", "unet"]
    filters: tuple[int, ...]
    alpha: float
    block: Literal["chain", "parallel"]
    output_norm: bool
    unet_norm: bool


def build(recipe: Settings) -> keras.Model:
    """The network: float32 images (side, side, channels) in [0, 1] to lesion probabilities (side, side, 1) in float32.

    Raises BadInput where the side is no multiple of 2 to the power of the number of poolings (16 in the paper's size).
    """
    *levels, bottleneck = recipe.filters
    if recipe.side % 2 ** len(levels):
        raise BadInput(f"side={recipe.side}: {len(levels)} poolings need a multiple of {2 ** len(levels)}.")
    multires = recipe.network == "multires"
    block = _multires_block if multires else _double_convolution
    x = inputs = keras.Input((recipe.side, recipe.side, recipe.channels), name="image")

    skips = []
    for level, filters in enumerate(levels, start=1):
        x = block(x, filters, recipe, f"encoder{level}")
        # "The number of convolutional blocks along Res paths decreases gradually": 4, 3, 2, 1 over four levels.
        skips.append(_res_path(x, filters, len(levels) + 1 - level, f"path{level}") if multires else x)
        x = layers.MaxPooling2D(2, name=f"encoder{level}_pool")(x)

    x = block(x, bottleneck, recipe, "bottleneck")

    # decoder4 is on the level of encoder4: the deepest comes first.
    for level, filters in reversed(list(enumerate(levels, start=1))):
        x = layers.Conv2DTranspose(filters, 2, strides=2, name=f"decoder{level}_up")(x)
        x = layers.Concatenate(name=f"decoder{level}_concat")([x, skips[level - 1]])
        x = block(x, filters, recipe, f"decoder{level}")

    # "ReLU activation and batch normalization for all convolutional layers except the output layer"; the original code
    # has a batch normalisation there too.
    normalised = multires and recipe.output_norm
    x = layers.Conv2D(1, 1, use_bias=not normalised, name="output_conv", dtype="float32")(x)
    if normalised:
        x = layers.BatchNormalization(scale=False, name="output_norm", dtype="float32")(x)
    outputs = layers.Activation("sigmoid", name="probability", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=f"kumar_{recipe.network}")


def _multires_block(x, filters: int, recipe: Settings, name: str):
    """Three convolutions, each on the one before it (block=chain) or each on the input (block=parallel), joined."""
    parts = [int(recipe.alpha * filters * share) for share in SHARES]
    shortcut = _normalised(x, sum(parts), 1, f"{name}_shortcut")
    branches, before = [], x
    for number, part in enumerate(parts, start=1):
        # Two and three 3 x 3 convolutions in a row see what one of 5 x 5 and of 7 x 7 sees.
        kernel = 3 if recipe.block == "chain" else 2 * number + 1
        branch = layers.ReLU(name=f"{name}_relu{number}")(_normalised(before, part, kernel, f"{name}_conv{number}"))
        branches.append(branch)
        before = branch if recipe.block == "chain" else x
    joined = layers.Concatenate(name=f"{name}_join")(branches)
    joined = layers.BatchNormalization(name=f"{name}_join_norm")(joined)
    return _residual(shortcut, joined, name)


def _res_path(x, filters: int, length: int, name: str):
    """`length` times a 3 x 3 convolution with ReLU, to which a 1 x 1 convolution of the same input is added."""
    for number in range(1, length + 1):
        unit = f"{name}_unit{number}"
        shortcut = _normalised(x, filters, 1, f"{unit}_shortcut")
        convolved = layers.ReLU(name=f"{unit}_relu1")(_normalised(x, filters, 3, f"{unit}_conv1"))
        x = _residual(shortcut, convolved, unit)
    return x


def _residual(shortcut, x, name: str):
    """Sum, ReLU, batch normalisation, in the order of the original TensorFlow code (its PyTorch port has another)."""
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def _normalised(x, filters: int, kernel: int, name: str):
    """Convolution without bias and batch normalisation without scale, as every convolution of the original code."""
    x = layers.Conv2D(filters, kernel, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(scale=False, name=f"{name}_norm")(x)


def _double_convolution(x, filters: int, recipe: Settings, name: str):
    """The block of the classic U-Net: twice convolution (batch normalisation) ReLU."""
    for number in (1, 2):
        x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv{number}")(x)
        if recipe.unet_norm:
            x = layers.BatchNormalization(name=f"{name}_conv{number}_norm")(x)
        x = layers.ReLU(name=f"{name}_relu{number}")(x)
    return x
