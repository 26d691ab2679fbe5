"""The spectrum of rows of which a `State` is left: of all of them where they are in it, else of their moments and a sample."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.copies import Copies
from collapse_cli.metrics.copies_pairs import EQUAL
from collapse_cli.metrics.eigenvalues import basis, eigenvalues, matrices
from collapse_cli.metrics.groups import Independent
from collapse_cli.metrics.intervals import Sample
from collapse_cli.metrics.jackknife import FEW, ROWS
from collapse_cli.metrics.moments import Gathered
from collapse_cli.metrics.nulls import wishart
from collapse_cli.metrics.row_sample import content_keys
from collapse_cli.metrics.rows import refuse
from collapse_cli.metrics.spectrum import Drawn, Spectrum, assembled, spectrum
from collapse_cli.metrics.state import State


def spectrum_of(state: State, generator: Generator) -> Spectrum:
    """As `spectrum` of the rows, whose copies are those that are equal, and whose sample is the state's.

    Raises CollapseError for fewer than 2 rows.
    """
    refuse(0, state.count)
    relu = state.never_negative
    if state.is_whole:
        return spectrum(state.rows, generator, relu)
    copies = copies_of(state)
    nothing = torch.empty(0, dtype=torch.int64)
    seen = Gathered(state.raw, state.on_sphere, state.power, nothing, copies, relu)
    worth = Independent(float(copies.distinct))
    bases = {name: basis(matrix) for name, matrix in matrices(state.raw, state.on_sphere).items()}

    def drawn() -> Drawn:
        varies = all(float(lam[0]) > 0 for lam, _ in bases.values())
        enough = varies and worth.effective > max(state.width, FEW)
        return _sample(state, worth.effective) if enough else None, _shuffled(state, generator, worth.count)

    return assembled(seen, worth, bases, state.rows.dtype, generator, relu, drawn)


def copies_of(state: State) -> Copies:
    """Of rows that are not all in the sample. `first` is a place in it, of a row that is the most frequent there."""
    distinct, error = state.distinct.number(state.count)
    keys, number, sizes = torch.unique(content_keys(state.rows), return_inverse=True, return_counts=True)
    most = int(sizes.argmax())
    first = int((number == most).nonzero()[0])
    largest = max(_frequency(state, int(keys[most]), int(sizes[most])), state.distinct.most())
    return Copies(state.count, distinct, state.zeros, largest, first, None, error, EQUAL)


def _frequency(state: State, key: int, seen: int) -> int:
    """How many of all rows have this content, which `seen` rows of the sample have: counted, or estimated by their share."""
    held = (state.distinct.keys == key).nonzero()
    if len(held):
        return int(state.distinct.counts[held[0, 0]])
    return 1 if seen == 1 else round(seen / len(state.rows) * state.count)


def _sample(state: State, worth: float) -> Sample:
    """The longest rows for themselves, and for all others those with the smallest keys, in random order as they are."""
    others = ~torch.isin(state.keys, state.longest_keys)
    size = ROWS - len(state.longest)
    some = state.rows[others.nonzero()[:size, 0]]
    rows = torch.cat([some, state.longest]).double()
    weights = torch.ones(len(rows), dtype=torch.float64)
    weights[: len(some)] = (state.count - len(state.longest)) / len(some)
    return Sample(rows, weights, state.count, worth, None)


def _shuffled(state: State, generator: Generator, count: int) -> Tensor:
    """As `nulls.shuffled`, where rows are many."""
    scatter = wishart(count - 1, state.width, generator)
    deviation = (state.on_sphere.covariance.diagonal().clamp_min(0) / scatter.diagonal()).sqrt()  # (D,)
    return eigenvalues(deviation[:, None] * scatter * deviation)
