"""Where a training stands: all that it takes, besides the method, to go on exactly where it stopped, also within an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor, nn

from collapse_cli.methods import Method
from collapse_cli.optimizers import Optimizer, optimizer
from collapse_cli.settings import Training


@dataclass
class Part:
    """What is done of an epoch: `step` of its `steps`, the sum of their losses (), and the seconds that they took.

    opening: the generator's state before it drew the order of the epoch's images, so that the order is drawn again, not stored.
    """

    opening: Tensor
    steps: int
    total: Tensor
    step: int = 0
    seconds: float = 0.0


@dataclass
class State:
    """What, besides the method, it takes to go on exactly where a run stopped.

    epoch: the number of passes done; taken: that of their steps.
    parameters: what is learned; saved: the optimizer's `state_dict`, whose tensors become its own; None before the first step.
    part: of the epoch under way; None between two epochs. generator: whenever `train` gives control away, after an epoch or
    between two steps, it stands where the next step begins to draw. A loop that draws ahead has to set it back by then.
    """

    parameters: list[nn.Parameter]
    settings: Training
    generator: torch.Generator
    epoch: int = 0
    taken: int = 0
    saved: dict[str, Any] | None = None
    part: Part | None = None

    @property
    def steps_done(self) -> int:
        """All of them, those of the epoch under way too."""
        return self.taken + (self.part.step if self.part else 0)

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer | Optimizer:
        """Made when training asks for it, and not to measure a run."""
        made = optimizer(self.parameters, self.settings)
        if self.saved is not None:  # the settings are those of the run, whatever stands in the file
            made.load_state_dict({**made.state_dict(), "state": self.saved["state"]})
        return made


def start(method: Method, settings: Training) -> State:
    """The state before the first step, on the method's own device."""
    parameters = [p for p in cast(nn.Module, method).parameters() if p.requires_grad]
    return State(parameters, settings, torch.Generator(parameters[0].device).manual_seed(settings.seed))
