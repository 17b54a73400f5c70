"""All randomness comes from (seed, number of the training, epoch) and a purpose."""

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from common.seeds import derive
from common.training.callbacks import generators, reseed

WHO = st.tuples(
    st.integers(0, 2**32), st.integers(0, 1000), st.sampled_from(["weights", "batches"]), st.integers(0, 500)
)


@given(WHO, WHO)
def test_different_purposes_get_different_seeds_and_the_same_one_the_same(one, other):
    assert (derive(*one) == derive(*other)) == (one == other)
    assert 0 <= derive(*one) < 2**32


def network():
    inputs = keras.Input((6, 6, 2))
    inner = keras.Sequential([keras.layers.Conv2D(2, 1), keras.layers.SpatialDropout2D(0.5)])
    return keras.Model(inputs, keras.layers.Dropout(0.5)(inner(inputs)))


def test_dropout_in_nested_models_is_found():
    assert len(generators(network())) == 2


def test_dropout_depends_on_the_epoch_alone_and_not_on_what_ran_before():
    model, images = network(), np.ones((4, 6, 6, 2), "float32")

    def dropped(epoch, warm_up=0):
        for _ in range(warm_up):
            model(images, training=True)
        reseed(model, seed=0, number=0, epoch=epoch)
        return np.asarray(model(images, training=True))

    assert np.array_equal(dropped(3), dropped(3, warm_up=2))
    assert not np.array_equal(dropped(3), dropped(4))
