"""What the reproductions share: data, training, evidence, command line. Names no paper."""

import os

__version__ = "0.1.0"

# Keras takes layout, precision and limits from a file in the home folder and from these, also in processes that import
# it first. The code says itself what it needs: a person's settings for other work must not change a number, and a home
# that can't be written to must not matter. No file can be below the null device, so that Keras finds and leaves none.
os.environ["KERAS_HOME"] = os.devnull
for _limit in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS"):
    os.environ.pop(_limit, None)
