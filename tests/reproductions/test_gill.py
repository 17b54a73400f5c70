"""Gill's network as Methodology 2 of the paper describes it, and what each alternative reading changes in it."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import keras
import pytest
from keras import layers
from scipy.optimize import brentq

from common.errors import BadInput
from common.evidence import compare
from common.evidence.results import load as load_results
from common.papers import load
from reproductions.gill.model import build
from tests.reproductions.networks import assert_chain, of_type

PAPER = load("gill")
RESULTS = Path(__file__).parents[2] / "results"
BLOCKS = ["encoder1", "encoder2", "encoder3", "encoder4", "encoder5", "bottleneck"]
FILTERS = [64, 128, 256, 336, 512]
NESTED = [(level, column) for column in range(1, 6) for level in range(6 - column)]
PLAIN = [(4, 1), (3, 2), (2, 3), (1, 4), (0, 5)]


@cache
def network(profile: str = "paper", **readings) -> keras.Model:
    return build(PAPER.recipe(profile, readings))


def leaves(level: int, column: int) -> str:
    """The layer that gives X(level, column), the tensor that skip connections carry, in the default reading."""
    if column == 0:
        return "bottleneck_conv3" if level == 5 else f"encoder{level + 1}_norm"
    return f"node{level}_{column}_norm"


def test_an_rgb_image_of_196_pixels_becomes_a_probability_a_pixel():
    model = network()
    assert model.input_shape == (None, 196, 196, 3)
    assert model.output_shape == (None, 196, 196, 1)
    assert model.count_params() == PAPER.parameters == 28_083_716


@pytest.mark.parametrize(
    ("block", "filters", "expanded", "side"),
    [
        ("encoder1", 64, 70, 224),
        ("encoder2", 128, 140, 112),
        ("encoder3", 256, 281, 56),
        ("encoder4", 336, 369, 28),
        ("encoder5", 512, 563, 14),
        ("bottleneck", 786, 864, 7),
    ],
)
def test_encoder_block(block, filters, expanded, side):
    model = network()
    assert_chain(model, *(f"{block}_{part}" for part in ["conv1", "conv2", "dropout", "norm", "conv3"]))
    convolutions = [model.get_layer(f"{block}_conv{n}") for n in (1, 2, 3)]
    assert [conv.filters for conv in convolutions] == [filters, filters, expanded]
    for conv in convolutions:
        assert (conv.kernel_size, conv.padding) == ((2, 2), "same")
        assert conv.activation is keras.activations.elu
        assert conv.input.shape[1:3] == (side, side)
    assert isinstance(model.get_layer(f"{block}_dropout"), layers.SpatialDropout2D)
    assert model.get_layer(f"{block}_dropout").rate == 0.06
    assert isinstance(model.get_layer(f"{block}_norm"), layers.BatchNormalization)


def test_five_encoder_blocks_end_in_a_strided_convolution_and_no_layer_pools():
    """In the paper's words: "Max pooling layers [...] are notably absent", and "the downsampling is implicitly achieved
    through the strided convolutions within the encoder blocks"."""
    model = network()
    assert_chain(model, "image", "pad", "encoder1_conv1")
    for before, after in pairwise(BLOCKS):
        assert_chain(model, f"{before}_conv3", f"{after}_conv1")
    strides = {name: model.get_layer(name).strides for name in of_type(model, layers.Conv2D)}
    assert {name for name, stride in strides.items() if stride == (2, 2)} == {f"{block}_conv3" for block in BLOCKS[:5]}
    assert set(strides.values()) == {(1, 1), (2, 2)}
    assert not [layer.name for layer in model.layers if "Pooling" in type(layer).__name__]


@pytest.mark.parametrize(("level", "column"), NESTED)
def test_decoder_node_joins_the_node_below_with_all_earlier_ones_of_its_level(level, column):
    model, name = network(), f"node{level}_{column}"
    up = model.get_layer(f"{name}_up")
    assert_chain(model, leaves(level + 1, column - 1), up.name)
    assert isinstance(up, layers.Conv2DTranspose)
    assert (up.filters, up.kernel_size, up.strides) == (FILTERS[level], (2, 2), (2, 2))
    joined = model.get_layer(f"{name}_concat").input
    earlier = [model.get_layer(leaves(level, j)).output for j in range(column)]
    assert all(a is b for a, b in zip(joined, [*earlier, up.output], strict=True))
    assert_chain(model, *(f"{name}_{part}" for part in ["concat", "conv1", "conv2", "norm"]))
    for conv in (model.get_layer(f"{name}_conv1"), model.get_layer(f"{name}_conv2")):
        assert (conv.filters, conv.kernel_size, conv.strides, conv.padding) == (FILTERS[level], (2, 2), (1, 1), "same")
        assert conv.activation is keras.activations.elu
    assert isinstance(model.get_layer(f"{name}_norm"), layers.BatchNormalization)


