"""What the layers, optimizers and averages that the papers need are by their formulas, in NumPy and float64, with the
source of each; and the numbers that they are tried with. Knows no backend and no Keras.

Images are (batch, side, side, channels), kernels of convolutions (rows, columns, in, out), those of transposed ones
(rows, columns, out, in), as Keras has them.
"""

from zlib import crc32

import numpy as np


def drawn(name: str, *shape: int) -> np.ndarray:
    """Standard normal float32 numbers that depend on the name alone: the same in every process."""
    return np.random.default_rng(crc32(name.encode())).standard_normal(shape).astype(np.float32)


# Optimizers

RATE, DECAY, STEPS = 0.01, 0.004, 5
# From far above epsilon to far below: where it is added can be told from the small ones.
GRADIENTS = np.array([1, -0.3, 1e-2, 1e-4, -1e-6, 1e-8], np.float32)


def gradients() -> np.ndarray:
    """(STEPS, 6): of another size and sign at each step."""
    return GRADIENTS * drawn("steps", STEPS, 1)


def adam(weights, steps, rate=RATE, decay=0.0, epsilon=1e-7, after_correction=False):
    """Weights, first and second moment after all steps; betas 0.9 and 0.999.

    Kingma & Ba 2015, section 2. Algorithm 1 adds epsilon to the root of the corrected second moment
    (after_correction), as PyTorch does; Keras adds it to that of the uncorrected one, "epsilon hat" in the remark
    below. The decay is decoupled: Loshchilov & Hutter 2019, algorithm 2, the learning rate times the decay times the
    weights, which the moments do not see.
    """
    weights, first, second = (np.asarray(part, float) for part in (weights, 0 * steps[0], 0 * steps[0]))
    for step, gradient in enumerate(np.asarray(steps, float), start=1):
        weights = weights - rate * decay * weights
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        correction = np.sqrt(1 - 0.999**step)
        root = np.sqrt(second) + epsilon * (correction if after_correction else 1)
        weights = weights - rate * correction / (1 - 0.9**step) * first / root
    return weights, first, second


# Batch normalisation


def normalised(images, gamma, beta, mean, variance, epsilon):
    """Ioffe & Szegedy 2015, algorithm 1."""
    return (images - mean) / np.sqrt(variance + epsilon) * gamma + beta


def moved(average, value, momentum):
    """What a moving average becomes. PyTorch's momentum is 1 minus this one."""
    return momentum * average + (1 - momentum) * value


def far(mean: float) -> np.ndarray:
    """Images of 64 channels, each with this mean and a standard deviation of about 1."""
    return drawn("far", 8, 32, 32, 64) + np.float32(mean)


def active() -> np.ndarray:
    """A batch of 8 images of 256 x 256 with 8 channels, after a ReLU."""
    return np.maximum(drawn("active", 8, 256, 256, 8), 0)


# Convolution and pooling


def margins(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Rows that `same` padding adds before and after: of an odd number the larger half after.

    https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    surplus = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return surplus // 2, surplus - surplus // 2


def _windows(images, kernel: int, stride: int, filled_with: float):
    both = margins(images.shape[1], kernel, stride)
    padded = np.pad(images.astype(float), ((0, 0), both, both, (0, 0)), constant_values=filled_with)
    view = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    return view[:, ::stride, ::stride]  # (batch, rows, columns, channels, kernel, kernel)


def convolved(images, kernel, stride: int):
    """Cross-correlation with `same` padding by zeros."""
    return np.einsum("nijcab,abcf->nijf", _windows(images, len(kernel), stride, 0), kernel)


def pooled(images, size: int, stride: int):
    """The largest in each window with `same` padding, which adds nothing that could be the largest."""
    return _windows(images, size, stride, -np.inf).max((-2, -1))


def transposed(images, kernel, stride: int, padding: str):
    """Each pixel lays its multiple of the kernel over the output. `same` keeps stride times the side of it, and cuts
    off what `same` padding of the convolution that it transposes would have added.

    Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.
    """
    batch, side, _, _ = images.shape
    size, filters = len(kernel), kernel.shape[2]
    whole = np.zeros((batch, *2 * ((side - 1) * stride + size,), filters))
    for row in range(side):
        for column in range(side):
            part = np.einsum("nc,abfc->nabf", images[:, row, column].astype(float), kernel)
            whole[:, row * stride : row * stride + size, column * stride : column * stride + size] += part
    if padding == "valid":
        return whole
    before, _ = margins(side * stride, size, stride)
    kept = slice(before, before + side * stride)
    return whole[:, kept, kept]


# Losses


def dice(logits, truth, smooth):
    """1 - (2 sum(p t) + s) / (sum(p) + sum(t) + s), p the sigmoid of the logits, and its slope at each logit."""
    logits, truth = (np.asarray(part, float) for part in (logits, truth))
    marked = 1 / (1 + np.exp(-logits))
    shared, total = 2 * (marked * truth).sum() + smooth, marked.sum() + truth.sum() + smooth
    return 1 - shared / total, (shared / total**2 - 2 * truth / total) * marked * (1 - marked)


# Means over an epoch

BATCH = 4


def epoch(of_batches: list[float], images: int) -> float:
    """The mean over batches of BATCH images, of which the last is smaller, each as heavy as it has images."""
    sizes = [min(BATCH, images - begun) for begun in range(0, images, BATCH)]
    return float(np.average(of_batches, weights=sizes))
