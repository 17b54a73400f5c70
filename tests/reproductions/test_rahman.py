"""Rahman's network as Sections I and III of the paper describe it, and what each alternative reading changes in it."""

from functools import cache
from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers

from common.errors import BadInput
from common.papers import load
from reproductions.rahman.model import build
from tests.reproductions.networks import assert_chain, of_type

PAPER = load("rahman")

# (block, its filters, the side of its maps), from the image down.
ENCODERS = [("encoder1", 64, 256), ("encoder2", 128, 128), ("encoder3", 256, 64), ("encoder4", 512, 32)]
DOWN = [*ENCODERS, ("bottleneck", 1024, 16)]
# (block, filters, side, the encoder it is joined with, the block below it), from the bottleneck up.
DECODERS = [
    ("decoder1", 512, 32, "encoder4", "bottleneck"),
    ("decoder2", 256, 64, "encoder3", "decoder1"),
    ("decoder3", 128, 128, "encoder2", "decoder2"),
    ("decoder4", 64, 256, "encoder1", "decoder3"),
]
BLOCKS = [block for block, *_ in DOWN + DECODERS]
PARTS = ["conv1", "norm1", "relu1", "conv2", "norm2", "relu2"]


@cache
def network(profile: str = "paper", **readings) -> keras.Model:
    return build(PAPER.recipe(profile, readings))


def counted(first=64, channels=3, convolutions=2, shortcuts=("encoder", "decoder")) -> int:
    """Parameters by arithmetic: kernels and biases, four numbers a filter in each batch normalisation."""

    def convolution(kernel, before, after):
        return kernel * kernel * before * after + after

    def block(before, filters, residual):
        sizes = [before] + [filters] * convolutions
        chain = sum(convolution(3, a, b) + 4 * b for a, b in pairwise(sizes))
        return chain + (convolution(1, before, filters) if residual else 0)

    down = [first * 2**level for level in range(5)]
    total = sum(block(a, b, "encoder" in shortcuts) for a, b in pairwise([channels, *down]))
    for deep, filters in pairwise(reversed(down)):
        total += convolution(2, deep, filters) + block(2 * filters, filters, "decoder" in shortcuts)
    return total + convolution(1, first, 1)


def test_an_rgb_image_of_256_pixels_becomes_a_probability_a_pixel():
    model = network()
    assert model.input_shape == (None, 256, 256, 3)
    assert model.output_shape == (None, 256, 256, 1)
    assert model.count_params() == PAPER.parameters == counted() == 32_451_073


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_two_convolutions_each_normalised_before_its_relu(block):
    model = network()
    assert_chain(model, *(f"{block}_{part}" for part in PARTS))
    for number in (1, 2):
        conv = model.get_layer(f"{block}_conv{number}")
        assert (conv.kernel_size, conv.strides, conv.padding) == ((3, 3), (1, 1), "same")
        assert conv.activation is keras.activations.linear
        assert isinstance(model.get_layer(f"{block}_norm{number}"), layers.BatchNormalization)
        assert isinstance(model.get_layer(f"{block}_relu{number}"), layers.ReLU)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_adds_its_input_through_a_1x1_convolution_and_nothing_follows_the_sum(block):
    model = network()
    shortcut, add = model.get_layer(f"{block}_shortcut"), model.get_layer(f"{block}_add")
    assert shortcut.input is model.get_layer(f"{block}_conv1").input
    assert (shortcut.kernel_size, shortcut.strides) == ((1, 1), (1, 1))
    assert shortcut.activation is keras.activations.linear
    assert isinstance(add, layers.Add)
    assert add.input[0] is model.get_layer(f"{block}_relu2").output
    assert add.input[1] is shortcut.output


@pytest.mark.parametrize(("block", "filters", "side"), DOWN + [row[:3] for row in DECODERS])
def test_filters_double_with_each_pooling_and_halve_on_the_way_back(block, filters, side):
    model = network()
    for part in ("conv1", "conv2", "shortcut"):
        assert model.get_layer(f"{block}_{part}").filters == filters
    assert model.get_layer(f"{block}_add").output.shape == (None, side, side, filters)


