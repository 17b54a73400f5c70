"""Kumar's two networks: the MultiRes U-Net as Section 5 of the paper and the original code describe it, the classic
U-Net beside it, and what each alternative reading changes in them."""

import math
from functools import cache
from importlib.resources import files
from itertools import pairwise

import keras
import pytest
from keras import layers

from common.errors import BadInput
from common.evidence import claims, compare, schema
from common.papers import load
from common.reported import printed
from reproductions.kumar.model import build
from tests.reproductions.networks import assert_chain, of_type

PAPER = load("kumar")


@cache
def network(profile: str = "paper", **readings) -> keras.Model:
    return build(PAPER.recipe(profile, readings))


def convolutions(model: keras.Model) -> list[layers.Conv2D]:
    return [layer for layer in model.layers if type(layer) is layers.Conv2D]


# Block, filters of its three convolutions, of its shortcut, side; the filters are shares of W = 1.67 U, rounded down.
BLOCKS = [
    ("encoder1", [8, 17, 26], 51, 256),
    ("encoder2", [17, 35, 53], 105, 128),
    ("encoder3", [35, 71, 106], 212, 64),
    ("encoder4", [71, 142, 213], 426, 32),
    ("bottleneck", [142, 284, 427], 853, 16),
    ("decoder4", [71, 142, 213], 426, 32),
    ("decoder3", [35, 71, 106], 212, 64),
    ("decoder2", [17, 35, 53], 105, 128),
    ("decoder1", [8, 17, 26], 51, 256),
]
DOWN = ["encoder1", "encoder2", "encoder3", "encoder4", "bottleneck"]
PATHS = [(1, 32, 4), (2, 64, 3), (3, 128, 2), (4, 256, 1)]  # level, filters, convolutions
DECODERS = [(4, 256, "bottleneck"), (3, 128, "decoder4"), (2, 64, "decoder3"), (1, 32, "decoder2")]


@pytest.mark.parametrize("name", ["multires", "unet"])
def test_a_grey_image_of_256_pixels_becomes_a_probability_a_pixel(name):
    model = network(network=name)
    assert model.input_shape == (None, 256, 256, 1)
    assert model.output_shape == (None, 256, 256, 1)
    assert model.output.dtype == "float32"


@pytest.mark.parametrize(
    ("readings", "parameters"),
    [
        ({}, PAPER.parameters),
        ({}, 7_262_502),
        ({"output_norm": True}, 7_262_504),
        ({"block": "parallel"}, 30_159_650),
        ({"filters": "64+128+256+512+1024"}, 29_061_739),
        ({"network": "unet"}, 7_771_297),
        ({"network": "unet", "unet_norm": False}, 7_759_521),
        ({"network": "unet", "filters": "64+128+256+512+1024"}, 31_054_145),
    ],
    ids=str,
)
def test_parameters_of_a_reading(readings, parameters):
    assert network(**readings).count_params() == parameters


@pytest.mark.parametrize(("output_norm", "parameters"), [(False, 7_262_748), (True, 7_262_750)])
def test_with_three_channels_it_has_the_parameters_of_the_original_code(output_norm, parameters):
    """The original code is built for colour images; the recipe has no such reading, the network takes them."""
    colour = PAPER.recipe(readings={"output_norm": output_norm}).model_copy(update={"channels": 3})
    assert build(colour).count_params() == parameters


@pytest.mark.parametrize("filters", ["32+64+128+256+512", "64+128+256+512+1024"])
@pytest.mark.parametrize("unet_norm", [True, False])
def test_the_multires_u_net_is_slightly_below_the_u_net(filters, unet_norm):
    """Section 5: "the parameter count of MultiRes U-Net is kept slightly below that of U-Net"."""
    unet = network(network="unet", filters=filters, unet_norm=unet_norm).count_params()
    assert 0.9 * unet < network(filters=filters).count_params() < unet


@pytest.mark.parametrize(("block", "filters", "joined", "side"), BLOCKS)
def test_multires_block(block, filters, joined, side):
    model = network()
    before = model.get_layer(f"{block}_conv1").input
    assert model.get_layer(f"{block}_shortcut").input is before
    one_after_the_other = [f"{block}_{part}" for n in (1, 2, 3) for part in (f"conv{n}", f"conv{n}_norm", f"relu{n}")]
    assert_chain(model, *one_after_the_other)
    for number, expected in enumerate(filters, start=1):
        conv = model.get_layer(f"{block}_conv{number}")
        assert (conv.filters, conv.kernel_size, conv.strides, conv.padding) == (expected, (3, 3), (1, 1), "same")
    shortcut = model.get_layer(f"{block}_shortcut")
    assert (shortcut.filters, shortcut.kernel_size) == (joined, (1, 1))
    assert_chain(model, f"{block}_shortcut", f"{block}_shortcut_norm")
    relus = [model.get_layer(f"{block}_relu{n}").output for n in (1, 2, 3)]
    assert all(a is b for a, b in zip(model.get_layer(f"{block}_join").input, relus, strict=True))
    assert_residual(model, block, f"{block}_shortcut_norm", f"{block}_join_norm")
    assert_chain(model, f"{block}_join", f"{block}_join_norm")
    assert model.get_layer(f"{block}_norm").output.shape[1:] == (side, side, joined)


