"""What every method promises the loop, the checkpoint and the run folder."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.modules.batchnorm import _BatchNorm

from collapse_cli import methods
from collapse_cli.analysis.training import fresh
from collapse_cli.errors import CollapseError
from collapse_cli.models.key_encoder import KeyQueue
from collapse_cli.runs import checkpoint
from collapse_cli.runs.foreign import Frozen
from collapse_cli.settings import METHODS, resolve
from collapse_cli.shapes import Batch, Images, Origin, Pair
from collapse_cli.training import train

Make = Callable[..., Any]

MIXING = {"mix_after": 0.0, "pair_mixes": 5, "query_mixes": 3}
MASKS = {"mask_false_negatives": True, "mask_random": 0.3}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "moco symmetric": ("moco", {"symmetric": True, **MASKS}),
    "moco copy": ("moco", {"key_encoder": "copy", "mask_own": True}),
    "moco gradient": ("moco", {"key_encoder": "gradient", "queue": 40}),
    "moco cosine": ("moco", {"momentum_schedule": "cosine", "bn_splits": 2, "shuffle_bn": True}),
    "mochi mixing": ("mochi", MIXING),
    "mochi masks": ("mochi", {**MIXING, **MASKS, "symmetric": True, "mask_own": True}),
    "end-to-end masks": ("end-to-end", MASKS),
    "end-to-end other view": ("end-to-end", {"negatives": "other-view", **MASKS}),
    "memory-bank masks": ("memory-bank", MASKS),
    "memory-bank nce": ("memory-bank", {"bank_loss": "nce"}),
    "simsiam bare": ("simsiam", {"stop_gradient": False, "predictor": False}),
    "byol bare": ("byol", {"stop_gradient": False, "predictor": False}),
    "byol cosine": ("byol", {"momentum_schedule": "cosine"}),
    "dino uncentered": ("dino", {"centering": False}),
    "dino flat": ("dino", {"sharpening": False, "momentum_schedule": "cosine"}),
    "swav unbalanced": ("swav", {"sinkhorn": False}),
    "lejepa bare": ("lejepa", {"sigreg_weight": 0.0}),
    "contrastive-clustering even": ("contrastive-clustering", {"entropy": False, "clusters": 5}),
}
CASES = {name: (name, {}) for name in METHODS} | VARIANTS
BLIND: tuple[dict[str, Any], ...] = ({"bank_loss": "nce"}, {"sigreg_weight": 0.0})
"""Settings with which the loss of equal embeddings says nothing."""
LEARNED = ("encoder", "projector", "predictor", "prototypes", "cluster_head", "weights")

every = pytest.mark.parametrize(("name", "given"), CASES.values(), ids=list(CASES))


def kept(method: nn.Module) -> dict[str, Tensor]:
    """All that the checkpoint keeps, but batch norm's running statistics, which every forward pass in training moves."""
    return {k: v.clone() for k, v in method.state_dict().items() if "running" not in k and "tracked" not in k}


def begun(name: str, images: Images, given: dict[str, Any]) -> checkpoint.Checkpoint:
    """Ready to train for four epochs of three steps."""
    run = resolve(name, given, {"batch": 32, "epochs": 4})
    return fresh(run, images)


def go(kept: checkpoint.Checkpoint, images: Images, epochs: int) -> list[float]:
    course = train(kept.method, images, kept.normalisation, kept.run.training, kept.state)
    return [epoch.loss for epoch in islice(course, epochs)]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_declares_what_it_has(name: str, build: Make) -> None:
    """All that the protocol names; a part that is None is one the method does not have, whatever its knobs are called."""
    method, own = build(name), {field.name for field in fields(METHODS[name])}
    assert {*methods.Method.__annotations__, "curves"} <= set(dir(method))
    assert isinstance(method.negatives, KeyQueue) is (name in ("moco", "mochi"))
    assert (method.key_network is not None) is (name in ("moco", "mochi"))
    assert (method.cluster_head is not None) is (name == "contrastive-clustering")
    assert (method.classifier is not None) is (name == "supervised")
    assert (method.temperature is not None) is ("temperature" in own)


