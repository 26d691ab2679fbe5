"""Anyone's network and batches -> embeddings: what is taken of each batch and output, and what is left as it was."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import collapse_cli as collapse
from collapse_cli.errors import CollapseError

X = torch.arange(60.0).view(10, 6) / 60
Y = torch.arange(10) % 3 + 5
FLAT = nn.Flatten()


class Output(OrderedDict[str, Any]):
    """As transformers' ModelOutput: a mapping by name, some of whose values may be None."""


@dataclass
class Fields:
    """As the outputs of other libraries: attributes."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None


class Tokens(nn.Module):
    """Takes pixels by name, and gives three tokens for each image: the pixels once, twice and three times."""

    def __init__(self, kind: type, pooled: bool) -> None:
        super().__init__()
        self.kind, self.pooled = kind, pooled

    def forward(self, pixel_values: Tensor, attention_mask: Tensor | None = None) -> Any:
        tokens = torch.stack([pixel_values, 2 * pixel_values, 3 * pixel_values], 1)
        return self.kind(last_hidden_state=tokens, pooler_output=-pixel_values if self.pooled else None)


def rows(images: Any, model: nn.Module = FLAT, **options: Any) -> Tensor:
    return collapse.embed(model, images, **options).representations


def test_images_take_the_precision_of_the_network() -> None:
    """Doubles of numpy go through a network in float32, floats through one in bfloat16; h is float32."""
    model = nn.Linear(6, 3)
    assert rows(X.double().numpy(), model).dtype == torch.float32
    assert torch.allclose(rows(X, nn.Linear(6, 3).bfloat16()), rows(X, model), atol=10)
    assert rows(X, nn.Linear(6, 3).bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("kind", [Output, Fields], ids=["mapping", "dataclass"])
class TestTransformers:
    """The outputs and inputs of Hugging Face's models."""

    def batch(self) -> list[dict[str, Tensor]]:
        return [{"pixel_values": X, "attention_mask": torch.ones(10), "labels": Y, "index": Y}]

    def test_the_pooled_output(self, kind: type) -> None:
        embeddings = collapse.embed(Tokens(kind, pooled=True), self.batch())
        assert torch.equal(embeddings.representations, -X)
        assert embeddings.labels is not None

    def test_a_pool_that_is_named_takes_the_tokens(self, kind: type) -> None:
        for pooled in (True, False):
            assert torch.allclose(rows(self.batch(), Tokens(kind, pooled), pool="mean"), 2 * X)
            assert torch.equal(rows(self.batch(), Tokens(kind, pooled), pool="first"), X)

    def test_tokens_are_refused_without_one(self, kind: type) -> None:
        with pytest.raises(CollapseError, match=r"returns \(10, 3, 6\), not \(B, D\)\npool='mean'"):
            rows(self.batch(), Tokens(kind, pooled=False))


def test_maps_are_averaged() -> None:
    images = torch.rand(3, 2, 4, 4)
    assert torch.allclose(rows(images, nn.Identity()), images.mean(dim=(2, 3)))


@pytest.fixture
def nested() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(OrderedDict(first=nn.Linear(6, 4), norm=nn.BatchNorm1d(4), drop=nn.Dropout(0.5)))
    return nn.Sequential(OrderedDict(body=inner, head=nn.Linear(4, 2)))


