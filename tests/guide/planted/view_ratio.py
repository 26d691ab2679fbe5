"""Planted cases of `view_ratio`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.ranks import entropy_rank
from collapse_cli.metrics.view_ratio import ViewRatio, measure
from tests.guide.planted_cases import curve, equal_shares, gaussian, null, panels, seeded, table_of

N, D = 500, 64
COLUMNS = ("embeddings of two views", "`view_ratio`", "`intraclass`")

Views = tuple[Tensor, Tensor]


def table() -> str:
    generator = seeded()
    flat = rows(D, generator)
    few = rows(4, generator)
    plane = torch.linalg.qr(torch.randn(D, 4, generator=generator, dtype=torch.float64)).Q
    own = [0.5 * torch.randn(N, 4, generator=generator, dtype=torch.float64) / 2 @ plane.T for _ in range(2)]
    cases: dict[str, Views] = {
        "images differ twice as much as their views": seen(flat, 0.5, generator),
        "the same, 1,000 times smaller, an offset of 1 added": shrunk(seen(flat, 0.5, generator)),
        "images differ as much as their views": seen(flat, 1.0, generator),
        "images differ half as much as their views": seen(flat, 2.0, generator),
        "the views forget the image": seen(0 * flat, 1.0, generator),
        "both views are the image itself": (flat, flat),
        "images and views in 4 of 64 dimensions": (few_in(plane, few) + own[0], few_in(plane, few) + own[1]),
        "the views forget the image, but for a coordinate 3 times as long": agreed(generator, 3.0),
    }
    return table_of(COLUMNS, ((name, *numbers(measure(views))) for name, views in cases.items()))


def rows(d: int, generator: Generator) -> Tensor:
    """Isotropic rows (N,d), of length 1 on average."""
    return gaussian(equal_shares(d, d), N, generator)


def seen(images: Tensor, strength: float, generator: Generator) -> Views:
    return images + strength * rows(D, generator), images + strength * rows(D, generator)


def shrunk(views: Views) -> Views:
    first, second = views
    return first / 1000 + 1, second / 1000 + 1


def few_in(plane: Tensor, few: Tensor) -> Tensor:
    """Rows (N,4) in the space of all dimensions."""
    return few @ plane.T


def agreed(generator: Generator, length: float) -> Views:
    """Views that share one coordinate alone, of this standard deviation."""
    images = torch.zeros(N, D, dtype=torch.float64)
    images[:, 0] = length * torch.randn(N, generator=generator, dtype=torch.float64)
    return seen(images, 1.0, generator)


def numbers(result: ViewRatio) -> list[str]:
    ratio, share = float(result.view_ratio), float(result.intraclass)
    return ["∞" if ratio == float("inf") else f"{round(ratio, 2) + 0.0:.2f}", f"{round(share, 2) + 0.0:.2f}"]


def figure() -> Figure:
    """The intraclass correlation as views grow stronger, as dimensions are lost, and as one shared coordinate grows."""
    result, (strong, rank, shared) = panels(3)
    generator = seeded()
    flat = rows(D, generator)
    strengths, ranks, lengths = (
        (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
        (1, 2, 4, 8, 16, 32, 64),
        (0.0, 1.0, 2.0, 3.0, 5.0),
    )
    curve(
        strong,
        strengths,
        [share(seen(flat, each, generator)) for each in strengths],
        0,
        "intraclass correlation",
    )
    low = [gaussian(equal_shares(D, each), 3 * N, generator).split(N) for each in ranks]
    views = [(image + 0.5 * first, image + 0.5 * second) for image, first, second in low]
    curve(rank, ranks, [share(each) for each in views], 0, "intraclass correlation")
    curve(rank, ranks, [effective(first) / D for first, _ in views], 1, "effective rank / 64")
    curve(shared, lengths, [share(agreed(generator, each)) for each in lengths], 0, "intraclass correlation")
    strong.set(title="Stronger views", xlabel="how far views differ, over images")
    strong.set_xscale("log")
    rank.set(title="Lost dimensions", xlabel=f"dimensions with variance, of {D}")
    rank.set_xscale("log", base=2)
    rank.set_xticks(ranks, list(map(str, ranks)))
    shared.set(title="A single shared coordinate", xlabel="its standard deviation")
    for axes in (strong, rank, shared):
        axes.set_ylim(-0.05, 1.05)
        null(axes, 0.0)
        axes.minorticks_off()
    result.legend(*rank.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return result


def share(views: Views) -> float:
    return float(measure(views).intraclass)


def effective(embeddings: Tensor) -> float:
    """exp of the entropy of the eigenvalues of the covariance."""
    return entropy_rank(torch.linalg.eigvalsh(embeddings.T.cov()).clamp_min(0).flip(0))