def test_another_librarys_network_declares_the_same() -> None:
    """Without any of it where nothing was found in its file; its projector hands h on."""
    bare = Frozen(nn.Identity(), None)
    parts = {name: getattr(bare, name) for name in methods.Method.__annotations__}
    nothing = {
        "temperature",
        "negatives",
        "key_network",
        "cluster_head",
        "classifier",
        "repels",
        "loss_sees",
        "compares",
    }
    assert {name for name, part in parts.items() if part is None} == nothing
    assert Frozen(nn.Identity(), None, head := nn.Softmax(dim=1)).cluster_head is head


@pytest.mark.parametrize(
    ("name", "given", "repels"),
    [
        *((name, {}, name not in ("positive-only", "simsiam", "byol", "dino")) for name in METHODS),
        ("vicreg", {"covariance": 0.0}, True),
        ("vicreg", {"variance": 0.0}, False),
        ("align-uniform", {"uniformity": 0.0}, False),
        ("lejepa", {"sigreg_weight": 0.0}, False),
        ("simsiam", {"stop_gradient": False}, False),
    ],
)
def test_what_repels(name: str, given: dict[str, Any], repels: bool, build: Make, batch: Batch) -> None:
    """Of two equal views nothing is left to attract: a loss that repels is then lower for images that are apart than for
    images that are all one point. Seen where it needs neither keys of earlier batches, a slow
    teacher nor labels, and no other term grows.
    """
    method = build(name, **given)
    assert method.repels is repels
    if name in ("moco", "mochi", "memory-bank", "nnclr", "dino", *methods.LEARN_FROM_LABELS) or (
        name,
        given,
    ) == (
        "vicreg",
        {},
    ):
        return
    same, projector, losses = replace(batch, second=batch.first), method.projector, []
    for spread in (1.0, 1e-6):
        method.projector = nn.Sequential(projector, _About(spread))
        losses.append(float(method.loss(same).detach()))
    assert (losses[0] < losses[1] - 1e-3) is repels


class _About(nn.Module):
    """Embeddings (B,d) as far apart as before, times `spread`, about the point (1, 1, …)."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = spread

    def forward(self, rows: Tensor) -> Tensor:
        apart = rows - rows.mean(dim=0)
        return 3 * self.spread * apart / apart.std() + (1 if self.spread < 1 else 0)


@pytest.mark.parametrize("name", ["moco", "mochi"])
def test_the_key_network_gives_the_keys(name: str, build: Make, batch: Batch) -> None:
    """Its rows are those that enter the queue; None where keys come from the query's own."""
    method = build(name, queue=16)
    method.loss(batch)
    expected = normalize(method.key_network(batch.second), dim=1)
    method.after_step(0.05)
    torch.testing.assert_close(method.negatives.keys, expected)
    assert build(name, key_encoder="copy").key_network is None


@every
def test_a_loss_reads(name: str, given: dict[str, Any], build: Make, batch: Batch) -> None:
    """Before any step and after one, loss and its gradient leave weights, slow copy, queue and bank as they were.

    And the step leaves every network in training mode.
    """
    method = build(name, **given)
    for _ in range(2):
        before = kept(method)
        method.loss(batch).backward()
        after = kept(method)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)
        method.after_step(0.5)
        assert all(module.training for module in method.modules())


@every
def test_the_gradient_reaches_what_learns_and_nothing_else(
    name: str, given: dict[str, Any], build: Make, batch: Batch
) -> None:
    """Every part of what learns turns; slow copies take no gradient, and queue and bank are no parameters."""
    method = build(name, **given)
    method.loss(batch).backward()
    learned = {n: p for n, p in method.named_parameters() if n.split(".")[0] in LEARNED}
    assert set(learned) == {n for n, p in method.named_parameters() if p.requires_grad}
    for part in {n.split(".")[0] for n in learned}:
        reached = [p.grad for n, p in learned.items() if n.split(".")[0] == part]
        assert all(grad is not None and grad.isfinite().all() for grad in reached)
        assert max(float(grad.abs().max()) for grad in reached) > 1e-6, part
    slow = {n.split(".")[0] for n, p in method.named_parameters() if n not in learned and p.grad is None}
    rest = {n.split(".")[0] for n, _ in method.named_parameters() if n not in learned}
    assert slow == rest <= {"key_encoder", "key_projector", "target", "target_prototypes"}
    assert not any(b.requires_grad for b in method.buffers())


