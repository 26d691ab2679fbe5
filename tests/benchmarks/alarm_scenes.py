"""The trainings that the alarm is tuned and tested on: which method, which settings, and what is changed at which step.

`alarm_table.scenes` lists those of "tune", "test", "fresh" and "last", which share no seed and no training: each has networks,
learning rates and most amounts of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import attraction
from collapse_cli.methods import Method
from collapse_cli.settings import Training
from collapse_cli.shapes import Batch


@dataclass(frozen=True)
class Scene:
    """One training. group: late, start, scale, rank, nan, slow (planted); healthy, transient, harmless, small (not planted).

    change: its name in CHANGES, made before step `switch` + 1 with `amount`; "" where nothing changes.
    """

    group: str
    method: str
    settings: dict[str, Any]
    steps: int
    seed: int
    switch: int = 0
    change: str = ""
    amount: float = 0.0

    @property
    def name(self) -> str:
        given = "-".join(
            f"{key}={value}" for key, value in sorted(self.settings.items()) if key != "optimizer"
        )
        return f"{self.group}_{self.method}_{self.change or 'none'}{self.amount:g}_{given}_{self.seed}"


@dataclass
class Loop:
    """A training under way, which a change reaches into. z: projections of the last step's first and second views."""

    method: Any
    optimizer: Any
    training: Training
    loss: Callable[[Batch], Tensor]
    rate: float
    generator: torch.Generator
    z: list[Tensor]


def both(loop: Loop, batch: Batch) -> tuple[Tensor, Tensor]:
    method: Method = loop.method
    return method.projector(method.encoder(batch.first)), method.projector(method.encoder(batch.second))


def positives_alone(loop: Loop, amount: float) -> None:
    """Only views of one image attract; no negatives, no stop-gradient."""

    def loss(batch: Batch) -> Tensor:
        first, second = both(loop, batch)
        return amount * attraction(normalize(first.float(), dim=1), normalize(second.float(), dim=1))

    loop.loss = loss


def setting(name: str) -> Callable[[Loop, float], None]:
    """The method's own setting of that name becomes the amount."""

    def change(loop: Loop, amount: float) -> None:
        value = bool(amount) if isinstance(getattr(loop.method.settings, name), bool) else amount
        loop.method.settings = replace(loop.method.settings, **{name: value})

    return change


def no_stop_gradient(loop: Loop, amount: float) -> None:
    setting("stop_gradient")(loop, 0)
    if hasattr(loop.method, "target"):
        loop.method.target = None


def no_predictor(loop: Loop, amount: float) -> None:
    loop.method.predictor = nn.Identity()


def added(term: Callable[[Tensor, float], Tensor]) -> Callable[[Loop, float], None]:
    """`amount` times a term of the z of the first and the second views is added to the loss."""

    def change(loop: Loop, amount: float) -> None:
        before, batches = loop.loss, loop.z
        torch.manual_seed(7)
        direction = torch.randn(512)

        def loss(batch: Batch) -> Tensor:
            own = before(batch)
            rows = torch.cat([rows for rows in batches if rows.requires_grad])  # (B,d) or (2B,d)
            return own + amount * term(rows, direction[: rows.shape[1]])

        loop.loss = loss

    return change


def toward(rows: Tensor, direction: Tensor) -> Tensor:
    """Mean squared distance to one far point."""
    return (rows - 10 * normalize(direction, dim=0)).square().sum(dim=1).mean()


def lengths(rows: Tensor, direction: Tensor) -> Tensor:
    return rows.square().sum(dim=1).mean()


def outside(rows: Tensor, direction: Tensor) -> Tensor:
    """The share of the squared length that lies outside of the first two coordinates."""
    return (rows[:, 2:].square().sum(dim=1) / rows.square().sum(dim=1).clamp_min(1e-12)).mean()


def weight_decay(loop: Loop, amount: float) -> None:
    loop.optimizer.settings = replace(loop.optimizer.settings, weight_decay=amount)


def rate(loop: Loop, amount: float) -> None:
    loop.rate *= amount


def temperature(loop: Loop, amount: float) -> None:
    loop.method.temperature = amount


def strength(loop: Loop, amount: float) -> None:
    loop.training = replace(loop.training, strength=amount)


def order(loop: Loop, amount: float) -> None:
    loop.generator.manual_seed(int(amount))


def last_layer(loop: Loop) -> nn.Linear:
    return [part for part in loop.method.projector.modules() if isinstance(part, nn.Linear)][-1]


@torch.no_grad()
def low_rank(loop: Loop, amount: float) -> None:
    """The projector's last layer keeps so many directions, and gradients leave them."""
    layer = last_layer(loop)
    basis = torch.linalg.qr(torch.randn(layer.out_features, int(amount), generator=loop.generator)).Q
    onto = basis @ basis.T  # (d,d)
    loop.method.projector.register_forward_hook(lambda module, given, z: z @ onto.to(z.dtype), prepend=True)


@torch.no_grad()
def not_a_number(loop: Loop, amount: float) -> None:
    last_layer(loop).weight[0, 0] = torch.nan


CHANGES: dict[str, Callable[[Loop, float], None]] = {
    "positives alone": positives_alone,
    "no stop-gradient": no_stop_gradient,
    "no predictor": no_predictor,
    "variance": setting("variance"),
    "covariance": setting("covariance"),
    "uniformity": setting("uniformity"),
    "alignment": setting("alignment"),
    "redundancy": setting("redundancy"),
    "momentum": setting("momentum"),
    "toward a point": added(toward),
    "lengths": added(lengths),
    "outside of a plane": added(outside),
    "weight decay": weight_decay,
    "rate": rate,
    "temperature": temperature,
    "strength": strength,
    "order": order,
    "low rank": low_rank,
    "not a number": not_a_number,
}
"""What may happen to a training: name -> a function that does it to the loop."""
