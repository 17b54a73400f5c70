"""The six networks of Table X that Paudel sets beside its own: as their papers and the code of their authors have them,
and under Paudel's protocol."""

import math
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from common.errors import BadInput
from common.evidence import compare, worded
from common.paper import PROFILES
from common.papers import load
from common.protocol import recipe_hash
from reproductions.paudel import comparators
from reproductions.paudel.model import build
from tests.evidence.made import record
from tests.reproductions.networks import assert_chain, of_type

PAPER = load("paudel")
NETWORKS = list(comparators.NETWORKS)
LEVELS = [1, 2, 3, 4]


@cache
def network(name: str, profile: str = "paper", channels: int = 1) -> keras.Model:
    """At the paper's size without its memory: nothing is drawn there."""
    recipe = PAPER.recipe(profile, {"network": name}).model_copy(update={"channels": channels})
    if profile != "paper":
        return build(recipe)
    with keras.StatelessScope(initialize_variables=False):
        return build(recipe)


def numbers(weights) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


# Their sizes


@pytest.mark.parametrize(
    ("name", "channels", "printed", "parameters"),
    [
        # The benchmark's table, with further digits cut off; of colour images.
        ("attention-unet", 3, "34.87", 34_878_573),
        ("unet-3-plus", 3, "26.97", 26_971_777),
        # The code of U-Net++ prints 9,041,601, of grey images.
        ("unet-plus-plus", 1, "9.04", 9_041_601),
        # The same code prints 7,759,521 of a U-Net with these filters. Sharp blocks have nothing that is learned.
        ("sharp-unet", 1, "7.75", 7_759_521),
        # Twice those filters. No paper prints this one; the benchmark's 34.52 is Tang's other U-Net.
        ("unet", 1, "31.03", 31_030_593),
        # The Attention U-Net's, since nothing in a sharp block is learned.
        ("sharp-attention-unet", 3, "34.87", 34_878_573),
    ],
)
def test_parameters_are_those_that_authors_or_benchmark_print(name, channels, printed, parameters):
    found = numbers(network(name, channels=channels).trainable_weights)
    assert found == parameters
    assert f"{math.floor(found / 1e4) / 100}" == printed


def test_a_u_net_of_32_filters_has_the_parameters_that_the_code_of_u_net_plus_plus_prints():
    image = keras.Input((96, 96, 1))
    with keras.StatelessScope(initialize_variables=False):
        model = keras.Model(image, comparators.unet(image, [32, 64, 128, 256, 512]))
    assert model.count_params() == 7_759_521


@pytest.mark.parametrize("name", NETWORKS)
def test_a_grey_image_of_256_pixels_becomes_a_mask_and_no_class(name):
    model = network(name)
    assert (model.input_shape, model.output_shape) == ((None, 256, 256, 1), (None, 256, 256, 1))
    assert model.output.dtype == "float32"
    assert_chain(model, "segmentation_conv", "segmentation_output")
    assert model.get_layer("segmentation_output").activation is keras.activations.sigmoid


@pytest.mark.parametrize("name", NETWORKS)
def test_a_smaller_profile_shrinks_the_filters_in_proportion_to_paudels_own(name):
    first = comparators.NETWORKS[name][1]
    share = {profile: PAPER.recipe(profile).filters / PAPER.recipe().filters for profile in PROFILES}
    for profile, fewer in share.items():
        model = network(name, profile)
        assert model.get_layer("encoder1_1_conv").filters == first * fewer
        assert model.output_shape == (None, *(PAPER.recipe(profile).side,) * 2, 1)
    small, paper = ({layer.name for layer in network(name, profile).layers} for profile in ("small", "paper"))
    assert small == paper


# What each of them is


@pytest.mark.parametrize("name", ["unet", "sharp-unet", "unet-plus-plus"])
def test_those_without_batch_normalisation_have_two_convolutions_and_relus_a_level(name):
    model = network(name)
    assert not of_type(model, layers.BatchNormalization)
    assert_chain(model, "image", "encoder1_1_conv", "encoder1_1_relu", "encoder1_2_conv", "encoder1_2_relu", "pool2")
    for level, filters in enumerate(encoder_filters(name), 1):
        for convolution in (model.get_layer(f"encoder{level}_{which}_conv") for which in (1, 2)):
            assert (convolution.filters, convolution.kernel_size, convolution.padding) == (filters, (3, 3), "same")


