"""python -m collapse_cli, and the command `collapse`: Ctrl-C is heard before anything large is imported."""

import os
import sys

from collapse_cli import interrupts


def main() -> int:
    """Run the command line of this process; its exit code."""
    interrupts.listen()
    try:
        _open_closed()
        from collapse_cli.cli import main as run

        code = run()
    except KeyboardInterrupt:
        interrupts.leave()
        raise
    interrupts.over(code)
    return code


def _open_closed() -> None:
    """Where stdin, stdout or stderr is closed, no file that is opened later may get its number."""

    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    sys.exit(main())
