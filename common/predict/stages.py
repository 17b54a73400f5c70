"""Images on their way from files to results: read and written by threads while the network works, few at a time."""

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
    """Three stages, each with the images that are in it, the oldest first.

    read, write: of one image, called by threads of `pool`. predict: of up to EVALUATION_BATCH images that were read,
    called by the caller's thread; it gives one result for each. An image goes no further where read or write raises
    BadInput, or where predict gives one in place of its result.

    Memory: the images in all stages together have no more pixels than one image may have (LARGEST), or there is one.
    """

    def __init__(
        self,
        pool: Executor,
        read: Callable[[Item], Read],
        predict: Callable[[list[Read]], Iterable[Predicted | BadInput]],
        write: Callable[[Predicted], Line],
    ):
        self._pool, self._read, self._predict, self._write = pool, read, predict, write
        # Each image with its pixels: as a future while it is read or written.
        self._reading, self._batch, self._writing = deque(), [], deque()
        self._held = 0  # pixels

    def all_of(self, items: Iterable[Item], pixels: Callable[[Item], int]) -> Iterator[Line | BadInput]:
        """What `write` gives for each item, in their order, and the refusals. pixels: the size of an item that is not
        read yet."""
        for item in items:
            size = pixels(item)
            while (self._held and self._held + size > LARGEST) or len(self._reading) >= _READ_AHEAD:
                yield from self._go_on(more=True)
            self._held += size
            self._reading.append((self._pool.submit(self._read, item), size))
        while self._reading or self._batch or self._writing:
            yield from self._go_on(more=False)

    def _go_on(self, more: bool) -> Iterator[Line | BadInput]:
        """Takes one image, or a batch, a stage further; yields what leaves. more: whether other images wait to be
        read: then a batch that is not full waits for them as long as anything else makes room."""
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
        refusal.__cause__ = refusal.__context__ = None  # whose frames, and its own, would keep the image in memory
        return refusal.with_traceback(None)
