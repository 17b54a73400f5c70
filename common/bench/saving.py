"""Measures how much of a training's time the saving of its state takes: `python -m common.bench.saving`.

The network is Paudel's at the paper's size, whose state of 834 MB is the largest of the papers. A step is artificially
cheap: no image passes through the network, only the optimizer changes every weight, as it does in a real step. Each
round is measured without and with the noting of each epoch's state, then the last state is written once. CPU time is
compared too, because other work on the machine disturbs it less.
"""

import argparse
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import keras

from common import papers
from common.cores import cores
from common.plural import counted
from common.text import print_line
from common.training import resume
from common.training.compiled import compiled
from common.training.network import Network


def timed_round(model: keras.Model, resumable: resume.Resumable | None, epochs: int, steps: int) -> tuple[float, float]:
    """The seconds and the CPU seconds (of all threads) of a step. Each epoch is the best so far, so its weights are
    noted too. resumable: notes the state after each epoch; None for no noting."""
    variables = model.trainable_variables
    started, cpu = time.perf_counter(), time.process_time()
    for epoch in range(epochs):
        if resumable:
            resumable.on_epoch_begin(epoch)
        for _ in range(steps):
            model.optimizer.apply([1e-9 * variable for variable in variables], variables)
        if resumable:
            resumable.on_epoch_end(epoch, {"loss": -epoch, "val_loss": -epoch})
    return (time.perf_counter() - started) / (epochs * steps), (time.process_time() - cpu) / (epochs * steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6, help="of a round")
    parser.add_argument("--steps", type=int, default=10, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filters", type=int, default=16, help="of Paudel's network; 16 is its own size")
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    asked = parser.parse_args()
    recipe = papers.load("paudel").recipe("paper").model_copy(update={"filters": asked.filters})
    model = compiled(Network.of_paper("paudel"), recipe, "float32", steps=1000)
    timed_round(model, None, 1, 2)  # the first steps take memory and compile
    plain, copied, written = [], [], []
    for number in range(asked.rounds):
        plain.append(timed_round(model, None, asked.epochs, asked.steps))
        with TemporaryDirectory(dir=asked.folder) as folder:
            resumable = resume.Resumable(Path(folder), best_epoch=lambda history: len(history["loss"]))
            resumable.set_model(model)
            write, resumable.writer = resumable.writer, _Keeps()
            copied.append(timed_round(model, resumable, asked.epochs, asked.steps))
            started, cpu = time.perf_counter(), time.process_time()
            write.put(resumable.writer.value)
            write.finish()
            written.append((time.perf_counter() - started, time.process_time() - cpu))
        (wall, cpu), (wall_copied, cpu_copied), (wall_written, cpu_written) = plain[-1], copied[-1], written[-1]
        print_line(
            f"round {number + 1}: a step {wall:.2f} s, {cpu:.2f} s of CPU; with noting {wall_copied:.2f} s, "
            f"{cpu_copied:.2f} s of CPU; a write {wall_written:.1f} s, {cpu_written:.1f} s of CPU"
        )
    noting = asked.steps * (median(cpu for _, cpu in copied) - median(cpu for _, cpu in plain))
    writing = median(cpu for _, cpu in written)
    print_line(f"noting the state of an epoch: {noting:.2f} s of CPU")
    print_line(
        f"writing it, in a thread: {writing:.1f} s of CPU; once a minute, "
        f"{100 * writing / resume.PAUSE / cores():.1f} % of {counted(cores(), 'core')}"
    )


class _Keeps:
    """Takes the place of the writer, and only keeps the newest state."""

    def put(self, value: resume.State) -> None:
        self.value = value


if __name__ == "__main__":
    main()
