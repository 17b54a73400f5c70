"""Batches: what is in them, in which order, and that tf.data changes neither."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import sleep

import keras
import numpy as np
import pytest

from common import papers
from common.data.batches import CLASSIFICATION, SEGMENTATION, Batches, MadeAhead, for_backend
from common.data.busi import index
from common.data.prepare import Need, prepare
from common.training.network import Network

RECIPE = papers.load("cheng").recipe("smoke")
SEED = (0, 0)
ALL = np.arange(30)


@pytest.fixture(scope="module")
def prepared(phantom_folder, tmp_path_factory):
    return prepare(index(phantom_folder), "phantom", Need(RECIPE.side, 3, "merged"), tmp_path_factory.mktemp("cache"))


def epoch(prepared, number, recipe=RECIPE, seed=SEED, positions=ALL):
    batches = Batches(prepared, positions, recipe, 8, seed, Network.of_paper("cheng").augment(recipe))
    batches.epoch = number
    return list(batches.stream())


def same(one, other):
    return all(np.array_equal(a, b) for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True))


def test_an_epoch_shows_every_case_once(prepared):
    batches = epoch(prepared, 0)
    assert [len(images) for images, _ in batches] == [8, 8, 8, 6]
    shown = sorted(image.tobytes() for images, _ in batches for image in images)
    given = sorted(image.tobytes() for images, _ in epoch(prepared, 0, seed=None) for image in images)
    assert shown == given


def test_shapes_types_and_ranges(prepared):
    images, masks = epoch(prepared, 0)[0]
    assert images.shape == (8, 32, 32, 3)
    assert masks.shape == (8, 32, 32, 1)
    assert images.dtype == masks.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1


def test_pixels_are_those_of_the_paper_rounded_to_four_decimals(prepared):
    images, masks = epoch(prepared, 0, seed=None)[0]
    assert np.array_equal(images, (prepared.images[:8] / 255).round(4).astype(np.float32))
    assert np.array_equal(masks[..., 0], (prepared.masks[:8] / 255).round(4).astype(np.float32))


def test_hard_truth_is_0_or_1(prepared):
    recipe = papers.load("cheng").recipe("smoke", {"truth": "hard"})
    soft, hard = (np.concatenate([masks for _, masks in epoch(prepared, 0, r, None)]) for r in (RECIPE, recipe))
    assert set(np.unique(hard)) == {0, 1}
    assert np.array_equal(hard, soft >= 0.5)


def test_an_epoch_has_its_own_order_and_the_same_again(prepared):
    assert same(epoch(prepared, 3), epoch(prepared, 3))
    assert not same(epoch(prepared, 3), epoch(prepared, 4))
    assert not same(epoch(prepared, 3), epoch(prepared, 3, seed=(0, 1)))


def test_without_a_seed_cases_come_in_their_given_order(prepared):
    positions = np.array([7, 1, 4])
    ((images, _),) = epoch(prepared, 5, seed=None, positions=positions)
    assert np.array_equal(images, (prepared.images[positions] / 255).round(4).astype(np.float32))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="elsewhere the batches themselves are served")
@pytest.mark.parametrize("augmentation", [{}, {"flips": True, "rotation": 15}])
def test_tf_data_serves_the_same_batches_in_the_same_order(prepared, augmentation):
    recipe = RECIPE.model_copy(update={"augmentation": augmentation})
    batches = Batches(prepared, ALL, recipe, 8, SEED, Network.of_paper("cheng").augment(recipe))
    pipeline = for_backend(batches)
    for batches.epoch in (0, 1):
        served = [(images.numpy(), masks.numpy()) for images, masks in pipeline]
        assert same(served, epoch(prepared, batches.epoch, recipe))
        assert same(served, [batches[number] for number in range(len(batches))]), "PyDataset, for other backends"


def test_augmentation_is_drawn_anew_each_epoch_and_the_same_again_for_training_alone(prepared):
    recipe = RECIPE.model_copy(update={"augmentation": {"flips": True, "rotation": 15}})
    one = np.array([2])
    plain, first, again, next_epoch, evaluated = (
        epoch(prepared, number, which, seed, one)
        for number, which, seed in (
            (0, RECIPE, SEED), (0, recipe, SEED), (0, recipe, SEED), (1, recipe, SEED), (0, recipe, None)
        )
    )  # fmt: skip
    assert same(first, again)
    assert not same(first, plain)
    assert not same(first, next_epoch)
    assert same(evaluated, plain)


def test_a_network_that_also_classifies_gets_both_truths(prepared):
    recipe = RECIPE.model_copy(update={"positive": "malignant"})
    (_, truth), (_, masks) = epoch(prepared, 0, recipe)[0], epoch(prepared, 0)[0]
    assert np.array_equal(truth[SEGMENTATION], masks)
    assert truth[CLASSIFICATION].dtype == np.float32
    labels = [part[CLASSIFICATION] for _, part in epoch(prepared, 0, recipe, seed=None)]
    assert np.array_equal(np.concatenate(labels)[:, 0], [case.label == "malignant" for case in prepared.cases])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="elsewhere the batches themselves are served")
def test_tf_data_serves_both_truths(prepared):
    batches = Batches(prepared, ALL, RECIPE.model_copy(update={"positive": "malignant"}), batch_size=8, seed=SEED)
    for (_, served), (_, truth) in zip(for_backend(batches), batches.stream(), strict=True):
        assert served.keys() == truth.keys()
        assert all(np.array_equal(served[name], truth[name]) for name in truth)


LEAKING = RECIPE.model_copy(update={"input": "image+mask"})


@pytest.mark.parametrize("truth", ["soft", "hard"])
def test_with_the_mask_as_an_input_it_is_one_more_channel_and_the_truth_stays(prepared, truth):
    plain, leaking = (recipe.model_copy(update={"truth": truth}) for recipe in (RECIPE, LEAKING))
    for (images, masks), (given, truths) in zip(epoch(prepared, 0, plain), epoch(prepared, 0, leaking), strict=True):
        assert given.shape == (*images.shape[:3], leaking.input_channels)
        assert given.dtype == np.float32
        assert np.array_equal(given[..., :3], images)
        assert np.array_equal(given[..., 3:], masks)
        assert np.array_equal(truths, masks)


def test_a_mask_that_is_an_input_is_changed_as_the_truth_is(prepared):
    recipe = LEAKING.model_copy(update={"augmentation": {"flips": True, "rotation": 15}})
    for images, masks in epoch(prepared, 0, recipe):
        assert np.array_equal(images[..., 3:], masks)


def test_threads_make_the_batches_of_the_epoch_in_which_they_were_asked_also_if_they_run_later(prepared):
    recipe = RECIPE.model_copy(update={"augmentation": {"flips": True, "rotation": 15}})
    batches = Batches(prepared, ALL, recipe, 8, SEED, Network.of_paper("cheng").augment(recipe))
    ahead, go_on = MadeAhead(batches, threads=2), Event()
    ahead._pool.submit(go_on.wait)  # both threads are busy, so that what is asked for waits
    ahead._pool.submit(go_on.wait)

    with ThreadPoolExecutor(1) as main:
        served = main.submit(ahead.__getitem__, 0)
        while len(ahead._made) < len(batches):
            sleep(0.01)
        batches.epoch = 1
        go_on.set()
        served.result(10)
    made = [ahead._made[number].result() for number in range(len(batches))]
    assert same(made, epoch(prepared, 0, recipe))
    assert same([ahead[number] for number in range(len(batches))], epoch(prepared, 1, recipe))
