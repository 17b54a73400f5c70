"""Environments in which TensorFlow is not installed: real ones, with an interpreter of their own; and calls of them."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def packages(backend: str) -> Path | None:
    """The folder that holds a backend's own packages: that of this interpreter where it is installed beside the rest,
    else the one that `make` fills apart from it, `.venv/jax` or `.venv/torch`; None where there is neither."""
    places = Path(sysconfig.get_path("purelib")), Path(sys.prefix, backend)
    return next((place for place in places if (place / backend / "__init__.py").is_file()), None)


def without_tensorflow(folder: Path, backend: str | None) -> Path:
    """The interpreter of a new environment that has what this one has, except TensorFlow and this suite itself, and
    the packages of a backend. They are links: it takes less than a second, and no download."""
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for place in filter(None, (Path(sysconfig.get_path("purelib")), backend and packages(backend))):
        for entry in place.iterdir():
            name = entry.name.lower()
            hidden = name.startswith(("tensorflow", "breast_segmentation", "__")) or name.endswith(".pth")
            if not hidden and not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)
    return python


def compiled_programs(folder: Path) -> tuple[Counter[str], int]:
    """What JAX compiled in a process with JAX_DUMP_IR_TO=folder: by name, the programs that hold a convolution, which
    are those of a network; and the number of all others."""
    every = {path: path.read_text() for path in folder.glob("*.mlir")}
    networks = [path.name for path, text in every.items() if "stablehlo.convolution" in text]
    named = (re.fullmatch(r"jax_ir\d+_jit_(\w+)_compile\.mlir", name)[1] for name in networks)
    return Counter(named), len(every) - len(networks)


def ran(python: Path | str, backend: str | None, *words: str | Path) -> subprocess.CompletedProcess:
    settings = {name: value for name, value in os.environ.items() if name not in ("KERAS_BACKEND", "PYTHONPATH")}
    # What XLA would take minutes to optimise runs for seconds here.
    settings |= {"XLA_FLAGS": "--xla_backend_optimization_level=0"} | ({"KERAS_BACKEND": backend} if backend else {})
    command = [str(word) for word in (python, *words)]
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
