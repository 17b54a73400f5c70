"""A pipeline that reads, predicts and writes many images: threads read and write while the network computes. Only a few
images are in memory at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, Generic, TypeVar

from common.data.open_image import LARGEST
from common.errors import BadInput
from common.training.evaluate import EVALUATION_BATCH

Item, Read, Predicted, Line = TypeVar("Item"), TypeVar("Read"), TypeVar("Predicted"), TypeVar("Line")

_READ_AHEAD = 2 * EVALUATION_BATCH


class Stages(Generic[Item, Read, Predicted, Line]):
    """Three stages: reading, predicting, writing. Each holds its images in their order, the oldest first.

    read, write: take one image. Threads of `pool` call them. An image is dropped if one of them raises BadInput.
    predict: takes up to EVALUATION_BATCH images that were read, and gives one result for each. The caller's thread
        calls it. An image is dropped if its result is a BadInput.

    Memory: all images in the pipeline together have at most LARGEST pixels. A larger image is in it alone.
    """

    def __init__(
        self,
        pool: Executor,
        read: Callable[[Item], Read],
        predict: Callable[[list[Read]], Iterable[Predicted | BadInput]],
        write: Callable[[Predicted], Line],
    ):
        self._pool, self._read, self._predict, self._write = pool, read, predict, write
        # Pairs of an image and its number of pixels. While an image is read or written, a future stands for it.
        self._reading, self._batch, self._writing = deque(), [], deque()
        self._held = 0  # pixels of all images in the pipeline

    def all_of(self, items: Iterable[Item], pixels: Callable[[Item], int]) -> Iterator[Line | BadInput]:
        """Yields the result of `write` for each item, in the order of the items. For a dropped item it yields the
        BadInput instead, perhaps before the results of earlier items. pixels: gives the number of pixels of an item
        before it is read."""
        for item in items:
            size = pixels(item)
            while (self._held and self._held + size > LARGEST) or len(self._reading) >= _READ_AHEAD:
                yield from self._go_on(more=True)
            self._held += size
            self._reading.append((self._pool.submit(self._read, item), size))
        while self._reading or self._batch or self._writing:
            yield from self._go_on(more=False)

    def _go_on(self, more: bool) -> Iterator[Line | BadInput]:
        """Moves one image, or one batch, to the next stage, and yields what leaves the pipeline. more: whether further
        items follow. If so, a batch that is not full is predicted only if nothing else can make room."""
        if len(self._batch) == EVALUATION_BATCH or (self._batch and not (self._reading or more)):
            yield from self._predict_batch()
        elif self._writing and (self._writing[0][0].done() or not self._reading):
            future, size = self._writing.popleft()
            self._held -= size
            yield _result_or_refusal(future)
        elif self._reading:
            future, size = self._reading.popleft()
            if isinstance(read := _result_or_refusal(future), BadInput):
                self._held -= size
                yield read
            else:
                self._batch.append((read, size))
        else:
            yield from self._predict_batch()

    def _predict_batch(self) -> Iterator[BadInput]:
        batch, self._batch = self._batch, []
        for predicted, (_, size) in zip(self._predict([read for read, _ in batch]), batch, strict=True):
            if isinstance(predicted, BadInput):
                self._held -= size
                yield predicted
            else:
                self._writing.append((self._pool.submit(self._write, predicted), size))


def _result_or_refusal(future: Future) -> Any:
    try:
        return future.result()
    except BadInput as refusal:
        # The stack frames of a traceback would keep the image in memory.
        refusal.__cause__ = refusal.__context__ = None
        return refusal.with_traceback(None)
