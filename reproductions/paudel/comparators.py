"""The six networks with which Paudel compares its own in Table X. Each follows its own paper and public code:
github.com/MrGiovanni/UNetPlusPlus, github.com/ZJUGiveLab/UNet-Version, github.com/hasibzunair/sharp-unets, and "the
benchmark", github.com/FengheTan9/Medical-Image-Segmentation-Benchmarks.

All of them only segment. They take float32 images (side, side, channels) and return the logits of the lesion, float32
(side, side, 1). `filters`: number of filters on each level, from the first level down; the bottleneck is last.

Convolutions are padded, so that the output has the side of the input. (Those of the original U-Net are not.) The
networks are trained as Paudel's own, without the deep supervision, dropout or weight decay of their authors. Initial
weights have Keras' default distribution (glorot_uniform), as in Paudel's own network.
"""

from collections.abc import Callable, Sequence
from functools import partial

import keras
import numpy as np
from keras import layers

# The kernel of a sharp block: eight times a pixel minus its eight neighbours. Copies of its authors' notebook call it
# the "Sharpening Spatial Kernel, used in paper".
SHARPENING = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "float32")


def unet(x, filters: Sequence[int], sharp: bool = False):
    """U-Net (Ronneberger, Fischer & Brox 2015, Section 2, Fig. 1; 64 to 1024 filters). A level has two 3 x 3
    convolutions with ReLU. Between levels are max pooling on the way down, and 2 x 2 transposed convolutions, which
    halve the filters, on the way up. Skip connections are concatenated. The output is a 1 x 1 convolution.

    sharp: Sharp U-Net (Zunair & Hamza 2021; Fig. 2 of its README; 32 to 512 filters), which sharpens each skip
    connection.
    """
    *skips, x = _encoder(x, filters, norm=False)
    for level, skip in reversed(list(enumerate(skips, 1))):
        x = layers.Conv2DTranspose(filters[level - 1], 2, strides=2, name=f"up{level}")(x)
        skip = _sharpen(skip, f"sharp{level}") if sharp else skip
        x = layers.Concatenate(name=f"join{level}")([x, skip])
        x = _twice(x, filters[level - 1], f"decoder{level}", norm=False)
    return _logits(x)


def attention_unet(x, filters: Sequence[int], sharp: bool = False):
    """Attention U-Net (Oktay et al. 2018, Section 2, Fig. 1; 64 to 1024 filters). The paper's network is for volumes.
    This one, for images, is that of the benchmark (AttU_Net.py). Its U-Net has batch normalisation, and up-sampling by
    the nearest pixel and a convolution. Its gates work at the resolution of the skip connection.

    sharp: Sharp Attention U-Net (Khaledyan et al. 2023), which combines it with Sharp U-Net. Here a skip connection is
    first sharpened and then gated.
    """
    *skips, x = _encoder(x, filters, norm=True)
    for level, skip in reversed(list(enumerate(skips, 1))):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"up{level}")(x)
        x = _convolution(x, filters[level - 1], f"up{level}", norm=True)
        skip = _sharpen(skip, f"sharp{level}") if sharp else skip
        x = layers.Concatenate(name=f"join{level}")([_gate(skip, x, f"gate{level}"), x])
        x = _twice(x, filters[level - 1], f"decoder{level}", norm=True)
    return _logits(x)


def unet_plus_plus(x, filters: Sequence[int]):
    """U-Net++ (Zhou et al. 2018, Section 3.1, Fig. 1a; authors' code, Nest_Net in model_logic.py; 32 to 512 filters).
    Node X(i,j) concatenates all earlier nodes of its level i with the node below, which a 2 x 2 transposed convolution
    enlarges. Two 3 x 3 convolutions with ReLU follow."""
    depth = len(filters) - 1
    node = {(level, 0): encoded for level, encoded in enumerate(_encoder(x, filters, norm=False))}
    for column in range(1, depth + 1):
        for level in range(depth - column + 1):
            name = f"node{level}_{column}"
            up = layers.Conv2DTranspose(filters[level], 2, strides=2, name=f"{name}_up")(node[level + 1, column - 1])
            earlier = [node[level, before] for before in range(column)]
            joined = layers.Concatenate(name=f"{name}_join")([up, *earlier])
            node[level, column] = _twice(joined, filters[level], name, norm=False)
    return _logits(node[0, depth])


