"""Tang, Ding, Wang, Ning & Zhou: "CMUNeXt: An Efficient Medical Image Segmentation Network based on Large Kernel and
Skip Fusion" (arXiv 2308.01239), and the U-Net of its public benchmark: the control of this suite.

Both networks, the loss, the optimizer and the augmentation follow the authors' code, "the code" below:
github.com/FengheTan9/Medical-Image-Segmentation-Benchmarks, commit 2c75eee. The U-Net has 64 to 1,024 filters and
34.52 M parameters, CMUNeXt 3.14 M, as that code's README prints them.

    make reproduce-tang             or    repro run tang --profile paper --repeats 3
"""

from typing import Literal

import keras
import numpy as np
from keras import layers, ops
from pydantic import ConfigDict

from common.errors import BadInput
from common.recipe import Recipe
from common.training.losses import CrossEntropy, OfLogits, OverlapLoss

# ImageNet's mean and standard deviation of each channel. The code reads files with OpenCV, which gives blue first
# (src/dataloader/dataset.py:41). So it subtracts the mean of red from the blue channel. Here the channels are RGB, so
# the numbers are in reverse order.
MEAN, DEVIATION = (0.406, 0.456, 0.485), (0.225, 0.224, 0.229)

# CMUNeXt.py:91. For each of its five levels: filters, number of blocks, and side of their kernels in pixels. These are
# the filters if the U-Net has FIRST on its first level.
DIMS, DEPTHS, KERNELS = (16, 32, 128, 160, 256), (1, 1, 1, 3, 1), (3, 3, 7, 7, 7)
FIRST = 64

SMOOTH_IOU = 1e-5  # metrics.py:45


