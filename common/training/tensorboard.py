"""The TensorBoard files of a training: its curves, and predictions on a few validation images.

tensorboardX writes them on every backend. This changes no result: no random numbers are drawn, and no weights of the
training are changed.
"""

import time
from pathlib import Path

import keras
import numpy as np
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import image, scalar

from common.data.batches import Batches
from common.data.prepare import Prepared
from common.evidence.boxes import PREDICTED, TRUTH, draw_outlines
from common.recipe import Recipe
from common.training.evaluate import Evaluated, predict_both

_EXAMPLES = 4  # images
_TIMES = 10  # about how often the examples are drawn in a training


class TensorBoard(keras.callbacks.Callback):
    """Writes the losses and metrics of each epoch into train/ and validation/ in `folder`. After the first epoch and
    about _TIMES later ones, also writes the first _EXAMPLES of the images at `positions`, with the outlines of the
    prediction (orange) and the ground truth (blue).

    evaluated: predicts the examples with the current weights. It is compiled for the evaluation anyway.
    """

    def __init__(self, folder: Path, prepared: Prepared, positions: np.ndarray, recipe: Recipe, evaluated: Evaluated):
        super().__init__()
        self.folder, self.epochs, self.evaluated = folder, recipe.epochs, evaluated
        chosen = positions[:_EXAMPLES]
        self.names = [prepared.cases[position].id for position in chosen]
        self.shown = [np.broadcast_to(prepared.images[p], (recipe.side, recipe.side, 3)) for p in chosen]
        self.truth = prepared.masks[chosen] >= 128
        self.images, _ = Batches(prepared, chosen, recipe, len(chosen), seed=None)[0]

    def on_train_begin(self, logs=None):
        # Not tensorboardX' SummaryWriter: it writes in a thread, and waits forever if the disk is full.
        self.writers = {}
        for part in ("train", "validation"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
            self.writers[part] = EventsWriter(str(self.folder / part / "events"))

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            part, name = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            self._write(part, scalar(name, value, display_name=name), epoch)
        if epoch == 0 or (epoch + 1) % max(1, self.epochs // _TIMES) == 0:
            for name, drawn in zip(self.names, self._examples(), strict=True):
                self._write("validation", image(f"examples/{name}", drawn, dataformats="HWC"), epoch)
        for writer in self.writers.values():
            writer.flush()

    def on_train_end(self, logs=None):
        for writer in self.writers.values():
            writer.close()

    def _examples(self) -> list[np.ndarray]:
        self.evaluated.take_weights(self.model)
        probabilities, _ = predict_both(self.evaluated.both, self.images)
        marked = probabilities.segmentation > 0.5
        return [
            draw_outlines(picture, (truth, TRUTH), (mask, PREDICTED))
            for picture, truth, mask in zip(self.shown, self.truth, marked, strict=True)
        ]

    def _write(self, part: str, summary: Summary, epoch: int) -> None:
        """Writes one event. Its step is the epoch, counted from 1."""
        self.writers[part].write_event(Event(summary=summary, step=epoch + 1, wall_time=time.time()))
