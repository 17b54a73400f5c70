"""Tang's control: the networks, the training and the splits of the authors' code, github.com/FengheTan9/
Medical-Image-Segmentation-Benchmarks, commit 2c75eee, whose files and lines the tests name."""

import math
import re
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

from common import papers
from common.data import duplicates, splits
from common.data.case import Case
from common.errors import BadInput
from common.evidence import counts
from common.evidence import metrics as evidence
from common.protocol import recipe_hash
from common.training.compiled import compiled
from common.training.network import Network
from common.training.request import Request, find_data, refuse_data
from reproductions.tang import model as tang
from tests.reproductions.networks import assert_chain, of_type

PAPER = papers.load("tang")
RECIPE = PAPER.recipe()
BATCH = "iou|fg|batch=8|t=0.5|empty=one"


def network(profile="paper", **readings):
    return tang.build(PAPER.recipe(profile, readings))


def trained(model) -> int:
    """Weights that are trained, which PyTorch's `parameters()` counts; running means and variances it does not."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def test_every_stated_value_names_a_file_of_the_code():
    assert all(re.search(r"\.py\b|README|\.txt", stated.source) for stated in PAPER.stated.values())


# The networks


@pytest.mark.parametrize(
    ("name", "printed", "parameters"), [("unet", "34.52", 34_527_041), ("cmunext", "3.14", 3_149_185)]
)
def test_parameters_are_those_of_the_table_in_millions_with_further_digits_cut_off(name, printed, parameters):
    model = network(network=name)
    found = trained(model)
    assert found == parameters
    assert name != "unet" or model.count_params() == PAPER.parameters
    assert f"{math.floor(found / 1e4) / 100}" == printed


def test_the_u_net_halves_four_times_and_doubles_its_filters():
    """U_Net.py:41-55, a block of lines 5-19."""
    model = network()
    for level, filters in enumerate([64, 128, 256, 512, 1024], 1):
        for which in (1, 2):
            name = f"encoder{level}_{which}"
            convolution = model.get_layer(f"{name}_conv")
            assert (convolution.filters, convolution.kernel_size, convolution.use_bias) == (filters, (3, 3), True)
            assert_chain(model, f"{name}_conv", f"{name}_norm", f"{name}_relu")
        assert model.get_layer(f"encoder{level}_2_relu").output.shape[1:] == (256 >> level - 1,) * 2 + (filters,)
    assert_chain(model, "encoder1_2_relu", "pool2", "encoder2_1_conv")


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_on_the_way_up_it_takes_the_nearest_pixel_and_a_convolution(level):
    """U_Net.py:22-34; the skip connection comes first (line 71: torch.cat((x4, d5)))."""
    model = network()
    below = "encoder5_2_relu" if level == 4 else f"decoder{level + 1}_2_relu"
    assert_chain(model, below, f"up{level}", f"up{level}_conv", f"up{level}_norm", f"up{level}_relu")
    up = model.get_layer(f"up{level}")
    assert (up.interpolation, up.size) == ("nearest", (2, 2))
    skip, risen = model.get_layer(f"join{level}").input
    assert skip is model.get_layer(f"encoder{level}_2_relu").output
    assert risen is model.get_layer(f"up{level}_relu").output
    assert_chain(model, f"join{level}", f"decoder{level}_1_conv")


def test_cmunext_has_a_depthwise_kernel_a_block_and_a_group_for_each_side_of_a_skip_connection():
    """CMUNeXt.py:91 (dims, depths, kernels), 14-38 (the block), 70-87 (the fusion)."""
    model = network(network="cmunext")
    depthwise = [model.get_layer(name) for name in of_type(model, layers.DepthwiseConv2D)]
    assert [layer.kernel_size[0] for layer in depthwise] == [3, 3, 7, 7, 7, 7, 7]
    assert [layer.output.shape[-1] for layer in depthwise] == [16, 16, 32, 128, 128, 128, 160]
    outputs = [model.get_layer(f"encoder{level}_out_relu").output.shape[-1] for level in range(1, 6)]
    assert outputs == [16, 32, 128, 160, 256]
    for level, filters in enumerate([16, 32, 128, 160], 1):
        assert model.get_layer(f"up{level}").interpolation == "bilinear"
        for half, source in (("skip", f"encoder{level}_out_relu"), ("up", f"up{level}_relu")):
            convolution = model.get_layer(f"fusion{level}_{half}")
            assert convolution.input is model.get_layer(source).output
            assert (convolution.filters, convolution.kernel_size) == (filters, (3, 3))
        assert_chain(model, f"fusion{level}_join", f"fusion{level}_gelu", f"fusion{level}_norm", f"fusion{level}_wide")
        assert model.get_layer(f"fusion{level}_wide").filters == 4 * filters
    assert_chain(model, "encoder2_1_depthwise", "encoder2_1_depthwise_gelu", "encoder2_1_depthwise_norm")


def test_an_image_is_normalised_as_imagenet_and_divided_by_255_once_more():
    """main.py:88 and dataset.py:50, of channels in the order blue, green, red (dataset.py:41)."""
    model, random = network("smoke"), np.random.default_rng(0)
    rgb = random.integers(0, 256, (1, 32, 32, 3)).astype("float32")
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((rgb[..., ::-1] / 255 - mean) / deviation / 255)[..., ::-1]
    assert np.allclose(model.get_layer("normalise")(rgb / 255), expected, atol=1e-7)


@pytest.mark.parametrize(("name", "bound"), [("encoder1_1_conv", 27**-0.5), ("encoder2_1_conv", 36**-0.5)])
def test_initial_weights_are_pytorch_s(name, bound):
    """Uniform within 1 / sqrt(inputs of a filter), kernel and bias, which are drawn apart."""
    keras.utils.set_random_seed(0)  # a bias has so few values that all may be small
    kernel, bias = (weight.numpy() for weight in network("smoke").get_layer(name).weights)
    for weight in (kernel, bias):
        assert 0.5 * bound < np.abs(weight).max() <= bound
    assert not np.isin(bias, kernel).any()


def test_batch_normalisation_has_pytorch_s_defaults():
    model = network("smoke", network="cmunext")
    norms = [model.get_layer(name) for name in of_type(model, layers.BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}


def test_a_side_that_can_not_be_halved_four_times_is_refused():
    with pytest.raises(BadInput, match="side=40: four halvings"):
        tang.build(PAPER.recipe("smoke").model_copy(update={"side": 40}))


# The training


def test_the_loss_is_half_the_cross_entropy_and_the_dice_of_each_image():
    """losses.py:14-23."""
    random = np.random.default_rng(0)
    truth = (random.random((3, 4, 4, 1)) > 0.7).astype("float32")
    truth[2] = 0
    logits = random.normal(size=truth.shape).astype("float32")
    p = 1 / (1 + np.exp(-logits))
    entropy = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean()
    both, total = (each.reshape(3, -1).sum(1) for each in (p * truth, p + truth))
    expected = 0.5 * entropy + 1 - ((2 * both + 1e-5) / (total + 1e-5)).mean()
    assert float(tang.loss(RECIPE)(truth, logits)) == pytest.approx(expected, rel=1e-5)


def test_the_rate_falls_after_each_step():
    """main.py:116, 149-153: a step uses what the one before it has set."""
    steps, used, rate = 50, [], 0.01
    for done in range(steps):
        used.append(rate)
        rate = 0.01 * (1 - done / steps) ** 0.9
    fall = tang.optimizer(RECIPE, steps)._learning_rate
    assert [float(fall(step)) for step in range(steps)] == pytest.approx(used, rel=1e-5)


def test_weight_decay_goes_through_the_momentum_as_in_pytorch():
    """v = 0.9 v + (g + 0.0001 w), w = w - rate v (docs.pytorch.org, torch.optim.SGD). Keras' gives other weights."""
    random = np.random.default_rng(0)
    first, gradients = random.normal(size=5), random.normal(size=(30, 5))
    optimizer = tang.optimizer(RECIPE, 30)
    weight = keras.Variable(first, dtype="float32")
    optimizer.build([weight])
    expected, velocity = first.copy(), np.zeros(5)
    for step, gradient in enumerate(gradients):
        rate = 0.01 * (1 - max(step - 1, 0) / 30) ** 0.9
        velocity = 0.9 * velocity + gradient + 1e-4 * expected
        expected -= rate * velocity
        optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [weight])
    assert np.allclose(weight.numpy(), expected, atol=1e-6)
    # With a decay that can be seen, so that the test would notice one that is decoupled, or none.
    strong = tang.CoupledSGD(0.1, 0.9, 0.5)
    weight.assign(first)
    strong.build([weight])
    for _ in range(2):
        strong.apply([keras.ops.zeros(5)], [weight])
    # v1 = w/2, w1 = 0.95 w; v2 = 0.45 w + 0.475 w, w2 = 0.95 w - 0.0925 w.
    assert np.allclose(weight.numpy(), 0.8575 * first, atol=1e-6)


