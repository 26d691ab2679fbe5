"""A network, and what is known of its training -> the evidence for every cause of its collapse that it can be asked about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from statistics import median
from typing import Any, cast

import torch
from torch import Tensor, nn

from collapse_cli import embedding, methods, settings
from collapse_cli.metrics import causes
from collapse_cli.metrics.alignment import mean_cosine, spread
from collapse_cli.metrics.augmentation import NORMAL_95, Augmentation, augmentation
from collapse_cli.metrics.causes import Cause, Signal, Tried
from collapse_cli.metrics.chain import Chain, chain
from collapse_cli.metrics.history import history
from collapse_cli.metrics.oracle import Oracle, oracle
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.spectrum import effective_rank
from collapse_cli.metrics.verdict import COMPLETE
from collapse_cli.metrics.weights import flat
from collapse_cli.models.batch_norm import settle
from collapse_cli.models.layers import layers
from collapse_cli.models.momentum import KeyQueue
from collapse_cli.results import Curve, Measured
from collapse_cli.settings import Run
from collapse_cli.shapes import DataShape, Embeddings, Images, Normalisation
from collapse_cli.training import SETTLING, Epoch, batches, start, train

VIEWED, VIEWS = 512, 4  # pictures whose views are told apart, and how many of each
LOOKED_AT = 2048  # clean pictures, and keys of a queue, at most
STRENGTHS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Trained:
    """What is known of a training: its settings, the pictures it learned from, the epochs done so far."""

    run: Run
    data: DataShape
    epochs: int

    @property
    def steps(self) -> int:
        """Done so far."""
        return self.epochs * (self.data.pictures // self.run.training.batch)

    @property
    def queued(self) -> bool:
        """Whether its negatives are keys in a queue."""
        return hasattr(self.run.own, "queue")

    @property
    def momentum(self) -> float:
        """Of the key encoder, at the start where it rises; 0 where keys come from the query's own."""
        return self.run.own.momentum if self.run.own.key_encoder == "momentum" else 0.0

    @property
    def keys_per_step(self) -> int:
        return self.run.training.batch * (2 if self.run.own.symmetric else 1)


@dataclass(frozen=True)
class Case:
    """A network that is asked why it collapsed. recipe, strength: of the views; samples: pictures at most.

    trained: None where that is not known, as of another library's network. Its pictures need not be those of its training.
    """

    method: methods.Method
    images: Images
    normalisation: Normalisation
    recipe: str
    strength: float
    seed: int
    trained: Trained | None = None
    samples: int = LOOKED_AT

    @cached_property
    def untrained(self) -> methods.Method | None:
        """The same network before its first step, batch norm settled as training settles it."""
        if self.trained is None:
            return None
        run, device = self.trained.run, _device(self.method)
        fresh = methods.build(run, self.trained.data)
        cast(nn.Module, fresh).to(device)
        generator = torch.Generator(device).manual_seed(run.training.seed)
        drawn = batches(self.images, self.normalisation, run.training, generator)
        settle(nn.Sequential(fresh.encoder, fresh.projector), (one.first for one in islice(drawn, SETTLING)))
        return fresh

    @cached_property
    def clean(self) -> Embeddings:
        return embedding.embed(self.method, self.images, self.normalisation, self._index(LOOKED_AT))

    @property
    def space(self) -> Tensor:
        """(N,d) clean rows of the space that the loss sees."""
        return list(self.clean.spaces.values())[-1]

    @cached_property
    def std_sqrt_d(self) -> float:
        return spread(unit(self.space))

    @property
    def is_a_point(self) -> bool:
        """Complete collapse: there is no shape left to look at."""
        return self.std_sqrt_d < COMPLETE

    @cached_property
    def now(self) -> Augmentation:
        """Augmentation against data at the run's own strength."""
        return self._against(self.method, self.strength, VIEWS)

    @cached_property
    def before(self) -> Augmentation | None:
        """The same before training."""
        return self._against(self.untrained, self.strength, VIEWS) if self.untrained else None

    @cached_property
    def along(self) -> list[Augmentation]:
        """At each of STRENGTHS, from two views."""
        return [self._against(self.method, strength, 2) for strength in STRENGTHS]

    @cached_property
    def along_before(self) -> list[Augmentation] | None:
        """The same before training."""
        fresh = self.untrained
        return [self._against(fresh, strength, 2) for strength in STRENGTHS] if fresh else None

    @cached_property
    def chain(self) -> Chain | None:
        """The projector's linear layers in a row, beside those before training; None where no two follow on each other."""
        if self.untrained is None or self.is_a_point:
            return None
        now = in_a_row(self.method.projector)
        return chain(now, in_a_row(self.untrained.projector)) if now else None

    def _index(self, count: int) -> Tensor:
        return embedding.sample(self.images, min(count, self.samples), self.seed)

    def _against(self, method: methods.Method, strength: float, views: int) -> Augmentation:
        """In h, and what of it died in z, if that is not a point."""
        of = method, self.images, self.normalisation, self._index(VIEWED)
        drawn = embedding.many_views(*of, self.recipe, strength, self.seed, views)
        h = torch.stack([one.representations for one in drawn], dim=1)  # (n, q, D)
        lives = method is not self.method or not self.is_a_point
        z = [one.projections for one in drawn if one.projections is not None and lives]
        return augmentation(h, torch.stack(z, dim=1) if z else None)


