"""Cures of mode collapse, each as the formula that it adds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError, nearest

CURES = {
    "r1": ("gamma",),
    "pac": ("pack",),
    "unrolled": ("unroll",),
    "minibatch": (),
    "noise": ("noise",),
}
"""Name -> the settings that are its own."""

NEIGHBOURLY, DEPTH = 8, 4  # minibatch features of each sample, and dimensions in which each measures distance


def chosen(names: str) -> tuple[str, ...]:
    """`none`, or cures joined by + -> their names. Raises CollapseError for an unknown one."""
    cures = () if names == "none" else tuple(names.split("+"))
    for name in cures:
        if name == "none":
            raise CollapseError(
                f"--cure {names} joins none with a cure",
                "leave out none, or compare the two with a comma: none,r1",
            )
        if name not in CURES:
            raise CollapseError(f"there is no cure named '{name}'", nearest(name, ["none", *CURES]))
    return cures


def slope(logits: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Squared length of the gradient at each input (S, B, d) -> (S, B); of it one may take the gradient again."""
    inputs = inputs if inputs.requires_grad else inputs.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(logits(inputs).sum(), inputs, create_graph=True)
    return gradient.square().sum(dim=2)


def r1(logits: Callable[[Tensor], Tensor], real: Tensor, gamma: float) -> Tensor:
    """gamma/2 E |grad D(x)|^2 at real samples (Mescheder et al. 2018, arXiv:1801.04406) -> (S,)."""
    return gamma / 2 * slope(logits, real).mean(dim=1)


def gradient_penalty(
    logits: Callable[[Tensor], Tensor], real: Tensor, generated: Tensor, weight: float, between: Tensor
) -> Tensor:
    """weight E (|grad D(x^)| - 1)^2 at x^ = e x + (1 - e) G(z) (WGAN-GP, Gulrajani et al. 2017, arXiv:1704.00028) -> (S,).

    between: e, uniform in [0, 1], (S, B, 1).
    """
    lengths = (slope(logits, between * real + (1 - between) * generated) + 1e-12).sqrt()
    return weight * (lengths - 1).square().mean(dim=1)


def packed(samples: Tensor, pack: int) -> Tensor:
    """(S, B*pack, d) -> (S, B, pack*d): D judges so many samples at once (PacGAN, Lin et al. 2018, arXiv:1712.04086)."""
    runs, count, dimensions = samples.shape
    return samples.reshape(runs, count // pack, pack * dimensions)


def company(features: Tensor, kernels: int = NEIGHBOURLY) -> Tensor:
    """o_b(x_i) = sum_j exp(-|M_ib - M_jb|_1) over the batch, itself left out (Salimans et al. 2016, arXiv:1606.03498).

    features: M, (S, B, kernels * depth) -> (S, B, kernels), between 0 and B-1.
    """
    each = torch.unflatten(features, 2, (kernels, -1)).transpose(1, 2)  # (S, kernels, B, depth)
    distance = (each.unsqueeze(3) - each.unsqueeze(2)).abs().sum(dim=4)  # (S, kernels, B, B)
    return ((-distance).exp().sum(dim=3) - 1).transpose(1, 2)
