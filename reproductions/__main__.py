"""`python -m reproductions` is the `repro` command, from a checkout without installation too."""

import sys
from importlib.util import find_spec


def _run() -> None:
    try:
        from common.cli import main

        main()
    except ModuleNotFoundError as missing:
        if (missing.name or "common").partition(".")[0] in ("common", "reproductions"):
            raise
        # A host that has a backend for its GPU is spared another.
        what = "." if any(map(find_spec, ("tensorflow", "jax", "torch"))) else ".[cpu]"
        print(
            f"The Python package '{missing.name}' is not installed here. `make install` puts all that is needed into\n"
            f".venv; for this Python instead: {sys.executable} -m pip install -c constraints.txt -e '{what}'",
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":  # and not in the processes that `--repeats-at-once` starts, which import this file
    _run()
