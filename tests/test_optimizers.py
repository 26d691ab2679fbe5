"""SGD and Adam are torch's, bit for bit; LARS is the paper's loop; several batches are one large one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from collapse_cli import methods, stepping
from collapse_cli.models.key_encoder import slow_copy
from collapse_cli.optimizers import TRUST, Optimizer, optimizer
from collapse_cli.settings import Training, resolve
from collapse_cli.shapes import Batch, DataShape

STEPS = 5


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))


def walked(net: nn.Module, made: torch.optim.Optimizer | Optimizer) -> list[Tensor]:
    """The weights after some steps of different rates."""
    generator = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        made.param_groups[0]["lr"] = 0.1 / (1 + step)
        made.zero_grad()
        net(torch.randn(8, 6, generator=generator)).square().sum().backward()
        made.step()
    return [parameter.detach().clone() for parameter in net.parameters()]


@pytest.mark.parametrize("decay", [0.0, 1e-2])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_torchs(decay: float, momentum: float) -> None:
    ours, theirs = network(), network()
    settings = Training(weight_decay=decay, sgd_momentum=momentum)
    reference = torch.optim.SGD(theirs.parameters(), 1.0, momentum=momentum, weight_decay=decay)
    for one, other in zip(
        walked(ours, optimizer([*ours.parameters()], settings)), walked(theirs, reference), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_adam_is_torchs_and_so_is_what_it_keeps(decay: float) -> None:
    ours, theirs = network(), network()
    made = optimizer([*ours.parameters()], Training(optimizer="adam", weight_decay=decay))
    reference = torch.optim.Adam(theirs.parameters(), 1.0, weight_decay=decay)
    for one, other in zip(walked(ours, made), walked(theirs, reference), strict=True):
        assert torch.equal(one, other)
    kept, wanted = made.state_dict()["state"], reference.state_dict()["state"]
    assert kept.keys() == wanted.keys()
    for place in kept:
        assert kept[place].keys() == wanted[place].keys()
        assert all(torch.equal(kept[place][name], wanted[place][name]) for name in kept[place])


def slow_lars(net: nn.Module, settings: Training) -> list[Tensor]:
    """You et al. 2017, algorithm 1, a number at a time where it has layers; biases and batch norm by plain momentum."""
    generator = torch.Generator().manual_seed(1)
    speed = [torch.zeros_like(parameter) for parameter in net.parameters()]
    for step in range(STEPS):
        rate = 0.1 / (1 + step)
        net.zero_grad()
        net(torch.randn(8, 6, generator=generator)).square().sum().backward()
        for v, w in zip(speed, net.parameters(), strict=True):
            gradient = w.grad
            assert gradient is not None
            local, decay = 1.0, 0.0
            if w.ndim > 1:
                decay = settings.weight_decay
                size = sum(float(x) ** 2 for x in w.detach().flatten()) ** 0.5
                slope = sum(float(x) ** 2 for x in gradient.flatten()) ** 0.5
                local = TRUST * size / (slope + decay * size)
            for place in range(w.numel()):
                change = (
                    rate
                    * local
                    * (float(gradient.view(-1)[place]) + decay * float(w.detach().view(-1)[place]))
                )
                v.view(-1)[place] = settings.sgd_momentum * float(v.view(-1)[place]) + change
            with torch.no_grad():
                w -= v
    return [parameter.detach() for parameter in net.parameters()]


@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_lars_is_the_papers_loop(decay: float) -> None:
    settings = Training(optimizer="lars", weight_decay=decay)
    net = network()
    ours = walked(net, optimizer([*net.parameters()], settings))
    torch.testing.assert_close(ours, slow_lars(network(), settings), rtol=1e-5, atol=1e-7)


def test_a_layer_moves_by_its_size_whatever_its_gradient() -> None:
    """Without decay and momentum |dw| = lr eta |w|, for a gradient of any length; a layer of zeros moves by lr g."""
    for scale in (1e-3, 1.0, 1e3):
        weight, zeros = nn.Parameter(torch.full((3, 4), 2.0)), nn.Parameter(torch.zeros(2, 2))
        weight.grad, zeros.grad = scale * torch.randn(3, 4), torch.ones(2, 2)
        made = optimizer([weight, zeros], Training(optimizer="lars", sgd_momentum=0, weight_decay=0, lr=0.5))
        made.step()
        moved = float((weight.detach() - 2).norm())
        assert moved == pytest.approx(0.5 * TRUST * 2 * 12**0.5, rel=1e-3)
        assert torch.equal(zeros.detach(), torch.full((2, 2), -0.5))


def without_batch_norm(name: str, queue: int = 24) -> methods.Method:
    """A method whose networks see each image alone."""
    knobs: dict[str, object] = {"dim": 4, "optimizer": "sgd"}
    if name in ("moco", "mochi"):
        knobs |= {"queue": queue}
    if name == "mochi":
        knobs |= {"hardest": 4, "pair_mixes": 0, "query_mixes": 0}
    method = methods.build(resolve(name, knobs), DataShape((1, 8, 8), 40, 10))
    torch.manual_seed(0)
    method.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128))
    if name in ("moco", "mochi"):
        method.key_encoder = slow_copy(method.encoder)
    return method


def drawn(count: int) -> Batch:
    generator = torch.Generator().manual_seed(3)
    views = torch.randn(2, count, 1, 8, 8, generator=generator)
    return Batch(views[0], views[1], torch.arange(count), torch.arange(count) % 10, generator)


def cut(whole: Batch, parts: int) -> list[Batch]:
    size = len(whole.index) // parts
    assert whole.labels is not None
    return [
        Batch(
            whole.first[at : at + size], whole.second[at : at + size], whole.index[at : at + size],
            whole.labels[at : at + size], whole.generator, place=place,
        )
        for place, at in enumerate(range(0, len(whole.index), size))
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["positive-only", "moco", "mochi", "supervised"])
def test_several_batches_are_one_large_one(name: str) -> None:
    """The loss of these is a mean over images, none of which is another's negative: so is the mean of their gradients.

    And one step moves the slow encoder once, and the queue by all keys, in their order.
    """
    whole, parted = without_batch_norm(name), without_batch_norm(name)
    settings = Training(lr=0.1)
    losses = []
    for method, batches in ((whole, cut(drawn(16), 1)), (parted, cut(drawn(16), 4))):
        made = optimizer([p for p in method.parameters() if p.requires_grad], settings)
        losses.append(float(stepping.accumulated(method, batches, made, method.loss)))
        method.after_step(0.5)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    ours, theirs = whole.state_dict(), parted.state_dict()
    assert all(torch.allclose(ours[key], theirs[key], rtol=1e-6, atol=1e-6) for key in ours)
    if name == "moco":
        assert int(parted.queue.seen) == 16
        assert torch.equal(parted.queue.index[:16], torch.arange(16))


def test_the_next_step_forgets_the_keys_of_the_last() -> None:
    """A queue of 24 that was given 16 keys twice has seen 32, not 48."""
    method = without_batch_norm("moco")
    made = optimizer([p for p in method.parameters() if p.requires_grad], replace(Training(), lr=0.1))
    for _ in range(2):
        stepping.accumulated(method, cut(drawn(16), 2), made, method.loss)
        method.after_step(0.5)
    assert int(method.queue.seen) == 32
