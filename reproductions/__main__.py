"""Makes `python -m reproductions` the `repro` command. It also works in a checkout that is not installed."""

import sys


def _run() -> None:
    try:
        from common.cli import main

        main()
    except ModuleNotFoundError as missing:
        from common.errors import not_installed
        from common.text import print_line

        if (message := not_installed(missing)) is None:
            raise
        for line in message.lines:
            print_line(line, sys.stderr)
        sys.exit(2)


if __name__ == "__main__":  # and not in the processes that `--repeats-at-once` starts, which import this file
    _run()
