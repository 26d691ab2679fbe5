"""In how many lists of nearest neighbours each key is: k-occurrences, by cosine, of some or all rows as queries.

Keys are read tile by tile, so that memory does not grow with their number. Float32 chooses candidates, k and some more, whose
distances are computed again in float64; queries of which rounding could have hidden a neighbour, or whose last places many
keys share, get all their distances in float64. Keys that are equally near share the places that are left, so that neither the
order of the rows nor copies among them make a hub.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from collapse_cli.metrics.rows import broken, directions, refuse
from collapse_cli.metrics.threads import in_order
from collapse_cli.shapes import Rows

STRIP = 4096  # queries that go through all keys together
CELLS = 1 << 23  # numbers of a tile of keys
BLOCK = 256  # queries of a product
GROUP = 16  # keys of which the nearest is found first
SPARE = 12  # candidates beyond k
PRECISE = 1 << 22  # numbers of all keys up to which all is float64


@dataclass(frozen=True)
class Occurrences:
    """Of each key (N,): the sum, the sum of squares and of cubes of what it has of the lists of `queries` rows.

    A key in a list has 1 of it; less where several are equally near and share its last places. exactly: queries that needed all
    their distances in float64.
    """

    sums: Tensor
    squares: Tensor
    cubes: Tensor
    queries: int
    k: int
    exactly: int


def occurrences(rows: Rows, queries: Tensor, k: int) -> Occurrences:
    """rows (N,D), of any lengths but 0 < k < N - 1; queries (Q,) int64, different places of rows, each of which is no
    neighbour of itself. Raises CollapseError for rows that are not finite."""
    n, sums, exactly = rows.shape[0], None, 0
    centre = directions(rows[queries[:STRIP]].double()).mean(dim=0)
    kind = torch.float64 if n * rows.shape[1] <= PRECISE else torch.float32
    for places in torch.split(queries, STRIP):
        strip = _Strip.of(rows, centre, places, k)
        sums = strip.zeros() if sums is None else sums
        near, candidates, furthest = strip.nearest(kind, min(k + SPARE, n - 1))
        unsure = strip.vote(near, candidates, furthest, kind, sums)
        exactly += len(unsure)
        if len(unsure):
            strip.some(unsure).vote_exactly(furthest, sums)
    assert sums is not None
    return Occurrences(sums[0], sums[1], sums[2], len(queries), k, exactly)


@dataclass(frozen=True)
class _Strip:
    """Unit rows about a centre (D,): queries (b,D) float64, which are rows `places` (b,) of all."""

    rows: Rows
    centre: Tensor
    queries: Tensor
    places: Tensor
    k: int

    @classmethod
    def of(cls, rows: Rows, centre: Tensor, places: Tensor, k: int) -> _Strip:
        return cls(rows, centre, directions(rows[places].double()) - centre, places.to(centre.device), k)

    def some(self, chosen: Tensor) -> _Strip:
        """The same of some of the queries."""
        return _Strip(self.rows, self.centre, self.queries[chosen], self.places[chosen], self.k)

    def zeros(self) -> Tensor:
        """(3,N): of each key what is summed, for the first three powers."""
        return self.queries.new_zeros(3, self.rows.shape[0])

    def nearest(self, kind: torch.dtype, count: int) -> tuple[Tensor, Tensor, float]:
        """Of each query the `count` nearest keys (b,count): c.q - |c|^2/2, the largest first, and their places; and the largest
        |c| of all keys."""
        queries, furthest = torch.split(self.queries.to(kind), BLOCK), 0.0
        near = [block.new_empty(len(block), 0) for block in queries]
        places = [each.long() for each in near]
        for tile in self._tiles(kind):
            furthest = max(furthest, tile.furthest)
            work = partial(self._nearer, tile, queries, near, places, count)
            for number, (values, keys) in enumerate(in_order(work, range(len(queries)), self.queries.device)):
                near[number], places[number] = values, keys
        return torch.cat(near), torch.cat(places), furthest

    def _nearer(
        self, tile: _Tile, queries: tuple[Tensor, ...], near: list[Tensor], places: list[Tensor], count: int, number: int
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The candidates of one block of queries so far, and those of another tile: the nearest of both."""
        values = tile.values(queries[number], torch.split(self.places, BLOCK)[number])
        largest, keys = _largest(values, min(count, tile.keys))
        together = torch.cat([near[number], largest], dim=1)
        of_both = torch.cat([places[number], keys + tile.start], dim=1)
        best, order = together.topk(min(count, together.shape[1]), dim=1)
        return best, of_both.gather(1, order)

    def _tiles(self, kind: torch.dtype) -> Iterator[_Tile]:
        n, d = self.rows.shape
        size = max(CELLS // d // GROUP, 1) * GROUP
        for start in range(0, n, size):
            keys = self.rows[start : min(start + size, n)]
            refuse(broken(keys), n)
            yield _Tile.of(directions(keys.double()) - self.centre, start, kind)

    def vote(
        self, near: Tensor, candidates: Tensor, furthest: float, kind: torch.dtype, sums: Tensor
    ) -> Tensor:
        """Adds what each key has of the lists, by the candidates (b,c); returns the queries (u,) that these do not settle."""
        unsure, all_keys = [], candidates.shape[1] == self.rows.shape[0] - 1
        for number, some in enumerate(torch.split(candidates, BLOCK)):
            queries = torch.split(self.queries, BLOCK)[number]  # (b, D)
            keys = directions(self.rows[some.flatten()].double()) - self.centre  # (b c, D)
            keys = keys.view(*some.shape, -1)
            values = torch.bmm(keys, queries[:, :, None])[:, :, 0] - keys.square().sum(dim=2) / 2  # (b, c)
            values, order = values.sort(dim=1, descending=True)
            lengths = queries.norm(dim=1)
            tied, last = self._error(lengths, furthest, torch.float64), values[:, self.k - 1]
            beyond = torch.split(near, BLOCK)[number][:, -1].double() + self._error(lengths, furthest, kind)
            settled = (last - 2 * tied > torch.maximum(values[:, -1], beyond)) | all_keys
            self._add(values[settled], some.gather(1, order)[settled], tied[settled], sums)
            unsure.append((~settled).nonzero()[:, 0] + number * BLOCK)
        return torch.cat(unsure)

    def _add(self, values: Tensor, keys: Tensor, error: Tensor, sums: Tensor) -> None:
        """values (b,c), the largest first, of keys (b,c): those nearer than the k-th have 1, those as near share the rest."""
        last, error = values[:, self.k - 1, None], 2 * error[:, None]
        nearer, tied = values > last + error, (values - last).abs() <= error
        share = (self.k - nearer.sum(dim=1)).double() / tied.sum(dim=1)  # (b,)
        weights = nearer.double() + tied * share[:, None]
        for power, total in enumerate(sums, 1):
            total.index_add_(0, keys.flatten(), weights.flatten() ** power)

    def vote_exactly(self, furthest: float, sums: Tensor) -> None:
        """The same by all distances, in float64: once for the k-th of them, once for how many are tied, once to add."""
        near, _, _ = self.nearest(torch.float64, self.k)
        error = 2 * self._error(self.queries.norm(dim=1), furthest, torch.float64)[:, None]
        last = near[:, -1:]
        ahead = (near > last + error).sum(dim=1, keepdim=True)  # (b, 1)
        tied = torch.zeros_like(ahead)
        for tile in self._tiles(torch.float64):
            for some in torch.split(torch.arange(len(last), device=last.device), BLOCK):
                values = tile.values(self.queries[some], self.places[some])
                tied[some] += ((values - last[some]).abs() <= error[some]).sum(dim=1, keepdim=True)
        share = (self.k - ahead).double() / tied
        for tile in self._tiles(torch.float64):
            for some in torch.split(torch.arange(len(last), device=last.device), BLOCK):
                values = tile.values(self.queries[some], self.places[some]) - last[some]
                weights = (values > error[some]).double() + (values.abs() <= error[some]) * share[some]
                for power, total in enumerate(sums, 1):
                    total[tile.start : tile.start + tile.keys] += weights.pow(power).sum(dim=0)[: tile.keys]

    def _error(self, lengths: Tensor, furthest: float, kind: torch.dtype) -> Tensor:
        """How far c.q - |c|^2/2 can be off (Higham, sec. 3.1), and what rounding unit rows to float64 makes of it."""
        steps, unit = self.rows.shape[1] + 8, 2.0**-24 if kind == torch.float32 else 2.0**-53
        return unit * steps * 1.1 * furthest * (lengths + furthest / 2) + 2.0**-50 * (lengths + furthest)


@dataclass(frozen=True)
class _Tile:
    """Keys (t,D) about the centre from row `start` on, |c|^2/2 of each (t,), with keys added that are near to nothing, so that
    they make whole groups; keys: how many there really are."""

    rows: Tensor
    half: Tensor
    start: int
    keys: int
    furthest: float

    @classmethod
    def of(cls, rows: Tensor, start: int, kind: torch.dtype) -> _Tile:
        half = rows.square().sum(dim=1) / 2
        missing = -len(rows) % GROUP
        padded = torch.nn.functional.pad(half, (0, missing), value=torch.inf).to(kind)
        furthest = float(half.max() * 2) ** 0.5
        return cls(torch.nn.functional.pad(rows, (0, 0, 0, missing)).to(kind), padded, start, len(rows), furthest)  # fmt: skip

    def values(self, queries: Tensor, places: Tensor) -> Tensor:
        """c.q - |c|^2/2 of queries (b,D), which are rows `places` (b,): the larger the nearer; -inf for itself."""
        values = torch.addmm(self.half, queries, self.rows.T, beta=-1)  # (b, t)
        here = ((places >= self.start) & (places < self.start + self.keys)).nonzero()[:, 0]
        values[here, places[here] - self.start] = -torch.inf
        return values


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of each row (b,t), t in whole groups, and their places: in the groups that the largest of each lead."""
    grouped = values.view(len(values), GROUP, -1)
    if grouped.shape[2] < 2 * count:
        best = values.topk(count, dim=1)
        return best.values, best.indices
    leading = grouped.amax(dim=1).topk(count, dim=1, sorted=False).indices  # (b, count)
    members = (
        leading[:, None, :] + torch.arange(GROUP, device=values.device)[:, None] * grouped.shape[2]
    ).flatten(1)
    near, order = values.gather(1, members).topk(count, dim=1)
    return near, members.gather(1, order)
