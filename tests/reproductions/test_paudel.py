"""Paudel's network as Section III-3 of the paper describes it, and what each alternative reading changes in it."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from common.data.case import Case
from common.data.splits import draw
from common.evidence import claims
from common.papers import load
from reproductions.paudel.model import build
from tests.reproductions.networks import assert_chain, of_type

PAPER = load("paudel")
SIDE, REDUCED = PAPER.stated["side"].value, 32
BLOCK = ["conv", "norm", "relu", "dropout"]


@cache
def network(profile: str = "paper", **readings) -> keras.Model:
    return build(PAPER.recipe(profile, readings))


def reduced(**readings) -> keras.Model:
    """The paper's network on images of 32 pixels: all weights but those behind a Flatten are the same. Not cached,
    because some have tens of millions."""
    return build(PAPER.recipe(readings=readings).model_copy(update={"side": REDUCED}))


def convolutional_block(name: str) -> list[str]:
    return [f"{name}_{part}" for part in BLOCK]


def three_blocks(name: str) -> list[str]:
    return [layer for number in (1, 2, 3) for layer in convolutional_block(f"{name}_block{number}")]


ENCODERS = [("encoder1", 16, 256), ("encoder2", 32, 128), ("encoder3", 64, 64), ("encoder4", 128, 32)]
DECODERS = [
    ("decoder1", 128, 32, "encoder4", "bottleneck_add"),
    ("decoder2", 64, 64, "encoder3", "decoder1_block3_dropout"),
    ("decoder3", 32, 128, "encoder2", "decoder2_block3_dropout"),
    ("decoder4", 16, 256, "encoder1", "decoder3_block3_dropout"),
]
CONVOLUTIONAL_BLOCKS = [
    *((f"{name}_block{number}", filters) for name, filters, *_ in ENCODERS for number in (1, 2, 3)),
    *((f"bottleneck_block{number}", 256) for number in (1, 2)),
    *((f"{name}_block{number}", filters) for name, filters, *_ in DECODERS for number in (1, 2, 3)),
]


def test_a_grey_image_of_256_pixels_becomes_a_mask_and_a_class():
    model = network()
    assert model.input_shape == (None, 256, 256, 1)
    assert {name: (tuple(output.shape), output.dtype) for name, output in model.output.items()} == {
        "segmentation_output": ((None, 256, 256, 1), "float32"),
        "classification_output": ((None, 1), "float32"),
    }
    assert model.count_params() == PAPER.parameters == 69_482_802


@pytest.mark.parametrize(("block", "filters"), CONVOLUTIONAL_BLOCKS)
def test_convolutional_block_is_convolution_normalisation_relu_dropout(block, filters):
    model = network()
    assert_chain(model, *convolutional_block(block))
    conv, norm, relu, dropout = (model.get_layer(name) for name in convolutional_block(block))
    assert (conv.filters, conv.kernel_size, conv.strides, conv.padding) == (filters, (3, 3), (1, 1), "same")
    assert conv.activation is keras.activations.linear
    assert isinstance(norm, layers.BatchNormalization)
    assert isinstance(relu, layers.ReLU)
    assert type(dropout) is layers.Dropout
    assert dropout.rate == 0.1


@pytest.mark.parametrize(("name", "filters", "side"), ENCODERS)
def test_encoder_block_is_three_convolutional_blocks_and_a_pooling(name, filters, side):
    model = network()
    assert_chain(model, *three_blocks(name), f"{name}_pool")
    assert tuple(model.get_layer(f"{name}_pool").input.shape) == (None, side, side, filters)
    assert isinstance(model.get_layer(f"{name}_pool"), layers.MaxPooling2D)
    assert model.get_layer(f"{name}_pool").pool_size == (2, 2)


def test_encoder_blocks_follow_each_other():
    model = network()
    assert_chain(model, "image", "encoder1_block1_conv")
    for before, after in pairwise(["encoder1", "encoder2", "encoder3", "encoder4", "bottleneck"]):
        assert_chain(model, f"{before}_pool", f"{after}_block1_conv")


def test_residual_block_at_the_bottom_adds_a_1x1_convolution_of_its_input():
    model = network()
    both = convolutional_block("bottleneck_block1") + convolutional_block("bottleneck_block2")
    assert_chain(model, "encoder4_pool", *both, "bottleneck_dropout")
    assert_chain(model, "encoder4_pool", "bottleneck_shortcut")
    shortcut, added = model.get_layer("bottleneck_shortcut"), model.get_layer("bottleneck_add")
    assert (shortcut.filters, shortcut.kernel_size, shortcut.strides) == (256, (1, 1), (1, 1))
    assert model.get_layer("bottleneck_dropout").rate == 0.2
    assert isinstance(added, layers.Add)
    assert added.input[0] is model.get_layer("bottleneck_dropout").output
    assert added.input[1] is shortcut.output
    assert tuple(added.output.shape) == (None, 16, 16, 256)


@pytest.mark.parametrize(("name", "filters", "side", "skip", "below"), DECODERS)
def test_decoder_block(name, filters, side, skip, below):
    model = network()
    assert_chain(model, below, f"{name}_up", f"{name}_dropout")
    up = model.get_layer(f"{name}_up")
    assert isinstance(up, layers.Conv2DTranspose)
    assert (up.filters, up.kernel_size, up.strides) == (filters, (2, 2), (2, 2))
    assert model.get_layer(f"{name}_dropout").rate == 0.2
    joined = model.get_layer(f"{name}_concat").input
    assert joined[0] is model.get_layer(f"{name}_dropout").output
    assert joined[1] is model.get_layer(f"{skip}_block3_dropout").output
    assert_chain(model, f"{name}_concat", *three_blocks(name))
    assert tuple(model.get_layer(f"{name}_block3_dropout").output.shape) == (None, side, side, filters)


def test_both_outputs_branch_from_the_last_convolutional_block():
    model, last = network(), "decoder4_block3_dropout"
    assert_chain(model, last, "segmentation_conv", "segmentation_output")
    segmentation = model.get_layer("segmentation_conv")
    assert isinstance(segmentation, layers.Conv2D)
    assert (segmentation.filters, segmentation.kernel_size) == (1, (1, 1))
    behind = ["classification_flatten", "classification_dense", "classification_logit", "classification_output"]
    assert_chain(model, last, *behind)
    assert isinstance(model.get_layer("classification_flatten"), layers.Flatten)
    dense, classification = model.get_layer("classification_dense"), model.get_layer("classification_logit")
    assert (dense.units, dense.activation) == (64, keras.activations.relu)
    assert dense.count_params() == 256 * 256 * 16 * 64 + 64
    assert classification.units == 1
    assert segmentation.activation is classification.activation is keras.activations.linear
    for name in ("segmentation_output", "classification_output"):
        assert model.get_layer(name).activation is keras.activations.sigmoid
        assert model.output[name] is model.get_layer(name).output


def test_nothing_else_is_in_it():
    model = network()
    assert len(of_type(model, layers.Conv2D)) == len(CONVOLUTIONAL_BLOCKS) + 2 == 3 * 4 + 2 + 3 * 4 + 2
    assert len(of_type(model, layers.Conv2DTranspose)) == 4
    assert of_type(model, layers.Add) == ["bottleneck_add"]
    assert len(of_type(model, layers.BatchNormalization)) == len(CONVOLUTIONAL_BLOCKS)
    assert len(of_type(model, layers.Dropout)) == len(CONVOLUTIONAL_BLOCKS) + 1 + 4
    assert len(of_type(model, layers.Dense)) == 2


def test_outputs_are_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        models = [build(PAPER.recipe("smoke", {"head": head})) for head in PAPER.readings["head"].values]
    finally:
        keras.config.set_dtype_policy(before)
    assert {model.get_layer("decoder2_block3_conv").compute_dtype for model in models} == {"bfloat16"}
    assert {output.dtype for model in models for output in model.output.values()} == {"float32"}


@pytest.mark.parametrize(
    ("readings", "behind_flatten", "parameters"),
    [
        ({"filters": 32}, 134_217_728, 143_692_258),
        ({"filters": 64}, 268_435_456, 306_291_522),
        ({"depth": 3}, 67_108_864, 67_699_762),
        ({"depth": 5}, 67_108_864, 76_604_210),
        ({"residual": "encoder+bottleneck"}, 67_108_864, 69_504_802),
        ({"dropout": 0.3}, 67_108_864, 69_482_802),
        ({"head": "flatten-bottleneck"}, 4_194_304, 6_568_242),
        ({"head": "average"}, 0, 2_374_962),
    ],
    ids=str,
)
def test_parameters_of_a_reading(readings, behind_flatten, parameters):
    """Counted on images of 32 pixels, so that no gigabytes are taken: the weights behind a Flatten grow with the number
    of pixels, all others stay."""
    model = reduced(**readings)
    flattened = of_type(model, layers.Flatten)
    weights = model.get_layer(flattened[0]).output.shape[1] * 64 if flattened else 0
    assert weights * (SIDE // REDUCED) ** 2 == behind_flatten
    assert model.count_params() - weights + behind_flatten == parameters


def test_the_way_of_counting_gives_what_the_default_has():
    weights = REDUCED**2 * 16 * 64
    assert reduced().count_params() - weights + SIDE**2 * 16 * 64 == network().count_params()


@pytest.mark.parametrize(
    ("head", "kind", "layer", "features"),
    [
        ("flatten-bottleneck", layers.Flatten, "bottleneck_add", 2 * 2 * 256),
        ("average", layers.GlobalAveragePooling2D, "decoder4_block3_dropout", 16),
    ],
)
def test_head(head, kind, layer, features):
    model = reduced(head=head)
    (first,) = of_type(model, kind)
    assert_chain(model, layer, first, "classification_dense", "classification_logit", "classification_output")
    assert tuple(model.get_layer(first).output.shape) == (None, features)
    assert_chain(model, "decoder4_block3_dropout", "segmentation_conv", "segmentation_output")


def test_residual_encoder_blocks_still_have_three_convolutional_blocks():
    model = reduced(residual="encoder+bottleneck")
    for name, filters, _ in ENCODERS:
        assert_chain(model, *three_blocks(name), f"{name}_dropout")
        assert_chain(model, f"{name}_block1_dropout", f"{name}_shortcut")
        assert model.get_layer(f"{name}_shortcut").filters == filters
        added = model.get_layer(f"{name}_add")
        assert added.input[0] is model.get_layer(f"{name}_dropout").output
        assert added.input[1] is model.get_layer(f"{name}_shortcut").output
        assert_chain(model, added.name, f"{name}_pool")
    for name, *_, skip, _ in DECODERS:
        assert model.get_layer(f"{name}_concat").input[1] is model.get_layer(f"{skip}_add").output
    assert len(of_type(model, layers.Add)) == 4 + 1


@pytest.mark.parametrize("depth", [3, 5])
def test_depth_doubles_the_filters_down_to_the_bottom(depth):
    model = reduced(depth=depth)
    assert len(of_type(model, layers.MaxPooling2D)) == len(of_type(model, layers.Conv2DTranspose)) == depth
    assert tuple(model.get_layer("bottleneck_add").output.shape[1:]) == (*2 * (32 >> depth,), 16 << depth)


def test_dropout_rates():
    model = network("smoke", dropout=0.3, block_dropout=0.1)
    rates = {name: model.get_layer(name).rate for name in of_type(model, layers.Dropout)}
    of_blocks = {"bottleneck_dropout", "decoder1_dropout", "decoder2_dropout"}
    assert {name for name, rate in rates.items() if rate == 0.1} == of_blocks
    assert {rate for name, rate in rates.items() if name not in of_blocks} == {0.3}


def test_initializer():
    model = network("smoke", initializer="he_normal")
    kinds = (layers.Conv2D, layers.Conv2DTranspose, layers.Dense)
    weighted = [layer for layer in model.layers if isinstance(layer, kinds)]
    outputs = [layer for layer in weighted if layer.name in ("segmentation_conv", "classification_logit")]
    assert {type(layer.kernel_initializer) for layer in outputs} == {keras.initializers.GlorotUniform}
    inner = {type(layer.kernel_initializer) for layer in weighted if layer not in outputs}
    assert inner == {keras.initializers.HeNormal}


def test_a_cross_validation_of_ten_folds_or_80_10_10_drawn_anew():
    assert PAPER.recipe().folds == 10
    drawn = PAPER.recipe(readings={"folds": "none"})
    assert drawn.folds is None
    validation = (1 - drawn.test_fraction) * drawn.validation
    assert (drawn.test_fraction, validation) == pytest.approx((0.1, 0.1))


def test_the_small_profile_is_the_papers_recipe_with_fewer_pixels_and_filters():
    paper, small = PAPER.recipe().model_dump(), PAPER.recipe("small").model_dump()
    assert {key: small[key] for key in paper if paper[key] != small[key]} == {"side": 64, "filters": 6}


def test_patience_is_three_as_stated_or_none():
    assert PAPER.recipe().patience == 3
    assert PAPER.recipe(readings={"patience": "none"}).patience is None


def busi() -> list[Case]:
    """The images with a tumour, as the paper counts them."""
    labels = ["benign"] * 437 + ["malignant"] * 210
    return [Case(str(number), label, str(number), Path(), ()) for number, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("sample", "malignant", "benign"), [("all", {21}, {43, 44}), ("balanced", {21}, {21})], ids=["all", "balanced"]
)
def test_no_reading_of_the_sample_gives_the_33_malignant_and_31_benign_cases_of_table_vii(sample, malignant, benign):
    cases, recipe = busi(), PAPER.recipe(readings={"sample": sample})
    tests = [split.test for split in draw(cases, np.arange(647), recipe, seed=0, repeat=0)]
    assert {sum(cases[at].label == "malignant" for at in test) for test in tests} == malignant
    assert {sum(cases[at].label == "benign" for at in test) for test in tests} == benign


def test_table_vii_has_as_many_cases_as_a_tenth_of_all_images_and_more_than_one_of_the_balanced_ones():
    cells = {cell.id: int(cell.value) for cell in PAPER.reported if cell.table == "VII"}
    assert sum(cells.values()) == 64 == 647 // 10
    assert 2 * 210 // 10 == 42


def test_the_mask_as_an_input_is_one_channel_more_and_changes_nothing_else():
    plain, leaking = network("smoke"), network("smoke", input="image+mask")
    assert plain.input_shape == (None, 32, 32, 1)
    assert leaking.input_shape == (None, 32, 32, 2)
    assert [layer.name for layer in leaking.layers] == [layer.name for layer in plain.layers]
    assert leaking.count_params() - plain.count_params() == 3 * 3 * PAPER.recipe("smoke").filters


def test_the_mask_as_an_input_is_named_a_leak():
    assert "LEAK" in PAPER.readings["input"].why
    assert PAPER.recipe().leak == ""
    assert PAPER.recipe(readings={"input": "image+mask"}).leak.startswith("LEAK: ")


def test_numbers_of_other_works_are_quoted_with_their_source():
    quoted = {cell.id: cell for cell in PAPER.reported if cell.table in ("I", "II") or cell.id.startswith("quoted-")}
    assert all("[" in cell.quoted for cell in quoted.values())
    assert quoted["I-vgg-16-12-accuracy"].value + quoted["I-vgg-16-12-accuracy"].unit == "91.8%"
    assert quoted["II-mean-vgg16-unet-23-dice"].value == "0.904"
    assert quoted["II-deviation-vgg16-unet-23-dice"].value == "0.035"
    assert not {cell for finding in claims.check(PAPER) for cell in finding.cells} & quoted.keys()