def test_the_optimizer_survives_being_written_down():
    optimizer = tang.optimizer(RECIPE, 30)
    config = optimizer.get_config()
    assert (config["momentum"], config["decay"]) == (0.9, 1e-4)
    assert tang.Fall(**optimizer._learning_rate.get_config())(15) == optimizer._learning_rate(15)


@pytest.mark.parametrize("monitor", PAPER.readings["monitor"].values)
def test_what_selects_an_epoch_is_the_evidence_s_metric_of_the_same_signature(monitor):
    """metrics.py:45-56, 20 images in batches of 8, 8 and 4."""
    random = np.random.default_rng(0)
    truth = (random.random((20, 8, 8, 1)) > 0.8).astype("float32")
    logits = (random.normal(size=truth.shape) + 2 * truth - 1.5).astype("float32")
    truth[3], logits[3] = 0, -1
    (metric,) = tang.metrics(PAPER.recipe(readings={"monitor": monitor}))
    for start in (0, 8, 16):
        metric.update_state(truth[start : start + 8], logits[start : start + 8])
    names = [str(number) for number in range(20)]
    rows = counts.count(1 / (1 + np.exp(-logits[..., 0])), truth[..., 0], names, names, names)
    assert metric.name == monitor
    assert float(metric.result()) == pytest.approx(evidence.value(monitor, rows), abs=1e-5)