def test_output_is_one_filter_and_a_sigmoid_cropped_to_the_image():
    model = network()
    assert_chain(model, "node0_5_norm", "probability_conv", "probability_crop", "probability")
    head, crop, last = (model.get_layer(name) for name in ("probability_conv", "probability_crop", "probability"))
    assert (head.filters, head.kernel_size, head.activation) == (1, (1, 1), keras.activations.linear)
    assert last.activation is keras.activations.sigmoid
    assert model.get_layer("pad").padding == crop.cropping == ((14, 14), (14, 14))
    assert model.output is last.output


def test_nothing_else_is_in_it():
    model = network()
    assert len(of_type(model, layers.Conv2DTranspose)) == len(NESTED) == 15
    assert len(of_type(model, layers.Conv2D)) == 3 * 6 + 2 * 15 + 1
    assert len(of_type(model, layers.BatchNormalization)) == 6 + 15
    assert len(of_type(model, layers.SpatialDropout2D)) == 6
    assert not [layer.name for layer in model.layers if type(layer) is layers.Dropout]


def test_output_is_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        models = [build(PAPER.recipe("smoke", {"heads": heads})) for heads in ("one", "average")]
    finally:
        keras.config.set_dtype_policy(before)
    assert {model.get_layer("node0_3_conv2").compute_dtype for model in models} == {"bfloat16"}
    assert {layer.compute_dtype for model in models for layer in model.layers[-2:]} == {"float32"}
    assert {model.output.dtype for model in models} == {"float32"}


@pytest.mark.parametrize(
    ("readings", "parameters"),
    [
        ({"channels": 1}, 28_083_204),
        ({"kernel": 3}, 57_062_886),
        ({"down_sampling": "maxpool"}, 28_083_716),
        ({"down_sampling": "maxpool", "skip": "after"}, 28_504_132),
        ({"nest": "plain"}, 20_663_636),
        ({"fit": "crop"}, 28_083_716),
        ({"heads": "average"}, 28_083_846),
    ],
    ids=str,
)
def test_parameters_of_a_reading(readings, parameters):
    model = network(**readings)
    assert model.count_params() == parameters
    assert model.output_shape == (None, 196, 196, 1)


@pytest.mark.parametrize(("skip", "leaving"), [("before", "norm"), ("after", "conv3")])
def test_max_pooling_takes_the_place_of_the_strides_and_skips_leave_on_either_side_of_conv3(skip, leaving):
    model = network(down_sampling="maxpool", skip=skip)
    assert of_type(model, layers.MaxPooling2D) == [f"{block}_pool" for block in BLOCKS[:5]]
    assert {model.get_layer(name).strides for name in of_type(model, layers.Conv2D)} == {(1, 1)}
    for level, (before, after) in enumerate(pairwise(BLOCKS)):
        assert_chain(model, f"{before}_norm", f"{before}_conv3", f"{before}_pool", f"{after}_conv1")
        assert model.get_layer(f"{before}_pool").pool_size == (2, 2)
        assert model.get_layer(f"node{level}_1_concat").input[0] is model.get_layer(f"{before}_{leaving}").output
    assert_chain(model, "bottleneck_conv3", "node4_1_up")


def test_no_skip_connection_leaves_after_a_stride():
    with pytest.raises(BadInput, match="skip=after needs down_sampling=maxpool"):
        build(PAPER.recipe(readings={"skip": "after"}))


def test_the_training_row_is_one_evaluation_afterwards_all_three_numbers_of_it():
    rows = compare.rows(PAPER, load_results(RESULTS, "gill")[0])
    assert {(row.cell.split, row.part) for row in rows} == {("train", "train"), ("test", "test")}
    assert [row.cell.split for row in rows].count("train") == 3


