"""SGD, Adam and LARS. On the CPU they are torch's own functions, without the compiler that torch's classes load first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam as adam_of_torch
from torch.optim.sgd import sgd as sgd_of_torch

from collapse_cli.settings import Training

TRUST = 0.001  # eta of LARS, as in SimCLR
MOMENTUM = "momentum_buffer"
State = dict[str, Any]


class Rule(Protocol):
    """How weights move, given their gradients, at a learning rate; what it keeps of each is in its state, as torch names it."""

    def __call__(
        self,
        weights: list[Tensor],
        gradients: list[Tensor],
        states: list[State],
        lr: float,
        settings: Training,
    ) -> None: ...


class Optimizer:
    """What a training uses of `torch.optim.Optimizer`, with the same names and the same `state_dict`."""

    def __init__(self, parameters: Iterable[nn.Parameter], settings: Training) -> None:
        self.settings = settings
        self.rule = RULES[settings.optimizer]
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": settings.lr}]
        self.state: dict[nn.Parameter, State] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """No gradients, whatever is said: zeros would move weights by their momentum."""
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        moved = [each for each in self.param_groups[0]["params"] if each.grad is not None]
        states = [self.state.setdefault(each, {}) for each in moved]
        gradients = [each.grad for each in moved]
        self.rule(moved, gradients, states, self.param_groups[0]["lr"], self.settings)

    def state_dict(self) -> dict[str, Any]:
        parameters = self.param_groups[0]["params"]
        state = {place: self.state[each] for place, each in enumerate(parameters) if self.state.get(each)}
        return {
            "state": state,
            "param_groups": [{**self.param_groups[0], "params": list(range(len(parameters)))}],
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """What was kept of each parameter, on its device; the learning rate is set anew in every step."""
        parameters = self.param_groups[0]["params"]
        self.state = {
            parameters[place]: {
                name: value.to(parameters[place].device) if name != "step" and value is not None else value
                for name, value in state.items()
            }
            for place, state in saved["state"].items()
        }


def optimizer(parameters: Sequence[nn.Parameter], settings: Training) -> torch.optim.Optimizer | Optimizer:
    """That of the settings. On a GPU SGD and Adam are torch's, fused: one kernel for all weights."""
    if parameters[0].device.type != "cuda" or settings.optimizer == "lars":
        return Optimizer(parameters, settings)
    lr, decay, momentum = settings.lr, settings.weight_decay, settings.sgd_momentum
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, lr, weight_decay=decay, fused=True)
    return torch.optim.SGD(parameters, lr, momentum=momentum, weight_decay=decay, fused=True)


def _sgd(
    weights: list[Tensor], gradients: list[Tensor], states: list[State], lr: float, settings: Training
) -> None:
    buffers = [state.get(MOMENTUM) for state in states]
    sgd_of_torch(
        weights, gradients, buffers,
        weight_decay=settings.weight_decay, momentum=settings.sgd_momentum, lr=lr, dampening=0.0,
        nesterov=False, maximize=False,
    )  # fmt: skip
    if settings.sgd_momentum:
        for state, buffer in zip(states, buffers, strict=True):
            state[MOMENTUM] = buffer


def _adam(
    weights: list[Tensor], gradients: list[Tensor], states: list[State], lr: float, settings: Training
) -> None:
    for weight, state in zip(weights, states, strict=True):
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
    steps, means, squares = ([state[name] for state in states] for name in ("step", "exp_avg", "exp_avg_sq"))
    adam_of_torch(
        weights, gradients, means, squares, [], steps,
        amsgrad=False, beta1=0.9, beta2=0.999, lr=lr, weight_decay=settings.weight_decay, eps=1e-8, maximize=False,
    )  # fmt: skip


def _lars(
    weights: list[Tensor], gradients: list[Tensor], states: list[State], lr: float, settings: Training
) -> None:
    """v <- m v + lr (g + b w) eta |w| / (|g| + b |w|), w <- w - v, for each layer (You et al. 2017, algorithm 1).

    b: weight decay. Biases and batch norm, rows of numbers, are neither adapted nor decayed; nor is a layer of zeros or without
    a gradient adapted. No number is asked of the device.
    """
    for weight, gradient, state in zip(weights, gradients, states, strict=True):
        change = lr * gradient
        if weight.ndim > 1:
            size, decay = weight.norm(), settings.weight_decay
            slope = gradient.norm() + decay * size
            trust = torch.where((size > 0) & (slope > 0), TRUST * size / slope, torch.ones_like(size))
            change = (lr * trust) * (gradient + decay * weight)
        state[MOMENTUM] = settings.sgd_momentum * state[MOMENTUM] + change if MOMENTUM in state else change
        weight -= state[MOMENTUM]


RULES: dict[str, Rule] = {"sgd": _sgd, "adam": _adam, "lars": _lars}