def test_a_monitor_of_another_name_is_refused():
    with pytest.raises(BadInput, match=r"monitor=dice\|fg\|pooled\|t=0.5: `metrics` in reproductions.tang.model makes"):
        Network(SimpleNamespace(__name__=tang.__name__, metrics=lambda recipe: [])).metrics(
            RECIPE.model_copy(update={"monitor": "dice|fg|pooled|t=0.5"})
        )


def test_what_selects_an_epoch_by_default_is_over_batches_of_the_size_that_is_trained():
    readings = {"batch_size": "4"}
    recipe = PAPER.recipe(readings=readings)
    assert recipe.monitor == "iou|fg|batch=4|t=0.5|empty=one"
    assert [metric.name for metric in tang.metrics(recipe)] == [recipe.monitor]
    assert recipe_hash(recipe) == recipe_hash(PAPER.plain_recipe(readings=readings))
    assert PAPER.recipe().monitor == BATCH


def test_an_iou_of_batches_of_another_size_is_refused_before_any_training():
    with pytest.raises(BadInput, match="needs batch_size=8, not 4"):
        Network.of_paper("tang").plan(PAPER.recipe("smoke", {"monitor": BATCH, "batch_size": "4"}))


def test_the_network_is_compiled_with_all_of_it():
    recipe, own = PAPER.recipe("smoke"), Network.of_paper("tang")
    model = compiled(own, recipe, "float32", steps=10)
    assert isinstance(model.optimizer, tang.CoupledSGD)
    assert isinstance(model.loss, tang.CrossEntropyAndDiceOfImages)
    images = np.zeros((2, 32, 32, 3), "float32")
    assert recipe.monitor in model.test_on_batch(images, images[..., :1], return_dict=True)


