"""One training on several devices: each batch split over them, by `keras.distribution.DataParallel` on JAX.

JAX computes what one device would, on arrays that lie in parts on several. So what is computed of a whole batch stays
that: the statistics of batch normalisation, a Dice loss over the batch. The sums run in another order, which moves the
last bits and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras.distribution import TensorLayout

from common.errors import BadInput


def refuse_absent(number: int) -> None:
    """Raises BadInput for what this process can't split a batch over, whatever the paper."""
    if number < 1:
        raise BadInput(f"{number} devices: at least 1 is needed.")
    if number == 1:
        return
    if (backend := keras.backend.backend()) != "jax":
        raise BadInput(
            f"--devices {number} needs JAX, on which alone Keras splits a batch over devices; this is {backend}. "
            "Set KERAS_BACKEND=jax (`make install EXTRAS=jax-gpu` installs it)."
        )
    if number > len(there := keras.distribution.list_devices()):
        raise BadInput(
            f"--devices {number}: JAX has {len(there)} here ({', '.join(there)}). To try it on a CPU, "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={number} makes {number} of one."
        )


def refuse_uneven(number: int, batch_size: int) -> None:
    """Raises BadInput where the devices can't have an equal share of a full batch each."""
    if batch_size % number:
        even = [str(share) for share in range(1, batch_size + 1) if batch_size % share == 0]
        raise BadInput(f"--devices {number}: a batch of {batch_size} images is split evenly over {', '.join(even)}.")


@contextmanager
def split_over(number: int) -> Iterator[None]:
    """Networks that are built meanwhile compute on the first `number` devices. Raises BadInput as `refuse_absent`."""
    refuse_absent(number)
    if number == 1:
        yield
    else:
        with _Split(devices=keras.distribution.list_devices()[:number]).scope():
            yield


@contextmanager
def unsplit() -> Iterator[None]:
    """Meanwhile each device computes all: for a few images, called without being compiled, which can't be split."""
    current = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(current)


class _Split(keras.distribution.DataParallel):
    """Data parallel, also where the devices don't divide the batch: the last one of an epoch may be smaller.

    Keras splits a batch before it comes to the devices, where JAX allows equal parts alone, and splits every batch of
    an epoch as the first. Here a batch comes whole to each device, and what is split is what layers make of it: XLA
    then computes of a layer, and of all that follows from it, the own part alone, the parts of unequal size too.
    """

    def __init__(self, devices: list[str]):
        super().__init__(devices=devices)
        self._with_weights: set[str] = set()

    def get_data_layout(self, data_shape):
        return TensorLayout([None] * len(data_shape), self.device_mesh)

    def get_variable_layout(self, variable):
        self._with_weights.add(variable.path.rpartition("/")[0])
        return super().get_variable_layout(variable)

    def get_tensor_layout(self, path):
        # Layers without weights follow the others. A network is a layer too, but may give several outputs, in a
        # dictionary, to which Keras can't give a layout.
        if path.removesuffix("/output") in self._with_weights:
            return TensorLayout([self.batch_dim_name], self.device_mesh)
        return None