def assert_residual(model: keras.Model, name: str, shortcut: str, convolved: str) -> None:
    """Sum, ReLU, batch normalisation: the order of the original TensorFlow code."""
    a, b = model.get_layer(f"{name}_add").input
    assert a is model.get_layer(shortcut).output
    assert b is model.get_layer(convolved).output
    assert_chain(model, f"{name}_add", f"{name}_relu", f"{name}_norm")


def test_encoder_blocks_are_pooled_and_the_bottleneck_is_not():
    model = network()
    assert model.get_layer("encoder1_conv1").input is model.get_layer("image").output
    for before, after in pairwise(DOWN):
        assert_chain(model, f"{before}_norm", f"{before}_pool", f"{after}_conv1")
    assert of_type(model, layers.MaxPooling2D) == [f"encoder{n}_pool" for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(("level", "filters", "length"), PATHS)
def test_res_path(level, filters, length):
    model = network()
    before = f"encoder{level}_norm"
    for number in range(1, length + 1):
        unit = f"path{level}_unit{number}"
        assert_chain(model, before, f"{unit}_shortcut", f"{unit}_shortcut_norm")
        assert_chain(model, before, f"{unit}_conv1", f"{unit}_conv1_norm", f"{unit}_relu1")
        convolved, shortcut = model.get_layer(f"{unit}_conv1"), model.get_layer(f"{unit}_shortcut")
        assert (convolved.filters, convolved.kernel_size) == (filters, (3, 3))
        assert (shortcut.filters, shortcut.kernel_size) == (filters, (1, 1))
        assert_residual(model, unit, f"{unit}_shortcut_norm", f"{unit}_relu1")
        before = f"{unit}_norm"
    assert model.get_layer(f"decoder{level}_concat").input[1] is model.get_layer(before).output


@pytest.mark.parametrize(("level", "filters", "below"), DECODERS)
def test_decoder(level, filters, below):
    model = network()
    up = model.get_layer(f"decoder{level}_up")
    assert_chain(model, f"{below}_norm", up.name)
    assert isinstance(up, layers.Conv2DTranspose)
    assert (up.filters, up.kernel_size, up.strides) == (filters, (2, 2), (2, 2))
    assert model.get_layer(f"decoder{level}_concat").input[0] is up.output
    assert_chain(model, f"decoder{level}_concat", f"decoder{level}_conv1")


def test_the_output_convolution_has_no_batch_normalisation():
    model = network()
    assert_chain(model, "decoder1_norm", "output_conv", "probability")
    output = model.get_layer("output_conv")
    assert (output.filters, output.kernel_size, output.use_bias) == (1, (1, 1), True)
    assert model.get_layer("probability").activation is keras.activations.sigmoid
    assert model.output is model.get_layer("probability").output


def test_output_norm_is_that_of_the_original_code():
    model = network(output_norm=True)
    assert_chain(model, "decoder1_norm", "output_conv", "output_norm", "probability")
    assert model.get_layer("output_conv").use_bias is model.get_layer("output_norm").scale is False


def test_convolutions_have_no_bias_and_their_batch_normalisation_no_scale():
    model = network()
    inner = [conv for conv in convolutions(model) if conv.name != "output_conv"]
    assert not any(conv.use_bias for conv in inner)
    assert not any(model.get_layer(f"{conv.name}_norm").scale for conv in inner)
    others = set(of_type(model, layers.BatchNormalization)) - {f"{conv.name}_norm" for conv in inner}
    assert all(model.get_layer(name).scale for name in others)


def test_nothing_else_is_in_it():
    model = network()
    units = 4 + 3 + 2 + 1  # of the Res paths
    assert len(convolutions(model)) == 9 * 4 + units * 2 + 1
    assert len(of_type(model, layers.BatchNormalization)) == 9 * 6 + units * 3
    assert len(of_type(model, layers.Conv2DTranspose)) == len(of_type(model, layers.MaxPooling2D)) == 4
    assert not of_type(model, layers.Dropout)


def test_parallel_convolutions_of_3_5_and_7_on_the_input_of_the_block():
    model = network("small", block="parallel")
    for block, *_ in BLOCKS:
        branches = [model.get_layer(f"{block}_conv{n}") for n in (1, 2, 3)]
        assert [branch.kernel_size for branch in branches] == [(3, 3), (5, 5), (7, 7)]
        assert all(branch.input is branches[0].input for branch in branches)
    assert {conv.kernel_size for conv in convolutions(model) if conv.name.startswith("path")} == {(1, 1), (3, 3)}


@pytest.mark.parametrize(
    ("block", "filters"),
    [*zip(DOWN, [32, 64, 128, 256, 512], strict=True), *((f"decoder{n}", filters) for n, filters, _ in DECODERS)],
)
def test_u_net_block(block, filters):
    model = network(network="unet")
    parts = (part for n in (1, 2) for part in (f"conv{n}", f"conv{n}_norm", f"relu{n}"))
    assert_chain(model, *(f"{block}_{part}" for part in parts))
    for conv in (model.get_layer(f"{block}_conv1"), model.get_layer(f"{block}_conv2")):
        assert (conv.filters, conv.kernel_size, conv.padding, conv.use_bias) == (filters, (3, 3), "same", True)


def test_u_net_joins_its_encoder_blocks_directly():
    model = network(network="unet")
    for level, filters, below in DECODERS:
        up = model.get_layer(f"decoder{level}_up")
        assert_chain(model, f"{below}_relu2", up.name)
        assert (up.filters, up.kernel_size, up.strides) == (filters, (2, 2), (2, 2))
        joined = model.get_layer(f"decoder{level}_concat").input
        assert joined[0] is up.output
        assert joined[1] is model.get_layer(f"encoder{level}_relu2").output
    assert_chain(model, "encoder4_relu2", "encoder4_pool", "bottleneck_conv1")
    assert_chain(model, "decoder1_relu2", "output_conv", "probability")
    assert len(convolutions(model)) == 2 * 9 + 1


def test_u_net_without_batch_normalisation():
    model = network(network="unet", unet_norm=False)
    assert not of_type(model, layers.BatchNormalization)
    assert_chain(model, *(f"encoder1_{part}" for part in ["conv1", "relu1", "conv2", "relu2", "pool"]))


@pytest.mark.parametrize("readings", [{}, {"output_norm": True}, {"network": "unet"}], ids=str)
def test_output_is_float32_under_mixed_precision(readings):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(PAPER.recipe("smoke", readings))
    finally:
        keras.config.set_dtype_policy(before)
    assert model.get_layer("decoder1_conv2").compute_dtype == "bfloat16"
    assert model.get_layer("output_conv").compute_dtype == "float32"
    assert model.output.dtype == "float32"


def test_a_side_that_four_poolings_do_not_halve_evenly_is_refused():
    uneven = PAPER.recipe().model_copy(update={"side": 250})
    with pytest.raises(BadInput, match="side=250: 4 poolings need a multiple of 16"):
        build(uneven)


def test_colour_is_refused_with_a_reason():
    with pytest.raises(BadInput, match="channels=3 is not run: the same grey three times"):
        PAPER.recipe(readings={"channels": "3"})


def test_augmentation_can_be_left_out():
    assert PAPER.recipe().augmentation == {"rotation": 15, "flips": True, "zoom": 0.1, "contrast": 0.1}
    assert PAPER.recipe(readings={"augmentation": "none"}).augmentation == {}


def test_augmentation_is_on_the_fly_before_the_split_or_not_at_all():
    assert (PAPER.recipe().copies, PAPER.recipe(readings={"copies": "4"}).copies) == (0, 4)
    assert PAPER.recipe(readings={"copies": "4"}).augmentation == PAPER.recipe().augmentation


def test_the_split_is_by_images_and_by_patient_where_asked():
    assert PAPER.recipe().split == "random"
    assert PAPER.recipe(readings={"split": "grouped"}).split == "grouped"


@pytest.mark.parametrize("network", ["multires", "unet"])
def test_a_small_network_is_the_papers_with_fewer_pixels_and_filters_and_nothing_else(network):
    whole, small = (PAPER.recipe(profile, {"network": network}).model_dump() for profile in ("paper", "small"))
    assert {key for key in whole if whole[key] != small[key]} == {"side", "filters"}
    assert [4 * filters for filters in small["filters"]] == list(whole["filters"])


def test_2000_images_are_split_into_1600_200_200():
    recipe = PAPER.recipe()
    test = math.ceil(recipe.images * recipe.test_fraction)
    validation = math.ceil((recipe.images - test) * recipe.validation)  # rounded up, as common.data.splits does
    assert (recipe.images - test - validation, validation, test) == (1600, 200, 200)


def test_the_baseline_has_the_cells_of_the_proposed_network():
    # Figures 7.1 to 7.3 are of single images, and the 47 epochs are the MultiRes U-Net's.
    whole = [cell for cell in PAPER.reported if not cell.image and cell.id != "epochs"]
    own = [cell for cell in whole if not cell.readings]
    baseline = [cell for cell in whole if cell.readings == PAPER.baselines[0]]
    assert [(cell.definition, cell.unit) for cell in own] == [(cell.definition, cell.unit) for cell in baseline]
    assert len(own) + len(baseline) == len(whole)


@pytest.mark.parametrize(("accuracy", "loss"), [("99.71", "1.54"), ("99.34", "1.98")])
def test_a_loss_that_is_no_percentage_could_not_stand_beside_its_accuracy_if_probabilities_are_clipped(accuracy, loss):
    """The largest mean cross-entropy at an accuracy: the clipped worst for a wrong pixel, ln 2 for a right one."""
    wrong = 1 - printed(f"{accuracy} %")[0]
    largest = wrong * -math.log(keras.config.epsilon()) + (1 - wrong) * math.log(2)
    assert printed(f"{loss} %")[1] < largest < printed(loss)[0]


@pytest.mark.parametrize(
    ("accuracy", "loss", "least", "most"), [("0.9971", "1.54", 293, 531), ("0.9934", "1.98", 196, 300)]
)
def test_from_logits_it_takes_wrong_pixels_with_logits_in_the_hundreds(accuracy, loss, least, most):
    """README and record state these: what a wrong pixel costs on average, if a right one costs ln 2 or nothing."""
    right, wrong = float(accuracy), 1 - float(accuracy)
    assert round((float(loss) - right * math.log(2)) / wrong) == least
    assert round(float(loss) / wrong) == most
    stated = (files("reproductions.kumar") / "README.md").read_text()
    assert all(f"{number}" in stated for number in (least, most))


def test_a_plain_loss_contradicts_its_accuracy_only_under_the_premise_that_it_is_clipped():
    found = [each for each in claims.check(PAPER) if each.relation == "cross-entropy from accuracy"]
    assert {cell for each in found for cell in each.cells} >= {"test-loss", "unet-test-loss"}
    assert all("computed from probabilities and not from logits" in each.premise for each in found)
    assert all("probabilities are clipped as in Keras" in each.premise for each in found)


def test_the_epochs_of_the_multires_u_net_are_compared_with_those_of_each_training():
    (cell,) = (cell for cell in PAPER.reported if cell.definition == "epochs|training|run")
    assert (cell.value, cell.readings) == ("47", {})
    of_runs = compare.rows(PAPER, trained([40, 51, 47]))
    (row,) = (row for row in of_runs if row.cell.id == "epochs")
    assert (row.reproduced.n, row.reproduced.mean) == (3, 46)
    assert row.reproduced.low < 47 < row.reproduced.high
    assert row.verdict == "not decided"
    assert set(row.trivial.values()) == {None}
    assert "epochs" not in {row.cell.id for row in compare.rows(PAPER, trained([40], network="unet"))}


def trained(epochs: list[int], **readings: str) -> schema.Record:
    """A record of which nothing is known but how many epochs each training took."""
    common = {"seed": 0, "best_epoch": 1, "selection": "validation", "seconds": 1.0, "split": {}, "history": {}}
    common |= {"metrics": {}, "trivial": {}, "unlearned": {}}
    runs = [schema.Repeat(repeat=repeat, epochs=number, **common) for repeat, number in enumerate(epochs)]
    data = schema.Dataset(name=PAPER.data, cases=2000, fingerprint="")
    where = dict.fromkeys(("commit", "python", "keras", "backend", "backend_version", "precision", "device"), "")
    environment = schema.Environment(**where, cores=1)
    hashes = {"recipe_hash": "", "protocol": 1}
    about = {"paper": "kumar", "profile": "paper", "dataset": data, "readings": readings, "environment": environment}
    return schema.Record(**about, **hashes, runs=runs)


def lesion_share(accuracy: str, iou: str) -> tuple[float, float]:
    """Least and greatest share of lesion pixels that fit a pooled IoU of the lesion and an accuracy: it lies between
    TP and TP + FP + FN, which is (1 - accuracy) / (1 - IoU)."""
    fits = [(1 - a, (1 - a) / (1 - i)) for a in printed(f"{accuracy} %") for i in printed(f"{iou} %")]
    return min(union - wrong for wrong, union in fits), max(union for _, union in fits)


def test_pooled_the_two_rows_of_table_1_would_be_of_different_test_sets():
    multires, unet = lesion_share("99.71", "95.74"), lesion_share("99.34", "92.48")
    assert multires == pytest.approx((0.064, 0.069), abs=0.0005)
    assert unet == pytest.approx((0.080, 0.088), abs=0.0006)
    assert multires[1] < unet[0]
