"""What moves a deep linear network and what must not move, as functions of its layers (Jing et al. 2022, arXiv:2110.09348).

W_1 … W_L are the layers (…, L, d, d), W = W_L … W_1 their product, and X (…, d, d) the symmetric matrix by which the loss moves
it: gradient flow of a single layer is dW/dt = W X, with X the spread of the data less that of the augmentation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.layer_alignment import separated

ALIGNED = 0.95  # of |A_kk|: so far a direction of one layer is that of the next one
SLIGHT = 0.02  # of the largest |eigenvalue| of X: nearer to 0 an X averaged over a few batches has no sign


def negative(matrix: Tensor) -> int:
    """How many eigenvalues of X (d, d) are below 0: as long as X stays what it is, so many directions die (Theorem 1)."""
    lam = torch.linalg.eigvalsh(matrix)
    return int((lam < -SLIGHT * lam.abs().max()).sum())


def fates(product: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """What X (d, d) said of each right singular vector v of W (d, d), v.Xv (d,), and W's singular values, descending (d,).

    While X stays what it is, |W v| of a single layer's eigenvector v grows as exp(v.Xv t): below 0 it dies.
    """
    _, sigma, vh = torch.linalg.svd(product)
    return ((vh @ matrix) * vh).sum(-1), sigma


def growth(layers: Tensor, matrix: Tensor) -> Tensor:
    """d sigma_1^k / dt = (prod_l sigma_l^k)^2 / sigma_1^k (v_1^k . X v_1^k), (…, d), if adjacent layers are aligned.

    Of layers (…, L, d, d) and X (…, d, d). Theorem 3 for L = 2, sigma_1 (sigma_2)^2 v.Xv; exact for L = 1, sigma v.Xv.
    """
    sigma: Tensor = torch.linalg.svdvals(layers)  # (…, L, d)
    _, _, vh = torch.linalg.svd(layers[..., 0, :, :])
    forms: Tensor = ((vh @ matrix) * vh).sum(-1)  # (…, d), v . X v
    others = sigma[..., 1:, :].prod(-2)
    return sigma[..., 0, :] * others.square() * forms


def grown(layers: Tensor, matrix: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
    """Growth of the first layer's singular values over F - 1 spans, measured and by `growth`, (n,) each.

    layers (F, L, d, d) at times (F,); X (F - 1, d, d), its mean over each span; `growth` is the mean of those at both ends. Of
    n spans and directions in which adjacent layers meet at both ends, as Theorem 3 wants them.
    """
    sigma, met = torch.linalg.svdvals(layers[:, 0]), meeting(layers)  # (F, d) each
    measured = sigma.diff(dim=0) / time.diff().unsqueeze(1)  # (F - 1, d)
    expected = (growth(layers[:-1], matrix) + growth(layers[1:], matrix)) / 2
    both = met[:-1] & met[1:]
    return measured[both], expected[both]


def meeting(layers: Tensor) -> Tensor:
    """(F, d) bool of layers (F, L, d, d): singular values distinct in every layer, and |A_kk| above ALIGNED of all A = V^T U."""
    u, sigma, vh = torch.linalg.svd(layers)
    distinct = (
        torch.stack([separated(singular_values) for singular_values in sigma.flatten(0, 1)])
        .view(sigma.shape)
        .all(1)
    )
    met: Tensor = (vh[:, 1:] @ u[:, :-1]).diagonal(dim1=-2, dim2=-1).abs() > ALIGNED  # (F, L - 1, d)
    return distinct & met.all(1)


def conserved(layers: Tensor) -> Tensor:
    """Q_l = W_l W_l^T - W_l+1^T W_l+1 (…, L - 1, d, d) of layers (…, L, d, d): gradient flow never changes it."""
    lower, upper = layers[..., :-1, :, :], layers[..., 1:, :, :]
    return lower @ lower.mT - upper.mT @ upper


def gap(lam: Tensor) -> float:
    """Mean log of the first half of eigenvalues (d,), descending, less that of the others, in nats.

    Below float64's rounding of the largest they count as that.
    """
    logs, half = lam.clamp_min(float(lam[0]) * torch.finfo(lam.dtype).eps).log(), len(lam) // 2
    return float(logs[:half].mean() - logs[half:].mean())
