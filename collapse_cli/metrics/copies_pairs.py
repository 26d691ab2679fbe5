"""Which of very many rows are copies, from four coordinates of each: candidates share a cell, and the rows themselves decide."""

from __future__ import annotations

import math

import numpy
import torch
from torch import Tensor

from collapse_cli.metrics.copies_sketch import keys
from collapse_cli.shapes import Rows

EQUAL = 2.0**-38  # of a coordinate: what products of float64 leave of a difference of 0
CELL = 64  # tolerances: the width of a cell
REACH = 4  # tolerances: a projection of the difference of near copies is as far from 0 as a normal number
SOME = 2**17  # rows whose cells are computed at once
MANY = 2**18  # rows among which pairs are looked for at once
VERIFIED = 4096  # pairs of near copies whose rows are looked at


def owners(coordinates: Tensor, rows: Rows | None, tolerance: float) -> Tensor | None:
    """(N,) int64, equal for rows that are copies, numbered as they first appear; None where there are none.

    coordinates (N,4) of rows (N,D).
    """
    links = torch.cat([_links(coordinates, tolerance, shift) for shift in (0.0, 0.5)])  # (L, 2)
    links = _verified(links, coordinates, rows, tolerance)
    if not len(links):
        return None
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n, (heads, tails) = len(coordinates), links.T.numpy()
    graph = coo_matrix((numpy.ones(len(heads), dtype=bool), (heads, tails)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    _, first, number = numpy.unique(component, return_index=True, return_inverse=True)
    order = numpy.empty(len(first), dtype=numpy.int64)
    order[first.argsort()] = numpy.arange(len(first))
    return torch.from_numpy(order[number])


def _links(coordinates: Tensor, tolerance: float, shift: float) -> Tensor:
    """Pairs (L,2) of rows of one cell whose coordinates are near; those of a cell stand in the order of their sum.

    Very many rows are taken in parts, a cell in one of them: memory is that of a part, and a processor's cache holds more of it.
    """
    cell = _cells(coordinates, CELL * tolerance, shift)  # (N,)
    if len(cell) <= MANY:
        return _in_cells(coordinates, cell, torch.arange(len(cell)), tolerance)
    parts = 1 << (len(cell) // MANY).bit_length()
    return torch.cat([
        _in_cells(coordinates, cell, ((cell & (parts - 1)) == part).nonzero()[:, 0], tolerance)
        for part in range(parts)
    ])  # fmt: skip


def _in_cells(coordinates: Tensor, cell: Tensor, rows: Tensor, tolerance: float) -> Tensor:
    """The same of the rows (n,), an index in ascending order."""
    ordered, order = cell[rows].sort()
    same = ordered[1:] == ordered[:-1]
    if not bool(same.any()):
        return torch.empty(0, 2, dtype=torch.int64)
    shared = torch.zeros(len(rows), dtype=torch.bool)
    shared[1:] = same
    shared[:-1] |= same
    some = rows[order[shared]]
    some = some[coordinates[some].sum(dim=1).argsort(stable=True)]
    some = some[cell[some].argsort(stable=True)]
    return torch.cat([
        _near(coordinates, cell, some[start : start + SOME + 1], REACH * tolerance)
        for start in range(0, len(some) - 1, SOME)
    ])  # fmt: skip


def _near(coordinates: Tensor, cell: Tensor, some: Tensor, reach: float) -> Tensor:
    """Of rows (n,) one after the other: the pairs (L,2) of neighbours in one cell, no coordinate of which differs by more."""
    earlier, later = some[:-1], some[1:]
    close = (coordinates[earlier] - coordinates[later]).abs().amax(dim=1) <= reach
    return torch.stack([earlier, later], dim=1)[close & (cell[earlier] == cell[later])]


def _verified(links: Tensor, coordinates: Tensor, rows: Rows | None, tolerance: float) -> Tensor:
    """The pairs that are copies: equal ones, and near ones whose rows are. Of very many near ones a sample speaks for all."""
    if not len(links):
        return links
    apart = (coordinates[links[:, 0]] - coordinates[links[:, 1]]).abs().amax(dim=1)
    equal, unsure = links[apart <= EQUAL], links[apart > EQUAL]
    some = unsure[:: max(math.ceil(len(unsure) / VERIFIED), 1)]
    if not len(some) or rows is None:
        return equal
    size = max(2**22 // max(rows.shape[1], 1), 1)
    right = torch.cat([_are_copies(rows, part, tolerance) for part in torch.split(some, size)])
    if len(some) == len(unsure):
        return torch.cat([equal, unsure[right]])
    return (
        torch.cat([equal, unsure]) if float(right.double().mean()) > 0.9 else torch.cat([equal, some[right]])
    )


def _are_copies(rows: Rows, pairs: Tensor, tolerance: float) -> Tensor:
    """(L,) bool of pairs (L,2)."""
    first, second = rows[pairs[:, 0]].double(), rows[pairs[:, 1]].double()
    return within(first, second, tolerance).cpu()


def within(rows: Tensor, others: Tensor, tolerance: float) -> Tensor:
    """(n,) bool: whether rows (n,D) float64 differ by less than the tolerance, of their length."""
    largest = torch.maximum(
        rows.abs().amax(dim=1), others.abs().amax(dim=1)
    )  # (n,): squares neither overflow nor vanish
    scale = 1 / torch.where(largest > 0, largest, 1.0)[:, None]
    apart = torch.linalg.vector_norm((rows - others) * scale, dim=1)
    near: Tensor = apart <= tolerance * torch.linalg.vector_norm(rows * scale, dim=1)
    return near


def _cells(coordinates: Tensor, width: float, shift: float) -> Tensor:
    """`keys` of very many, which takes several times their memory for some at a time alone."""
    return torch.cat([keys(part, width, shift) for part in torch.split(coordinates, SOME)])
