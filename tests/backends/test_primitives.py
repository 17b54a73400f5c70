"""Every layer, optimizer and average that the papers need gives the same numbers on TensorFlow, JAX and PyTorch, those
of its formula.

What Keras 3 does on all three, where Keras 2 on TensorFlow 2.5 and PyTorch do otherwise:

- The variance of a batch goes into batch normalisation's moving average as it is, divided by n. TensorFlow 2 with its
  fused kernel (the default for images), and PyTorch, put n / (n - 1) times as much there; all of them normalise with
  the one divided by n. n is images times pixels of a map, so it counts most where the maps are smallest. In the papers'
  own batches that is at the bottleneck: 0.05 % of the variance for Cheng, Kumar and Paudel (8 maps of 16 x 16), 1 % for
  Gill (2 of 7 x 7), 0.02 % for Rahman (16 of 16 x 16). The square root of it is what predictions are divided by.
- Adam adds epsilon, 1e-7, to the root of the uncorrected second moment. So did TensorFlow 2.5. PyTorch adds 1e-8 to the
  root of the corrected one. A weight whose gradients are far above 3e-6 takes the same step under both.
- The decay of AdamW is decoupled and multiplied by the learning rate, as in PyTorch. That of TensorFlow Addons, the one
  there was for TensorFlow 2.5, is not multiplied: 0.004 there would have been 1 / 0.00006 times as strong for Gill.
- The loss of an epoch counts each batch with its number of images. So did TensorFlow 2.5. Loops written by hand for
  PyTorch often take the mean over the batches, in which the images of a smaller last one count more.
- Layers drop with a probability of `rate` and multiply what is kept by 1 / (1 - rate), as TensorFlow 2.5 and PyTorch.
"""

import keras
import numpy as np
import pytest

from tests.backends import formulas, primitives
from tests.backends.environments import ran
from tests.backends.formulas import drawn

BACKENDS = ("tensorflow", "jax", "torch")


@pytest.fixture(scope="module")
def numbers(python_of, tmp_path_factory):
    """Of a backend: what `primitives` writes there, by name. Made once."""
    made = {}

    def of(backend: str) -> dict[str, np.ndarray]:
        if backend not in made and backend == keras.backend.backend():
            made[backend] = primitives.everything()  # this process has loaded it
        elif backend not in made:
            file = tmp_path_factory.mktemp("numbers") / f"{backend}.npz"
            answer = ran(python_of(backend), backend, "-m", "tests.backends.primitives", file)
            assert answer.returncode == 0, answer.stderr
            made[backend] = dict(np.load(file))
        return made[backend]

    return of


@pytest.fixture(params=BACKENDS)
def seen(request, numbers):
    return numbers(request.param)


def close(seen, expected, within=1e-5):
    """within: of the largest number. What float32 leaves of sums is some 1e-7 of it."""
    assert seen.shape == np.shape(expected)
    np.testing.assert_allclose(seen, expected, rtol=0, atol=within * np.abs(expected).max())


# Optimizers


@pytest.mark.parametrize(("name", "decay"), [("adam", 0), ("adamw", formulas.DECAY)])
def test_a_step_and_several_are_those_of_the_formula(seen, name, decay):
    weights, steps = drawn("weights", 6), formulas.gradients()
    for number in (1, formulas.STEPS):
        after, first, second = formulas.adam(weights, steps[:number], decay=decay)
        close(seen[f"{name} weights {number}"] - weights, after - weights, 1e-4)
    np.testing.assert_allclose(seen[f"{name} momentum"], first, rtol=1e-5)
    np.testing.assert_allclose(seen[f"{name} velocity"], second, rtol=1e-5)


def test_the_decay_is_not_in_the_moments(seen):
    for moment in ("momentum", "velocity"):
        np.testing.assert_array_equal(seen[f"adamw {moment}"], seen[f"adam {moment}"])