@pytest.mark.parametrize("name", ["attention-unet", "unet-3-plus", "sharp-attention-unet"])
def test_the_others_have_it_between_convolution_and_relu_as_pytorch_has_it(name):
    model = network(name)
    assert_chain(model, "image", "encoder1_1_conv", "encoder1_1_norm", "encoder1_1_relu", "encoder1_2_conv")
    assert [model.get_layer(f"encoder{n}_2_conv").filters for n in range(1, 6)] == encoder_filters(name)
    norms = [model.get_layer(norm) for norm in of_type(model, layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


def encoder_filters(name: str) -> list[int]:
    return [comparators.NETWORKS[name][1] * 2**level for level in range(5)]


@pytest.mark.parametrize("level", LEVELS)
def test_u_net_doubles_the_side_by_a_transposed_convolution_and_joins_the_skip_connection(level):
    model = network("unet")
    up = model.get_layer(f"up{level}")
    assert (up.filters, up.kernel_size, up.strides) == (32 * 2**level, (2, 2), (2, 2))
    assert_chain(model, "encoder5_2_relu" if level == 4 else f"decoder{level + 1}_2_relu", f"up{level}")
    joined = model.get_layer(f"join{level}").input
    assert joined[0] is up.output
    assert joined[1] is model.get_layer(f"encoder{level}_2_relu").output
    assert_chain(model, f"join{level}", f"decoder{level}_1_conv")


@pytest.mark.parametrize("level", LEVELS)
def test_an_attention_gate_multiplies_the_skip_connection_by_one_coefficient_a_pixel(level):
    """AttU_Net.py: Attention_block and its use in AttU_Net.forward."""
    model, gate = network("attention-unet"), f"gate{level}"
    filters = 32 * 2**level
    assert model.get_layer(f"{gate}_gating").input is model.get_layer(f"up{level}_relu").output
    assert model.get_layer(f"{gate}_skip").input is model.get_layer(f"encoder{level}_2_relu").output
    for part in ("gating", "skip"):
        projection = model.get_layer(f"{gate}_{part}")
        assert (projection.filters, projection.kernel_size) == (filters // 2, (1, 1))
    psi = ("add", "relu", "psi", "psi_norm", "attention")
    assert_chain(model, *(f"{gate}_{part}" for part in psi))
    assert model.get_layer(f"{gate}_attention").output.shape[-1] == 1
    skip, attention = model.get_layer(f"{gate}_gated").input
    assert skip is model.get_layer(f"encoder{level}_2_relu").output
    assert attention is model.get_layer(f"{gate}_attention").output
    gated, up = model.get_layer(f"join{level}").input
    assert gated is model.get_layer(f"{gate}_gated").output
    assert up is model.get_layer(f"up{level}_relu").output


@pytest.mark.parametrize("name", ["attention-unet", "sharp-attention-unet"])
def test_a_closed_gate_lets_nothing_through_and_an_open_one_all(name):
    model = build(PAPER.recipe("smoke", {"network": name}))
    skip, gated = model.get_layer("gate1_gated").input[0], model.get_layer("gate1_gated").output
    inside = keras.Model(model.input, [skip, gated])
    images = np.random.default_rng(0).random((2, 32, 32, 1), dtype=np.float32)
    offset = model.get_layer("gate1_psi_norm").beta
    offset.assign([-100.0])
    before, after = (np.asarray(each) for each in inside(images))
    assert before.any()
    assert np.abs(after).max() < 1e-30
    offset.assign([100.0])
    before, after = (np.asarray(each) for each in inside(images))
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(("name", "joined"), [("sharp-unet", 1), ("sharp-attention-unet", None)])
def test_each_skip_connection_is_sharpened(name, joined):
    model = network(name)
    assert of_type(model, layers.DepthwiseConv2D) == [f"sharp{level}" for level in reversed(LEVELS)]
    for level in LEVELS:
        assert_chain(model, f"encoder{level}_2_relu", f"sharp{level}")
        sharpened = model.get_layer(f"sharp{level}").output
        to = model.get_layer(f"join{level}").input[1] if joined else model.get_layer(f"gate{level}_gated").input[0]
        assert to is sharpened
    fixed = numbers(model.get_layer(f"sharp{level}").kernel for level in LEVELS)
    assert fixed == 9 * sum(encoder_filters(name)[:4])
    assert not any(model.get_layer(f"sharp{level}").trainable_weights for level in LEVELS)


def test_a_sharp_block_gives_eight_times_a_pixel_less_its_neighbours(tmp_path):
    """Also in a network that was saved."""
    build(PAPER.recipe("smoke", {"network": "sharp-unet"})).save(tmp_path / "last.keras")
    block = keras.saving.load_model(tmp_path / "last.keras").get_layer("sharp1")
    maps = np.random.default_rng(0).random((1, 6, 6, block.kernel.shape[2]), dtype=np.float32)
    sharpened = np.asarray(block(maps))
    neighbourhood = sum(maps[:, 1 + i : 5 + i, 1 + j : 5 + j] for i in (-1, 0, 1) for j in (-1, 0, 1))
    np.testing.assert_allclose(sharpened[:, 1:5, 1:5], 9 * maps[:, 1:5, 1:5] - neighbourhood, atol=1e-5)


def test_u_net_plus_plus_joins_all_earlier_nodes_of_a_level_with_the_node_below():
    """Zhou et al. 2018, Eq. (1)."""
    model = network("unet-plus-plus")
    nodes = [(level, column) for column in range(1, 5) for level in range(5 - column)]
    assert len(of_type(model, layers.Concatenate)) == len(nodes) == 10

    def output(level, column):
        name = f"encoder{level + 1}_2_relu" if column == 0 else f"node{level}_{column}_2_relu"
        return model.get_layer(name).output

    for level, column in nodes:
        up = model.get_layer(f"node{level}_{column}_up")
        assert up.input is output(level + 1, column - 1)
        assert (up.filters, up.kernel_size, up.strides) == (32 * 2**level, (2, 2), (2, 2))
        first, *earlier = model.get_layer(f"node{level}_{column}_join").input
        assert first is up.output
        assert all(a is output(level, j) for j, a in enumerate(earlier))
        assert len(earlier) == column
    assert_chain(model, "node0_4_2_relu", "segmentation_conv")


@pytest.mark.parametrize("level", LEVELS)
def test_u_net_3_plus_joins_maps_of_all_scales_in_each_decoder(level):
    """Huang et al. 2020, Section 2.1: from each of five maps 64 filters, 320 where they are joined."""
    model, decoder = network("unet-3-plus"), f"decoder{level}"
    maps = model.get_layer(f"{decoder}_join").input
    assert [tensor.shape[1:] for tensor in maps] == [(256 >> level - 1, 256 >> level - 1, 64)] * 5
    for where, tensor in enumerate(maps, 1):
        assert tensor is model.get_layer(f"{decoder}_from{where}_relu").output
        source = model.get_layer(f"{decoder}_from{where}_conv").input
        if where < level:
            pool = model.get_layer(f"{decoder}_from{where}_pool")
            assert (source, pool.pool_size) == (pool.output, (2 ** (level - where),) * 2)
            source = pool.input
        elif where > level:
            up = model.get_layer(f"{decoder}_from{where}_up")
            assert (source, up.size, up.interpolation) == (up.output, (2 ** (where - level),) * 2, "bilinear")
            source = up.input
        encoder = where <= level or where == 5
        assert source is model.get_layer(f"encoder{where}_2_relu" if encoder else f"decoder{where}_relu").output
    assert_chain(model, f"{decoder}_join", f"{decoder}_conv", f"{decoder}_norm", f"{decoder}_relu")
    assert model.get_layer(f"{decoder}_conv").filters == 320


# That they train


# The others take tens of seconds together.
TRAINED = [
    name if name in ("unet", "sharp-attention-unet") else pytest.param(name, marks=pytest.mark.long)
    for name in NETWORKS
]


@pytest.mark.parametrize("name", TRAINED)
def test_a_few_steps_move_every_kernel_but_those_of_sharp_blocks_and_lower_the_loss(name):
    keras.utils.set_random_seed(0)
    model = build(PAPER.recipe("smoke", {"network": name}))
    random = np.random.default_rng(0)
    masks = np.zeros((4, 32, 32, 1), np.float32)
    masks[:, 8:20, 10:24] = 1
    images = (0.5 * masks + 0.5 * random.random(masks.shape)).astype(np.float32)
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", run_eagerly=True)
    before = kernels(model)
    losses = [float(model.train_on_batch(images, masks)) for _ in range(4)]
    assert losses[-1] < losses[0]
    still = {layer for layer, kernel in kernels(model).items() if np.array_equal(kernel, before[layer])}
    assert still == {f"sharp{level}" for level in (1, 2) if "sharp" in name}


def kernels(model: keras.Model) -> dict[str, np.ndarray]:
    found = {layer.name: layer.kernel for layer in model.layers if hasattr(layer, "kernel")}
    return {name: np.array(kernel) for name, kernel in found.items()}


# Under Paudel's protocol


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_of_the_protocol_but_the_class_differs_from_that_of_paudels_own_network(name):
    for profile in PROFILES:
        own, other = (PAPER.recipe(profile, readings).model_dump() for readings in ({}, {"network": name}))
        assert {key for key in own if own[key] != other[key]} == {"network", "positive"}
        assert (own["positive"], other["positive"]) == ("malignant", None)


def test_the_reading_leaves_the_recipe_of_paudels_own_network_as_it_was():
    for profile in PROFILES:
        assert "network" not in PAPER.plain_recipe(profile).model_dump(exclude_defaults=True)
        for readings in ({}, *PAPER.baselines):
            assert recipe_hash(PAPER.plain_recipe(profile, readings)) == recipe_hash(PAPER.recipe(profile, readings))


def test_a_network_that_segments_only_is_not_built_with_a_class():
    recipe = PAPER.recipe("smoke", {"network": "unet"}).model_copy(update={"positive": "malignant"})
    with pytest.raises(BadInput, match="network=unet segments only"):
        build(recipe)


def test_each_network_has_the_quoted_row_of_table_x_that_names_it():
    names = {
        "unet": "UNet (Ronneberger",
        "attention-unet": "Attention UNet (Oktay",
        "sharp-unet": "Sharp UNet (Zunair",
        "unet-plus-plus": "UNet++ (Zhou",
        "unet-3-plus": "UNet3++ (Huang",
        "sharp-attention-unet": "Sharp Attention UNet (Khaledyan",
    }
    rows = {}
    for cell in PAPER.reported:
        if cell.readings:
            rows.setdefault(cell.readings["network"], []).append(cell)
    assert [{"network": name} for name in rows] == PAPER.baselines
    assert sorted(rows) == sorted(NETWORKS) == sorted(PAPER.readings["network"].alternatives)
    for name, cells in rows.items():
        assert [cell.name for cell in cells] == ["accuracy", "precision", "F1", "specificity", "Dice", "IoU"]
        assert all(cell.quoted.startswith(names[name]) for cell in cells)


def test_ours_stands_beside_a_quoted_cell_without_a_verdict():
    definition = "iou|fg|image|t=0.5|empty=skip"
    of = record([0.60, 0.62, 0.64], definition).model_copy(update={"readings": {"network": "attention-unet"}})
    rows = {row.cell.id: row for row in compare.rows(PAPER, of)}
    assert {row.verdict for row in rows.values()} == {"quoted"}
    row = rows["X-attention-unet-iou"]
    assert (row.cell.value, row.reproduced.n, row.reproduced.mean) == ("0.808", 3, pytest.approx(0.62))
    assert "X-iou" not in rows


def test_the_paper_claims_the_highest_precision_and_iou_over_each_of_them():
    over = [(claim.over["network"], claim.definition) for claim in PAPER.worded if isinstance(claim.over, dict)]
    assert len(over) == len(set(over)) == 2 * len(NETWORKS)
    assert {name for name, _ in over} == set(NETWORKS)
    tested = [each for each in worded.check_worded(PAPER, []) if each.claim.above is None]
    assert all(each.as_printed.endswith("holds") for each in tested)
    assert {each.as_printed for each in tested if each.claim.over == {"network": "unet"}} == {
        "0.954 against 0.911: holds",
        "0.890 against 0.756: holds",
    }


def test_the_specificities_above_99_percent_are_those_of_all_networks_but_one_as_printed():
    above = {
        each.claim.readings.get("network", "own"): each.as_printed
        for each in worded.check_worded(PAPER, [])
        if each.claim.above is not None
    }
    assert sorted(above) == sorted([*NETWORKS, "own"])
    assert above.pop("unet-plus-plus") == "0.987 against 0.99: does not hold"
    assert all(printed.endswith(" against 0.99: holds") for printed in above.values())
