"""The network beside itself at random initialisation: which weights, which images, which batch norm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from collapse_cli import methods
from collapse_cli.analysis.initial import at_initialisation, looks_untrained, unsettled_norms
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.models.batch_norm import norms_of, settle, unsettled
from collapse_cli.root_causes import Case, Trained
from collapse_cli.runs.foreign import Frozen
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images, Normalisation

NORMAL = Normalisation((0.5,), (0.3,))


def case(images: Images, ours: bool = True, settled: bool = True) -> Case:
    """An MLP whose every weight was moved, as training does; of ours, or of another library's."""
    run = resolve("moco", {"encoder": "mlp", "batch": 32, "seed": 7})
    network: Any = methods.build(run, images.data_shape)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.1).add_(0.05)
    if settled:
        views = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
        settle(nn.Sequential(network.encoder, network.projector), [views])
    trained = Trained(run, images.data_shape, 3) if ours else None
    method: Any = network if ours else Frozen(network.encoder, network.projector).eval()
    return Case(method, images, NORMAL, "digits", 1.0, 0, trained)


@pytest.mark.parametrize("ours", [True, False])
def test_weights_of_the_seed_and_statistics_of_the_images(ours: bool, images: Images) -> None:
    """A run's own seed gives the weights that it started from, bit by bit; another seed gives others; the case stays as it is."""
    one = case(images, ours)
    before = {name: w.clone() for name, w in one.method.encoder.state_dict().items()}
    first, again, other = (at_initialisation(one, seed) for seed in (7, 7, 8))
    weights, repeated, others = (list(m.encoder.parameters()) for m in (first, again, other))
    assert all(torch.equal(a, b) for a, b in zip(weights, repeated, strict=True))
    assert not torch.equal(weights[0], others[0])
    if one.trained is not None:
        began = methods.build(one.trained.run, images.data_shape).encoder.parameters()
        assert all(torch.equal(a, b) for a, b in zip(weights, began, strict=True))
    assert not any(unsettled(norm) for norm in norms_of(first.encoder))
    assert all(torch.equal(w, before[name]) for name, w in one.method.encoder.state_dict().items())


@pytest.mark.parametrize("ours", [True, False])
def test_batch_norm_is_as_the_network_has_it(ours: bool, images: Images) -> None:
    """Statistics of no batch are compared with statistics of no batch, norm by norm; and it is said."""
    one = case(images, ours, settled=False)
    assert all(unsettled(norm) for norm in norms_of(at_initialisation(one, 0).encoder))
    assert unsettled_norms(one).startswith("the running statistics of 3 of 3 batch norms are initial")
    norm = norms_of(one.method.encoder)[1]
    assert norm.running_mean is not None
    norm.running_mean.add_(0.1)
    assert [unsettled(n) for n in norms_of(at_initialisation(one, 0).encoder)] == [True, False, True]
    assert unsettled_norms(case(images, ours)) == ""


@pytest.mark.parametrize("count", [2, 33, 513, 1025])
def test_no_batch_of_one_settles_batch_norm(
    count: int, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of one image has no variance: torch refuses it. Chunks of at most 512 hold two or more."""
    pixels = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8)
    many = Images(pixels, None, (), "many")
    one = replace(case(images, ours=False), images=many)
    assert not any(unsettled(norm) for norm in norms_of(at_initialisation(one, 0).encoder))


def test_a_run_beside_itself(run: Path) -> None:
    """Every network sees the same images in the same views; the run's own are those of its embeddings."""
    subject = load(run, Measuring(samples=100))
    present, drawn = subject.present, subject.initial
    assert present is not None
    assert [one.seed for one in drawn] == [0, 1, 2, 3]
    assert len(present.index) == 100
    assert all(torch.equal(one.index, present.index) for one in drawn)
    torch.testing.assert_close(present.rows["z"], subject.clean.spaces["z"])
    assert subject.views is not None
    torch.testing.assert_close(present.views[1]["z"], subject.views[1].spaces["z"])
    for one in drawn:
        assert {space: rows.shape for space, rows in one.rows.items()} == {"h": (100, 128), "z": (100, 64)}
        assert [view["z"].shape for view in one.views] == [(100, 64), (100, 64)]
        assert not torch.equal(one.views[0]["z"], one.views[1]["z"])
    assert len({float(one.rows["z"].sum()) for one in drawn}) == len(drawn)


def test_at_most_so_many_images_are_compared(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collapse_cli.analysis.subject.COMPARED", 64)
    subject = load(run, Measuring(samples=200))
    assert subject.present is not None
    assert len(subject.present.index) == 64
    assert set(subject.present.index.tolist()) <= set(subject.clean.index.tolist())
    assert subject.initial[0].rows["h"].shape == (64, 128)


def test_embeddings_have_no_network(tmp_path: Path) -> None:
    import numpy

    numpy.save(tmp_path / "e.npy", numpy.eye(9))
    subject: Subject = load(tmp_path / "e.npy", Measuring())
    assert (subject.present, subject.initial, subject.looks_untrained("h"), subject.stage) == (
        None,
        (),
        "",
        None,
    )
    assert subject.training == {}


def test_which_part_looks_untrained(images: Images, run: Path) -> None:
    """A trained encoder with a new projector, the reverse, both new; two epochs of MoCo have moved both."""
    moved, fresh = case(images, ours=False).method, case(images, ours=False)
    new = at_initialisation(fresh, 3)

    def said(encoder: nn.Module, projector: nn.Module, space: str = "z") -> str:
        return looks_untrained(replace(fresh, method=Frozen(encoder, projector)), space)

    assert said(moved.encoder, new.projector).startswith("its projector looks untrained")
    assert said(new.encoder, moved.projector).startswith("its encoder looks untrained")
    assert said(new.encoder, new.projector).startswith("its encoder and projector look untrained")
    assert said(new.encoder, nn.Identity()).startswith("its encoder looks untrained")
    assert said(moved.encoder, moved.projector) == ""
    assert said(moved.encoder, new.projector, "h") == "", "h does not come from the projector"
    assert load(run, Measuring(samples=50)).looks_untrained("z") == ""


def test_dropout_stays_off_while_batch_norm_settles() -> None:
    """Rows of ones through dropout would have a variance of 1, without it 0; the modes are then as they were."""
    network = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(4)).train()
    settle(network, [torch.ones(64, 4)])
    assert network[1].running_var.tolist() == [0, 0, 0, 0]
    assert all(module.training for module in network.modules())
