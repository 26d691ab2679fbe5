"""What D and G minimise, by name. Logits of real and of generated samples (S, B) -> a loss for each run (S,)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def saturating_d(real: Tensor, generated: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z))), with D the sigmoid of the logit."""
    return softplus(-real).mean(dim=1) + softplus(generated).mean(dim=1)


def minimax_g(generated: Tensor) -> Tensor:
    """E log(1 - D(G(z))): the game's own value, flat where D is sure."""
    return -softplus(generated).mean(dim=1)


def non_saturating_g(generated: Tensor) -> Tensor:
    """-E log D(G(z)): steep where D is sure."""
    return softplus(-generated).mean(dim=1)


def wasserstein_d(real: Tensor, generated: Tensor) -> Tensor:
    """E D(G(z)) - E D(x); needs a bounded slope of D, which the gradient penalty sees to."""
    return generated.mean(dim=1) - real.mean(dim=1)


def hinge_d(real: Tensor, generated: Tensor) -> Tensor:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))."""
    return (1 - real).relu().mean(dim=1) + (1 + generated).relu().mean(dim=1)


def linear_g(generated: Tensor) -> Tensor:
    """-E D(G(z)), of both Wasserstein and hinge."""
    return -generated.mean(dim=1)


LOSSES = {
    "non-saturating": (saturating_d, non_saturating_g),
    "minimax": (saturating_d, minimax_g),
    "wgan-gp": (wasserstein_d, linear_g),
    "hinge": (hinge_d, linear_g),
}
"""Name -> what D minimises, what G minimises."""