@every
def test_all_chance_is_the_batchs(name: str, given: dict[str, Any], build: Make, batch: Batch) -> None:
    """Loss and step draw from the generator handed in alone: the same seed, the same loss; torch's own stays untouched."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    losses = []
    for _ in range(2):
        method, generator = build(name, **given), torch.Generator().manual_seed(7)
        for _ in range(2):
            losses.append(float(method.loss(replace(batch, generator=generator)).detach()))
            method.after_step(0.5)
    assert losses[:2] == losses[2:]
    assert torch.equal(before, torch.get_rng_state())


@torch.no_grad()
def collapse(method: Any, views: Tensor) -> None:
    """All embeddings equal, plant it so: every batch norm gives 1s, and what is remembered or learned is alike too."""
    for module in method.modules():
        if isinstance(module, _BatchNorm):
            module.weight.zero_()
            module.bias.fill_(1)
    if method.loss_sees == "rows" and method.repels:  # the point that costs least
        for parameter in method.projector[-1].parameters():
            parameter.zero_()
    z = normalize(method.projector(method.encoder(views)), dim=1)[0]
    for name, remembered in method.named_buffers():
        if name in ("queue.keys", "support.keys", "bank"):
            remembered.copy_(z.expand_as(remembered))
    for name, learned in method.named_parameters():
        if "prototypes" in name:
            learned.fill_(1)
    if method.classifier is not None:
        method.classifier.fill_(1)
    if method.cluster_head is not None:
        for p in method.cluster_head[0][-1].parameters():
            p.zero_()


@every
def test_chance_is_the_loss_of_equal_embeddings(
    name: str, given: dict[str, Any], build: Make, batch: Batch
) -> None:
    """Also with masks, whose second look knows the labels and images that the first step left behind."""
    method = build(name, **given)
    collapse(method, batch.first)
    for _ in range(2):
        loss = float(method.loss(batch).detach())
        chance = method.chance()
        if chance is None:
            assert name in ("simsiam", "byol", "positive-only") or given in BLIND
        else:
            assert loss == pytest.approx(chance, abs=2e-4)
        method.after_step(0.5)


@every
def test_what_is_watched(name: str, given: dict[str, Any], build: Make, batch: Batch) -> None:
    """Nothing before the first batch breaks; then finite numbers, and curves as long in x as in y."""
    method = build(name, **given)
    assert all(math.isfinite(value) for value in method.diagnostics().values())
    assert method.curves() == {}
    method.chance()
    method.loss(batch)
    said = method.diagnostics()
    assert all(type(value) is float and math.isfinite(value) for value in said.values())
    for x, y in method.curves().values():
        assert len(x) == len(y) > 1
        assert all(type(value) is float and math.isfinite(value) for value in (*x, *y))
        assert list(x) == sorted(set(x))


@every
def test_half_precision_is_nearly_the_same(
    name: str, given: dict[str, Any], build: Make, batch: Batch
) -> None:
    """bf16 keeps 8 bits. What is remembered stays float32."""
    losses = []
    for enabled in (False, True):
        method, generator = build(name, **given), torch.Generator().manual_seed(7)
        for _ in range(2):
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                loss = method.loss(replace(batch, generator=generator))
            loss.backward()
            method.after_step(0.5)
        assert {t.dtype for t in method.state_dict().values() if t.is_floating_point()} == {torch.float32}
        assert all(p.grad.isfinite().all() for p in method.parameters() if p.grad is not None)
        losses.append(float(loss.detach()))
    assert losses[1] == pytest.approx(losses[0], rel=0.02, abs=0.02)


@every
def test_two_and_two_epochs_are_four(
    name: str, given: dict[str, Any], knobs: Make, images: Images, batch: Batch, tmp_path: Path
) -> None:
    """Bit for bit: the checkpoint gives back the method whose next loss is the same, and all that follows."""
    given = knobs(name, **given)
    through, first = (begun(name, images, given) for _ in range(2))
    history = go(through, images, 4)
    assert go(first, images, 2) == history[:2]
    checkpoint.save(tmp_path / "c.pt", first)
    second = checkpoint.load(tmp_path / "c.pt")
    seeds = (torch.Generator().manual_seed(7) for _ in range(2))
    ours, theirs = (
        copy.deepcopy(one.method).loss(replace(batch, index=batch.index - 100, generator=seed)).detach()
        for one, seed in zip((first, second), seeds, strict=True)
    )
    assert torch.equal(ours, theirs)
    assert go(second, images, 2) == history[2:]
    found, wanted = second.method.state_dict(), through.method.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)
    assert torch.equal(second.state.generator.get_state(), through.state.generator.get_state())


@pytest.mark.parametrize("name", METHODS)
def test_images_without_labels(name: str, build: Make, batch: Batch) -> None:
    """Refused in a sentence where a method is made of labels; the others neither need nor miss them."""
    bare = replace(batch, labels=None)
    if name in ("supervised", "supcon"):
        with pytest.raises(CollapseError, match=f"the method {name} needs labels") as raised:
            build(name, classes=0)
        assert (raised.value.code, raised.value.hint) == (
            2,
            "give images in class folders, parquet with a label column, or --labels FILE",
        )
        return
    more = {"clusters": 4} if name == "contrastive-clustering" else {}
    method, known = build(name, classes=0, **more), build(name, **more)
    for _ in range(2):
        generators = [torch.Generator().manual_seed(7) for _ in range(2)]
        loss = method.loss(replace(bare, generator=generators[0]))
        assert float(loss.detach()) == float(known.loss(replace(batch, generator=generators[1])).detach())
        method.after_step(0.5)
        known.after_step(0.5)


@pytest.mark.parametrize("name", ["moco", "mochi", "end-to-end", "memory-bank"])
def test_the_class_oracle_needs_labels(name: str, build: Make) -> None:
    with pytest.raises(CollapseError, match="--mask-false-negatives needs labels") as raised:
        build(name, classes=0, mask_false_negatives=True)
    assert raised.value.code == 2
    build(name, classes=0, mask_random=0.5)


@pytest.mark.parametrize("name", METHODS)
def test_weights_are_the_seeds(name: str, build: Make) -> None:
    """The same seed, the same weights, queue and bank, whatever torch's own generator has done."""
    one, again, other = (build(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[key], again[key]) for key in one)
    learned = [key for key in one if key.startswith("encoder") and one[key].dim() > 1]
    assert not any(torch.equal(one[key], other[key]) for key in learned)


