"""The least time of a training step, counted by hand for small networks."""

import keras
import pytest
from keras import layers

from common.bench import step_work
from common.bench.step_work import Work, kernel_works
from common.training.estimate import multiplications


def of(*stack, shape=(8, 8, 3)):
    x = image = keras.Input(shape)
    for layer in stack:
        x = layer(x)
    return keras.Model(image, x)


def test_a_convolution():
    """Of 3 channels to 5 with a kernel of 3 x 3, at 8 x 8 pixels: 2 * 27 * 5 operations a pixel. Twice, because the
    gradient of the images is not needed."""
    (work,) = kernel_works(of(layers.Conv2D(5, 3, padding="same", name="first")), batch_size=4)
    assert work.operations == 2 * (4 * 64 * 2 * 27 * 5)
    tensors = 4 * 64 * 3 + 4 * 64 * 5 + 27 * 5
    assert work.bytes == 2 * tensors * 4


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


def test_mixed_precision_halves_what_is_moved():
    def moved(policy):
        (work,) = kernel_works(of(layers.Conv2D(5, 3, padding="same", dtype=policy)), batch_size=4)
        return work.bytes

    assert moved("mixed_bfloat16") * 2 == moved("float32")


def test_the_slower_of_arithmetic_and_memory_counts():
    work = Work("convolutions", "one", operations=100, bytes=10)
    assert work.seconds(rate=100, bandwidth=100) == pytest.approx(1.0)
    assert work.seconds(rate=100, bandwidth=5) == pytest.approx(2.0)


def kinds(works):
    return {work.kind: work.bytes for work in works}


def test_adam_reads_weight_gradient_and_two_averages_and_writes_all_but_the_gradient():
    model = of(layers.Conv2D(5, 3, use_bias=False))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    counted = kinds(step_work.other_works(model, 4, [keras.metrics.MeanSquaredError()]))
    scalars = 2 * 2 * 4  # iteration and learning rate, in and out
    assert counted["optimizer"] == 7 * (27 * 5) * 4 + scalars
    assert counted["loss"] == 5 * (4 * 6 * 6 * 5) * 4
    assert counted["metrics"] == 2 * (4 * 6 * 6 * 5) * 4
    assert "casts of weights" not in counted, "all is in float32"


def test_each_layer_between_the_kernels_counts_its_own_tensors():
    stack = [layers.Conv2D(5, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.1)]
    counted = kinds(step_work.separate_works(of(*stack), batch_size=4))
    tensor = 4 * 64 * 5
    assert counted == {
        "bias": 3 * tensor * 4,
        "normalisation": 8 * tensor * 4,
        "activation": 5 * tensor * 4,
        "dropout": 4 * tensor * 4 + 2 * tensor,
    }
    assert step_work.random_bits(of(*stack), batch_size=4) == tensor


def test_fused_one_kernel_stands_between_two_convolutions():
    """Forwards it reads the statistics' tensor and the tensor, and writes one; backwards it reads the gradient and the
    tensor, after the sums over both, and writes one."""
    stack = [layers.Conv2D(5, 1), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.1), layers.Conv2D(2, 1)]
    assert step_work.fused_bytes(of(*stack), batch_size=4) == (3 + 5) * (4 * 64 * 5) * 4
    assert step_work.fused_bytes(of(layers.Conv2D(5, 1), layers.Conv2D(2, 1)), batch_size=4) == 0


def test_joined_tensors_are_read_and_their_gradients_are_parts_of_one():
    image = keras.Input((8, 8, 3))
    one, other = layers.Conv2D(5, 1)(image), layers.Conv2D(3, 1)(image)
    joined = layers.Conv2D(2, 1)(layers.Concatenate()([one, other]))
    model = keras.Model(image, joined)
    assert step_work.fused_bytes(model, batch_size=4) == (4 * 64) * 4 * (8 + 8 + 8 + 8 + 8)
    assert kinds(step_work.separate_works(model, batch_size=4))["joining"] > 0


@pytest.mark.parametrize(("kernel", "strides", "padded"), [(2, 1, True), (3, 1, False), (3, 2, True), (2, 2, False)])
def test_only_padding_of_one_side_is_a_copy(kernel, strides, padded):
    model = of(layers.Conv2D(5, kernel, strides, padding="same"))
    assert ("padding" in kinds(step_work.separate_works(model, batch_size=1))) == padded


def test_both_counts_of_multiplications_are_one():
    model = of(layers.Conv2D(4, 3, padding="same"), layers.Conv2DTranspose(5, 2, strides=2), layers.Dense(7))
    operations = sum(
        work.operations / 2 / (2 if number == 0 else 3) for number, work in enumerate(kernel_works(model, 1))
    )
    assert operations == multiplications(model) == 64 * 27 * 4 + 64 * 4 * 4 * 5 + 256 * 5 * 7