class Settings(Recipe):
    """The settings of both networks, in addition to those of every training (`Recipe`).

    network: the U-Net, or CMUNeXt. filters: number on each of the U-Net's five levels; CMUNeXt has DIMS times
    filters[0] / FIRST. momentum: of the gradient descent, 0 to 1. power: exponent of the falling learning rate
    (`Fall`). cross_entropy: its weight in the loss; the Dice loss has the weight 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Literal["unet", "cmunext"]
    filters: tuple[int, int, int, int, int]
    momentum: float
    power: float
    cross_entropy: float


def build(recipe: Settings) -> keras.Model:
    """The network. Input: float32 images (side, side, 3) in [0, 1]. Output: lesion probabilities, float32 (side, side,
    1). Raises BadInput if the side is no multiple of 16."""
    if recipe.side % 16:
        raise BadInput(f"side={recipe.side}: four halvings need a multiple of 16.")
    inputs = keras.Input((recipe.side, recipe.side, recipe.channels), name="image")
    # As in the code: minus the mean, divided by the deviation, and by 255 once more (dataset.py:50). So the inputs are
    # from about -0.01 to 0.01.
    scale = [1 / (255 * deviation) for deviation in DEVIATION]
    offset = [-mean / (255 * deviation) for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    x = layers.Rescaling(scale, offset, name="normalise", dtype="float32")(inputs)
    x = _unet(x, recipe.filters) if recipe.network == "unet" else _cmunext(x, recipe.filters[0] / FIRST)
    x = _convolution(x, 1, 1, "logits", dtype="float32")
    outputs = layers.Activation("sigmoid", name="probability", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=f"tang_{recipe.network}")


def _unet(x, filters: tuple[int, ...]):
    """The U-Net (U_Net.py). A level has two convolutions, each with batch normalisation and ReLU. On the way up come
    nearest-neighbour up-sampling and a convolution."""
    skips = []
    for level, number in enumerate(filters, 1):
        if skips:
            x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
        x = _twice(x, number, f"encoder{level}")
        skips.append(x)
    for level, skip in reversed(list(enumerate(skips[:-1], 1))):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"up{level}")(x)
        x = _convolution_relu(x, filters[level - 1], f"up{level}")
        x = layers.Concatenate(name=f"join{level}")([skip, x])
        x = _twice(x, filters[level - 1], f"decoder{level}")
    return x


def _twice(x, filters: int, name: str):
    return _convolution_relu(_convolution_relu(x, filters, f"{name}_1"), filters, f"{name}_2")


def _cmunext(x, width: float):
    """CMUNeXt (CMUNeXt.py): blocks of large depthwise kernels and inverted bottlenecks, and a fusion of each skip
    connection. width: factor of DIMS."""
    dims = [max(1, round(width * each)) for each in DIMS]
    x = _convolution_relu(x, dims[0], "stem")
    skips = []
    for level, (filters, depth, kernel) in enumerate(zip(dims, DEPTHS, KERNELS, strict=True), 1):
        if skips:
            x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
        for block in range(1, depth + 1):
            x = _large_kernel(x, kernel, f"encoder{level}_{block}")
        x = _convolution_relu(x, filters, f"encoder{level}_out")
        skips.append(x)
    for level, skip in reversed(list(enumerate(skips[:-1], 1))):
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"up{level}")(x)
        x = _convolution_relu(x, dims[level - 1], f"up{level}")
        x = _fusion(skip, x, dims[level - 1], f"fusion{level}")
    return x


def _large_kernel(x, kernel: int, name: str):
    """A depthwise convolution to which its input is added, and then an inverted bottleneck."""
    filters, bound = x.shape[-1], 1 / kernel
    depthwise = layers.DepthwiseConv2D(
        kernel,
        padding="same",
        depthwise_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
        name=f"{name}_depthwise",
    )(x)
    x = layers.Add(name=f"{name}_add")([_gelu_norm(depthwise, f"{name}_depthwise"), x])
    return _inverted(x, filters, name)


def _fusion(skip, x, filters: int, name: str):
    """Joins a skip connection and the up-sampled map by a convolution in two groups (CMUNeXt.py:74). The skip
    connection is one half of the joined maps and the up-sampled map the other, so each group has one of them. An
    inverted bottleneck follows."""
    halves = [_convolution(half, filters, 3, f"{name}_{what}") for what, half in (("skip", skip), ("up", x))]
    return _inverted(_gelu_norm(layers.Concatenate(name=f"{name}_join")(halves), name), filters, name)


def _inverted(x, filters: int, name: str):
    """An inverted bottleneck: 1 x 1 convolutions to four times the filters and back."""
    x = _gelu_norm(_convolution(x, 4 * filters, 1, f"{name}_wide"), f"{name}_wide")
    return _gelu_norm(_convolution(x, filters, 1, f"{name}_narrow"), f"{name}_narrow")


def _gelu_norm(x, name: str):
    return _norm(layers.Activation("gelu", name=f"{name}_gelu")(x), name)


def _convolution_relu(x, filters: int, name: str):
    return layers.ReLU(name=f"{name}_relu")(_norm(_convolution(x, filters, 3, f"{name}_conv"), name))


def _norm(x, name: str):
    """Batch normalisation with PyTorch's defaults. PyTorch's momentum of 0.1 is 0.9 in Keras."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _convolution(x, filters: int, kernel: int, name: str, dtype: str | None = None):
    """A convolution whose kernel and bias start as in PyTorch's Conv2d: uniform within 1 / sqrt(fan_in)."""
    bound = (kernel**2 * x.shape[-1]) ** -0.5
    return layers.Conv2D(
        filters,
        kernel,
        padding="same",
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
        name=name,
        dtype=dtype,
    )(x)


