"""Cheng's network as Section III-B of the paper describes it, and what each alternative reading changes in it."""

from functools import cache
from itertools import pairwise

import keras
import pytest
from keras import layers

from common.data.fractions import load_fractions
from common.evidence.trivial import PREVALENCE, values_on_splits
from common.papers import load
from reproductions.cheng.model import build
from tests.reproductions.networks import assert_chain, of_type

PAPER = load("cheng")
DEFAULT_PARAMETERS = 7_764_065


@cache
def network(profile: str = "paper", **readings) -> keras.Model:
    return build(PAPER.recipe(profile, readings))


def kernels(model: keras.Model) -> list[layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose)]


ENCODERS = [
    ("encoder1", 32, 0.1, 128),
    ("encoder2", 64, 0.1, 64),
    ("encoder3", 128, 0.2, 32),
    ("encoder4", 256, 0.2, 16),
]
DOWN = [block for block, *_ in ENCODERS] + ["bottleneck"]
DECODERS = [
    ("decoder1", 256, 0.2, "encoder4", "bottleneck"),
    ("decoder2", 128, 0.2, "encoder3", "decoder1"),
    ("decoder3", 64, 0.1, "encoder2", "decoder2"),
    ("decoder4", 32, 0.1, "encoder1", "decoder3"),
]
UP = [block for block, *_ in DECODERS]


def test_an_rgb_image_of_256_pixels_becomes_a_probability_a_pixel():
    model = network()
    assert model.input_shape == (None, 256, 256, 3)
    assert model.output_shape == (None, 256, 256, 1)
    assert model.count_params() == PAPER.parameters == DEFAULT_PARAMETERS


@pytest.mark.parametrize(("block", "filters", "rate", "side_after"), ENCODERS)
def test_encoder_block(block, filters, rate, side_after):
    model = network()
    parts = ["conv1", "relu1", "dropout", "conv2", "norm2", "relu2", "pool"]
    assert_chain(model, *(f"{block}_{part}" for part in parts))
    for conv in (model.get_layer(f"{block}_conv1"), model.get_layer(f"{block}_conv2")):
        assert (conv.filters, conv.kernel_size, conv.strides, conv.padding) == (filters, (3, 3), (1, 1), "same")
    assert type(model.get_layer(f"{block}_dropout")) is layers.Dropout
    assert model.get_layer(f"{block}_dropout").rate == rate
    assert isinstance(model.get_layer(f"{block}_norm2"), layers.BatchNormalization)
    assert all(isinstance(model.get_layer(f"{block}_relu{n}"), layers.ReLU) for n in (1, 2))
    assert isinstance(model.get_layer(f"{block}_pool"), layers.MaxPooling2D)
    assert model.get_layer(f"{block}_pool").pool_size == (2, 2)
    assert model.get_layer(f"{block}_pool").output.shape[1:3] == (side_after, side_after)


def test_encoder_blocks_follow_each_other():
    model = network()
    assert_chain(model, "image", "encoder1_conv1")
    for before, after in pairwise(["encoder1", "encoder2", "encoder3", "encoder4"]):
        assert_chain(model, f"{before}_pool", f"{after}_conv1")


def test_bottleneck_is_an_encoder_block_of_512_without_pooling():
    model = network()
    parts = ["conv1", "relu1", "dropout", "conv2", "norm2", "relu2"]
    assert_chain(model, "encoder4_pool", *(f"bottleneck_{part}" for part in parts), "decoder1_up")
    for conv in (model.get_layer("bottleneck_conv1"), model.get_layer("bottleneck_conv2")):
        assert (conv.filters, conv.kernel_size) == (512, (3, 3))
    assert model.get_layer("bottleneck_dropout").rate == 0.3
    assert model.get_layer("bottleneck_relu2").output.shape[1:3] == (16, 16)


@pytest.mark.parametrize(("block", "filters", "rate", "skip", "below"), DECODERS)
def test_decoder_block(block, filters, rate, skip, below):
    model = network()
    up = model.get_layer(f"{block}_up")
    assert_chain(model, f"{below}_relu2", up.name)
    assert isinstance(up, layers.Conv2DTranspose)
    assert (up.filters, up.kernel_size, up.strides) == (filters, (2, 2), (2, 2))
    joined = model.get_layer(f"{block}_concat").input
    assert joined[0] is up.output
    assert joined[1] is model.get_layer(f"{skip}_relu2").output
    assert_chain(model, *(f"{block}_{part}" for part in ["concat", "conv1", "relu1", "dropout", "conv2", "relu2"]))
    for conv in (model.get_layer(f"{block}_conv1"), model.get_layer(f"{block}_conv2")):
        assert (conv.filters, conv.kernel_size, conv.padding) == (filters, (3, 3), "same")
    assert all(isinstance(model.get_layer(f"{block}_relu{n}"), layers.ReLU) for n in (1, 2))
    assert type(model.get_layer(f"{block}_dropout")) is layers.Dropout
    assert model.get_layer(f"{block}_dropout").rate == rate


