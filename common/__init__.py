"""The code that all reproductions share: data, training, evidence and the command line. It names no paper."""

import os

__version__ = "0.1.0"

# Keras reads settings, such as the layout of images and the precision, from a file in the home folder and from these
# environment variables. A person's settings for other work must not change a number here, and a home folder that can't
# be written to must not matter. No file can exist below the null device, so Keras finds no settings there and writes
# none. The variables also reach the processes that this one starts.
os.environ["KERAS_HOME"] = os.devnull
for _limit in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS"):
    os.environ.pop(_limit, None)