class TestLayer:
    """A submodule's output by a hook."""

    def test_in_a_nested_network(self, nested: nn.Sequential) -> None:
        first: Any = nested.get_submodule("body.first")
        assert torch.allclose(rows(X, nested, layer="body.first"), first(X).detach())

    def test_the_last_call_counts(self) -> None:
        class Twice(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.halve = nn.Linear(6, 6, bias=False)
                nn.init.eye_(self.halve.weight).data.mul_(0.5)

            def forward(self, x: Tensor) -> Tensor:
                return -self.halve(self.halve(x))

        assert torch.equal(rows(X, Twice(), layer="halve"), X / 4)

    def test_the_first_of_a_tuple(self) -> None:
        class Recurrent(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.gru = nn.GRU(6, 4, batch_first=True)

            def forward(self, x: Tensor) -> Tensor:
                states: Tensor = self.gru(x[:, None])[0]
                return states.sum(dim=(1, 2))

        model = Recurrent()
        assert torch.equal(rows(X, model, layer="gru", pool="first"), model.gru(X[:, None])[0][:, 0].detach())

    def test_the_hook_is_removed_also_where_the_network_raises(self, nested: nn.Sequential) -> None:
        rows(X, nested, layer="body.norm")
        with pytest.raises(RuntimeError):
            rows(torch.rand(4, 7), nested, layer="head")
        assert not any(part._forward_hooks for part in nested.modules())
        assert all(part.training for part in nested.modules())

    def test_an_unknown_one_is_refused(self, nested: nn.Sequential) -> None:
        with pytest.raises(CollapseError, match=r"no layer 'body.frist'\ndid you mean 'body.first'\?"):
            rows(X, nested, layer="body.frist")

    def test_one_that_takes_no_part_is_refused(self) -> None:
        class Spare(nn.Flatten):
            def __init__(self) -> None:
                super().__init__()
                self.spare = nn.Linear(6, 6)

        with pytest.raises(CollapseError, match="the layer spare is not called"):
            rows(X, Spare(), layer="spare")


def test_modes_and_statistics_are_left_bit_for_bit(nested: nn.Sequential) -> None:
    """In eval mode dropout is off, and each part has the mode that it had: one of them was frozen."""
    nested.train()
    nested.get_submodule("body.first").eval()
    before = {name: value.clone() for name, value in nested.state_dict().items()}
    modes = [part.training for part in nested.modules()]
    state = torch.get_rng_state()
    embedded = rows(X, nested)
    assert [part.training for part in nested.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in nested.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(embedded, rows(X, nested))
    assert not embedded.requires_grad


def test_samples_end_the_reading() -> None:
    """The batch that completes them is the last that is asked for."""
    read: list[int] = []

    def loader() -> Iterator[tuple[Tensor, Tensor]]:
        for number in range(5):
            read.append(number)
            yield X, Y

    embeddings = collapse.embed(FLAT, loader(), samples=20)
    assert len(embeddings) == 20
    assert read == [0, 1]
    assert len(collapse.embed(FLAT, [(X, Y)] * 3, samples=13)) == 13
    assert collapse.embed(FLAT, [(X, Y)], samples=7).labels.tolist() == (Y[:7] - 5).tolist()  # type: ignore[union-attr]


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


REFUSED = {
    "no batch": (FLAT, [], "no image to embed"),
    "empty batches": (FLAT, [X[:0]], "no image to embed"),
    "no images": (FLAT, 3, "images cannot be read from a int"),
    "a data set": (FLAT, TensorDataset(X), "images cannot be read from a TensorDataset"),
    "one dict": (FLAT, {"image": X}, "images cannot be read from a dict"),
    "arrays in batches": (FLAT, [numpy.eye(3)], "a batch is a ndarray that does not begin with a tensor"),
    "texts": (FLAT, ["a", "b"], "a batch is a str that does not begin with a tensor"),
    "dict without images": (
        FLAT,
        [{"caption": "a", "mask": X}],
        "a batch contains no images; its keys are caption, mask",
    ),
    "several outputs": (
        Pair(),
        [X],
        "the model returns a tuple, in which the embeddings cannot be identified",
    ),
    "one number for each": (nn.Flatten(0), [X], r"the model returns \(60,\), not \(B, D\)"),
    "other rows": (nn.Unflatten(1, (2, 3)), [X], r"returns \(10, 2, 3\)"),
    "a function": (torch.relu, [X], "the model is a builtin_function_or_method, not an nn.Module"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_remedy(name: str) -> None:
    model, images, message = REFUSED[name]
    with pytest.raises(CollapseError, match=message) as raised:
        collapse.embed(model, images)  # type: ignore[arg-type]
    assert raised.value.hint


def test_more_rows_than_images_are_refused() -> None:
    class Patches(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.view(-1, 3)

    with pytest.raises(CollapseError, match="the model returns 20 embeddings for 10 images"):
        rows(X, Patches())


def test_samples_below_one_are_refused() -> None:
    with pytest.raises(CollapseError, match="samples cannot be 0"):
        rows(X, samples=0)


def test_a_subject_of_a_network_can_be_measured() -> None:
    """Half the directions of a network that projects onto four of eight are lost."""
    model = nn.Linear(8, 8, bias=False)
    model.weight.data = torch.diag(torch.tensor([1.0] * 3 + [0.0] * 5))
    images = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    subject = collapse.load(
        model, images=DataLoader(TensorDataset(images, torch.arange(400) % 2)), samples=300
    )
    assert (subject.name, subject.count, subject.labelled) == ("Linear", 300, True)
    result = collapse.diagnose(subject)
    assert result.status == "dimensional collapse"
    assert result.active == 3
    with pytest.raises(
        CollapseError, match="Linear contains embeddings, but causes are looked for in a network"
    ):
        collapse.causes(subject)
    with pytest.raises(CollapseError, match="Linear contains embeddings, not weights"):
        collapse.weights(subject)
