"""Spectra and effective ranks. `rows` are embeddings (N,D); lambda are eigenvalues, sigma = sqrt(lambda) singular values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.eigenvalues import all_bases, explained
from collapse_cli.metrics.groups import Independent, independent
from collapse_cli.metrics.intervals import RAW, UNIT, Sample, intervals, sampled
from collapse_cli.metrics.moments import Gathered
from collapse_cli.metrics.passes import SMALL
from collapse_cli.metrics.precision import product_error, settled_pass
from collapse_cli.metrics.ranks import entropy_rank, fit_range
from collapse_cli.metrics.rogue import rogue, widest
from collapse_cli.metrics.spectral_bands import band
from collapse_cli.metrics.spectral_numbers import (
    counts,
    equal,
    measured,
    null_of,
    numbers,
    of_gaussian,
    of_unit,
    over_range,
    ray,
    shuffled_of,
)
from collapse_cli.metrics.spectrum_result import Spectrum as Spectrum
from collapse_cli.metrics.threads import threads_each
from collapse_cli.shapes import Rows
from collapse_cli.values import Curve

Drawn = tuple[Sample | None, Tensor]
"""The rows that intervals come from, and eigenvalues (D,) of the covariance of unit rows whose columns were shuffled."""


def spectrum(
    rows: Rows, generator: Generator, relu: bool = False, initial: Sequence[Rows] = (), groups: Tensor | None = None,
    seen: Gathered | None = None,
) -> Spectrum:  # fmt: skip
    """Everything spectral of rows (N,D), read once and block by block, beside isotropic rows of the same N and D.

    generator (CPU): nulls and the sample of rows that intervals come from are drawn of it. relu: the isotropic rows pass
    through a ReLU, for representations that did (`never_negative`): their mean cosine is 0.32, whatever they have learnt.
    initial: images through the network at random initialisation, once or several times (N',D); groups: (N,) int64 in [0,G);
    seen: what a pass that counted copies has left, where one was made already.
    Raises CollapseError for fewer than 2 rows and for rows that are not finite.
    """
    n, d = rows.shape
    with threads_each(1) if n <= d and n * n * d <= SMALL else nullcontext():  # to wait for others costs more
        return _spectrum(rows, generator, relu, initial, groups, seen if n > d else None)


def _spectrum(
    rows: Rows, generator: Generator, relu: bool, initial: Sequence[Rows], groups: Tensor | None, seen: Gathered | None
) -> Spectrum:  # fmt: skip
    """seen: of more rows than dimensions."""
    seen, bases = (seen, all_bases(seen.raw, seen.on_sphere)) if seen else settled_pass(rows)
    worth = independent(rows, seen, groups, generator)

    def drawn() -> Drawn:
        sample = sampled(rows, seen, bases, generator, worth.effective, worth.owner)
        return sample, shuffled_of(rows, seen, generator, worth.count)

    return assembled(seen, worth, bases, rows[0:1].dtype, generator, relu, drawn, initial)


def assembled(
    seen: Gathered, worth: Independent, bases: Mapping[str, tuple[Tensor, Tensor]], kind: torch.dtype,
    generator: Generator, relu: bool, drawn: Callable[[], Drawn], initial: Sequence[Rows] = (),
) -> Spectrum:  # fmt: skip
    """Of what a pass has seen of rows of one float type; bases: of the four matrices. drawn: called once the null is drawn."""
    n, d = seen.raw.count, len(seen.raw.mean)
    lam = {name: values for name, (values, _) in bases.items()}
    fit = fit_range(int((lam[RAW] > 0).sum()))
    null, expected = null_of(worth.count, d, generator, relu, fit)
    values_by_name = numbers(lam, seen.on_sphere, fit, worth.count) | ray(seen.raw)
    expected["row_participation"] = of_gaussian(values_by_name["participation_ratio"])
    sample, shuffled = drawn()
    between = intervals(sample, seen, bases, fit) if sample else {}
    ends = band(sample, seen.on_sphere.mean, *bases[UNIT]) if sample else None
    before = of_unit(initial[0]).tolist() if initial else None
    return Spectrum(
        samples=n,
        dimensions=d,
        effective_rank_shuffled=entropy_rank(shuffled),
        eigenvalues=Curve(lam[UNIT].tolist(), null=null.tolist(), initial=before, interval=ends),
        explained=Curve(explained(lam[UNIT]), null=explained(null)),
        **measured(values_by_name, expected, between),
        **rogue(seen.on_sphere, relu, sample),
        **widest(seen.on_sphere, sample),
        effective_rank_initial=over_range([entropy_rank(of_unit(each)) for each in initial]),
        equal=equal(seen.raw, kind),
        rectified=relu,
        **counts(seen.copies, worth),
        rounding=abs(values_by_name["total_variance"] + values_by_name["mean_cosine"] - 1),
        product_error=product_error(seen, bases),
        alpha_from=fit and fit[0],
        alpha_to=fit and fit[1],
    )
