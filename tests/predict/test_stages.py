"""Reading, predicting and writing side by side, with few images in memory."""

import random
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from common.data.open_image import LARGEST
from common.errors import BadInput
from common.predict.stages import Stages
from common.training.evaluate import EVALUATION_BATCH


class Watched:
    """Stages whose work only takes random times. batches: the sizes of those that were predicted. most: of images, and
    of pixels, that were on their way at once, each from when it is begun to be read until it is written."""

    def __init__(self, pixels=lambda number: 0, refused=lambda number, stage: False):
        self.pixels, self.refused = pixels, refused
        self.batches, self.most, self.on_their_way = [], (0, 0), set()
        self.jitter, self.lock = random.Random(0), threading.Lock()

    def read(self, number):
        with self.lock:
            self.on_their_way.add(number)
            held = len(self.on_their_way), sum(map(self.pixels, self.on_their_way))
            self.most = tuple(map(max, self.most, held))
        return self.number_or_raised(number, "read")

    def predict(self, batch):
        self.batches.append(len(batch))
        return [self.refusal(number, "predict") or number for number in batch]

    def write(self, number):
        number = self.number_or_raised(number, "write")
        with self.lock:
            self.on_their_way.discard(number)
        return number

    def number_or_raised(self, number, stage):
        if refusal := self.refusal(number, stage):
            raise refusal
        return number

    def refusal(self, number, stage):
        time.sleep(self.jitter.random() / 1000)
        if not self.refused(number, stage):
            return None
        with self.lock:
            self.on_their_way.discard(number)
        return BadInput(f"{number} in {stage}")

    def all_of(self, number):
        with ThreadPoolExecutor(8) as pool:
            return list(Stages(pool, self.read, self.predict, self.write).all_of(range(number), self.pixels))


def test_small_images_keep_their_order_and_fill_the_batches():
    watched = Watched()
    assert watched.all_of(100) == list(range(100))
    assert watched.batches == [EVALUATION_BATCH] * 6 + [4]
    assert watched.most[0] <= 5 * EVALUATION_BATCH


@pytest.mark.parametrize(
    ("pixels", "most"),
    [
        (lambda number: LARGEST, 1),
        (lambda number: LARGEST // 3, 3),
        (lambda number: 3 * LARGEST, 1),
        (lambda number: LARGEST if number % 20 == 7 else 1, 1 + 5 * EVALUATION_BATCH),
    ],
    ids=["the largest", "three of them", "too large", "a large one now and then"],
)
def test_all_stages_together_hold_no_more_pixels_than_the_largest_image_has(pixels, most):
    watched = Watched(pixels)
    assert watched.all_of(60) == list(range(60))
    images, held = watched.most
    assert images <= most
    assert held <= max(LARGEST, pixels(0))
    assert watched.on_their_way == set()


def test_images_of_which_twelve_fit_are_predicted_together():
    """A batch takes the time of a full one, whatever it holds."""
    watched = Watched(lambda number: LARGEST // 12)
    assert watched.all_of(120) == list(range(120))
    assert watched.batches == [12] * 10


def test_an_image_that_is_refused_in_a_stage_goes_no_further_and_makes_room():
    stages = {5: "read", 17: "predict", 40: "write"}
    watched = Watched(lambda number: LARGEST // 2, lambda number, stage: stages.get(number) == stage)
    got = watched.all_of(50)
    assert [each for each in got if not isinstance(each, BadInput)] == [n for n in range(50) if n not in stages]
    assert [str(each) for each in got if isinstance(each, BadInput)] == ["5 in read", "17 in predict", "40 in write"]
    assert watched.most[1] <= LARGEST


def test_a_refusal_does_not_keep_its_image_in_memory():
    images = []

    def read(number):
        image = np.zeros(10)
        images.append(weakref.ref(image))
        try:
            raise ValueError("damaged")
        except ValueError as error:
            raise BadInput(f"{number}") from error

    with ThreadPoolExecutor(1) as pool:
        (refusal,) = Stages(pool, read, list, str).all_of([1], lambda number: 1)
    assert str(refusal) == "1"
    assert images[0]() is None
