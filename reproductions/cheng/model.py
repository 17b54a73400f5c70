"""Cheng, Illanko & Khan: "Image Segmentation of Breast Cancer Ultrasounds using U-Net Architecture".

The U-Net of Section III-B. It has four encoder blocks of 32, 64, 128, 256 filters with dropout .1 .1 .2 .2, a
bottleneck block of 512 filters, four decoder blocks of 256, 128, 64, 32 filters with dropout .2 .2 .1 .1, and one
sigmoid output.
RGB input of 256 x 256: 7,764,065 parameters in the default reading.

Reported (TABLE I, test set): loss 0.2423, accuracy 0.9163, IoU 0.4543.
Expect: an IoU near 0.46 under the raw Keras MeanIoU as long as no sigmoid saturates, whatever the network has learned
(see paper.yaml, test-iou). A definition with a threshold gives the IoU of the segmentation, which is different.
Takes a repeat: 1.1 h and 2.3 GiB on two cores of an Intel Xeon (from 2.6 s a step, batch 8), about 1 min on an H200;
in the small profile 6 min.

    make reproduce-cheng            or    repro run cheng --profile paper --repeats 3
"""

from typing import Literal

import keras
from keras import layers
from pydantic import ConfigDict

from common.recipe import Recipe

# Which of a block's two convolutions are followed by batch normalisation: (in encoder and bottleneck, in decoder).
NORMALISED = {
    "encoder": ((2,), ()),
    "encoder+decoder": ((2,), (2,)),
    "encoder-both": ((1, 2), ()),
    "none": ((), ()),
}


class Settings(Recipe):
    """The settings of the network, in addition to those of every training (`Recipe`).

    filters: number in each encoder block, from the first block down; the decoder blocks have these in reverse order.
    bottleneck: number of filters in the bottleneck block. encoder_dropout, decoder_dropout: the dropout rate of each
    block, 0 to 1, from the first encoder block down and from the deepest decoder block up. bottleneck_dropout: the rate
    in the bottleneck. dropout_position: between a block's two convolutions, or after them. kernel: side of the
    convolutions in pixels.
    batch_norm: a key of NORMALISED. up_sampling: transposed convolutions (2 x 2, stride 2), or nearest neighbour
    without weights. initializer: of all kernels, by its name in Keras.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: tuple[int, ...]
    bottleneck: int
    encoder_dropout: tuple[float, ...]
    decoder_dropout: tuple[float, ...]
    bottleneck_dropout: float
    dropout_position: Literal["between", "after"]
    kernel: int
    batch_norm: Literal["encoder", "encoder+decoder", "encoder-both", "none"]
    up_sampling: Literal["transposed", "nearest"]
    initializer: Literal["he_normal", "glorot_uniform"]


def build(recipe: Settings) -> keras.Model:
    """The network. Input: float32 images (side, side, channels) in [0, 1]. Output: lesion probabilities, float32 (side,
    side, 1).

    `side` must be a multiple of 2 to the power of the number of encoder blocks.
    """
    encoder_norm, decoder_norm = NORMALISED[recipe.batch_norm]
    x = inputs = keras.Input((recipe.side, recipe.side, recipe.channels), name="image")

    skips = []
    for level, (filters, rate) in enumerate(zip(recipe.filters, recipe.encoder_dropout, strict=True), start=1):
        x = _block(x, filters, rate, encoder_norm, recipe, f"encoder{level}")
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"encoder{level}_pool")(x)

    # "A single encoder block with 512 filters is used at the bottleneck": an encoder block without the pooling.
    x = _block(x, recipe.bottleneck, recipe.bottleneck_dropout, encoder_norm, recipe, "bottleneck")

    # "The filters are then reversed": decoder1 is the deepest, as the paper counts them.
    decoders = zip(reversed(recipe.filters), recipe.decoder_dropout, reversed(skips), strict=True)
    for level, (filters, rate, skip) in enumerate(decoders, start=1):
        x = _up(x, filters, recipe, f"decoder{level}_up")
        x = layers.Concatenate(name=f"decoder{level}_concat")([x, skip])
        x = _block(x, filters, rate, decoder_norm, recipe, f"decoder{level}")

    x = layers.Conv2D(1, 1, name="output_conv", dtype="float32")(x)
    outputs = layers.Activation("sigmoid", name="probability", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="cheng")


def _block(x, filters: int, rate: float, normalised: tuple[int, ...], recipe: Settings, name: str):
    """Twice: convolution, batch normalisation (if any) and ReLU. Dropout comes between the two or after them. A rate of
    0 means no dropout. normalised: numbers of the convolutions that batch normalisation follows, 1 or 2."""
    for number in (1, 2):
        conv = f"{name}_conv{number}"
        x = layers.Conv2D(filters, recipe.kernel, padding="same", kernel_initializer=recipe.initializer, name=conv)(x)
        if number in normalised:
            x = layers.BatchNormalization(name=f"{name}_norm{number}")(x)
        x = layers.ReLU(name=f"{name}_relu{number}")(x)
        if rate and number == {"between": 1, "after": 2}[recipe.dropout_position]:
            x = layers.Dropout(rate, name=f"{name}_dropout")(x)
    return x


def _up(x, filters: int, recipe: Settings, name: str):
    """Doubles the side, by the paper's "up convolution", or by repeating pixels as in the related notebook."""
    if recipe.up_sampling == "nearest":
        return layers.UpSampling2D(2, interpolation="nearest", name=name)(x)
    return layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer=recipe.initializer, name=name)(x)
