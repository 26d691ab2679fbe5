"""Batches as people's loaders give them -> what a network takes of them, and their labels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import collapse_cli as collapse
from collapse_cli.analysis import batches

X = torch.arange(60.0).view(10, 6) / 60
Y = torch.arange(10) % 3 + 5
FLAT = nn.Flatten()


def rows(images: Any, model: nn.Module = FLAT, **options: Any) -> Tensor:
    return collapse.embed(model, images, **options).representations


BATCHES = {
    "tensors": [X[:5], X[5:]],
    "pairs": [(X[:5], Y[:5]), (X[5:], Y[5:])],
    "lists": [[X[:5], Y[:5], torch.arange(5)], [X[5:], Y[5:], torch.arange(5)]],
    "two views": [[[X[:5], -X[:5]], Y[:5]], [[X[5:], -X[5:]], Y[5:]]],
    "dicts": [{"image": X[:5], "label": Y[:5]}, {"image": X[5:], "label": Y[5:]}],
    "dicts in front": [({"image": X[:5]}, Y[:5]), ({"image": X[5:]}, Y[5:])],
    "the argument's own name": [{"input": X[:5], "targets": Y[:5]}, {"input": X[5:], "targets": Y[5:]}],
    "a generator": ((part, target) for part, target in [(X[:5], Y[:5]), (X[5:], Y[5:])]),
    "DataLoader": DataLoader(TensorDataset(X, Y), batch_size=4),
    "DataLoader of tensors": DataLoader(TensorDataset(X), batch_size=4),
    "DataLoader of dicts": DataLoader(
        [{"pixel_values": x, "labels": int(y)} for x, y in zip(X, Y, strict=True)], batch_size=4
    ),  # type: ignore[arg-type]
    "one tensor": X,
    "one array": X.double().numpy()[::-1][::-1],
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches_of_every_kind_give_the_same_rows(name: str) -> None:
    embeddings = collapse.embed(FLAT, BATCHES[name])
    assert torch.equal(embeddings.representations, X)
    assert embeddings.source == "Flatten"
    if name in ("tensors", "DataLoader of tensors", "one tensor", "one array"):
        assert embeddings.labels is None
    else:  # by number from 0, under the names they had
        assert embeddings.labels is not None
        assert embeddings.labels.tolist() == (Y - 5).tolist()
        assert embeddings.classes == ("5", "6", "7")


@pytest.mark.parametrize(
    "target",
    [Y.float(), Y.view(10, 1), Y > 5, Y[:9], torch.where(Y == 5, -1, Y), torch.full((10,), -1), ["a"] * 10],
    ids=["floats", "a column", "booleans", "too few", "some unknown", "all unknown", "texts"],
)
def test_what_is_no_label(target: Any) -> None:
    assert collapse.embed(FLAT, [(X, target)]).labels is None


def test_labels_of_some_batches_are_none() -> None:
    assert collapse.embed(FLAT, [(X, Y), X]).labels is None


def test_a_large_tensor_is_cut_into_batches() -> None:
    images = torch.rand(2 * batches.CHUNK + 1, 4)
    sizes: list[int] = []
    model = nn.Flatten()
    model.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    assert torch.equal(rows(images, model), images)
    assert sizes == [batches.CHUNK, batches.CHUNK, 1]


def test_bytes_are_divided_by_255_alone_and_in_batches() -> None:
    images = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8)
    expected = images.flatten(1).float() / 255
    assert torch.equal(rows(images), expected)
    assert torch.equal(rows([(images, torch.zeros(4).long())]), expected)
    assert torch.equal(rows(images.numpy()), expected)


def test_whole_numbers_stay_whole() -> None:
    """Tokens for an embedding layer."""
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten())
    assert rows([torch.tensor([[1, 2], [3, 4]])], model).shape == (2, 8)


def test_a_wrapper_that_takes_any_name() -> None:
    class Wrapper(nn.Module):
        def forward(self, **named: Tensor) -> Tensor:
            return named["pixel_values"] * named["attention_mask"]

    assert torch.equal(
        rows([{"pixel_values": X, "attention_mask": torch.tensor(2.0), "labels": Y}], Wrapper()), 2 * X
    )


def test_pixel_values_go_to_a_plain_network_as_its_first_argument() -> None:
    assert torch.equal(rows([{"pixel_values": X}]), X)
