"""The least time of a training step, counted by hand for small networks."""

import keras
import pytest
from keras import layers

from common.bench.contenders import KernelWork, kernel_works


def of(*stack, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *stack])


def test_a_convolution():
    """Of 3 channels to 5 with a kernel of 3 x 3, at 8 x 8 pixels: 2 * 27 * 5 operations a pixel. Twice, because the
    gradient of the images is not needed."""
    (work,) = kernel_works(of(layers.Conv2D(5, 3, padding="same", name="first")), batch_size=4)
    assert work.operations == 2 * (4 * 64 * 2 * 27 * 5)
    tensors = 4 * 64 * 3 + 4 * 64 * 5 + 27 * 5
    assert work.bytes == 2 * tensors * 4 + 7 * (27 * 5) * 4


def test_only_the_first_layer_is_spared_the_gradient_of_its_input():
    first, second = kernel_works(of(layers.Conv2D(4, 1, name="one"), layers.Conv2D(4, 1, name="two")), batch_size=1)
    assert first.operations == 2 * (64 * 2 * 3 * 4)
    assert second.operations == 3 * (64 * 2 * 4 * 4)


def test_a_transposed_convolution_applies_its_kernel_to_each_pixel_of_its_input():
    _, work = kernel_works(of(layers.Conv2D(3, 1), layers.Conv2DTranspose(5, 2, strides=2)), batch_size=1)
    assert work.operations == 3 * (64 * 2 * (2 * 2 * 3 * 5))


def test_a_dense_layer():
    _, work = kernel_works(of(layers.Conv2D(2, 1), layers.Flatten(), layers.Dense(7)), batch_size=2)
    assert work.operations == 3 * (2 * 2 * 128 * 7)


def test_mixed_precision_halves_what_is_moved_but_not_the_update():
    def moved(policy):
        (work,) = kernel_works(of(layers.Conv2D(5, 3, padding="same", dtype=policy)), batch_size=4)
        return work.bytes - 7 * 27 * 5 * 4

    assert moved("mixed_bfloat16") * 2 == moved("float32")


def test_the_slower_of_arithmetic_and_memory_counts():
    work = KernelWork("one", operations=100, bytes=10)
    assert work.seconds(rate=100, bandwidth=100) == pytest.approx(1.0)
    assert work.seconds(rate=100, bandwidth=5) == pytest.approx(2.0)