def _device(method: methods.Method) -> torch.device:
    return next(cast(nn.Module, method).parameters()).device


def diagnose(case: Case) -> list[Cause]:
    """Every cause that this network can be asked about, those found first."""
    asked: list[Cause | None] = [augmented(case)]
    if case.trained is not None:
        asked += [repelled(case, case.trained), *keys(case, case.trained)]
        asked += (
            [moved(case, case.trained)] if case.is_a_point else [deep(case), *negatives(case, case.trained)]
        )
    return causes.ranked(asked, case.std_sqrt_d)


def augmented(case: Case) -> Cause:
    """What is left of a picture in its views, before or after training, where more is."""
    best: Any = max([one.recognised for one in (case.now, case.before) if one], key=float)
    low, high = best.interval
    return causes.strong_augmentation(best, (high - low) / (2 * NORMAL_95), case.strength, milder(case))


def milder(case: Case) -> float:
    """The strongest augmentation below the run's own whose views are recognised before training, or now of another library's."""
    swept = zip(STRENGTHS, case.along_before or case.along, strict=True)
    mild = [at for at, one in swept if at < case.strength and one.recognised >= causes.RECOGNISED]
    return mild[-1] if mild else case.strength / 2


def repelled(case: Case, trained: Trained) -> Cause | None:
    """Whether pictures met, where nothing in the loss pushes them apart."""
    cure = unopposed(trained.run.own)
    return None if cure is None else causes.nothing_repels(case.std_sqrt_d, cure[1], cure[0])


def unopposed(own: Any) -> tuple[str, dict[str, Any]] | None:
    """None where a term or a stop-gradient keeps pictures apart; else (another method or "", the settings) that would.

    SimSiam and BYOL without stop-gradient or predictor; VICReg without variance; alignment more than 4 times uniformity
    (Wang & Isola, arXiv:2005.10242, sec. 5).
    """
    match own:
        case settings.PositiveOnly():
            return "end-to-end", {}
        case settings.Simsiam() | settings.Byol() if not (own.stop_gradient and own.predictor):
            return "", {"stop_gradient": True, "predictor": True}
        case settings.Vicreg() if own.variance == 0:
            return "", {"variance": 25.0}
        case settings.AlignUniform() if own.alignment > 4 * own.uniformity:
            return "", {"alignment": 0.98, "uniformity": 0.96}
    return None


def keys(case: Case, trained: Trained) -> list[Cause | None]:
    """Whether the keys of a queue are consistent, no longer random, and young enough."""
    queue = getattr(case.method, "queue", None)
    if not isinstance(queue, KeyQueue):
        return []
    size, momentum, steps = len(queue.keys), trained.momentum, trained.steps
    return [
        causes.fast_keys(size, trained.keys_per_step, momentum),
        causes.slow_keys(momentum, steps) if steps else None,
        causes.long_queue(size, trained.data.pictures, stale(case, queue)),
    ]


