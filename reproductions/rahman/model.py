"""Rahman, Rahman, Afroz & Akhter: "Breast Cancer Segmentation in Medical Imaging: A Custom U-Net Approach".

The custom U-Net of Sections I and III: four encoder blocks of 64, 128, 256, 512 filters, a bottleneck of 1024, four
decoder blocks in reverse order, 2x2 max pooling, transposed convolutions, skip connections and one sigmoid output. All
blocks are residual: two times convolution, batch normalisation and ReLU; then the block's input is added through a 1x1
convolution. RGB input of 256 x 256: 32,451,073 parameters in the default reading.

Reported (Section V): Dice coefficient 0.96, BCE Dice loss 0.07; the paper does not say of which images, and does not
name its data set. BUSI, benign and malignant, stands in for it and can judge neither number. A run also trains the
plain U-Net (`residual=none`).
Expect: a Dice well below 0.96 on BUSI, where public benchmarks of U-Nets trained from scratch are near 0.77.
Takes a repeat: 21 h on two cores of an Intel Xeon (from 5.3 s and 3.3 GiB for a step of 4 images, of the 16 in a
batch), 8 min on an H200; in the small profile 10 min and 1.2 GiB.

    make reproduce-rahman           or    repro run rahman --profile paper --repeats 3
"""

from typing import Literal

import keras
from keras import layers
from pydantic import ConfigDict

from common.recipe import Recipe

KERNEL = 3

# The parts of the network with residual blocks. The bottleneck belongs to the encoder.
RESIDUAL = {"all": ("encoder", "decoder"), "encoder": ("encoder",), "none": ()}


class Settings(Recipe):
    """The settings of the network, in addition to those of every training (`Recipe`).

    filters: number in the first encoder block. growth: factor of the number from each of the `blocks` levels to the
    next. pool: side of the pooling windows and of the transposed convolutions, in pixels. convolutions: number in a
    block. residual: a key of RESIDUAL.
    initializer: PyTorch's default, or one by its name in Keras.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: int
    growth: int
    blocks: int
    pool: int
    convolutions: int
    residual: Literal["all", "encoder", "none"]
    initializer: Literal["pytorch", "he_normal"]


def build(recipe: Settings) -> keras.Model:
    """The network. Input: float32 images (side, side, channels) in [0, 1]. Output: lesion probabilities, float32 (side,
    side, 1).

    `side` must be a multiple of `pool` to the power of `blocks`, which is 16 as stated.
    """
    filters = [recipe.filters * recipe.growth**level for level in range(recipe.blocks + 1)]
    in_encoder, in_decoder = (part in RESIDUAL[recipe.residual] for part in ("encoder", "decoder"))
    x = inputs = keras.Input((recipe.side, recipe.side, recipe.channels), name="image")

    skips = []
    for level in range(recipe.blocks):
        x = _block(x, filters[level], in_encoder, recipe, f"encoder{level + 1}")
        skips.append(x)
        x = layers.MaxPooling2D(recipe.pool, name=f"encoder{level + 1}_pool")(x)
    x = _block(x, filters[recipe.blocks], in_encoder, recipe, "bottleneck")

    # decoder1 is the deepest: it follows the bottleneck.
    for number in range(1, recipe.blocks + 1):
        level = recipe.blocks - number
        x = _up(x, filters[level], recipe, f"decoder{number}_up")
        x = layers.Concatenate(name=f"decoder{number}_concat")([x, skips[level]])
        x = _block(x, filters[level], in_decoder, recipe, f"decoder{number}")

    x = _convolution(x, 1, 1, recipe, "output_conv", dtype="float32")
    outputs = layers.Activation("sigmoid", name="probability", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="rahman")


def _block(x, filters: int, residual: bool, recipe: Settings, name: str):
    """`recipe.convolutions` times: convolution, batch normalisation and ReLU. A residual block then adds its input."""
    before = x
    for number in range(1, recipe.convolutions + 1):
        x = _convolution(x, filters, KERNEL, recipe, f"{name}_conv{number}")
        # PyTorch's defaults, because the paper used PyTorch, where a momentum of 0.1 is what Keras calls 0.9.
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm{number}")(x)
        x = layers.ReLU(name=f"{name}_relu{number}")(x)
    if not residual:
        return x
    shortcut = _convolution(before, filters, 1, recipe, f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([x, shortcut])


def _convolution(x, filters: int, kernel: int, recipe: Settings, name: str, **settings):
    return layers.Conv2D(
        filters, kernel, padding="same", kernel_initializer=_initializer(recipe), name=name, **settings
    )(x)


def _up(x, filters: int, recipe: Settings, name: str):
    """The "deconvolution layer": enlarges the map as much as a pooling shrinks it."""
    return layers.Conv2DTranspose(
        filters, recipe.pool, strides=recipe.pool, kernel_initializer=_initializer(recipe), name=name
    )(x)


def _initializer(recipe: Settings) -> str | keras.Initializer:
    """A new initializer for each layer: one object would draw the same numbers for every kernel of the same shape."""
    if recipe.initializer == "pytorch":
        # torch.nn.Conv2d and ConvTranspose2d start from a uniform distribution within 1 / sqrt(fan_in). Its variance is
        # 1/3 of 1 / fan_in, hence the scale.
        return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return recipe.initializer
