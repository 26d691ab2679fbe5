"""Hooks between the beginning and the end of a step, in a loop that needs no library."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

import collapse_cli as collapse
from collapse_cli.errors import CollapseError
from collapse_cli.integrations.step_hooks import Layers, StepHooks


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone, self.head = nn.Linear(12, 8), nn.Linear(8, 4)

    def forward(self, images: Tensor, again: bool = False, headless: bool = False) -> Tensor:
        h = self.backbone(images)
        if headless:
            return h
        return checkpoint(self.head, h, use_reentrant=False) if again else self.head(h)


def views(seed: int) -> Tensor:
    return torch.randn(16, 12, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def network() -> Network:
    return Network()


def hooked(
    network: nn.Module, layers: Any = ("head",), passes: int = 1, halves: bool = False, **settings: Any
) -> tuple[StepHooks, list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []
    monitor = collapse.CollapseMonitor(**{"every": 1, "sink": seen.append, **settings})
    return StepHooks(monitor, network, Layers(layers, passes=passes, halves=halves)), seen


def test_two_views_in_a_step_have_an_alignment(network: Network) -> None:
    """The mean squared distance of the unit embeddings about the mean of the first view at the first step; h is the backbone."""
    hooks, seen = hooked(network, ("backbone", "head"), passes=2)
    hooks.begin()
    z, z2 = network(views(0)).detach(), network(views(1)).detach()
    hooks.end(loss=torch.tensor(0.5))
    first, second = (normalize(part - z.mean(dim=0), dim=1) for part in (z, z2))
    assert seen[0]["alignment"] == pytest.approx(float((first - second).square().sum(dim=1).mean()), rel=1e-4)
    assert seen[0]["loss"] == 0.5
    assert "rank_h" in seen[0]


def test_two_views_in_one_call_are_halves(network: Network) -> None:
    together, apart = hooked(network, halves=True), hooked(network, passes=2)
    for (hooks, _), batches in ((together, [torch.cat([views(0), views(1)])]), (apart, [views(0), views(1)])):
        hooks.begin()
        for batch in batches:
            network(batch)
        hooks.end()
    assert together[1][0] == pytest.approx(apart[1][0], rel=1e-5)


def test_what_does_not_belong_to_the_views_is_not_looked_at(network: Network) -> None:
    """A pass in eval mode, one that is computed again for the gradient, and a further batch."""
    hooks, seen = hooked(network)
    hooks.begin()
    network.eval()
    network(views(0))
    network.train()
    z = network(views(1), again=True)
    z.sum().backward()
    z = z.detach()
    network(views(2))
    hooks.end()
    assert seen[0]["scale"] == pytest.approx(float(z.var(dim=0).sum()), rel=1e-4)


def test_recomputation_is_no_second_view(network: Network) -> None:
    hooks, _ = hooked(network, passes=2)
    hooks.begin()
    network(views(0), again=True).sum().backward()
    with pytest.raises(CollapseError, match="was called once in a training step, not 2 times"):
        hooks.end()


def test_layers_have_hooks_in_the_steps_that_are_looked_at(network: Network) -> None:
    hooks, seen = hooked(network, every=3)
    there = []
    for step in range(7):
        hooks.begin()
        there.append(len(network.head._forward_hooks))
        network(views(step))
        hooks.end()
        assert not network.head._forward_hooks
    assert there == [1, 0, 1, 0, 0, 1, 0]
    assert [look["step"] for look in seen] == [1, 3, 6]
    assert hooks.monitor.step == 7


def test_a_step_without_the_layer_is_made_up_for(network: Network) -> None:
    """A training of many hours is not ended by it; at the first step it is an error, which has a remedy."""
    hooks, seen = hooked(network, every=2)
    for step, headless in enumerate((False, True, True, False)):
        hooks.begin()
        network(views(step), headless=headless)
        hooks.end()
    assert [look["step"] for look in seen] == [1, 2]


def test_a_missing_layer_is_an_error_in_the_first_step(network: Network) -> None:
    late, _ = hooked(network)
    late.begin()
    network(views(0), headless=True)
    with pytest.raises(CollapseError, match="the layer head was not called in a training step"):
        late.end()


def test_a_missing_layer_is_an_error_where_others_wait(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that put their rows together would wait for one that has none."""
    hooks, _ = hooked(network)
    hooks.begin()
    network(views(0))
    hooks.end()
    monkeypatch.setattr("collapse_cli.integrations.step_hooks.processes", lambda: 2)
    hooks.begin()
    network(views(0), headless=True)
    with pytest.raises(CollapseError, match="was not called"):
        hooks.end()


def test_layers_that_cannot_be_watched_are_refused(network: Network) -> None:
    with pytest.raises(CollapseError) as unknown:
        hooked(network, ("haed",))
    assert unknown.value.hint == "did you mean 'head'?"
    network.head.compile()
    with pytest.raises(CollapseError, match="the layer head is compiled") as compiled:
        hooked(network)
    assert compiled.value.hint.startswith("use update(z)")
