"""Projectors g: representations h (B,D) -> projections z (B,d)."""

from __future__ import annotations

from torch import Tensor, nn


def head(
    inward: int, hidden: int, outward: int, layers: int, norm: bool, activation: str = "relu"
) -> nn.Module:
    """`layers` linear layers with ReLU between them: 0 hands h on, 1 is linear (MoCo v1), 2 the MLP of MoCo v2.

    norm: batch norm before each ReLU; activation: `none` leaves the ReLUs out, and the layers are one linear map.
    The last layer is bare: batch norm on z itself would hide complete collapse.
    """
    if layers == 0:
        return nn.Identity()
    widths = [inward, *[hidden] * (layers - 1), outward]
    between: list[nn.Module] = [nn.ReLU()] if activation == "relu" else []
    parts: list[nn.Module] = []
    for wide, narrow in zip(widths[:-2], widths[1:-1], strict=True):
        parts += [nn.Linear(wide, narrow), *([nn.BatchNorm1d(narrow)] if norm else []), *between]
    return nn.Sequential(*parts, nn.Linear(widths[-2], outward))


class FirstDimensions(nn.Module):
    """The projector that DirectCLR has instead of one: h (B,D) -> h[:, :d0] (B,d0)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, representations: Tensor) -> Tensor:
        return representations[:, : self.count]


def in_words(network: nn.Module) -> str:
    """Its layers in order: `Linear 512-128, ReLU, Linear 128-64`; `none` for an identity."""
    parts = [part for part in network.modules() if not list(part.children())]
    words = [
        f"Linear {part.in_features}-{part.out_features}"
        if isinstance(part, nn.Linear)
        else type(part).__name__
        for part in parts
    ]
    return "none" if words == ["Identity"] else ", ".join(words)