BEFORE_A_BATCH = {
    "moco": math.log(11),
    "mochi": math.log(11),
    "memory-bank": math.log(13),
    "supervised": math.log(3),
    "vicreg": 24.75,
    "dino": math.log(12),
    "swav": math.log(12),
    "align-uniform": 0.0,
    "barlow-twins": 8.0,
}
"""log(1 + 10), log 12 + 1 of the memory bank, log 3 classes, .99 x 25 of the hinge, 12 prototypes, 0, and 8 dimensions."""
OF_A_BATCH = (
    *("end-to-end", "dcl", "hcl", "directclr", "nnclr", "simsiam", "byol", "supcon", "positive-only"),
    *("contrastive-clustering", "lejepa"),
)


@pytest.mark.parametrize("name", [*BEFORE_A_BATCH, *OF_A_BATCH])
def test_before_the_first_batch_chance_is_what_settings_alone_say(name: str, build: Make) -> None:
    """A queue or classes are there from the beginning, rows and dimensions too; a batch is not, and views say nothing."""
    alone = BEFORE_A_BATCH.get(name)
    assert build(name).chance() == (None if alone is None else pytest.approx(alone))


@pytest.mark.parametrize(("name", "hidden"), [("byol", 16), ("nnclr", 16), ("simsiam", 4)])
def test_predictors_have_one_hidden_layer_and_its_batch_norm(name: str, hidden: int, build: Make) -> None:
    """d - hidden - d, and nothing after the last layer, for batch norm on p would hide a collapse."""
    kinds = [type(part).__name__ for part in build(name).predictor]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert build(name).predictor[0].weight.shape == (hidden, 8)
    assert build(name).predictor[3].weight.shape == (8, hidden)


