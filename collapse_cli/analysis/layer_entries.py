"""What was seen of the layers of a network -> entries: the whole over depth with its verdict, then one for each layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError
from collapse_cli.metrics import layer_change
from collapse_cli.metrics.layer_numbers import Nulls, Numbers, numbers, typical
from collapse_cli.metrics.layer_profile import LayerOutputs
from collapse_cli.metrics.layer_results import Activations, Depth
from collapse_cli.metrics.layer_words import Facts, Layer
from collapse_cli.metrics.lidar import lidar_alone
from collapse_cli.metrics.scatter import groups
from collapse_cli.models.depth import Tap
from collapse_cli.progress import counted
from collapse_cli.values import Curve, Measured, null_of

KEY_NUMBERS = ("rank_fall", "rank_kept", "depth")


@dataclass(frozen=True)
class Profile:
    """What one network's layers gave. fresh: the same of the network at several initialisations, or none; views, fresh_views:
    rows (q n,D) of `viewed` n images, of the network and of the first of those; settings: of the JSON."""

    name: str
    taps: Sequence[Tap]
    now: Mapping[Tap, LayerOutputs]
    fresh: Sequence[Mapping[Tap, LayerOutputs]]
    facts: Facts
    settings: Mapping[str, Any]
    viewed: int = 0
    views: Mapping[Tap, Tensor] = field(default_factory=dict)
    fresh_views: Mapping[Tap, Tensor] = field(default_factory=dict)


def entries(profile: Profile, seed: int) -> Iterator[Entry]:
    """Everything that is measured of it; nulls are drawn with the seed."""
    generator = torch.Generator().manual_seed(seed)
    nulls, noise = Nulls(generator), {}  # type: tuple[Nulls, dict[tuple[int, ...], float]]

    def lidar(rows: Mapping[Tap, Tensor], tap: Tap) -> Measured | None:
        if tap not in rows:
            return None
        member = torch.arange(profile.viewed).repeat(len(rows[tap]) // profile.viewed)
        try:
            return lidar_alone(groups(rows[tap], member), generator, noise)
        except CollapseError:  # no view differs from another: there is no unit to measure images in
            return None

    now, fresh, ratios, fresh_ratios = [], [], [], []
    for tap in counted(profile.taps, "layers"):
        now.append(numbers(profile.now[tap], nulls))
        fresh.append(typical([numbers(each[tap]) for each in profile.fresh]) if profile.fresh else None)
        ratios.append(lidar(profile.views, tap))
        fresh_ratios.append(lidar(profile.fresh_views, tap))
    labels = [tap.label for tap in profile.taps]
    judged = [_layer(*each) for each in zip(profile.taps, now, fresh, strict=True)]
    whole = _depth(labels, now, fresh, judged, ratios, fresh_ratios)
    verdict = layer_change.judged(judged, profile.facts)
    yield Entry(profile.name, whole, settings=profile.settings, verdict=verdict, key_numbers=KEY_NUMBERS)
    for tap, each, before, ratio in zip(profile.taps, now, fresh, ratios, strict=True):
        details = {"class": tap.kind, "output": tap.form}
        result = _activations(tap, each, before, ratio, profile.now[tap].count)
        yield Entry(tap.label, result, settings=profile.settings, details=details)


def _layer(tap: Tap, now: Numbers, fresh: Numbers | None) -> Layer:
    beside = (
        {}
        if fresh is None
        else {
            "untrained_rank": float(fresh.effective_rank),
            "untrained_cosine": float(fresh.mean_cosine),
            "untrained_dormant": float(fresh.dormant),
            "untrained_token_cosine": None if fresh.token_cosine is None else float(fresh.token_cosine),
        }
    )
    return Layer(
        tap.label, tap.width, float(now.effective_rank), float(now.mean_cosine), float(now.dormant), now.alone, now.ray, now.zero,
        None if now.token_cosine is None else float(now.token_cosine), **beside,
    )  # fmt: skip


def _activations(
    tap: Tap, now: Numbers, fresh: Numbers | None, lidar: Measured | None, samples: int
) -> Activations:
    return Activations(
        effective_rank=now.effective_rank,
        dimensions=tap.width,
        entropy=now.entropy,
        mean_cosine=now.mean_cosine,
        dormant=now.dormant,
        token_rank=now.token_rank,
        token_cosine=now.token_cosine,
        lidar=lidar,
        samples=samples,
        positions=tap.places,
        rank_untrained=None if fresh is None else fresh.effective_rank,
        cosine_untrained=None if fresh is None else fresh.mean_cosine,
        dormant_untrained=None if fresh is None else float(fresh.dormant),
        token_cosine_untrained=None if fresh is None else fresh.token_cosine,
    )


def _depth(
    labels: Sequence[str],
    now: Sequence[Numbers],
    fresh: Sequence[Numbers | None],
    judged: Sequence[Layer],
    ratios: Sequence[Measured | None],
    fresh_ratios: Sequence[Measured | None],
) -> Depth:
    """All layers, by their place."""

    def course(value: Callable[[Numbers], float | None]) -> Curve | None:
        return _curve(
            labels, [value(each) for each in now], [None if each is None else value(each) for each in fresh]
        )

    compared = all(each is not None for each in fresh)
    tokens = [layer.token_cosine for layer in judged if layer.token_cosine is not None]
    none = Curve(())
    return Depth(
        depth=len(labels),
        rank_fall=max(layer_change.falls(judged)) if compared else None,
        rank_kept=min(layer.rank / (layer.untrained_rank or 1) for layer in judged) if compared else None,
        token_alike=max(tokens) if tokens else None,
        ranks=course(lambda each: each.effective_rank) or none,
        entropies=course(lambda each: each.entropy) or none,
        cosines=course(lambda each: each.mean_cosine) or none,
        dormants=course(lambda each: each.dormant) or none,
        token_ranks=course(lambda each: each.token_rank),
        token_cosines=course(lambda each: each.token_cosine),
        lidars=_curve(labels, ratios, fresh_ratios),
    )


def _curve(
    labels: Sequence[str], values: Sequence[float | None], initial: Sequence[float | None]
) -> Curve | None:
    """Over the places of the layers that have such a value; None where none has."""
    places = [place for place, value in enumerate(values) if value is not None]
    if not places:
        return None
    some = [values[place] for place in places]
    nulls = [null_of(value) for value in some if value is not None]
    ends = [getattr(value, "interval", None) or (math.nan, math.nan) for value in some]
    bounded = any(low == low for low, _ in ends)
    known = all(initial[place] is not None for place in places)
    return Curve(
        [value for value in some if value is not None],
        x=places,
        null=None if math.isnan(nulls[0]) else nulls,
        initial=[float(initial[place] or 0) for place in places] if known else None,
        interval=([low for low, _ in ends], [high for _, high in ends]) if bounded else None,
        names=labels,
    )
