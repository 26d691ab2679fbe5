"""What `collapse --help` costs beside the help of a two-command Typer program: python tests/benchmarks/help.py [PAIRS]

Each run is a whole process. The two programs alternate, and each pair swaps which comes first, so that other work on the
machine meets both alike. Printed are the medians in milliseconds of a clock and of the processor (user + system), and the
median ratio of the pairs with its quartiles. The goal is a ratio of at most 1.3.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PAIRS = 40
TWO_COMMANDS = '''"""Two commands that greet."""

import typer

app = typer.Typer()


@app.command()
def hello(name: str) -> None:
    """Say hello."""
    print(f"Hello {name}")


@app.command()
def goodbye(name: str, formal: bool = False) -> None:
    """Say goodbye."""
    print(f"Goodbye {name}")


if __name__ == "__main__":
    app()
'''


class Cost(NamedTuple):
    """Milliseconds of one process."""

    clock: float
    processor: float


def cost(*arguments: str) -> Cost:
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments, "--help"], stdout=subprocess.DEVNULL, check=True)
    clock, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(1000 * clock, 1000 * used)


def measure(pairs: int) -> tuple[list[Cost], list[Cost]]:
    """The costs of `collapse --help` and of the two-command program, pair by pair, after one of each to warm up."""
    with tempfile.TemporaryDirectory() as folder:
        two = Path(folder) / "two.py"
        two.write_text(TWO_COMMANDS)
        programs = (("-m", "collapse_cli"), (str(two),))
        costs: tuple[list[Cost], list[Cost]] = ([], [])
        for pair in range(-1, pairs):
            for which in (0, 1) if pair % 2 else (1, 0):
                spent = cost(*programs[which])
                if pair >= 0:
                    costs[which].append(spent)
    return costs


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    ours, theirs = measure(pairs)
    print(f"{pairs} pairs\n{'':12s}{'collapse':>10s}{'Typer':>10s}{'ratio':>8s}   quartiles")
    for at, name in enumerate(Cost._fields):
        left, right = [spent[at] for spent in ours], [spent[at] for spent in theirs]
        low, middle, high = statistics.quantiles([a / b for a, b in zip(left, right, strict=True)], n=4)
        print(
            f"{name:12s}{statistics.median(left):7.0f} ms{statistics.median(right):7.0f} ms"
            f"{middle:8.2f}   {low:.2f} to {high:.2f}"
        )


if __name__ == "__main__":
    main()
