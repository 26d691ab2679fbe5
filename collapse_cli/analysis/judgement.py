"""The verdict on one space of an input: the same for every command, with all that is known of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from collapse_cli.analysis import divided, image_facts, measuring
from collapse_cli.analysis.centring import less
from collapse_cli.analysis.initial import Compared
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Verdict
from collapse_cli.embedding import take
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.alignment import alignment
from collapse_cli.metrics.judged import judged
from collapse_cli.metrics.moments import spread_of
from collapse_cli.metrics.neural_collapse import Geometry
from collapse_cli.metrics.nulls import never_negative
from collapse_cli.metrics.rows import unit
from collapse_cli.metrics.scatter import groups
from collapse_cli.metrics.signs import NO_SIGNS, STRONGEST, Signs
from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.metrics.state_spectrum import spectrum_of
from collapse_cli.metrics.verdict import complete
from collapse_cli.metrics.view_ratio import against, measure
from collapse_cli.printable import quoted
from collapse_cli.runs.codes import BYTES, are_indices
from collapse_cli.values import Measured

PIXELS_AT_ONCE = 32  # images


@dataclass(frozen=True)
class Judgement:
    """Of one space: its spectrum, what else is known of it, and what all of it comes to. by_contrast: beside another data set."""

    spectrum: Spectrum
    context: Context
    verdict: Verdict
    by_contrast: bool = False

    @property
    def common_part(self) -> bool:
        """Whether all embeddings point one way, or may do so."""
        return complete(self.spectrum).crossed is not False


def judgement(subject: Subject, space: str) -> Judgement:
    """Computed once, whoever asks for it."""
    return subject.once(("judgement", space), lambda: _judgement(subject, space))


def amend(subject: Subject, space: str, verdict: Verdict) -> None:
    """Another verdict, for whoever asks from now on: where another data set of the same network has decided it."""
    before = judgement(subject, space)
    subject.amend(("judgement", space), replace(before, verdict=verdict, by_contrast=True))


def _judgement(subject: Subject, space: str) -> Judgement:
    result, facts = of_space(subject, space), context(subject, space)
    chance = generator(subject.measuring.seed)
    verdict = judged(
        subject.states[space].rows if subject.states else subject.rows[space],
        result,
        chance,
        facts,
        signs(subject, space, result),
        subject.groups,
    )
    if subject.original and (whole := judgement(subject.original, space)).common_part:
        verdict = whole.verdict  # centring takes away what a collapse would be seen by
    return Judgement(result, facts, verdict)


def of_space(subject: Subject, space: str) -> Spectrum:
    """Beside embeddings of its kind, and beside those of the network at random initialisation, if there is one."""

    def compute() -> Spectrum:
        rows = subject.rows[space]
        with concerning(f"{subject.name} · {space}"):
            if space in subject.states:
                return spectrum_of(subject.states[space], generator(subject.measuring.seed))
            return spectrum(
                measuring.placed(rows, subject.measuring.device),
                generator(subject.measuring.seed),
                relu=never_negative(rows),
                initial=_initial(subject, space),
                groups=subject.groups,
                seen=divided.gathered(rows),
            )

    return subject.once(("spectrum", space), compute)


def _initial(subject: Subject, space: str) -> list[Tensor]:
    """Embeddings of the network at random initialisations, about their own mean where these are."""
    every = [network.rows[space] for network in subject.initial]
    return [less(rows, rows.double().mean(dim=0)) for rows in every] if subject.original else every


def context(subject: Subject, space: str) -> Context:
    """What is known of the training and of the classes; the loss is that of the last space, the only one that it sees."""
    labels = subject.clean.labels
    count = 0 if labels is None else len(torch.unique(labels[labels >= 0]))
    facts: dict[str, Any] = {"space": space, "classes": count, **subject.training}
    lines = subject.history()
    if lines and space == subject.last_space:
        facts |= {"loss": lines[-1]["loss"], "chance_level": lines[-1]["chance"]}
    return Context(
        **facts,
        class_scatter=None if labels is None else class_scatter(subject.clean.spaces[space], labels),
        codes=subject.codes.in_words if subject.codes and not subject.codes.unpacked else "",
        bytes=subject.codes is not None and subject.codes.kind in BYTES,
        indices=_indices(subject, space),
        network=subject.case is not None,
        looks_untrained=subject.looks_untrained(space),
        **image_facts.known(subject, space, of_space(subject, space)),
        steps=subject.case.trained.steps if subject.case and subject.case.trained else None,
    )


def _indices(subject: Subject, space: str) -> str:
    """The file, as it is typed, where it may hold indices into a codebook; empty where it does not."""
    if subject.codes is None or not are_indices(subject.codes, subject.clean.spaces[space]):
        return ""
    return quoted(subject.facts["path"]) if subject.from_file else "FILE"


def class_scatter(rows: Tensor, labels: Tensor) -> float | None:
    """tr Sigma_W / tr Sigma_B of the unit rows (N,D); labels (N,), -1: not known. None where no two classes have a label of
    which one has two rows.
    """
    labelled = labels >= 0
    try:
        geometry = Geometry.of(groups(unit(rows[labelled]), labels[labelled]))
    except CollapseError:
        return None
    between = float(geometry.centred.square().sum()) / len(geometry.means)
    return float(geometry.shares @ geometry.variances) / between if between > 0 else None


def signs(subject: Subject, space: str, result: Spectrum) -> Signs:
    """What tells a collapse from an offset; networks are asked only where the common part is large, or where lengths count."""
    loss_sees = (
        subject.checkpoint.method.loss_sees if subject.checkpoint and space == subject.last_space else None
    )
    signs_so_far = NO_SIGNS
    if loss_sees == "rows":
        signs_so_far = replace(signs_so_far, scale=_scale(subject, space))
    if complete(result).crossed is False or result.equal:
        return signs_so_far
    lines = [] if subject.measuring.dataset else subject.history()
    if loss_sees == "directions" and lines:
        signs_so_far = replace(signs_so_far, trained=lines[-1]["std_sqrt_d"])
    if subject.present is not None and subject.case and subject.case.strength <= STRONGEST:
        views = _ratio([view[space] for view in subject.present.views])
        initial = [_ratio([view[space] for view in network.views]) for network in subject.initial]
        ratios = [ratio for ratio in initial if ratio is not None]
        signs_so_far = replace(
            signs_so_far, views=views, beside_initial=None if views is None else against(views, ratios)
        )
    if subject.present is not None:
        least = min(_one_way(network.rows[space]) for network in subject.initial)
        return replace(signs_so_far, inputs=_inputs(subject), initial=least)
    if subject.stored_views:
        return replace(signs_so_far, views=_ratio([view.spaces[space] for view in subject.stored_views]))
    return signs_so_far


def _inputs(subject: Subject) -> float:
    """Total variance of the images that networks are compared on, as unit rows of pixels."""
    case, index = subject.case, cast(Compared, subject.present).index
    assert case is not None

    def compute() -> float:
        total: Any = 0.0
        for part in torch.split(index, PIXELS_AT_ONCE):
            total = total + unit(take(case.images, part, index.device).flatten(1).double()).sum(dim=0)
        return max(1 - float((total / len(index)).square().sum()), 0.0)

    return subject.once("inputs one way", compute)


def _one_way(rows: Tensor) -> float:
    """rows (n,D) -> the total variance of the unit rows, in [0, 1]."""
    return max(1 - float(unit(rows).mean(dim=0).square().sum()), 0.0)


def _ratio(views: Sequence[Tensor]) -> Measured | None:
    """Of the variances between and within images; None where all views of all images are one point."""
    ratio = measure(views).view_ratio
    return None if math.isnan(ratio) else cast(Measured, ratio)


def _scale(subject: Subject, space: str) -> float | None:
    """Raw variance over that at random initialisation."""
    if subject.present is None or not subject.initial:
        return None
    now = _variance(subject.present.rows[space])
    before = [_variance(network.rows[space]) for network in subject.initial]
    return now * len(before) / sum(before) if sum(before) > 0 else None


def _variance(rows: Tensor) -> float:
    seen = spread_of(rows)
    return seen.along_mean(max(seen.count - 1, 1))[0]


def with_views(subject: Subject, space: str) -> Context:
    """What is known of a space, the alignment of its views too, if there are any."""
    facts = judgement(subject, space).context
    if not subject.views:
        return facts
    first, second = (unit(view.spaces[space]) for view in subject.views)
    return replace(facts, alignment=alignment(first, second))


def settings(subject: Subject, result: Spectrum) -> dict[str, Any]:
    """What a result was measured with."""
    kind = {"null": "isotropic, ReLU"} if result.rectified else {}
    state = {"state": "intervals of the embeddings with the smallest hash"} if subject.states else {}
    return {"split": subject.clean.source, "seed": subject.measuring.seed, "eps": 0} | kind | state