def test_epsilon_can_be_told_from_pytorchs(seen):
    """What holds the tests above to one of both: under PyTorch's, the smallest gradient would move its weight more."""
    weights, steps = drawn("weights", 6), formulas.gradients()
    here, _, _ = formulas.adam(weights, steps)
    there, _, _ = formulas.adam(weights, steps, epsilon=1e-8, after_correction=True)
    moved, would = np.abs(here - weights), np.abs(there - weights)
    assert moved[:4] == pytest.approx(would[:4], rel=0.05)
    assert would[5] > 10 * moved[5]


# Batch normalisation


@pytest.mark.parametrize("name", primitives.BATCH_NORMS)
def test_batch_normalisation_divides_the_variance_by_n_everywhere(seen, name):
    """To normalise, and in the moving average."""
    momentum, epsilon = primitives.BATCH_NORMS[name]
    images = drawn("images", 2, 3, 3, 4).astype(float) + 0.5
    gamma, beta, mean, variance = (drawn(part, 4).astype(float) ** 2 for part in ("gamma", "beta", "mean", "variance"))
    of_batch = images.mean((0, 1, 2)), images.var((0, 1, 2))
    close(seen[f"norm {name} inference"], formulas.normalised(images, gamma, beta, mean, variance, epsilon))
    close(seen[f"norm {name} training"], formulas.normalised(images, gamma, beta, *of_batch, epsilon))
    close(seen[f"norm {name} mean"], formulas.moved(mean, of_batch[0], momentum))
    close(seen[f"norm {name} variance"], formulas.moved(variance, of_batch[1], momentum))


def test_batch_normalisation_passes_on_the_same_gradients(numbers):
    for name in primitives.BATCH_NORMS:
        for backend in BACKENDS[1:]:
            close(numbers(backend)[f"norm {name} slope"], numbers("tensorflow")[f"norm {name} slope"])


@pytest.mark.parametrize(("mean", "within"), [(0, 1e-5), (10, 1e-4), (100, 1e-2)])
def test_pytorchs_variance_is_less_exact_far_from_zero(seen, mean, within):
    """Keras computes it there as the mean of the squares less the square of the mean, which loses as many digits as the
    square of the mean has more than the variance."""
    close(seen[f"variance at {mean}"], formulas.far(mean).astype(float).var((0, 1, 2)), within)


@pytest.mark.parametrize(("backend", "within"), [("tensorflow", 2e-3), ("jax", 1e-6), ("torch", 1e-6)])
def test_tensorflows_variance_of_many_pixels_is_less_exact_on_a_cpu(numbers, backend, within):
    """Cheng's, Kumar's and Paudel's batches at their own size: 8 images of 256 x 256, after a ReLU. TensorFlow adds up
    the half million squares of a map one after the other, and was off by 0.09 %, its standard deviation by 0.04 %."""
    close(numbers(backend)["variance of many"], formulas.active().astype(float).var((0, 1, 2)), within)


# Convolution and pooling


@pytest.mark.parametrize(("kernel", "stride", "side"), primitives.CONVOLUTIONS)
def test_same_padding_puts_the_odd_row_at_the_end(seen, kernel, stride, side):
    images, weights = drawn("convolved", 2, side, side, 3), drawn("kernel", kernel, kernel, 3, 4)
    close(seen[f"conv {kernel} {stride} {side}"], formulas.convolved(images, weights, stride))


def test_gills_convolutions_see_the_pixel_and_those_right_and_below():
    assert [formulas.margins(side, 2, 1) for side in (4, 5)] == [(0, 1), (0, 1)]
    assert [formulas.margins(side, 2, 2) for side in (4, 5)] == [(0, 0), (0, 1)]


@pytest.mark.parametrize(("size", "stride", "side"), primitives.POOLINGS)
def test_pooling_adds_nothing_that_could_be_the_largest(seen, size, stride, side):
    images = drawn("pooled", 2, side, side, 3) - 3
    close(seen[f"pool {size} {stride} {side}"], formulas.pooled(images, size, stride))