def stale(case: Case, queue: KeyQueue) -> float | None:
    """`causes.staleness` of the queue's keys. None where these are not the pictures that it was filled with."""
    method, size = cast(Any, case.method), len(queue.keys)
    age = (queue.seen - 1 - torch.arange(size, device=queue.keys.device)) % size  # (K,)
    young, old = ((queue.index >= 0) & chosen for chosen in (age < max(size // 10, 1), age >= size // 2))
    learned = case.trained is not None and case.trained.data == case.images.data_shape
    if not learned or method.key_encoder is None or not young.any() or not old.any():
        return None
    (youngest, today), (older, _) = agreement(case, queue, young), agreement(case, queue, old)
    return causes.staleness(older, youngest, mean_cosine(today))


@torch.no_grad()
def agreement(case: Case, queue: KeyQueue, chosen: Tensor) -> tuple[float, Tensor]:
    """Of the chosen (K,) bool keys: mean cosine with today's clean keys (n,d) of the same pictures, and those."""
    method, places = cast(Any, case.method), chosen.nonzero().squeeze(1)[:LOOKED_AT]
    pixels = embedding.take(case.images, queue.index[places], queue.keys.device).float() / 255
    network = nn.Sequential(method.key_encoder, method.key_projector).eval()
    today = nn.functional.normalize(network(case.normalisation(pixels)), dim=1)
    return float((queue.keys[places] * today).sum(dim=1).mean()), today


def moved(case: Case, trained: Trained) -> Cause | None:
    """How far the encoder's layers have moved."""
    assert case.untrained is not None
    pairs = zip(_weights(case.method.encoder), _weights(case.untrained.encoder), strict=True)
    by = [float((now - before).norm() / before.norm()) for now, before in pairs]
    return causes.large_steps(median(by), trained.run.training.lr) if by else None


def _weights(network: nn.Module) -> list[Tensor]:
    return [flat(parameter) for parameter in network.parameters() if parameter.ndim > 1]


def deep(case: Case) -> Cause | None:
    """The projector's linear layers in a row: their product against each of them."""
    found: Any = case.chain
    if found is None:
        return None
    return causes.deep_linear(found.layers, int(found.together), int(found.together.null), int(found.poorest))


def in_a_row(projector: nn.Module) -> list[Tensor]:
    """The longest run of linear layers, (out, in) each, with nothing between them; empty where no two follow on each other."""
    found = layers(projector)
    runs: list[list[str]] = []
    for link in (one for one in found.links if not one.between):
        if runs and runs[-1][-1] == link.first:
            runs[-1].append(link.second)
        else:
            runs.append([link.first, link.second])
    return [flat(found.weights[name]) for name in max(runs, key=len, default=[])]


def negatives(case: Case, trained: Trained) -> list[Cause]:
    """How the push of the queue's keys is shared out among them, and how much of it falls on the query's own class."""
    found = shared_out(case, trained)
    if found is None:
        return []
    asked = []
    if case.std_sqrt_d >= causes.SPREAD:  # else similarities are high for all, whatever T
        asked.append(causes.even_negatives(found.half_mass / found.keys, trained.run.own.temperature))
    if case.images.labels is not None and not trained.run.own.mask_false_negatives:
        asked.append(causes.false_negatives(found.mass, found.share))
    return asked


def shared_out(case: Case, trained: Trained) -> Oracle | None:
    """Clean queries against the run's own queue."""
    queue = getattr(case.method, "queue", None)
    if not isinstance(queue, KeyQueue) or not int(queue.seen):
        return None
    filled, rows = queue.index >= 0, nn.functional.normalize(case.space.float(), dim=1)
    labels = case.clean.labels if case.clean.labels is not None else torch.full((len(rows),), -1)
    return oracle(
        rows, queue.keys[filled].cpu().float(), labels, queue.labels[filled].cpu(), case.clean.index,
        queue.index[filled].cpu(), trained.run.own.temperature,
    )  # fmt: skip


def signal(case: Case, lines: Sequence[Mapping[str, Any]] = ()) -> Signal:
    """What there is to learn from, and how long keys live. lines: one mapping an epoch, with the fields of `Epoch`."""
    h, z = (effective_rank(unit(rows)) for rows in (case.clean.representations, case.space))
    known = (_clock(case.trained) if case.trained else {}) | _course(lines)
    return Signal(std_sqrt_d=case.std_sqrt_d, effective_rank_h=h, effective_rank_z=z, **known)


def _clock(trained: Trained) -> dict[str, Any]:
    if not trained.queued:
        return {"steps": trained.steps}
    size, momentum = trained.run.own.queue, trained.momentum
    return {
        "steps": trained.steps,
        "key_waits": size / trained.keys_per_step,
        "key_encoder": 1 / (1 - momentum) if momentum < 1 else math.inf,
        "queue_age": size / trained.data.pictures,
    }


def _course(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not lines:
        return {}
    told, last = history(lines), lines[-1]
    return {
        "course": told.std_sqrt_d,
        "losses": told.loss,
        "loss": Measured(last["loss"], null=last["chance"]),
    }


def tried(case: Case, run: Run, epochs: int) -> list[Epoch]:
    """The first epochs of a run on the case's pictures, from the run's own seed and on its own schedule."""
    method = methods.build(run, case.images.data_shape)
    cast(nn.Module, method).to(_device(case.method))
    going = train(method, case.images, case.normalisation, run.training, start(method, run.training))
    return list(islice(going, epochs))


def beside(cured: Sequence[Epoch], own: Sequence[Epoch]) -> Tried:
    """A cure's epochs beside as many of the run itself."""
    mine, theirs = cured[-1], own[-1]
    left = _below(mine)
    return Tried(
        std_sqrt_d=Measured(mine.std_sqrt_d, null=theirs.std_sqrt_d),
        effective_rank=Measured(mine.effective_rank, null=theirs.effective_rank),
        below_chance=None if left is None else Measured(left, null=_below(theirs)),
        course=Curve([one.std_sqrt_d for one in cured], null=[one.std_sqrt_d for one in own]),
    )


def _below(epoch: Epoch) -> float | None:
    """The share of its chance that a loss has left behind, where it has one."""
    return 1 - epoch.loss / epoch.chance if epoch.chance else None
