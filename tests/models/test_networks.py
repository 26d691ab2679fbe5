"""Encoders, heads and batch norm in parts."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.alignment import mean_cosine
from collapse_cli.models.batch_norm import settle, split_batch_norm
from collapse_cli.models.encoders import encoder
from collapse_cli.models.heads import FirstDimensions, head
from collapse_cli.models.networks import networks
from collapse_cli.settings import Model


@pytest.mark.parametrize(
    ("name", "shape"), [("convnet", (1, 8, 8)), ("mlp", (1, 8, 8)), ("convnet", (3, 32, 32))]
)
def test_small_encoders(name: str, shape: tuple[int, int, int]) -> None:
    network, width = encoder(name, shape)
    assert network(torch.zeros(2, *shape)).shape == (2, width) == (2, 128)


@pytest.mark.parametrize(("stem", "side"), [("imagenet", 1), ("cifar", 4), ("cifar-pad2", 5)])
def test_stems(stem: str, side: int) -> None:
    """32 pixels through strides: 32/2/2 then /8 = 1; 32 then /8 = 4; padding 2 makes 34, then ceil(34/8) = 5."""
    network, width = encoder("resnet18", (3, 32, 32), stem)
    seen = []
    network.layer4.register_forward_hook(lambda _, __, out: seen.append(out.shape))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, width) == (2, 512)
    assert tuple(seen[0][2:]) == (side, side)


def test_an_unknown_encoder_names_the_nearest() -> None:
    with pytest.raises(CollapseError, match="did you mean 'resnet18'"):
        encoder("resnet19", (3, 32, 32))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_heads(layers: int) -> None:
    network = head(10, 7, 4, layers, norm=True)
    assert network(torch.randn(5, 10)).shape == (5, 4)
    assert sum(isinstance(part, nn.Linear) for part in network) == layers
    assert sum(isinstance(part, nn.BatchNorm1d) for part in network) == layers - 1
    assert isinstance(network[-1], nn.Linear)
    assert isinstance(head(10, 7, 4, 0, norm=True), nn.Identity)


def test_split_batch_norm_sees_each_part_alone() -> None:
    whole = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    split = split_batch_norm(copy.deepcopy(whole), 2)
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(split(x), torch.cat([copy.deepcopy(whole)(part) for part in x.chunk(2)]))
    assert split_batch_norm(whole, 1) is whole


def test_settled_statistics_are_plain_averages() -> None:
    norm = nn.BatchNorm1d(2, momentum=0.1)
    parts = [torch.full((4, 2), float(k)) for k in (1, 2, 6)]
    settle(nn.Sequential(norm), parts)
    assert norm.running_mean.tolist() == [3, 3]
    assert norm.momentum == 0.1


def test_fresh_statistics_look_collapsed_and_settled_ones_do_not() -> None:
    """Measured on digits: an untrained network with fresh statistics has mean cosine 1.0, with settled ones far less."""
    torch.manual_seed(0)
    network, _ = encoder("convnet", (1, 8, 8))
    network = nn.Sequential(network, head(128, 128, 64, 2, norm=False)).eval()
    images = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    fresh = mean_cosine(nn.functional.normalize(network(images).detach(), dim=1))
    settle(network, [images])
    settled = mean_cosine(nn.functional.normalize(network(images).detach(), dim=1))
    assert fresh > 0.99
    assert settled < 0.9


@pytest.mark.parametrize(("name", "width"), [("resnet18", 512), ("resnet34", 512), ("resnet50", 2048)])
def test_widths(name: str, width: int) -> None:
    network, found = encoder(name, (1, 32, 32), "imagenet")
    assert found == width
    assert network.conv1.weight.shape == (64, 1, 7, 7), "one channel in, seven by seven"
    assert isinstance(network.fc, nn.Identity)


def test_widths_of_the_head() -> None:
    """Weights (out, in): D to hidden, hidden to hidden, hidden to d; one linear layer knows no hidden width."""
    shapes = [
        tuple(part.weight.shape) for part in head(10, 7, 4, 3, norm=False) if isinstance(part, nn.Linear)
    ]
    assert shapes == [(7, 10), (7, 7), (4, 7)]
    assert [tuple(part.weight.shape) for part in head(10, 7, 4, 1, norm=True)] == [(4, 10)]
    kinds = [type(part).__name__ for part in head(10, 7, 4, 2, norm=True)]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    rows = torch.randn(3, 10)
    assert head(10, 7, 4, 0, norm=False)(rows) is rows


@pytest.mark.parametrize(("rows", "parts"), [(8, 4), (9, 4), (5, 2), (10, 4), (11, 3)])
def test_exactly_that_many_parts_as_even_as_can_be(rows: int, parts: int) -> None:
    """9 rows in 4 parts are 3 + 2 + 2 + 2, as a batch is dealt to 4 GPUs; not 3 + 3 + 3."""
    whole = nn.BatchNorm1d(3)
    split = split_batch_norm(copy.deepcopy(whole), parts)
    x = torch.randn(rows, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(split(x), torch.cat([whole(part) for part in x.tensor_split(parts)]))
    assert int(split.whole.num_batches_tracked) == parts


def test_split_batch_norm_in_eval_mode_is_plain() -> None:
    torch.manual_seed(0)
    whole = encoder("convnet", (1, 8, 8))[0]
    split = split_batch_norm(copy.deepcopy(whole), 2).eval()
    x = torch.randn(7, 1, 8, 8)
    assert torch.equal(split(x), whole.eval()(x))
    assert sum(p.numel() for p in split.parameters()) == sum(p.numel() for p in whole.parameters())


def test_settling_forgets_the_past_and_keeps_the_mode() -> None:
    """Means 1, 3 and variances (unbiased) 2, 8 average to 2 and 5, whatever was there; eval mode and weights stay."""
    norm = nn.BatchNorm1d(1)
    norm.running_mean.fill_(99)
    network = nn.Sequential(norm).eval()
    settle(network, [torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])])
    assert (float(norm.running_mean), float(norm.running_var)) == (2, 5)
    assert not norm.training
    assert norm.momentum == 0.1
    assert (norm.weight.item(), norm.bias.item()) == (1, 0)


def test_settling_counts_every_part_alike() -> None:
    """Split in two, the parts' statistics are averaged: those of rows (0, 2) and (10, 14) are means 1, 12, variances 2, 8."""
    split = split_batch_norm(nn.Sequential(nn.BatchNorm1d(1)), 2)
    settle(split, [torch.tensor([[0.0], [2.0], [10.0], [14.0]])])
    assert (float(split[0].whole.running_mean), float(split[0].whole.running_var)) == (6.5, 5)