def test_four_encoder_blocks_are_pooled_after_the_sum_and_the_bottleneck_is_not():
    model = network()
    assert_chain(model, "image", "encoder1_conv1")
    for (before, *_), (after, *_) in pairwise(DOWN):
        assert_chain(model, f"{before}_add", f"{before}_pool", f"{after}_conv1")
        assert model.get_layer(f"{before}_pool").pool_size == (2, 2)
    assert of_type(model, layers.MaxPooling2D) == [f"{block}_pool" for block, *_ in ENCODERS]
    assert_chain(model, "bottleneck_add", "decoder1_up")


@pytest.mark.parametrize(("block", "filters", "side", "skip", "below"), DECODERS)
def test_decoder_block_joins_what_is_below_with_the_encoder_of_its_side(block, filters, side, skip, below):
    model = network()
    up = model.get_layer(f"{block}_up")
    assert_chain(model, f"{below}_add", up.name)
    assert isinstance(up, layers.Conv2DTranspose)
    assert (up.filters, up.kernel_size, up.strides) == (filters, (2, 2), (2, 2))
    joined = model.get_layer(f"{block}_concat")
    assert joined.input[0] is up.output
    assert joined.input[1] is model.get_layer(f"{skip}_add").output
    assert joined.output.shape == (None, side, side, 2 * filters)
    assert_chain(model, joined.name, f"{block}_conv1")


def test_output_is_one_filter_and_a_sigmoid():
    model = network()
    assert_chain(model, "decoder4_add", "output_conv", "probability")
    assert (model.get_layer("output_conv").filters, model.get_layer("output_conv").kernel_size) == (1, (1, 1))
    assert model.get_layer("probability").activation is keras.activations.sigmoid
    assert model.output is model.get_layer("probability").output


def test_nothing_else_is_in_it():
    model = network()
    assert len(of_type(model, layers.Conv2DTranspose)) == 4
    # Conv2DTranspose is no Conv2D: two convolutions and a shortcut a block, and the output.
    assert len(of_type(model, layers.Conv2D)) == 3 * 9 + 1
    assert len(of_type(model, layers.BatchNormalization)) == len(of_type(model, layers.ReLU)) == 2 * 9
    assert len(of_type(model, layers.Add)) == 9
    assert len(model.layers) == 1 + 9 * len([*PARTS, "shortcut", "add"]) + 4 * len(["pool", "up", "concat"]) + 2


def test_batch_normalisation_is_set_as_in_pytorch():
    model = network()
    norms = of_type(model, layers.BatchNormalization)
    settings = {(model.get_layer(name).momentum, model.get_layer(name).epsilon) for name in norms}
    assert settings == {(0.9, 1e-5)}


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        ("encoder1_conv1", 3 * 3 * 3),
        ("bottleneck_conv2", 3 * 3 * 32),
        ("decoder1_shortcut", 32),
        ("decoder1_up", 2 * 2 * 16),  # torch.nn.ConvTranspose2d takes the outputs for its inputs here
        ("encoder1_conv2", 3 * 3 * 4),
    ],
)
def test_initial_weights_are_uniform_within_one_over_the_root_of_fan_in(layer, fan_in):
    assert PAPER.recipe("smoke").filters == 4
    drawn = np.concatenate([np.ravel(seeded.get_layer(layer).kernel) for seeded in _seeded(12)])
    bound = fan_in**-0.5
    assert 0.95 * bound < np.abs(drawn).max() <= bound
    assert drawn.std() == pytest.approx(bound / 3**0.5, rel=0.15)


@cache
def _seeded(networks: int) -> list[keras.Model]:
    keras.utils.set_random_seed(0)
    return [build(PAPER.recipe("smoke")) for _ in range(networks)]


def test_layers_of_one_shape_start_from_different_weights():
    model = network("smoke")
    first, second = (np.asarray(model.get_layer(f"decoder{n}_conv2").kernel) for n in (1, 2))
    assert not np.allclose(np.resize(first, second.shape), second)
    same = build(PAPER.recipe("smoke", {"residual": "none"}))
    a, b = (np.asarray(same.get_layer(name).kernel) for name in ("encoder1_conv2", "decoder3_conv2"))
    assert a.shape == b.shape
    assert not np.allclose(a, b)


def test_output_is_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(PAPER.recipe("smoke"))
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("decoder3_conv2").compute_dtype == "bfloat16"
    assert {layer.compute_dtype for layer in model.layers[-2:]} == {"float32"}
    assert model.output.dtype == "float32"


