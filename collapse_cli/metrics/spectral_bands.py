"""The interval of every eigenvalue of a spectrum: of its expectation at this N, on the scale of the logarithm.

The infinitesimal jackknife of `jackknife`, whose slopes are known here: a little more weight on row i moves lambda_k by
(v_k . x_i)^2 - lambda_k, in the mean over the eigenvalues that sampling does not tell apart. Two things are particular to it:

- What pairs of rows do together is not taken off. Eigenvalues side by side push each other apart, which narrows how much they
  vary; by how much cannot be told well enough, and intervals that take it off cover in 80 of 100 samples. So the intervals of
  nearly equal eigenvalues are too wide, twice in 32 dimensions and 2.5 times in 96; those of separate ones are as wide as they
  should be.
- lambda_k is what remains of the rows where k - 1 larger directions have taken their part: of N rows, N - k are left (Bartlett
  1951), and the variance of its logarithm grows by N / (N - k). Without it, the smallest at N = 1.2 D are covered in 55 of 100.

Where fewer than four are left an eigenvalue has no interval. The share of the variance that the first k directions hold has none
at all: the directions were chosen on the same rows, and the same way of reckoning covers it in 82 to 90 of 100 for N below 10 D.
"""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.intervals import Sample
from collapse_cli.metrics.jackknife import FEWEST, LEVEL, neighbours
from collapse_cli.metrics.rows import directions

Band = tuple[list[float], list[float]]
"""The lower and the upper ends of every value's interval; nan where there is none."""


def band(sample: Sample, mean: Tensor, lam: Tensor, vectors: Tensor) -> Band:
    """Of eigenvalues lam (D,) >= 0, descending, with vectors (D,D) in columns, of the covariance of unit rows with mean (D,)."""
    positive = int((lam > 0).sum())
    some, about = lam[:positive], directions(sample.rows) - mean
    pushes = sample.pushes((about @ vectors[:, :positive]).square(), some)  # (U, K)
    mixing, _ = neighbours(some, sample.worth)
    left = sample.worth - torch.arange(1, positive + 1).to(some)
    widths = _widths(sample, pushes @ mixing / some, left)
    low, high = (torch.nn.functional.pad(some * end.exp(), (0, len(lam) - positive), value=torch.nan)
                 for end in (-widths, widths))  # fmt: skip
    return low.tolist(), high.tolist()


def _widths(sample: Sample, influences: Tensor, left: Tensor) -> Tensor:
    """Half of each interval (K,), from influences (U,K) and how many degrees of freedom each number has left (K,).

    The degrees of the t: no more than those, nor than `jackknife.error_of` has; of groups, which may be few, one less than those.
    """
    from scipy.special import stdtrit

    weights, count = sample.weights, float(sample.weights.sum())
    squares = (influences - weights @ influences / count).square()
    variances = weights @ squares / count  # (K,)
    fourth = (squares / variances.clamp_min(torch.finfo(squares.dtype).tiny)).square()
    noise = (weights @ fourth / count - 1) / count + (weights * (weights - 1)) @ fourth / count**2
    free = sample.grouped.groups - 1 if sample.grouped else count
    degrees = torch.minimum((2 / noise.clamp_min(1e-9)).clamp_min(FEWEST).clamp_max(free), left)
    sizes = sample.unknown * (variances / free * sample.worth / left.clamp_min(1)).sqrt()
    t = torch.from_numpy(stdtrit(degrees.cpu().numpy(), (1 + LEVEL) / 2)).to(sizes)
    return torch.where(left >= FEWEST, sizes * t, torch.nan)
