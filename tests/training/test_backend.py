"""Loading Keras: what it would load without need stays out of the process, and can still be imported afterwards."""

import subprocess
import sys

SCRIPT = """
import sys
from common.training.backend import import_keras
import_keras()
print(*(name for name in ("IPython", "matplotlib", "pandas", "sklearn") if name in sys.modules))
import sklearn.model_selection
import_keras()
print(sklearn.model_selection.train_test_split.__name__)
"""


def test_keras_is_loaded_without_packages_that_the_suite_does_not_use():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["", "train_test_split", ""]