def test_plain_is_a_u_net_of_five_decoders_each_on_the_one_before():
    model = network(nest="plain")
    assert len(of_type(model, layers.Conv2DTranspose)) == 5
    below = "bottleneck_conv3"
    for level, column in PLAIN:
        name = f"node{level}_{column}"
        assert_chain(model, below, f"{name}_up")
        skip, up = model.get_layer(f"{name}_concat").input
        assert skip is model.get_layer(f"encoder{level + 1}_norm").output
        assert up is model.get_layer(f"{name}_up").output
        below = f"{name}_norm"
    assert_chain(model, below, "probability_conv")


def test_kernel_3_leaves_the_transposed_convolutions_alone():
    model = network(kernel=3)
    kernels = {name: model.get_layer(name).kernel_size for name in of_type(model, layers.Conv2D)}
    assert kernels.pop("probability_conv") == (1, 1)
    assert set(kernels.values()) == {(3, 3)}
    assert {model.get_layer(name).kernel_size for name in of_type(model, layers.Conv2DTranspose)} == {(2, 2)}


def test_crop_rounds_sizes_up_and_crops_what_is_up_sampled():
    model = network(fit="crop")
    sides = [model.get_layer(f"encoder{n}_norm").output.shape[1] for n in range(1, 6)]
    assert [*sides, model.get_layer("bottleneck_conv3").output.shape[1]] == [196, 98, 49, 25, 13, 7]
    side = {2: 49, 3: 25, 4: 13}
    cropped = {f"node{level}_{column}_crop": side[level] for level, column in NESTED if level in side}
    assert {name: model.get_layer(name).output.shape[1] for name in of_type(model, layers.Cropping2D)} == cropped
    assert "pad" not in [layer.name for layer in model.layers]


def test_heads_average_the_last_three_nodes_of_full_resolution():
    model = network(heads="average")
    for column, probability in zip((3, 4, 5), model.get_layer("probability").input, strict=True):
        head, last = model.get_layer(f"head{column}_conv"), model.get_layer(f"head{column}")
        assert probability is last.output
        assert last.activation is keras.activations.sigmoid
        assert (head.filters, head.kernel_size, head.activation) == (1, (1, 1), keras.activations.linear)
        assert_chain(model, f"node0_{column}_norm", head.name, f"head{column}_crop", last.name)
    assert isinstance(model.get_layer("probability"), layers.Average)


def test_a_plain_u_net_has_no_three_heads():
    with pytest.raises(BadInput, match="heads=average needs nest=nested"):
        build(PAPER.recipe(readings={"nest": "plain", "heads": "average"}))


def test_initializer():
    model = network("smoke", initializer="he_normal")
    convolutions = [*of_type(model, layers.Conv2D), *of_type(model, layers.Conv2DTranspose)]
    initializers = {name: type(model.get_layer(name).kernel_initializer) for name in convolutions}
    assert initializers.pop("probability_conv") is keras.initializers.GlorotUniform
    assert set(initializers.values()) == {keras.initializers.HeNormal}


# The printed numbers


def dice_left(accuracy: float, mean_iou: float) -> float:
    """The Dice over all pixels that an accuracy and a mean IoU of lesion and background leave, with a threshold of 0.5
    and masks of 0 and 1: wrong pixels are 1 - accuracy of all, and the lesion is the smaller part."""
    wrong = 1 - accuracy

    def too_much(hit: float) -> float:
        rest = accuracy - hit
        return (hit / (hit + wrong) + rest / (rest + wrong)) / 2 - mean_iou

    hit = brentq(too_much, 0, accuracy / 2)
    return 2 * hit / (2 * hit + wrong)


def test_accuracy_and_iou_of_each_row_leave_the_dice_that_record_and_readme_say():
    printed = {cell.id: float(cell.value) for cell in PAPER.reported}
    left, of_loss = (
        [each(row) for row in ("test", "train")]
        for each in (
            lambda row: f"{dice_left(printed[f'{row}-accuracy'], printed[f'{row}-iou']):.3f}",
            lambda row: f"{1 - printed[f'{row}-loss']:.3f}",
        )
    )
    assert (left, of_loss) == (["0.365", "0.322"], ["0.404", "0.425"])
    readme = (RESULTS.parent / "reproductions" / "gill" / "README.md").read_text(encoding="utf-8")
    why = next(cell.why for cell in PAPER.reported if cell.id == "test-iou")
    assert all(number in text for number in (*left, *of_loss) for text in (readme, why))
