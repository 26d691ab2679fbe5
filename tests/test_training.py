"""The loop: exact to resume, exact to repeat, and it sees collapse."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from collapse_cli import data
from collapse_cli.commands.train import fresh, settled
from collapse_cli.embedding import embed, sample
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.settings import Training, resolve
from collapse_cli.shapes import Images
from collapse_cli.training import Epoch, learning_rate, train

SMALL = {"encoder": "mlp", "dim": 8, "batch": 16, "epochs": 4}


def begun(method: str, images: Images, **knobs: object) -> Checkpoint:
    queue = {"queue": 40, "hardest": 8} if method == "mochi" else {"queue": 40} if method == "moco" else {}
    return fresh(settled(resolve(method, SMALL | queue | knobs), images), images, "cpu")


def run(kept: Checkpoint, images: Images, epochs: int) -> list[Epoch]:
    course = train(kept.method, images, kept.normalisation, kept.run.training, kept.state)
    return list(islice(course, epochs))


def same(one: Checkpoint, other: Checkpoint) -> bool:
    ours, theirs = one.method.state_dict(), other.method.state_dict()
    weights = all(torch.equal(ours[name], theirs[name]) for name in ours)
    return weights and torch.equal(one.state.generator.get_state(), other.state.generator.get_state())


@pytest.mark.parametrize("method", ["moco", "mochi", "positive-only"])
def test_two_and_two_epochs_are_four(method: str, images: Images, tmp_path: Path) -> None:
    """Bit for bit: weights, queue, momentum of SGD, schedule and every draw."""
    whole, first = begun(method, images), begun(method, images)
    history = run(whole, images, 4)
    run(first, images, 2)
    checkpoint.save(tmp_path / "c.pt", first)
    second = checkpoint.load(tmp_path / "c.pt")
    rest = run(second, images, 4)
    assert [epoch.number for epoch in rest] == [3, 4]
    assert [epoch.loss for epoch in rest] == [epoch.loss for epoch in history[2:]]
    assert same(whole, second)


def test_the_seed_decides_everything(images: Images) -> None:
    one, again, other = (begun("moco", images, seed=seed) for seed in (0, 0, 1))
    for kept in (one, again, other):
        run(kept, images, 1)
    assert same(one, again)
    assert not same(one, other)


def test_the_global_generator_is_left_alone(images: Images) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(begun("mochi", images), images, 1)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("progress", "rate"), [(0, 0.05), (0.5, 0.025), (1, 0)])
def test_cosine(progress: float, rate: float) -> None:
    assert learning_rate(Training(), progress) == pytest.approx(rate)
    assert learning_rate(replace(Training(), schedule="constant"), progress) == 0.05


def test_a_batch_larger_than_the_data_is_refused(images: Images) -> None:
    with pytest.raises(CollapseError, match="--batch 97 is more than the 96 pictures"):
        run(begun("moco", images, batch=97), images, 1)


def test_a_diverged_loss_is_a_sentence(images: Images) -> None:
    with pytest.raises(CollapseError, match="the loss was nan"):
        run(begun("positive-only", images, lr=1e30), images, 4)


def test_positive_only_collapses_within_a_few_epochs_and_moco_does_not() -> None:
    """Measured over three seeds: std·√d .03 after one epoch of positive-only; MoCo's is .7 after ten."""
    images = data.load("digits", "train")
    last = {}
    for method, epochs in (("positive-only", 4), ("moco", 10)):
        run_ = settled(resolve(method, {"epochs": epochs}), images)
        last[method] = run(fresh(run_, images, "cpu"), images, epochs)[-1]
    assert last["positive-only"].std_sqrt_d < 0.05
    assert last["positive-only"].mean_cosine > 0.99
    assert last["moco"].std_sqrt_d > 0.4
    assert last["moco"].chance == pytest.approx(math.log(513))
    assert last["moco"].loss < last["moco"].chance


def test_sample() -> None:
    images = data.load("digits", "test")
    drawn = sample(images, 100, seed=3)
    assert len(drawn.unique()) == 100
    assert torch.equal(drawn, drawn.sort().values)
    assert torch.equal(drawn, sample(images, 100, seed=3))
    assert torch.equal(sample(images, 1000, seed=3), torch.arange(450))


def test_embed_is_the_plain_forward_pass_in_eval_mode(images: Images) -> None:
    kept = begun("moco", images)
    network = kept.method.train()
    index = torch.tensor([5, 7, 50])
    found = embed(kept.method, images, kept.normalisation, index)
    assert network.training
    pixels = kept.normalisation(images.pixels[index].float() / 255)
    h = network.eval().encoder(pixels)
    torch.testing.assert_close(found.representations, h.detach())
    torch.testing.assert_close(found.projections, network.projector(h).detach())
    assert found.labels.tolist() == [2, 1, 2]


def test_without_a_projector_there_are_no_projections(images: Images) -> None:
    kept = begun("moco", images, head_layers=0)
    assert run(kept, images, 1)[0].dimensions == 128
    assert list(embed(kept.method, images, kept.normalisation, torch.arange(3)).spaces) == ["h"]
