"""Heads rebuilt from the names and shapes of their weights give the outputs of the original, bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from collapse_cli.models.chain import NoChainError, chain


def head(*parts: nn.Module) -> Any:
    """With random weights and statistics: fresh ones of batch norm would hide that they were never read."""
    network, generator = nn.Sequential(*parts), torch.Generator().manual_seed(0)
    for weight in network.state_dict().values():
        if weight.is_floating_point():
            noise = torch.rand(weight.shape, generator=generator)
            weight.copy_(0.5 + noise if weight.ndim == 1 else noise * 0.4 - 0.2)
    return network.eval().requires_grad_(False)


HEADS = {
    "linear": head(nn.Linear(9, 4)),
    "mlp": head(nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 4)),
    "norms": head(nn.Linear(9, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 4, bias=False), nn.BatchNorm1d(4, affine=False)),
    "activation before the norm": head(nn.Linear(9, 7), nn.ReLU(), nn.BatchNorm1d(7), nn.Linear(7, 4)),
    "layer norm": head(nn.Linear(9, 7), nn.LayerNorm(7), nn.ReLU(), nn.Linear(7, 4)),
    "two linear layers": head(nn.Linear(9, 7), nn.Linear(7, 4)),
    "a norm first": head(nn.BatchNorm1d(9), nn.Linear(9, 4)),
    "dropout": head(nn.Linear(9, 7), nn.ReLU(), nn.Dropout(), nn.Linear(7, 4)),
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> Tensor:
    return torch.randn(5, 9, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", HEADS)
def test_heads(name: str, rows: Tensor) -> None:
    original = HEADS[name]
    layers = chain(original.state_dict())
    built = layers.built()
    assert torch.equal(built(rows), original(rows))
    assert [type(part) for part in built] == [
        type(part) for part in original if not isinstance(part, nn.Dropout)
    ]
    assert (layers.takes, layers.gives) == (9, 4)
    assert layers.linear == sum(isinstance(part, nn.Linear) for part in original)


def test_an_activation_is_the_one_that_is_said(rows: Tensor) -> None:
    original = head(nn.Linear(9, 7), nn.GELU(), nn.Linear(7, 4))
    assert torch.equal(chain(original.state_dict()).built(nn.GELU)(rows), original(rows))


def renamed(names: str, of: str = "norms") -> dict[str, Tensor]:
    """The parameters of a head under other names, those of its layers by spaces."""
    layers = [part for part in HEADS[of] if list(part.state_dict())]
    pairs = zip(names.split(), layers, strict=True)
    return {f"{name}.{leaf}": tensor for name, layer in pairs for leaf, tensor in layer.state_dict().items()}


@pytest.mark.parametrize(
    "names", ["0 1 3 4", "layers.0 layers.1 layers.3 layers.4", "fc0 bn0 fc1 bn1", "0.clf.0 0.clf.1 1.clf.0 1.clf.1",
              "8 9 11 12", "0.0 0.1 1.0 1.1", "fc1 bn1 fc2 bn2", "linear_1 norm_1 linear_2 norm_2",
              "layer1.0 layer1.1 layer2.0 layer2.1", "layer9.0 layer9.1 layer10 layer11", "net.0 net.1 net.3 norm"]
)  # fmt: skip
def test_layers_are_ordered_by_their_numbers(names: str, rows: Tensor) -> None:
    """10 after 9, an outer number before an inner one, a norm after the layer of its number; in any order of the file."""
    weights = renamed(names)
    for file in (sorted(weights), sorted(weights, reverse=True), list(weights)):
        built = chain({name: weights[name] for name in file}).built()
        assert torch.equal(built(rows), HEADS["norms"](rows))


def square(*names: str, shapes: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, Tensor]:
    """Linear layers 4-4, and norms of width 4 where the name says so."""
    generator, found = torch.Generator().manual_seed(1), {}
    for name in names:
        shape = (shapes or {}).get(name, (4,) if "bn" in name or "norm" in name else (4, 4))
        found |= {
            f"{name}.weight": torch.randn(shape, generator=generator),
            f"{name}.bias": torch.ones(shape[0]),
        }
    return found


def test_a_layer_without_a_number_stands_where_the_file_has_it() -> None:
    """A norm and a linear layer of one width: the order of the file tells, unless it is that of the alphabet."""
    rows, weights = torch.randn(3, 4), square("proj", "norm")
    linear, norm = nn.Linear(4, 4), nn.LayerNorm(4)
    linear.weight.data, linear.bias.data = weights["proj.weight"], weights["proj.bias"]
    norm.weight.data, norm.bias.data = weights["norm.weight"], weights["norm.bias"]
    torch.testing.assert_close(chain(weights).built()(rows), norm(linear(rows)))
    with pytest.raises(NoChainError, match="do not tell their order"):
        chain({name: weights[name] for name in sorted(weights)})
    wide = square("proj", "norm", shapes={"proj": (4, 9)})  # the widths allow one order alone
    assert [layer.name for layer in chain({name: wide[name] for name in sorted(wide)}).layers] == [
        "proj",
        "norm",
    ]


def test_norms_that_stand_before_the_layer_of_their_number() -> None:
    """LN(9), 9-7, LN(7), 7-4: no other order is possible; ReLU is before the second linear layer."""
    weights = square(
        "norm1", "fc1", "norm2", "fc2", shapes={"norm1": (9,), "fc1": (7, 9), "norm2": (7,), "fc2": (4, 7)}
    )
    layers, rows = chain(weights), torch.randn(3, 9)
    assert [layer.name for layer in layers.layers] == ["norm1", "fc1", "norm2", "fc2"]
    w, h = weights, torch.layer_norm(rows, (9,), weights["norm1.weight"], weights["norm1.bias"])
    h = torch.layer_norm(h @ w["fc1.weight"].T + 1, (7,), w["norm2.weight"], w["norm2.bias"])
    torch.testing.assert_close(layers.built()(rows), relu(h) @ w["fc2.weight"].T + 1)


GAP, WORD = "ReLU where the layer numbers", "ReLU before each further linear layer"


STATISTICS = "layer norm in the projector where a norm has no running statistics"


@pytest.mark.parametrize(
    ("of", "names", "said"),
    [
        ("linear", "0", []),
        ("layer norm", "0 1 3", [GAP, STATISTICS]),
        ("mlp", "0 2", [GAP]),
        ("mlp", "fc1 fc2", [WORD]),
        ("mlp", "layer1.0 layer2.0", [WORD]),
        ("mlp", "first second", [WORD]),
        ("mlp", "1 3", [GAP, "nothing before layer 1 of"]),
        ("two linear layers", "0 1", ["no activation between the linear layers 0 and 1"]),
        ("norms", "0 1 2 3", ["no activation between the linear layers 0 and 2"]),
    ],
)
def test_what_is_assumed_is_said(of: str, names: str, said: list[str], rows: Tensor) -> None:
    layers = chain(renamed(names, of))
    found = list(layers.assumed("ReLU"))
    assert len(found) == len(said)
    assert all(sentence.startswith(beginning) for sentence, beginning in zip(found, said, strict=True))
    if of != "norms":
        assert torch.equal(layers.built()(rows), HEADS[of](rows))


@pytest.mark.parametrize(
    "other", [nn.GroupNorm(7, 7), nn.BatchNorm1d(7, track_running_stats=False)], ids=["group", "batch"]
)
def test_a_norm_that_may_be_another_is_said_to_be_a_layer_norm(other: nn.Module, rows: Tensor) -> None:
    """Their weights are those of a layer norm, and their outputs are not: that one was taken is told."""
    original = head(nn.Linear(9, 7), other, nn.ReLU(), nn.Linear(7, 4))
    layers = chain(original.state_dict())
    w = original.state_dict()
    x = torch.layer_norm(rows @ w["0.weight"].T + w["0.bias"], (7,), w["1.weight"], w["1.bias"])
    z = layers.built()(rows)
    torch.testing.assert_close(z, relu(x) @ w["3.weight"].T + w["3.bias"])
    assert not torch.allclose(z, original(rows), atol=0.01)
    assert [sentence for sentence in layers.assumed("ReLU") if sentence.startswith(STATISTICS)]


def test_a_norm_with_a_weight_alone_is_said() -> None:
    layers = chain({"0.weight": torch.ones(4, 9), "1.weight": torch.ones(4)})
    assert [sentence for sentence in layers.assumed("ReLU") if "RMS norm" in sentence]


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ({}, "has no linear layer"),
        ({"0.weight": torch.zeros(7), "0.bias": torch.zeros(7)}, "has no linear layer"),
        ({"0.weight": torch.zeros(7, 9), "2.weight": torch.zeros(4, 8)}, "do not follow"),
        ({"0.weight": torch.zeros(7, 9), "1.weight": torch.zeros(6), "1.bias": torch.zeros(6)}, "do not follow"),
        ({"0.weight": torch.zeros(7, 9, 1, 1)}, "'0' is a convolution"),
        ({"0.weight": torch.zeros(7, 9), "0.bias": torch.zeros(6)}, "'0' is neither"),
        ({"0.weight": torch.zeros(7, 9), "0.gain": torch.zeros(7)}, "'0' is neither"),
        ({"0.weight": torch.zeros(7, 9, dtype=torch.int64)}, "'0' is neither"),
        ({"0.weight": torch.tensor(1.0)}, "'0' is neither"),
        ({"0.weight": torch.zeros(0, 9)}, "'0' is neither"),
        ({"scale": torch.tensor(1.0)}, "it is neither"),
        ({"0.weight_v": torch.zeros(7, 9), "0.weight_g": torch.zeros(7, 1)}, "'0' is a weight-normed layer"),
        ({"0.running_mean": torch.zeros(7), "1.weight": torch.zeros(9, 7)}, "'0' is neither"),
        ({"a.0.weight": torch.zeros(7, 9), "b.0.weight": torch.zeros(9, 7)}, "do not tell their order"),
        ({"a.0.weight": torch.zeros(9, 9), "b.1.weight": torch.zeros(9, 9)}, "do not tell their order"),
        ({"weight": torch.zeros(7, 9), "0.weight": torch.zeros(9, 8)}, "do not tell their order"),
        (square("first", "second"), "do not tell their order"),
        (square("layer1.a", "layer1.b"), "do not tell their order"),
        (square("query", "value", shapes={"value": (8, 4)}), "do not tell their order"),
        (square("w", "x", "y", "z"), "do not tell their order"),
    ],
)  # fmt: skip
def test_what_is_no_head(weights: dict[str, Tensor], reason: str) -> None:
    """Also two layers side by side that take the same, which may as well be two heads."""
    with pytest.raises(NoChainError, match=reason):
        chain(weights)


def test_nothing_is_drawn_and_the_weights_are_copied() -> None:
    weights, before = HEADS["norms"].state_dict(), torch.get_rng_state()
    layers = chain(weights)
    first, second = layers.built(), layers.built()
    assert torch.equal(torch.get_rng_state(), before)
    places = [
        {part.data_ptr() for part in one.state_dict().values()} for one in (first, second, HEADS["norms"])
    ]
    assert not places[0] & places[1] | (places[0] | places[1]) & places[2]
