"""python -m collapse_cli"""

import os
import sys

from collapse_cli.cli import main

STOPPED = (75, 130, 143)  # exit codes of what somebody wants to be over


def end(code: int) -> None:
    """After a stop at once: what Python tidies up at the end takes torch more than a second."""
    if code in STOPPED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    end(main())
