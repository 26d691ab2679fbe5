"""Two sets of rows, one generated to be like the other: precision, recall, density, coverage, and effective numbers.

Which set is which matters: `real` rows are what should be covered, `generated` ones what covers them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from collapse_cli.layout import Table
from collapse_cli.metrics.copies import counted
from collapse_cli.metrics.coverage_balls import BLOCKS, expected_coverage, prdc, statistics
from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import Error, raised
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.rows import broken
from collapse_cli.metrics.vendi import Distinct, distinct
from collapse_cli.results import number
from collapse_cli.values import Measured

BALLS = "Euclidean, strictly inside"
TWENTIETHS = "jackknife over twentieths, which tends to be too wide"
KERNEL = 1000  # rows at most whose kernel is a matrix of its own


@dataclass(frozen=True)
class Coverage:
    """Coverage of real embeddings by generated ones."""

    TABLE: ClassVar = Table(
        together={
            "embeddings, real / generated": ("real", "generated"),
            "distinct ones, real / generated": ("distinct_real", "distinct_generated"),
        },
        json_only=("k", "compared"),  # a setting, and the smaller of both numbers of embeddings
    )

    precision: float = number(
        "share of generated embeddings inside the ball of some real one: are they like real ones?",
        unit="share", convention=BALLS, interval=TWENTIETHS, null="halves of real", better="high", headline=True, low=0, high=1,
    )  # fmt: skip
    recall: float = number(
        "share of real embeddings inside the ball of some generated one: could they have been generated?",
        unit="share", convention=BALLS, interval=TWENTIETHS, null="halves of real", better="high", headline=True, low=0, high=1,
    )  # fmt: skip
    density: float = number(
        "balls of real embeddings that a generated embedding lies in, over k; above 1 where "
        "generated embeddings crowd where real ones are dense",
        convention=BALLS, interval=TWENTIETHS, null="same distribution", headline=True, low=0,
    )  # fmt: skip
    coverage: float = number(
        "share of real embeddings whose ball contains a generated one: a mode that is dropped is not covered",
        unit="share", convention=BALLS, interval=TWENTIETHS, null="same distribution", better="high", headline=True,
        low=0, high=1,
    )  # fmt: skip
    vendi_real: float = number(
        "effective number of distinct real embeddings: exp of the entropy of the kernel's "
        "eigenvalues (Friedman & Dieng 2023)",
        label="Vendi score, real", unit="rows", convention="as many rows of both sets", low=0,
    )  # fmt: skip
    vendi_generated: float = number(
        "effective number of distinct generated embeddings", label="Vendi score, generated", unit="rows", null="real",
        better="high",
        convention="as many rows of both sets", low=0,
    )  # fmt: skip
    vendi_ratio: float = number(
        "generated over real; below 1 the generated embeddings are less diverse", label="Vendi score, ratio",
        null="equally diverse", headline=True, low=0,
    )  # fmt: skip
    real: int = number("real embeddings, N", label="real embeddings")
    generated: int = number("generated embeddings, M", label="generated embeddings")
    shared: int = number(
        "generated embeddings that are copies of real ones: memorised, or in both sets",
        label="embeddings in both sets",
    )
    distinct_real: int = number(
        "real embeddings that differ; copies of an embedding have no ball of their own",
        label="distinct real embeddings",
    )
    distinct_generated: int = number(
        "generated embeddings that differ", label="distinct generated embeddings"
    )
    k: int = number(
        "a ball reaches to the k-th nearest other embedding of its own set", label="neighbours, k"
    )
    compared: int = number("embeddings of each set in the Vendi scores", label="embeddings in Vendi scores")


def coverage(
    real: Tensor, generated: Tensor, generator: Generator, k: int = 5, width: float | None = None
) -> Coverage:
    """All of it, of real (N,D) and generated (M,D), beside what generated rows of the same distribution would give.

    generator: blocks, halves and, for the Vendi scores, rows of the larger set are drawn of it. width: of their kernel.
    Balls are of distinct rows: a ball that reached to a copy would be empty, and hold nothing.
    Intervals: other rows of both sets, a twentieth left out at a time. Raises CollapseError as `prdc` does.
    """
    row_counts = len(real), len(generated)
    real, generated, shared = _distinct(real, generated)
    real_blocks, generated_blocks = _blocks(len(real), generator), _blocks(len(generated), generator)
    enough = min(len(real), len(generated)) >= 2 * k + BLOCKS
    overall, *without = statistics(real, generated, k, real_blocks, generated_blocks, BLOCKS if enough else 0)
    null, of = _chance(real, len(generated), k, generator), {"precision": len(generated), "density": 0}
    shares: dict[str, Any] = {}
    for name, value in vars(overall).items():
        interval = _interval(value, [getattr(rest, name) for rest in without], of.get(name, len(real)))
        shares[name] = Measured(value, null.get(name), interval)
    size = min(len(real), len(generated), *([] if width is None else [KERNEL]))
    of_real, of_generated = (distinct(_some(rows, size, generator), width) for rows in (real, generated))
    return Coverage(
        **shares, **_compared(of_real, of_generated), real=row_counts[0], generated=row_counts[1], k=k, compared=size,
        shared=shared, distinct_real=len(real), distinct_generated=len(generated),
    )  # fmt: skip


def _distinct(real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor, int]:
    """Both sets without copies within them, and how many of all generated rows are copies of real ones."""
    if real.shape[1:] != generated.shape[1:] or broken(real) or broken(generated):
        return real, generated, 0  # refused as what they are
    owner = counted(torch.cat([real, generated])).owner
    if owner is None:
        return real, generated, 0
    real_owner, generated_owner = owner[: len(real)], owner[len(real) :]
    return (
        real[_first(real_owner)],
        generated[_first(generated_owner)],
        int(torch.isin(generated_owner, real_owner).sum()),
    )


def _first(owner: Tensor) -> Tensor:
    """Places of the rows (N,) that come first among their copies, in order."""
    _, inverse = torch.unique(owner, return_inverse=True)
    places = torch.arange(len(owner))
    first = torch.full((int(inverse.max()) + 1,), len(owner)).scatter_reduce_(0, inverse, places, "amin")
    return first.sort().values


def _compared(real: Distinct, generated: Distinct) -> dict[str, Any]:
    """Both Vendi scores and their ratio; errors of independent sets add up on the scale of the logarithm."""
    ratio, interval = generated.value / real.value, None
    if real.error and generated.error:
        degrees = min(real.error.degrees, generated.error.degrees)
        both = Error(math.hypot(real.error.size, generated.error.size), degrees)
        low, high = both.around(math.log(ratio))
        interval = (raised(low), raised(high))
    return {
        "vendi_real": Measured(real.value, interval=real.interval),
        "vendi_generated": Measured(generated.value, real.value, generated.interval),
        "vendi_ratio": Measured(ratio, 1.0, interval),
    }


def _blocks(count: int, generator: Generator) -> Tensor:
    """(N,) the block of each row, at random and equally large."""
    return torch.randperm(count, generator=generator) % BLOCKS


def _some(rows: Tensor, size: int, generator: Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=generator)[:size].to(rows.device)]


def _chance(real: Tensor, generated: int, k: int, generator: Generator) -> dict[str, float]:
    """What generated rows of the real ones' distribution would give: exactly, or as one half of them is to the other."""
    half = len(real) // 2
    nulls = {"density": 1.0, "coverage": expected_coverage(len(real), generated, k)}
    if half <= k:
        return nulls
    order = torch.randperm(len(real), generator=generator).to(real.device)
    halves = prdc(real[order[:half]], real[order[half : 2 * half]], k)
    mean = (halves.precision + halves.recall) / 2  # each is the other's with the halves swapped
    return nulls | {"precision": mean, "recall": mean}


def _interval(value: float, without: list[float], rows: int) -> Interval | None:
    """From the values without each block, by the jackknife; of a share of `rows` rows Wilson's at least, for 0 is never sure."""
    if not without:
        return None
    mean = sum(without) / BLOCKS
    error = math.sqrt((BLOCKS - 1) / BLOCKS * sum((estimate - mean) ** 2 for estimate in without))
    low, high = Error(error, BLOCKS - 1).around(value)
    if not rows:
        return max(low, 0.0), high
    least, most = wilson(round(value * rows), rows)
    return max(min(low, least), 0.0), min(max(high, most), 1.0)
