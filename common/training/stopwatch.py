"""Measures how the seconds of a training are spent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import keras


class Stopwatch(keras.callbacks.Callback):
    """Adds up the seconds of a training by kind of work. A kind of work lasts from its `begin` to the next `begin`.

    starting: everything before the first step: building the network, loading an earlier state, and moving the data to
        the device.
    steps: the training steps, including the time that they wait for images.
    compiling: as JAX measures it. On other backends it is an estimate: the time of the first training step and of the
        first validation batch, each less the time of the second one. Compiling for the evaluation at the end or for a
        smaller last batch is not measured there, and counts to its own kind.
    saving: the time that the training waits after an epoch and at its end for weights, state, log, curves and pictures.
    evaluating: the validation after each epoch, and the evaluation at the end.
    comparing: computing the values of all definitions from the counts of the images.

    This must be the first callback. If it is among the `others` of `Resumable`, a resumed training continues the
    counts: the attributes with the seconds are public, so that `Resumable` saves them.
    """

    def __init__(self):
        super().__init__()
        self.starting = self.steps = self.compiling = self.saving = self.evaluating = self.comparing = 0.0
        self._kind, self._since = "starting", time.perf_counter()
        # Private, so that restoring a state during "starting" does not overwrite what was compiled before.
        self._compiled = 0.0
        # On TensorFlow and PyTorch: the start of the latest step or batch, and the first two durations by kind of work.
        self._called: float | None = None
        self._took: dict[str, list[float]] = {}
        self._spans: list[tuple[float, float]] = []  # on JAX: start and end of what was compiled

    def begin(self, kind: str) -> None:
        """Ends the current kind of work and begins this one."""
        now = time.perf_counter()
        self._end_call(now)
        self._add(self._kind, now - self._since - self._compiled)
        self._add("compiling", self._compiled)
        self._kind, self._since, self._compiled = kind, now, 0.0

    def seconds(self) -> dict[str, float]:
        """The seconds of each kind of work until now."""
        self.begin(self._kind)
        kinds = "steps", "compiling", "starting", "saving", "evaluating", "comparing"
        return {kind: round(max(0.0, getattr(self, kind)), 2) for kind in kinds}

    def note_span(self, event: str, start: float, end: float, **about: object) -> None:
        """Adds a span of time to "compiling". JAX calls this after it has traced, lowered or compiled a function.
        start, end: seconds since 1970. A span within another one is counted once."""
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
        """Notes that a step or batch begins, and that the one before has ended. Keras' own callback for the end of a
        batch is not used: on TensorFlow it comes late and in another thread."""
        if keras.backend.backend() != "jax":
            now = time.perf_counter()
            self._end_call(now)
            self._called = now

    def _end_call(self, now: float) -> None:
        """Ends a step or batch. The first one of its kind compiles a function and the second does not, so the
        difference of their times is counted as "compiling"."""
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
    """Yields a stopwatch that runs from now on. On JAX it hears of compiling until the end of this context."""
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
