"""Embedding: which images, in which mode, and views that can be drawn again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from collapse_cli import embedding, methods
from collapse_cli.embedding import embed, many_views, pairs, sample
from collapse_cli.settings import resolve
from collapse_cli.shapes import DataShape, Images, Normalisation

GREY = Normalisation((0.5,), (0.25,))


@pytest.fixture
def method() -> methods.Method:
    torch.manual_seed(0)
    return methods.build(
        resolve("moco", {"encoder": "mlp", "dim": 8, "queue": 10}), DataShape((1, 8, 8), 96, 3)
    )


@pytest.mark.parametrize("count", [1, 95, 96, 97])
def test_sample_around_all_of_them(count: int, images: Images) -> None:
    drawn = sample(images, count, seed=1)
    assert len(drawn) == min(count, 96)
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert torch.equal(drawn, sample(images, count, seed=1))
    if count == 1:
        assert len({int(sample(images, 1, seed)) for seed in range(20)}) > 5


@pytest.mark.parametrize("chunk", [1, 7, 96])
@pytest.mark.parametrize("training", [True, False])
def test_chunks_and_mode(
    chunk: int, training: bool, images: Images, method: methods.Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    """h = f((x/255 - mean) / std), z = g(h), in eval mode; the mode from before comes back and no statistic moves."""
    monkeypatch.setattr(embedding, "CHUNK", chunk)
    method.train(training)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    index = torch.arange(3, 90, 2)
    found = embed(method, images, GREY, index)
    assert method.training is training
    assert all(torch.equal(before[name], value) for name, value in method.state_dict().items())
    method.eval()
    h = method.encoder((images.pixels[index].float() / 255 - 0.5) / 0.25).detach()
    torch.testing.assert_close(found.representations, h, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.projections, method.projector(h).detach(), atol=1e-5, rtol=1e-5)
    assert torch.equal(found.index, index)
    assert torch.equal(found.labels, images.labels[index])
    assert (found.classes, found.source, len(found)) == (images.classes, images.name, 44)


def test_without_labels(images: Images, method: methods.Method) -> None:
    assert embed(method, replace(images, labels=None, classes=()), GREY, torch.arange(4)).labels is None


def test_pairs_can_be_drawn_again_and_differ(images: Images, method: methods.Method) -> None:
    index = torch.arange(20)
    one, again, other = (pairs(method, images, GREY, index, "digits", 1.0, seed) for seed in (0, 0, 1))
    for a, b in zip(one, again, strict=True):
        assert torch.equal(a.projections, b.projections)
    assert not torch.equal(one[0].projections, one[1].projections), "two views, not one twice"
    assert not torch.equal(one[0].projections, other[0].projections)
    assert torch.equal(one[0].index, one[1].index)


def test_pairs_of_no_augmentation_are_the_clean_images(images: Images, method: methods.Method) -> None:
    index = torch.arange(20)
    clean = embed(method, images, GREY, index)
    for recipe, strength in (("none", 1.0), ("digits", 0.0)):
        for view in pairs(method, images, GREY, index, recipe, strength, 0):
            torch.testing.assert_close(view.projections, clean.projections, atol=1e-5, rtol=1e-5)


def test_many_views_begin_with_the_pair(method: methods.Method, images: Images) -> None:
    """Four views of 20 images, all different, of which the first two are those that alignment is measured on."""
    index = torch.arange(0, 40, 2)
    found = many_views(method, images, GREY, index, "digits", 1.0, 3, 4)
    for one, other in zip(pairs(method, images, GREY, index, "digits", 1.0, 3), found, strict=False):
        assert torch.equal(one.representations, other.representations)
    assert len({view.representations.sum().item() for view in found}) == 4
    assert all(torch.equal(view.index, index) for view in found)
