"""What tables and figures of planted cases are made with: rows whose truth is known, a table in Markdown, panels in one style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor
from torch.nn.functional import normalize

from collapse_cli.views import style

HEIGHT = 2.6  # inches of a panel


def seeded(seed: int = 0) -> Generator:
    """The generator that all rows of a table, or of a figure, are drawn of, one after the other."""
    return torch.Generator().manual_seed(seed)


def gaussian(lam: Tensor, n: int, generator: Generator) -> Tensor:
    """Rows (n,D), float64, whose covariance has these eigenvalues (D,), turned at random."""
    d = len(lam)
    frame = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64)).Q
    return torch.randn(n, d, generator=generator, dtype=torch.float64) * lam.double().sqrt() @ frame


def equal_shares(d: int, rank: int, rest: float = 0.0) -> Tensor:
    """Eigenvalues (d,) of sum 1: equal in `rank` directions; the others share `rest` of the variance."""
    lam = torch.full((d,), rest / max(d - rank, 1), dtype=torch.float64)
    lam[:rank] = (1 - rest if rank < d else 1.0) / rank
    return lam


def power_law(d: int, exponent: float = 1.0) -> Tensor:
    """Eigenvalues (d,) of sum 1, in proportion to 1/j^exponent."""
    lam = torch.arange(1, d + 1, dtype=torch.float64) ** -exponent
    return lam / lam.sum()


def direction(d: int, generator: Generator) -> Tensor:
    """(d,): a random one, of length 1."""
    return normalize(torch.randn(d, generator=generator, dtype=torch.float64), dim=0)


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """A table in Markdown; the first column is text, the others are numbers."""
    lines = [list(columns), ["---", *["---:"] * (len(columns) - 1)], *(list(map(str, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def panels(count: int, width: float = 8.4, height: float = HEIGHT) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels side by side. Call it, and draw, within `planted_pages.drawn_in_style`, as `figure()` is."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def curve(axes: Axes, x: Sequence[float], y: Sequence[float], place: int, label: str) -> None:
    """Values with a marker each, in the colour and shape of this place."""
    axes.plot(x, y, label=label, markersize=4, **style.line("result", place))


def null(axes: Axes, value: float, label: str = "null") -> None:
    """A dashed line at the null."""
    axes.axhline(value, label=label, **style.line("null", 0) | {"linewidth": 1.2})