def of_layers(blocks: int, channels: int) -> int:
    """Parameters of the 6n + 2 layers without the last: 3x3 convolutions without bias, 2 per channel of batch norm.

    The stem; three stages of 2n convolutions 16, 32, 64 wide, the first of a stage from the width before; and a 1x1
    convolution past each halving.
    """

    def convolution(inward: int, outward: int, side: int = 3) -> int:
        return side * side * inward * outward + 2 * outward

    total, inward = convolution(channels, 16), 16
    for width in (16, 32, 64):
        total += convolution(inward, width) + (2 * blocks - 1) * convolution(width, width)
        total += convolution(inward, width, side=1) if inward != width else 0
        inward = width
    return total


@pytest.mark.parametrize(("name", "blocks"), [("resnet8", 1), ("resnet20", 3)])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 32, 32), (3, 32, 32), (3, 28, 20)])
def test_small_resnets(name: str, blocks: int, shape: tuple[int, int, int]) -> None:
    """D = 64 whatever the image; 6n + 1 convolutions of 3x3, the classifier being the last of the 6n + 2 layers."""
    network, width = encoder(name, shape)
    assert network(torch.randn(2, *shape)).shape == (2, width) == (2, 64)
    assert sum(p.numel() for p in network.parameters()) == of_layers(blocks, shape[0])
    sides = [m.kernel_size for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert (sides.count((3, 3)), sides.count((1, 1))) == (6 * blocks + 1, 2)


def test_resnet20_is_as_large_as_published() -> None:
    """.27 M for CIFAR-10 (He et al. 2016): with 64 * 10 + 10 of the classifier, and without the shortcuts'
    1x1 convolutions, 16 * 32 + 64 and 32 * 64 + 128 parameters, where theirs pad with zeros."""
    parameters = sum(p.numel() for p in encoder("resnet20", (3, 32, 32))[0].parameters())
    assert (parameters + 650 - 576 - 2176) / 1e6 == pytest.approx(0.27, abs=0.005)


def test_a_small_resnet_halves_the_side_twice() -> None:
    network, _ = encoder("resnet8", (1, 32, 32))
    seen = []
    for part in network:
        part.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[1:])))
    network(torch.zeros(2, 1, 32, 32))
    assert seen == [(16, 32, 32)] * 4 + [(32, 16, 16), (64, 8, 8), (64, 1, 1), (64,)]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_first_dimensions(count: int) -> None:
    """h[:, :d0], with gradient to nothing else, and nothing to learn."""
    h = torch.arange(10.0).view(2, 5).requires_grad_()
    z = FirstDimensions(count)(h)
    assert z.tolist() == [list(range(count)), list(range(5, 5 + count))]
    z.sum().backward()
    assert h.grad.tolist() == [[1.0] * count + [0.0] * (5 - count)] * 2
    assert list(FirstDimensions(count).parameters()) == []


@pytest.mark.parametrize(
    ("name", "layers", "width", "dim"), [("resnet8", 2, 64, 6), ("mlp", 0, 128, 128), ("convnet", 1, 128, 6)]
)
def test_networks_and_their_widths(name: str, layers: int, width: int, dim: int) -> None:
    """Without head layers g hands h on, and d is D whatever --dim says."""
    model = Model(encoder=name, head_layers=layers, head_hidden=7, dim=6)
    f, g, found, projected = networks(model, (1, 8, 8))
    h = f(torch.randn(3, 1, 8, 8))
    assert (h.shape, g(h).shape) == ((3, width), (3, dim))
    assert (found, projected) == (width, dim)