def unet_3_plus(x, filters: Sequence[int]):
    """U-Net 3+ (Huang et al. 2020, Section 2.1, Fig. 2; authors' code, UNet_3Plus; 64 to 1024 filters). Each decoder
    takes the maps of all encoders down to its level, pooled to its size, and those of the bottleneck and of all
    decoders below it, enlarged to its size. Each map goes through a 3 x 3 convolution with as many filters as the first
    level has. They are concatenated, and another 3 x 3 convolution follows. The output is a 3 x 3 convolution too."""
    *encoded, bottleneck = _encoder(x, filters, norm=True)
    depth, each = len(encoded), filters[0]
    decoded = {depth + 1: bottleneck}
    for level in range(depth, 0, -1):
        above = {
            before: layers.MaxPooling2D(2 ** (level - before), name=f"decoder{level}_from{before}_pool")(skip)
            for before, skip in enumerate(encoded[: level - 1], 1)
        }
        below = {
            after: layers.UpSampling2D(
                2 ** (after - level), interpolation="bilinear", name=f"decoder{level}_from{after}_up"
            )(decoded[after])
            for after in range(level + 1, depth + 2)
        }
        maps = above | {level: encoded[level - 1]} | below
        maps = [_convolution(one, each, f"decoder{level}_from{where}", norm=True) for where, one in maps.items()]
        joined = layers.Concatenate(name=f"decoder{level}_join")(maps)
        decoded[level] = _convolution(joined, each * (depth + 1), f"decoder{level}", norm=True)
    return _logits(decoded[1], kernel=3)


# Each network with its authors' number of filters on the first level. It doubles at each further level.
NETWORKS: dict[str, tuple[Callable, int]] = {
    "unet": (unet, 64),
    "attention-unet": (attention_unet, 64),
    "sharp-unet": (partial(unet, sharp=True), 32),
    "unet-plus-plus": (unet_plus_plus, 32),
    "unet-3-plus": (unet_3_plus, 64),
    "sharp-attention-unet": (partial(attention_unet, sharp=True), 64),
}


def _encoder(x, filters: Sequence[int], norm: bool) -> list:
    """Returns the maps of all levels, the bottleneck last. Each level has two convolutions. Max pooling is between
    levels."""
    maps = []
    for level, number in enumerate(filters, 1):
        if maps:
            x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
        x = _twice(x, number, f"encoder{level}", norm)
        maps.append(x)
    return maps


def _twice(x, filters: int, name: str, norm: bool):
    return _convolution(_convolution(x, filters, f"{name}_1", norm), filters, f"{name}_2", norm)


def _convolution(x, filters: int, name: str, norm: bool):
    """A 3 x 3 convolution, batch normalisation (if any), ReLU."""
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_relu")(_norm(x, name) if norm else x)


def _norm(x, name: str):
    """Batch normalisation with PyTorch's defaults, as in the public code of both networks that have it. PyTorch's
    momentum of 0.1 is 0.9 in Keras."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _gate(skip, gating, name: str):
    """The additive attention gate (Oktay et al. 2018, Eq. 1 and 2). It multiplies each pixel of the skip connection by
    a coefficient from 0 to 1, computed from both maps. Inside it has half as many filters (AttU_Net.py)."""

    def project(x, filters: int, what: str):
        return _norm(layers.Conv2D(filters, 1, name=f"{name}_{what}")(x), f"{name}_{what}")

    inside = skip.shape[-1] // 2
    added = layers.Add(name=f"{name}_add")([project(gating, inside, "gating"), project(skip, inside, "skip")])
    added = layers.ReLU(name=f"{name}_relu")(added)
    attention = layers.Activation("sigmoid", name=f"{name}_attention")(project(added, 1, "psi"))
    return layers.Multiply(name=f"{name}_gated")([skip, attention])


def _sharpen(x, name: str):
    """A sharp block (Zunair & Hamza 2021; Fig. 1 of its README). It convolves each channel with SHARPENING, which is
    not trained."""
    kernel = keras.initializers.Constant(SHARPENING[..., None, None])
    return layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, depthwise_initializer=kernel, trainable=False, name=name
    )(x)


def _logits(x, kernel: int = 1):
    return layers.Conv2D(1, kernel, padding="same", name="segmentation_conv", dtype="float32")(x)