@pytest.mark.parametrize("norm", [True, False])
def test_the_cluster_head_is_built_as_the_projector(norm: bool, build: Make) -> None:
    """Two layers, with batch norm where the projector has it, then a softmax over clusters."""
    logits, softmax = build("contrastive-clustering", head_norm=norm, head_hidden=24).cluster_head
    assert [type(part).__name__ for part in logits] == ["Linear", *["BatchNorm1d"] * norm, "ReLU", "Linear"]
    assert (logits[0].out_features, logits[-1].out_features, softmax.dim) == (24, 3, 1)


@pytest.mark.parametrize(
    ("name", "given", "sides"),
    [
        ("moco", {}, ("projection", "key")),
        ("moco", {"key_encoder": "copy"}, ("projection", "projection")),
        ("mochi", {}, ("projection", "key")),
        ("mochi", {"key_encoder": "gradient"}, ("projection", "projection")),
        ("byol", {}, ("prediction", "target")),
        ("byol", {"predictor": False, "stop_gradient": False}, ("projection", "projection")),
        ("simsiam", {}, ("prediction", "projection")),
        ("simsiam", {"predictor": False}, ("projection", "projection")),
        ("nnclr", {}, ("neighbour", "prediction")),
        ("memory-bank", {}, ("projection", "slot")),
        ("dino", {}, ("projection", "target")),
        ("swav", {}, ("projection", "projection")),
        ("supervised", {}, ("projection", "class weight")),
    ],
)
def test_what_the_loss_compares(
    name: str, given: dict[str, Any], sides: tuple[str, str], build: Make
) -> None:
    """Query and positive, as the settings have them."""
    assert build(name, **given).compares == Pair(*sides)


@pytest.mark.parametrize("name", METHODS)
def test_what_the_loss_sees_of_z(name: str, build: Make) -> None:
    """A loss that sees directions is the same of embeddings of any length, one that sees columns of columns of any deviation."""
    sees = {"vicreg": "rows", "lejepa": "rows", "barlow-twins": "columns"}
    assert build(name).loss_sees == sees.get(name, "directions")


@pytest.mark.parametrize("name", METHODS)
def test_who_is_no_negative(name: str, build: Make) -> None:
    """The own image, of images 5 and 6 among keys of 6, 5 and 9; of a loss that knows classes those of the own class, too.

    MoCo's queue is not asked whose keys it holds unless `mask_own` says so.
    """
    queries = Origin(torch.tensor([5, 6]), torch.tensor([0, 1]))
    keys = Origin(torch.tensor([6, 5, 9]), torch.tensor([1, 0, 0]))
    own = torch.tensor([[False, True, False], [True, False, False]])
    alike = torch.tensor([[False, True, True], [True, False, False]])
    found = build(name).left_out(queries, keys, torch.Generator())
    if name in ("moco", "mochi"):
        assert found is None
        found = build(name, mask_own=True).left_out(queries, keys, torch.Generator())
    assert torch.equal(found, alike if name in methods.LEARN_FROM_LABELS else own)


def test_what_is_watched_of_terms_is_named(build: Make, batch: Batch) -> None:
    """Before a batch nothing; then each term by its name, in the order of the loss."""
    for name, terms in (
        ("vicreg", ("invariance", "variance hinge", "covariance")),
        ("lejepa", ("distance from the mean view", "SIGReg")),
        ("align-uniform", ("alignment", "uniformity")),
    ):
        method = build(name)
        assert method.diagnostics() == {}
        method.loss(batch)
        assert tuple(method.diagnostics()) == terms
        assert list(method.diagnostics().values()) == [float(term) for term in method.terms]
