"""Which layers are measured, and how what they give becomes rows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collapse_cli.models.depth import first_tensor, heard, probing, taps
from collapse_cli.models.encoders import encoder


def names(network: nn.Module, inputs: Tensor, **asked: Any) -> list[tuple[str, str, int]]:
    found = taps(network.eval(), probing(inputs, network), **asked)
    return [(tap.label, tap.form, tap.width) for tap in found]


class Block(nn.Module):
    def __init__(self, d: int = 6) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(d), nn.Linear(d, d)

    def forward(self, tokens: Tensor) -> tuple[Tensor, None]:
        return tokens + self.linear(self.norm(tokens)), None


class Tokens(nn.Module):
    """Maps to tokens, blocks in a list, one that is called twice, one that nobody calls. first: (T,B,D) in place of (B,T,D)."""

    def __init__(self, first: bool = False) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 6, 2, 2)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.again, self.unused = Block(), Block()
        self.head = nn.Linear(6, 3)
        self.first = first

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).permute((2, 0, 1) if self.first else (0, 2, 1))
        for block in (*self.blocks, self.again, self.again):
            tokens, _ = block(tokens)
        return self.head(tokens.mean(dim=0 if self.first else 1))


def test_of_linear_layers_in_a_row_the_activations_are_measured() -> None:
    """conv-norm-ReLU is one layer, by the name of its last part; what reshapes and pools is none."""
    network, _ = encoder("convnet", (1, 8, 8))
    expected = [("2", "maps", 16), ("5", "maps", 32), ("8", "maps", 64), ("13", "rows", 128)]
    assert names(network, torch.rand(4, 1, 8, 8)) == expected


def test_blocks_of_a_resnet() -> None:
    network, _ = encoder("resnet18", (3, 32, 32))
    blocks = [(f"layer{s}.{k}", "maps", 32 << s) for s in (1, 2, 3, 4) for k in (0, 1)]
    assert names(network, torch.rand(2, 3, 32, 32)) == [("relu", "maps", 64), *blocks]


@pytest.mark.parametrize("first", [False, True])
def test_blocks_of_tokens_whichever_axis_counts_the_images(first: bool) -> None:
    """Tuples are read; a block that is called twice has two rows; one that is not called has none. T = 16 = B is no trap."""
    expected = [("patches", "maps", 6), ("blocks.0", "tokens", 6), ("blocks.1", "tokens", 6)]
    expected += [("again (call 1)", "tokens", 6), ("again (call 2)", "tokens", 6), ("head", "rows", 3)]
    network = Tokens(first)
    assert names(network, torch.rand(16, 1, 8, 8)) == expected
    rows: dict[str, Tensor] = {}
    tap = next(
        tap for tap in taps(network, probing(torch.rand(2, 1, 8, 8), network)) if tap.name == "blocks.1"
    )
    with heard(
        {"blocks.1": network.blocks[1]}, lambda name, _, output: rows.update({name: tap.reduced(output).rows})
    ):
        network(torch.rand(5, 1, 8, 8))
    assert rows["blocks.1"].shape == (5, 6)


def test_names_and_every_module() -> None:
    network = Tokens()
    assert names(network, torch.rand(2, 1, 8, 8), names=["blocks.1.norm"]) == [("blocks.1.norm", "tokens", 6)]
    every = [name for name, _, _ in names(network, torch.rand(2, 1, 8, 8), every=True)]
    assert {"blocks.0.norm", "blocks.0.linear", "blocks.0", "head"} < set(every)
    assert not any(name.startswith("unused") for name in every)


def test_a_layer_is_heard_before_its_output_is_overwritten() -> None:
    """An inplace ReLU behind a linear layer changes what the layer gave; its negative numbers are there when it is heard."""
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True))
    lowest: list[float] = []
    with heard({"0": network[0]}, lambda name, call, output: lowest.append(output.min().item())):
        network(torch.randn(50, 4))
    assert lowest[0] < 0


def test_maps_whose_channels_are_last() -> None:
    """What the layers inside are wide tells: a linear layer works on the last axis, a convolution on the second."""

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.conv = nn.Linear(5, 7), nn.Conv2d(7, 5, 1)

        def forward(self, images: Tensor) -> Tensor:
            return self.conv(self.linear(images.movedim(1, -1)).movedim(-1, 1))

    network = Last()
    assert names(network, torch.rand(2, 5, 7, 7)) == [("linear", "maps", 7), ("conv", "maps", 5)]


def test_a_mask_leaves_out_tokens() -> None:
    """Of (B,T,D) the mean over those that are there, in a loop."""
    network = nn.Sequential(nn.Identity(), nn.Linear(3, 3))
    (tap,) = taps(network, probing(torch.rand(4, 5, 3), network))
    tokens, mask = torch.randn(4, 5, 3), torch.tensor([[1] * k + [0] * (5 - k) for k in (1, 3, 5, 2)])
    expected = torch.stack([tokens[n, : int(mask[n].sum())].mean(dim=0) for n in range(4)])
    torch.testing.assert_close(tap.reduced(tokens, mask).rows, expected)


def test_the_tensor_in_an_output() -> None:
    tensor = torch.ones(1)
    for output in (tensor, (tensor, None), [tensor], {"a": tensor}, {"a": None, "last_hidden_state": tensor}):
        assert first_tensor(output) is tensor
    assert first_tensor("text") is None
    assert first_tensor(()) is None