def test_of_equal_pixels_the_first_takes_the_gradient(seen):
    expected = np.zeros((1, 5, 5, 1))
    expected[:, ::2, ::2] = 1
    close(seen["pool ties"], expected)


@pytest.mark.parametrize(("kernel", "padding"), primitives.TRANSPOSED)
def test_transposed_convolutions_lay_the_kernel_over_twice_the_side(seen, kernel, padding):
    images, weights = drawn("transposed", 2, 3, 3, 3), drawn("kernel", kernel, kernel, 4, 3)
    close(seen[f"transposed {kernel} {padding}"], formulas.transposed(images, weights, 2, padding))


def test_nearest_repeats_each_pixel(seen):
    close(seen["nearest"], drawn("nearest", 1, 3, 3, 2).repeat(2, 1).repeat(2, 2))


# Activations, also where they saturate


def test_activations_and_their_slopes(seen):
    """A slope at 0 is that of the left for ReLU."""
    x = primitives.STEEP.astype(float)
    sigmoid = 1 / (1 + np.exp(-x))
    close(seen["relu"], np.maximum(x, 0))
    close(seen["relu slope"], np.float64(x > 0))
    close(seen["elu"], np.where(x > 0, x, np.expm1(x)))
    close(seen["elu slope"], np.where(x > 0, 1, np.exp(x)))
    close(seen["sigmoid"], sigmoid)
    close(seen["sigmoid slope"], sigmoid * (1 - sigmoid))


# Dropout


@pytest.mark.parametrize("name", primitives.DROPOUTS)
@pytest.mark.parametrize("rate", primitives.RATES)
def test_what_is_kept_is_scaled_and_as_much_is_dropped_as_the_rate_says(seen, name, rate):
    first = seen[f"{name} {rate} first"]
    np.testing.assert_allclose(first[first != 0], 3 / (1 - rate), rtol=1e-6)
    draws = first[:, 0, 0] if name == "spatial" else first
    deviation = np.sqrt(rate * (1 - rate) / draws.size)
    assert (draws == 0).mean() == pytest.approx(rate, abs=5 * deviation)
    assert (seen[f"{name} {rate} inference"] == 3).all()


def test_spatial_dropout_drops_whole_maps(seen):
    maps = seen["spatial 0.1 first"]
    assert (maps == maps[:, :1, :1]).all()


@pytest.mark.parametrize("name", primitives.DROPOUTS)
@pytest.mark.parametrize("rate", primitives.RATES)
def test_what_is_dropped_depends_on_the_epoch_alone(seen, name, rate):
    first, again, later = (seen[f"{name} {rate} {label}"] for label in ("first", "again", "next"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)


# Losses and their means


@pytest.mark.parametrize("smooth", [1e-6, 1.0])
def test_dice_and_its_slope_also_where_logits_are_100(seen, smooth):
    logits, truth = primitives.dice_numbers()
    value, slope = formulas.dice(logits, truth, smooth)
    close(seen[f"dice {smooth}"], value)
    close(seen[f"dice {smooth} slope"], slope)


def test_a_sum_over_a_million_pixels_is_exact_to_float32(seen):
    assert seen["sum of many"] == pytest.approx(primitives.many().sum(dtype=float), rel=1e-6)


@pytest.mark.parametrize("name", primitives.EPOCH_LOSSES)
def test_a_smaller_last_batch_counts_with_its_images(seen, name):
    of_batches = seen[f"epoch {name} of batches"]
    expected = formulas.epoch(of_batches, primitives.IMAGES)
    assert seen[f"epoch {name} loss"] == pytest.approx(expected, rel=1e-6)
    assert seen[f"epoch {name} val_loss"] == pytest.approx(expected, rel=1e-6)
    assert expected != pytest.approx(np.mean(of_batches), rel=1e-3), "or it can't be told from the mean of the batches"
