"""Kumar, Praveen, Pavani & Akshaya: "Segmentation of Mammogram Images using Deep Learning based MultiRes U-Net".

The MultiRes U-Net of Section 5, and the classic U-Net that Table 1 compares with it (network=unet). A MultiRes block
replaces a U-Net block of U filters. It divides W = 1.67 U filters among three 3 x 3 convolutions in a row, concatenates
them and adds a 1 x 1 shortcut. Each skip connection has a Res path of 4, 3, 2 or 1 residual convolutions. U is 32, 64,
128, 256, 512. What the paper leaves open follows the TensorFlow original of N. Ibtehaz and M. S. Rahman
(github.com/nibtehaz/MultiResUNet, tensorflow/MultiResUNet.py). Grey input of 256 x 256: 7,262,502 parameters; the U-Net
has 7,771,297.

Reported (Table 1, test set), loss, accuracy, IoU in percent: 1.54, 99.71, 95.74; U-Net 1.98, 99.34, 92.48.
Expect: a high accuracy even for a mask that marks nothing, because a mass covers a small part of a mammogram.
Takes a repeat: at most 5.6 h on the 176 images of mammo_masses, and 6.5 GiB, on two cores of an Intel Xeon (from 11 s
a step, batch 8; early stopping may end it sooner); in the small profile 8 min, the U-Net 3 min.

    make reproduce-kumar            or    repro run kumar --profile paper --repeats 3
"""

from typing import Literal

import keras
from keras import layers
from pydantic import ConfigDict

from common.errors import BadInput
from common.recipe import Recipe

# The shares of W that a block's three convolutions have as filters, rounded down (original code). W is alpha times
# `filters`.
SHARES = (0.167, 0.333, 0.5)


class Settings(Recipe):
    """The settings of both networks, in addition to those of every training (`Recipe`).

    network: the paper's network, or the classic U-Net. filters: number in each block of the U-Net, from the first block
    down; the bottleneck is last. alpha: W divided by these numbers. block: kind of the MultiRes block
    (`_multires_block`).
    output_norm: whether batch normalisation follows the last convolution of the MultiRes U-Net. unet_norm: whether the
    U-Net has batch normalisation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Literal["multires", "unet"]
    filters: tuple[int, ...]
    alpha: float
    block: Literal["chain", "parallel"]
    output_norm: bool
    unet_norm: bool


def build(recipe: Settings) -> keras.Model:
    """The network. Input: float32 images (side, side, channels) in [0, 1]. Output: lesion probabilities, float32 (side,
    side, 1).

    Raises BadInput if the side is not a multiple of 2 to the power of the number of poolings (16 for the paper's size).
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

    # decoder4 is on the level of encoder4. The deepest comes first.
    for level, filters in reversed(list(enumerate(levels, start=1))):
        x = layers.Conv2DTranspose(filters, 2, strides=2, name=f"decoder{level}_up")(x)
        x = layers.Concatenate(name=f"decoder{level}_concat")([x, skips[level - 1]])
        x = block(x, filters, recipe, f"decoder{level}")

    # "ReLU activation and batch normalization for all convolutional layers except the output layer". The original code
    # has batch normalisation there too.
    normalised = multires and recipe.output_norm
    x = layers.Conv2D(1, 1, use_bias=not normalised, name="output_conv", dtype="float32")(x)
    if normalised:
        x = layers.BatchNormalization(scale=False, name="output_norm", dtype="float32")(x)
    outputs = layers.Activation("sigmoid", name="probability", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=f"kumar_{recipe.network}")


def _multires_block(x, filters: int, recipe: Settings, name: str):
    """Three convolutions, concatenated and added to a 1 x 1 shortcut. The input of each is the convolution before it
    (block=chain), or x (block=parallel)."""
    parts = [int(recipe.alpha * filters * share) for share in SHARES]
    shortcut = _normalised(x, sum(parts), 1, f"{name}_shortcut")
    branches, before = [], x
    for number, part in enumerate(parts, start=1):
        # Two 3 x 3 convolutions in a row have the receptive field of one 5 x 5, and three that of one 7 x 7.
        kernel = 3 if recipe.block == "chain" else 2 * number + 1
        branch = layers.ReLU(name=f"{name}_relu{number}")(_normalised(before, part, kernel, f"{name}_conv{number}"))
        branches.append(branch)
        before = branch if recipe.block == "chain" else x
    joined = layers.Concatenate(name=f"{name}_join")(branches)
    joined = layers.BatchNormalization(name=f"{name}_join_norm")(joined)
    return _residual(shortcut, joined, name)


def _res_path(x, filters: int, length: int, name: str):
    """`length` residual units: a 3 x 3 convolution with ReLU, plus a 1 x 1 convolution of the same input."""
    for number in range(1, length + 1):
        unit = f"{name}_unit{number}"
        shortcut = _normalised(x, filters, 1, f"{unit}_shortcut")
        convolved = layers.ReLU(name=f"{unit}_relu1")(_normalised(x, filters, 3, f"{unit}_conv1"))
        x = _residual(shortcut, convolved, unit)
    return x


def _residual(shortcut, x, name: str):
    """Sum, ReLU, batch normalisation: the order of the original TensorFlow code. Its PyTorch port has another order."""
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    x = layers.ReLU(name=f"{name}_relu")(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def _normalised(x, filters: int, kernel: int, name: str):
    """Convolution without bias, then batch normalisation without scale, as in the original code."""
    x = layers.Conv2D(filters, kernel, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(scale=False, name=f"{name}_norm")(x)


def _double_convolution(x, filters: int, recipe: Settings, name: str):
    """The block of the classic U-Net. Twice: convolution, batch normalisation (if any) and ReLU."""
    for number in (1, 2):
        x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv{number}")(x)
        if recipe.unet_norm:
            x = layers.BatchNormalization(name=f"{name}_conv{number}_norm")(x)
        x = layers.ReLU(name=f"{name}_relu{number}")(x)
    return x
