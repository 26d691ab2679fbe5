"""One step of training: the loss of a batch, its gradients, the optimizer's step. Nothing here waits for the device."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from collapse_cli import distributed
from collapse_cli.methods import Method
from collapse_cli.settings import Training
from collapse_cli.shapes import Batch


def step(method: Method, batch: Batch, settings: Training, optimizer: torch.optim.Optimizer) -> Tensor:
    """The optimizer moves the weights once, at the learning rate that it holds. The loss () float32, on the device."""
    optimizer.zero_grad(set_to_none=True)
    loss = gradients(method, batch, settings)
    distributed.average_gradients(cast(nn.Module, method))
    optimizer.step()
    return loss


def gradients(method: Method, batch: Batch, settings: Training) -> Tensor:
    """Those of the loss of a batch are added to the parameters' gradients. The loss () float32, on the device."""
    with torch.autocast(batch.first.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
        loss = method.loss(batch)
    torch.autograd.backward(loss)
    return loss.detach().float()
