"""What a training spends its seconds on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import keras


class Stopwatch(keras.callbacks.Callback):
    """Adds up the seconds of a training by kind of work. A kind lasts from `begin` until the next one begins.

    starting: until the first step: the network, an earlier state, and the data for the device.
    steps: training steps, with the time that they wait for images.
    compiling: as JAX measures it. Elsewhere it is the first step and the first batch of a validation, less the second
        ones; what an evaluation compiles, or the smaller last batch, is not known and stays where it is.
    saving: what the training waits for after an epoch and at its end: weights, state, log, curves and pictures.
    evaluating: validation after each epoch, and the evaluation at the end.
    comparing: the values of all definitions, from the counts of the images.

    It is a callback that comes first. Its numbers are public, so that `Resumable` saves them, if it is among its
    `others`, and a resumed training goes on counting.
    """

    def __init__(self):
        super().__init__()
        self.starting = self.steps = self.compiling = self.saving = self.evaluating = self.comparing = 0.0
        self._kind, self._since = "starting", time.perf_counter()
        # Not public: a state that is restored in "starting" must not take the place of what was compiled before.
        self._compiled = 0.0
        # On TensorFlow and PyTorch: when the last step or batch began, and the first two durations by kind.
        self._called: float | None = None
        self._took: dict[str, list[float]] = {}
        self._spans: list[tuple[float, float]] = []

    def begin(self, kind: str) -> None:
        now = time.perf_counter()
        self._end_call(now)
        self._add(self._kind, now - self._since - self._compiled)
        self._add("compiling", self._compiled)
        self._kind, self._since, self._compiled = kind, now, 0.0

    def seconds(self) -> dict[str, float]:
        """By kind, until now."""
        self.begin(self._kind)
        kinds = "steps", "compiling", "starting", "saving", "evaluating", "comparing"
        return {kind: round(max(0.0, getattr(self, kind)), 2) for kind in kinds}

    def note_span(self, event: str, start: float, end: float, **about: object) -> None:
        """What JAX calls after it has measured something: tracing a function, lowering or compiling it, in seconds
        since 1970. A function that is traced within another one counts once."""
        if event.startswith("/jax/core/compile/"):
            within = [span for span in self._spans if span[0] >= start]
            self._spans = [span for span in self._spans if span[0] < start] + [(start, end)]
            self._compiled += end - start - sum(last - first for first, last in within)

    def on_epoch_begin(self, epoch, logs=None):
        self.begin("steps")

    def on_train_batch_begin(self, batch, logs=None):
        self._begin_call()

    def on_test_begin(self, logs=None):
        self.begin("evaluating")

    def on_test_batch_begin(self, batch, logs=None):
        self._begin_call()

    def on_epoch_end(self, epoch, logs=None):
        self.begin("saving")

    def _begin_call(self) -> None:
        """A step or a batch begins, and the one before has ended. It is not Keras that says when one ends: on
        TensorFlow it says so late and in another thread."""
        if keras.backend.backend() != "jax":
            now = time.perf_counter()
            self._end_call(now)
            self._called = now

    def _end_call(self, now: float) -> None:
        """The first call of a function compiles it, the second one does not."""
        took = self._took.setdefault(self._kind, [])
        if self._called is not None and len(took) < 2:
            took.append(now - self._called)
            if len(took) == 2:
                self._compiled += max(0.0, took[0] - took[1])
        self._called = None

    def _add(self, kind: str, seconds: float) -> None:
        setattr(self, kind, getattr(self, kind) + seconds)


@contextmanager
def started() -> Iterator[Stopwatch]:
    """One that counts from now on, with what JAX says of compiling until the end of this context."""
    clock = Stopwatch()
    if keras.backend.backend() != "jax":
        yield clock
        return
    from jax import monitoring

    monitoring.register_event_time_span_listener(clock.note_span)
    try:
        yield clock
    finally:
        monitoring.unregister_event_time_span_listener(clock.note_span)