def test_an_image_is_turned_in_quarters_and_flipped_with_its_mask():
    """main.py:85-86: half of the images are turned by 0 to 3 quarters, half are flipped in one of three ways. An image
    stays as it is with a probability of 5/8 x 1/2 and, by way of a half turn and both flips, 1/8 x 1/6: 1/3."""
    image = np.arange(16 * 16 * 3, dtype=np.uint32).reshape(16, 16, 3).astype(np.uint8)
    mask, change = image[..., 0], tang.augment(RECIPE)
    found = {}
    for seed in range(3000):
        turned, turned_mask = change(image, mask, seed)
        assert np.array_equal(turned[..., 0], turned_mask)
        assert np.array_equal(change(image, mask, seed)[0], turned)
        found[turned.tobytes()] = found.get(turned.tobytes(), 0) + 1
    assert len(found) == 8
    assert found[image.tobytes()] / 3000 == pytest.approx(1 / 3, abs=0.03)


# The splits

BUSI = [
    Case(f"{label} ({number})", label, f"{label} ({number})", None, ())
    for label, last in (("benign", 437), ("malignant", 210), ("normal", 133))
    for number in range(1, last + 1)
]
TUMOURS = np.arange(647)


def drawn(repeat: int) -> splits.Split:
    (split,) = splits.draw(BUSI, TUMOURS, RECIPE, 0, repeat)
    return split


@pytest.mark.parametrize("repeat", range(3))
def test_a_published_split_has_every_tumour_of_busi_in_one_of_two_parts(repeat):
    split = drawn(repeat)
    assert {part: len(positions) for part, positions in split.parts().items()} == {"train": 452, "test": 195}
    assert np.array_equal(np.sort(np.concatenate([split.train, split.test])), TUMOURS)
    assert split.selects_on_test


def test_each_repeat_takes_the_next_list_in_its_order_whatever_the_seed():
    tests = [drawn(repeat).test for repeat in range(4)]
    assert [BUSI[one[0]].id for one in tests] == ["benign (301)", "benign (40)", "benign (128)", "benign (301)"]
    (other,) = splits.draw(BUSI, TUMOURS, RECIPE, 5, 0)
    assert np.array_equal(other.test, tests[0])


@pytest.mark.parametrize(("repeat", "copies"), [(0, 55), (1, 58), (2, 57)])
def test_28_to_30_percent_of_the_test_images_have_a_copy_in_training(repeat, copies):
    of_case = duplicates.copies_of(duplicates.known_in_busi()["fingerprint"])
    train, test = ({BUSI[position].id for position in part} for part in drawn(repeat).parts().values())
    assert sum(not train.isdisjoint(of_case.get(name, [])) for name in test) == copies


def request(tmp_path, **readings) -> Request:
    """Of a run on the phantom, whose images are called as some of BUSI's."""
    found = find_data(PAPER, "phantom", tmp_path / "data", tmp_path / "runs")
    return Request(PAPER, "smoke", found, 1, 0, readings, "float32", tmp_path / "runs", tmp_path / "results", False)


def test_on_other_data_the_lists_say_nothing_unless_somebody_insists(tmp_path, quick_phantom):
    asked = request(tmp_path)
    assert asked.recipe.split == "grouped"
    assert asked.departures == {"split": "grouped"}
    assert request(tmp_path, split="random").recipe.split == "random"
    assert replace(asked, found=replace(asked.found, name="busi")).recipe.split == "published"
    with pytest.raises(BadInput, match=r"malignant \(137\): no such case is used"):
        refuse_data(request(tmp_path, split="published"))


# The printed numbers


def test_the_printed_iou_and_f1_fit_means_over_images_and_not_over_batches_of_eight():
    """F1 = 2 IoU / (1 + IoU) of one image or batch. How far the mean F1 is below that of the mean IoU tells the
    standard deviation of the IoUs: about 0.3 in both rows. On BUSI this suite's own networks have 0.20 to 0.34 over
    images, and 0.07 to 0.17 over batches of 8."""
    for iou, f1 in ((0.6861, 0.7697), (0.7156, 0.7986)):
        below, curvature = 2 * iou / (1 + iou) - f1, 4 / (1 + iou) ** 3
        assert math.sqrt(2 * below / curvature) == pytest.approx(0.31, abs=0.03)