def test_output_is_one_filter_and_a_sigmoid():
    model = network()
    assert_chain(model, "decoder4_relu2", "output_conv", "probability")
    assert (model.get_layer("output_conv").filters, model.get_layer("output_conv").kernel_size) == (1, (1, 1))
    assert model.get_layer("probability").activation is keras.activations.sigmoid
    assert model.output is model.get_layer("probability").output


def test_nothing_else_is_in_it():
    model = network()
    assert len(of_type(model, layers.Conv2D)) == 2 * (4 + 1 + 4) + 1
    assert len(of_type(model, layers.Conv2DTranspose)) == 4
    assert of_type(model, layers.Dropout) == [f"{block}_dropout" for block in DOWN + UP]
    assert of_type(model, layers.BatchNormalization) == [f"{block}_norm2" for block in DOWN]
    assert all(isinstance(layer.kernel_initializer, keras.initializers.HeNormal) for layer in kernels(model)[:-1])


def test_output_is_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(PAPER.recipe("smoke"))
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("decoder4_conv2").compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.parametrize(
    ("readings", "parameters"),
    [
        ({"channels": 1}, 7_763_489),
        ({"up_sampling": "nearest"}, 7_850_625),
        ({"batch_norm": "encoder+decoder"}, 7_765_985),
        ({"batch_norm": "encoder-both"}, 7_768_033),
        ({"batch_norm": "none"}, 7_760_097),
        ({"channels": 1, "batch_norm": "none"}, 7_759_521),
        ({"dropout_position": "after"}, DEFAULT_PARAMETERS),
        ({"bottleneck_dropout": 0.0}, DEFAULT_PARAMETERS),
    ],
    ids=str,
)
def test_parameters_of_a_reading(readings, parameters):
    assert network(**readings).count_params() == parameters


def test_up_sampling_nearest_repeats_pixels():
    model = network(up_sampling="nearest")
    ups = [model.get_layer(f"{block}_up") for block in UP]
    assert all(isinstance(up, layers.UpSampling2D) and up.interpolation == "nearest" for up in ups)
    assert [up.output.shape[1:] for up in ups] == [(32, 32, 512), (64, 64, 256), (128, 128, 128), (256, 256, 64)]


@pytest.mark.parametrize(
    ("batch_norm", "normalised"),
    [
        ("encoder+decoder", [f"{block}_norm2" for block in DOWN + UP]),
        ("encoder-both", [f"{block}_norm{n}" for block in DOWN for n in (1, 2)]),
        ("none", []),
    ],
)
def test_batch_norm_stands_between_convolution_and_relu(batch_norm, normalised):
    model = network(batch_norm=batch_norm)
    assert of_type(model, layers.BatchNormalization) == normalised
    for norm in normalised:
        assert_chain(model, norm.replace("norm", "conv"), norm, norm.replace("norm", "relu"))


def test_dropout_after_both_convolutions():
    model = network(dropout_position="after")
    assert_chain(
        model, *(f"encoder1_{part}" for part in ["conv1", "relu1", "conv2", "norm2", "relu2", "dropout", "pool"])
    )
    assert_chain(
        model, *(f"decoder4_{part}" for part in ["conv1", "relu1", "conv2", "relu2", "dropout"]), "output_conv"
    )


def test_bottleneck_dropout():
    assert network(bottleneck_dropout=0.2).get_layer("bottleneck_dropout").rate == 0.2
    assert "bottleneck_dropout" not in of_type(network(bottleneck_dropout=0.0), layers.Dropout)


def test_initializer():
    model = network("smoke", initializer="glorot_uniform")
    assert all(isinstance(layer.kernel_initializer, keras.initializers.GlorotUniform) for layer in kernels(model))


def test_on_some_test_parts_one_guess_is_as_good_as_all_three_numbers_and_on_none_it_has_them():
    """The figures of the folder's README, item 12."""
    recipe = PAPER.plain_recipe()
    keys = {cell.id: (cell.split, cell.definition) for cell in PAPER.reported}
    drawn = values_on_splits(load_fractions(PAPER.data, recipe.side, recipe.masks), recipe, keys.values())
    loss, accuracy, iou = (drawn[*keys[id], PREVALENCE] for id in ("test-loss", "test-accuracy", "test-iou"))
    printed = {cell.id: cell.interval for cell in PAPER.reported}
    as_good = loss <= printed["test-loss"][1]
    for values, id in ((accuracy, "test-accuracy"), (iou, "test-iou")):
        as_good &= values >= printed[id][0]
    assert as_good.sum() == 962
    low, high = printed["test-accuracy"]
    assert loss[(low <= accuracy) & (accuracy <= high)].min() > 0.284