class Fall(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step, from `first` down (main.py:149). After step i, counted from 0, the code sets the
    rate to first (1 - i / steps)^power. So the first two steps have the rate `first`, and step i has
    first (1 - (i - 1) / steps)^power."""

    def __init__(self, first: float, steps: int, power: float):
        self.first, self.steps, self.power = first, steps, power

    def __call__(self, step):
        done = ops.maximum(ops.cast(step, "float32") - 1, 0) / self.steps
        return self.first * (1 - done) ** self.power

    def get_config(self):
        return {"first": self.first, "steps": self.steps, "power": self.power}


class CoupledSGD(keras.optimizers.SGD):
    """PyTorch's SGD, whose weight decay is part of the momentum: v = momentum v + (g + decay w), then w = w - rate v.
    It applies to every weight, also to biases and batch normalisation. Keras' own SGD subtracts rate decay w from each
    weight apart from the momentum, and multiplies the rate of each step into v.
    (docs.pytorch.org/docs/stable/generated/torch.optim.SGD)"""

    def __init__(self, learning_rate, momentum: float, decay: float):
        super().__init__(learning_rate, momentum=momentum)
        self.decay = decay

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
        kept = self.momentums[self._get_variable_index(variable)]
        velocity = self.momentum * kept + gradient + self.decay * variable
        self.assign(kept, velocity)
        self.assign_sub(variable, rate * velocity)

    def get_config(self):
        config = super().get_config()
        return {key: config[key] for key in ("learning_rate", "momentum")} | {"decay": self.decay}


def optimizer(recipe: Settings, steps: int) -> keras.optimizers.Optimizer:
    return CoupledSGD(Fall(recipe.learning_rate, steps, recipe.power), recipe.momentum, recipe.weight_decay)


class CrossEntropyAndDiceOfImages(OfLogits):
    """`weight` times the binary cross-entropy, plus the Dice loss 1 - (2 I + smooth) / (T + P + smooth)
    (losses.py:14-23). One value for each image. Truth and logits: float32 (batch, side, side, 1)."""

    over = "image"

    def __init__(self, weight: float, smooth: float):
        super().__init__(name="cross_entropy_and_dice", dtype="float32")
        self.weight, self.cross_entropy, self.dice = weight, CrossEntropy(), OverlapLoss("dice", smooth, "image")

    def call(self, y_true, logits):
        return self.weight * self.cross_entropy.call(y_true, logits) + self.dice.call(y_true, logits)


def loss(recipe: Settings) -> keras.losses.Loss:
    return CrossEntropyAndDiceOfImages(recipe.cross_entropy, recipe.smooth)


def metrics(recipe: Settings) -> list[keras.metrics.Metric]:
    """The metric that selects an epoch: the IoU of each image, or of each batch, averaged over the images.

    The constant 1e-5 moves a score by less than 1e-5. It gives 1 to an image without a tumour in truth and prediction,
    so the signatures have empty=one. Raises BadInput if the monitor names another batch size than the recipe's."""
    of_batch = recipe.monitor.partition("|batch=")[2].partition("|")[0]
    if of_batch and int(of_batch) != recipe.batch_size:
        raise BadInput(f"monitor={recipe.monitor} needs batch_size={of_batch}, not {recipe.batch_size}.")
    axes = None if of_batch else (1, 2, 3)

    def iou(y_true, logits):
        truth, marked = (ops.cast(pixels, "float32") for pixels in (y_true > 0.5, ops.sigmoid(logits) > 0.5))
        both, either = ops.sum(truth * marked, axis=axes), ops.sum(ops.maximum(truth, marked), axis=axes)
        return (both + SMOOTH_IOU) / (either + SMOOTH_IOU) * ops.ones_like(truth[:, 0, 0, 0])

    return [keras.metrics.MeanMetricWrapper(iou, name=recipe.monitor, dtype="float32")]


def augment(recipe: Settings):
    """Random turns and flips (main.py:85-86, albumentations' RandomRotate90 and Flip): half of the images get 0 to 3
    quarter turns, and half a flip top-bottom, left-right or both. The code does this before it resizes, which gives the
    same for a square."""

    def change(image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        turns = random.integers(4) if random.random() < 0.5 else 0
        axes = [(0,), (1,), (0, 1)][random.integers(3)] if random.random() < 0.5 else ()
        image, mask = (np.flip(np.rot90(pixels, turns), axes) for pixels in (image, mask))
        return np.ascontiguousarray(image), np.ascontiguousarray(mask)

    return change
