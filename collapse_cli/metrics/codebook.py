"""How a codebook is used (VQ-VAE, residual quantisers, wav2vec 2.0, FSQ): perplexity, dead codes, usage."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.layout import Table
from collapse_cli.metrics import codebook_uniform as uniform
from collapse_cli.metrics.codebook_counts import Block, Counts, counted
from collapse_cli.metrics.codebook_entropy import NEVER, Entropy, Unseen, entropy
from collapse_cli.metrics.probe import wilson
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured

MOST_DRAWS = 0.95
"""Of the draws, by which the codes are counted that carry a codebook."""

FAINT = 0.1
"""Of an equal share 1/K: an unused code with less than this counts as dead at the lower end of the interval."""

NORMAL = 1.96
POINTS = 256  # of a curve
UNIFORM = "uniform"
CORRECTED = "exp of the entropy, bias of few draws corrected (Chao, Wang and Jost 2013)"


@dataclass(frozen=True)
class Codebook:
    """Use of a codebook."""

    TABLE = Table(
        order=("perplexity", "codes_95", "unused", "dead", "largest_share", "bits", "plug_in", "bias", "draws"),
        json_only=("size", "rows"),
    )  # fmt: skip

    size: int = number("codes that the codebook has, K", label="size")
    draws: int = number("codes that were counted, N", label="draws")
    rows: int = number("rows that these are of")
    effective_draws: float = number(
        "independent draws that tell as much: N over the design effect of codes that repeat within rows", label="effective draws",
        low=1,
    )  # fmt: skip
    perplexity: float = number(
        "number of equally used codes that have this entropy; 1 where one code is drawn, K where all are drawn equally often",
        unit="codes", convention=CORRECTED, null=UNIFORM, headline=True, better="high", low=1,
    )  # fmt: skip
    bits: float = number(
        "entropy of the codes; log2 K at most",
        unit="bits",
        label="entropy",
        convention=CORRECTED,
        null=UNIFORM,
        low=0,
    )
    plug_in: float = number(
        "the same of the shares as they are, which grows with the number of draws; as codebooks are logged in training",
        unit="codes", label="perplexity, plug-in", convention="exp of the entropy, not corrected", null=UNIFORM, low=1,
    )  # fmt: skip
    bias: float = number(
        "how far the plug-in perplexity is from the corrected one, because so few codes were drawn", unit="codes",
        convention="plug-in less corrected", null=UNIFORM,
    )  # fmt: skip
    codes_95: int = number(
        "fewest codes that hold 95 % of the draws", unit="codes", label="codes for 95 %",
        convention="shares of codes as other draws have them (Good 1953)", null=UNIFORM, headline=True, better="high",
    )  # fmt: skip
    unused: int = number("codes that were not drawn", unit="codes", null=UNIFORM, headline=True, better="low")
    dead: int = number(
        "unused codes less those that more draws would reach", unit="codes", label="dead codes",
        convention="Chao 1984", interval="from the unused codes with less than a tenth of an equal share to all unused ones",
        null=UNIFORM, better="low",
    )  # fmt: skip
    largest_share: float = number(
        "share of the draws of the code that is drawn most often", unit="share", label="largest share",
        null=UNIFORM, interval="Wilson 95 %", better="low", low=0, high=1,
    )  # fmt: skip
    usage: Curve = curve(
        "share of the draws over an equal share 1/K, of every code from the most to the least used", x="code, by usage",
        y="share of the draws · K", label="usage", log="xy", null=UNIFORM, sketch=True, low=0,
    )  # fmt: skip
    carried: Curve = curve(
        "share of the draws that the most used codes hold together", x="most used codes", y="share of the draws",
        label="draws of the most used codes", null=UNIFORM, low=0, high=1,
    )  # fmt: skip


def codebook(blocks: Callable[[], Iterable[Block]], size: int) -> Codebook:
    """Codes of a codebook of `size` codes, K -> how it is used. blocks: gives them from the start, whenever it is called.

    Invariant to what the codes are called. Rows of several codes are groups. Raises CollapseError for K < 2 and for no codes.
    """
    if size < 2:
        raise CollapseError(
            f"a codebook of {size} codes cannot be told to collapse", "give its size K, 2 or more"
        )
    counts = counted(blocks(), size)
    return result(counts, entropy(counts, blocks()))


def result(counts: Counts, information: Entropy) -> Codebook:
    """The numbers of counted codes."""
    K, N, low_high = counts.size, counts.effective, information.interval
    ordered, expected = counts.counts.double().sort(descending=True).values, uniform.usage(N, K)  # (K,) each
    return Codebook(
        size=K,
        draws=counts.draws,
        rows=counts.rows,
        effective_draws=N,
        perplexity=Measured(math.exp(information.value), K, (math.exp(low_high[0]), math.exp(low_high[1]))),
        bits=Measured(
            information.value / math.log(2),
            math.log2(K),
            (low_high[0] / math.log(2), low_high[1] / math.log(2)),
        ),
        plug_in=Measured(math.exp(information.plug_in), math.exp(uniform.plug_in(N, K))),
        bias=Measured(
            math.exp(information.plug_in) - math.exp(information.value), math.exp(uniform.plug_in(N, K)) - K
        ),
        codes_95=_carrying(counts, N),  # type: ignore[arg-type]
        unused=Measured(K - counts.used, uniform.unused(N, K)),  # type: ignore[arg-type]
        dead=_dead(counts),  # type: ignore[arg-type]
        largest_share=_largest(ordered, expected, counts, N),
        usage=_usage(ordered, expected),
        carried=_carried(ordered, expected),
    )


def _carrying(counts: Counts, N: float) -> Measured:
    """Codes that hold 95 % of all draws there could be: the sets {drawn at least c times} and their shares among other draws.

    The draws of a code that also has c others are the expected share of the set that the others choose (Good 1953). The lower
    end is of the shares as they are, which choose the codes by the same draws, and both ends allow for the sampling of a share.
    """
    n = counts.counts[counts.counts > 0].double()
    others = n - (n / counts.rows_with[counts.counts > 0]).clamp(min=counts.repetition)  # without one row
    at, share = _by_times(n, others, counts.size)
    error = NORMAL * math.sqrt(MOST_DRAWS * (1 - MOST_DRAWS) / N)
    value, high = (_reaching(at, share, level) for level in (MOST_DRAWS, MOST_DRAWS + error))
    plain = n.sort(descending=True).values.cumsum(0) / counts.draws
    low = int((plain < MOST_DRAWS - error).sum()) + 1
    value = max(value, low)
    return Measured(value, math.ceil(MOST_DRAWS * counts.size), (low, max(high, value)))


def _by_times(n: Tensor, others: Tensor, K: int) -> tuple[Tensor, Tensor]:
    """Of codes (u,) drawn n times, and `others` without one row: sizes of the sets {drawn t times or more}, from 0 to K, and the
    share of the draws that the others put into each."""
    times = torch.unique(torch.cat([n, others[others > 0]])).flip(0)  # (t,)
    counted, held = n.sort().values, others.sort()
    beyond = n[held.indices].flip(0).cumsum(0)  # draws of the codes with the most others
    zero = torch.zeros(1, dtype=torch.float64)
    at = len(n) - torch.searchsorted(counted, times).double()
    share = torch.cat([zero, beyond])[len(n) - torch.searchsorted(held.values, times)] / n.sum()
    at, share = torch.cat([zero, at, zero + K]), torch.cat([zero, share, zero + 1])
    last = torch.cat(
        [at[1:] > at[:-1], torch.tensor([True])]
    )  # of equal sets the one with the greatest share
    return at[last], share[last]


def _reaching(at: Tensor, share: Tensor, level: float) -> int:
    """The number of codes, between those at which the share is known (ascending), that has this share, rounded up."""
    if level >= 1:
        return int(at[-1])
    place = int((share < level).sum())
    step = float(share[place] - share[place - 1])
    part = (level - float(share[place - 1])) / step if step > 0 else 1.0
    return max(math.ceil(float(at[place - 1] + part * (at[place] - at[place - 1])) - 1e-9), 1)


def _dead(counts: Counts) -> Measured:
    """Unused codes less those that Chao (1984) estimates to be drawn sooner or later; at most all unused ones are dead.

    The lower end: unused codes have at most the unseen mass together (Good 1953, its upper end at 95 %), and so many of them at
    most have FAINT of an equal share each.
    """
    unused, unseen = counts.size - counts.used, Unseen.of(counts)
    once, twice = unseen.once, unseen.twice
    alive = once**2 / (2 * twice) if twice else once * (once - 1) / 2
    each = max(unseen.mass * counts.draws / once, 1.0) if once else counts.repetition  # draws of one row
    mass = unseen.mass + (NORMAL * math.sqrt(once + 2 * twice) + NEVER) * each / counts.draws
    low = max(math.ceil(unused - mass * counts.size / FAINT), 0)
    return Measured(min(max(round(unused - alive), low), unused), 0, (low, unused))


def _largest(ordered: Tensor, expected: Tensor, counts: Counts, N: float) -> Measured:
    share = float(ordered[0]) / counts.draws
    return Measured(share, min(float(expected[0]) / N, 1.0), wilson(share * N, N))


def _usage(ordered: Tensor, expected: Tensor) -> Curve:
    places = _thinned(len(ordered))
    values, null = (part[places] * len(part) / part.sum() for part in (ordered, expected))
    return Curve(values.tolist(), x=(places + 1).tolist(), null=null.tolist())


def _carried(ordered: Tensor, expected: Tensor) -> Curve:
    places = _thinned(len(ordered))
    values, null = (part.cumsum(0)[places] / part.sum() for part in (ordered, expected))
    return Curve(values.tolist(), x=(places + 1).tolist(), null=null.tolist())


def _thinned(K: int) -> Tensor:
    """Places 0..K-1, all or about POINTS of them: half as dense as numbers, half as dense as their logarithms."""
    if K <= POINTS:
        return torch.arange(K)
    even = torch.linspace(0, K - 1, POINTS // 2, dtype=torch.float64)
    log = torch.logspace(0, math.log10(K), POINTS // 2, dtype=torch.float64) - 1
    places: Tensor = torch.unique(torch.cat([even, log]).round().long().clamp(0, K - 1))
    return places