@pytest.mark.parametrize(
    ("readings", "arithmetic", "parameters"),
    [
        ({"channels": 1}, {"channels": 1}, 32_449_793),
        ({"filters": 32}, {"first": 32}, 8_121_601),
        ({"residual": "encoder"}, {"shortcuts": ("encoder",)}, 31_753_793),
        ({"residual": "none"}, {"shortcuts": ()}, 31_055_297),
        ({"convolutions": 1}, {"convolutions": 1}, 16_732_289),
        ({"initializer": "he_normal"}, {}, 32_451_073),
        ({"side": 224}, {}, 32_451_073),
    ],
    ids=str,
)
def test_parameters_of_a_reading(readings, arithmetic, parameters):
    assert network(**readings).count_params() == counted(**arithmetic) == parameters


def test_residual_in_the_encoder_only_covers_the_bottleneck_too():
    model = network(residual="encoder")
    assert of_type(model, layers.Add) == [f"{block}_add" for block, *_ in DOWN]
    assert_chain(model, "decoder1_relu2", "decoder2_up")
    assert model.get_layer("decoder4_concat").input[1] is model.get_layer("encoder1_add").output


def test_the_baseline_without_residual_blocks_is_the_plain_u_net():
    assert PAPER.baselines == [{"residual": "none"}]
    model = network(residual="none")
    assert not of_type(model, layers.Add)
    assert_chain(model, *(f"encoder1_{part}" for part in [*PARTS, "pool"]), "encoder2_conv1")
    assert_chain(model, "bottleneck_relu2", "decoder1_up")
    assert model.get_layer("decoder4_concat").input[1] is model.get_layer("encoder1_relu2").output
    assert_chain(model, "decoder4_relu2", "output_conv")


def test_one_convolution_a_block_puts_a_pooling_after_every_convolution_of_the_encoder():
    model = network(convolutions=1)
    assert_chain(model, "encoder1_conv1", "encoder1_norm1", "encoder1_relu1")
    assert model.get_layer("encoder1_add").input[0] is model.get_layer("encoder1_relu1").output
    assert_chain(model, "encoder1_add", "encoder1_pool", "encoder2_conv1")
    assert not [layer.name for layer in model.layers if layer.name.endswith("conv2")]


def test_initializer():
    model = network("smoke", initializer="he_normal")
    names = [*of_type(model, layers.Conv2D), *of_type(model, layers.Conv2DTranspose)]
    assert {type(model.get_layer(name).kernel_initializer) for name in names} == {keras.initializers.HeNormal}


def test_it_is_trained_with_cross_entropy_plus_one_minus_dice():
    recipe = PAPER.recipe()
    assert (recipe.loss, recipe.smooth, recipe.dice_over) == ("bce+dice", 1, "batch")
    by_batch = next(cell.definition for cell in PAPER.reported if cell.id == "loss")
    assert by_batch == f"bce+dice-loss|fg|batch={recipe.batch_size}|soft|s=1|clip=torch"


def test_the_printed_loss_is_not_trained_with_and_asking_for_it_explains_why():
    with pytest.raises(BadInput, match=r"never positive and smallest, -1, where Dice is 0") as refusal:
        PAPER.recipe(readings={"loss": "squared-dice"})
    assert "away from the tumour" in str(refusal.value)
    assert "squared-dice" not in PAPER.readings["loss"].values


def test_nothing_is_selected_on_the_test_images():
    recipe = PAPER.recipe()
    assert (recipe.validation, recipe.weights, recipe.patience) == ("test", "last", None)


def test_augmentation_and_normalization_are_done_by_default_and_none_is_beside_it():
    assert PAPER.recipe().augmentation == {"flips": True, "rotation": 15.0}
    assert PAPER.recipe(readings={"augmentation": "none"}).augmentation == {}
    assert PAPER.recipe("small").augmentation == PAPER.recipe().augmentation


def test_the_paper_does_not_name_its_data_and_busi_stands_for_them():
    assert (PAPER.data, PAPER.is_own_data("busi")) == ("busi", False)


def test_each_printed_number_counts_once_whatever_definitions_it_is_entered_under():
    printed = {cell.id: cell.value for cell in PAPER.printed_numbers}
    assert printed == {"dice": "0.96", "loss": "0.07", "previous-lowest": "0.85", "previous-highest": "0.94"}
    assert {cell.id for cell in PAPER.printed_numbers if cell.quoted} == {"previous-lowest", "previous-highest"}
    assert {cell.id: cell.same_as for cell in PAPER.reported if cell.same_as} == {
        "dice-as-printed": "dice",
        "loss-as-printed": "loss",
    }
