"""The weighted vote of the nearest unit rows by cosine, in float64: neighbours in a collapsed space differ in the last digits.

Where many cosines are needed, float32 chooses candidates: k and some more. Their cosines are computed again in float64, and no
other row can be nearer than the k-th of them where the float32 number of the last candidate is further below than rounding
explains. Queries of which that is not sure, or whose neighbours or votes are tied, get all their cosines in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.threads import in_order

CELLS = 1 << 24  # cosines held at once: 128 MiB
FAST_CELLS = 1 << 24  # the same of each thread, float32: 64 MiB
EXACT = 1e10  # multiplications, up to which all is float64
GROUP = 16  # rows of which the nearest is found first
PILOT, TIED = 64, 0.25  # queries tried first, and the share of unsure ones from which float32 saves nothing


@dataclass(frozen=True)
class Voters:
    """Unit rows (N,D) float64 of classes `member` (N,) in [0, `classes`); the `k` nearest by cosine s vote exp(s / T), T > 0."""

    rows: Tensor
    member: Tensor
    classes: int
    k: int
    temperature: float

    def scores(self, cosine: Tensor, nearest: Tensor) -> Tensor:
        """Cosines (b,k), the largest first, and whose they are -> (b,C), relative to the nearest: no T overflows."""
        votes = ((cosine - cosine[:, :1]) / self.temperature).exp()
        return votes.new_zeros(len(votes), self.classes).scatter_add_(1, self.member[nearest], votes)


def predicted(voters: Voters, queries: Tensor) -> Tensor:
    """(M,) in [0, C): the class with the most votes, of unit rows (M,D) float64."""
    n, d = voters.rows.shape
    more = 8 + voters.k // 4
    if n * len(queries) * d <= EXACT or GROUP * (voters.k + more) >= n:
        return _exactly(voters, queries)
    candidates = _Candidates.among(voters, voters.k + more)
    some = torch.linspace(0, len(queries) - 1, min(PILOT, len(queries)), device=queries.device).long()
    if float(candidates.predicted(queries[some])[1].double().mean()) < 1 - TIED:
        return _exactly(voters, queries)
    parts = torch.split(queries, candidates.block)
    results = list(in_order(candidates.predicted, parts, queries.device))
    classes, sure = (torch.cat(part) for part in zip(*results, strict=True))
    if not bool(sure.all()):
        classes[~sure] = _exactly(voters, queries[~sure])
    return classes


def _exactly(voters: Voters, queries: Tensor) -> Tensor:
    """All cosines in float64."""
    parts = []
    for block in torch.split(queries, max(CELLS // len(voters.rows), 1)):
        scores = voters.scores(*(block @ voters.rows.T).topk(voters.k, dim=1))  # (b, C)
        parts.append(scores.argmax(dim=1))
    return torch.cat(parts)


@dataclass(frozen=True)
class _Candidates:
    """Rows about their mean in float32, whose distances rank as cosines do: cos - 1 = -|c - q|^2 / 2.

    rows (N',D), half (N',): |c|^2 / 2, with rows added that are nearest to nothing, so that they make whole groups; furthest: the
    largest |c|; count: how many candidates there are; spare: memory that a block before has used.
    """

    voters: Voters
    mean: Tensor
    rows: Tensor
    half: Tensor
    furthest: float
    count: int
    spare: list[Tensor]

    @classmethod
    def among(cls, voters: Voters, count: int) -> _Candidates:
        mean = voters.rows.mean(dim=0)
        centred = voters.rows - mean
        half = centred.square().sum(dim=1) / 2
        missing = -len(half) % GROUP
        rows = torch.cat([centred.float(), mean.new_zeros(missing, len(mean), dtype=torch.float32)])
        padded = torch.cat([half.float(), rows.new_full((missing,), torch.inf)])
        return cls(voters, mean, rows, padded, float(half.max() * 2) ** 0.5, count, [])

    @property
    def block(self) -> int:
        """Queries that are compared with all rows at once."""
        return max(FAST_CELLS // len(self.half), 1)

    def predicted(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Unit rows (b,D) -> the class (b,) of each, and whether all cosines in float64 would say the same."""
        centred = queries - self.mean
        lengths = centred.norm(dim=1)  # (b,)
        near, places = self._nearest(centred.float())  # (b, count) each
        error = self._error(lengths) + self._error64(lengths)
        classes, sure = self._vote(near.double(), places, error)
        if bool(sure.all()):
            return classes, sure
        some = (~sure).nonzero()[:, 0]  # of these float64 is needed, first of the candidates alone
        beyond = near[some, -1].double() + 1 - lengths[some].square() / 2 + error[some]
        cosine = torch.bmm(self.voters.rows[places[some]], queries[some, :, None])[:, :, 0]
        cosine, order = cosine.sort(dim=1, descending=True)
        classes[some], sure[some] = self._vote(
            cosine, places[some].gather(1, order), self._error64(lengths[some])
        )
        sure[some] &= cosine[:, self.voters.k - 1] - beyond > self._error64(lengths[some])
        return classes, sure

    def _vote(self, values: Tensor, places: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines, or those less a number, (b,count), each up to error (b,) -> classes, and whether no error changes them."""
        k = self.voters.k
        scores = self.voters.scores(values[:, :k], places[:, :k])
        two = scores.topk(min(2, self.voters.classes), dim=1).values
        share = (2 * error / self.voters.temperature).expm1() + 1e-12
        ahead = two[:, 0] - two[:, -1] > 2 * share * two[:, 0]
        apart = values[:, k - 1] - values[:, k] > 2 * error
        return scores.argmax(dim=1), apart & (ahead | (self.voters.classes == 1))

    def _nearest(self, centred: Tensor) -> tuple[Tensor, Tensor]:
        """(b,D) float32 -> of the nearest candidates cos - 1 + |q|^2 / 2, the largest first, and whose they are, (b,count) each.

        The nearest of all are in the groups that the nearest of each group lead, and these are fewer to sort.
        """
        size, width = len(centred), len(self.half)
        try:
            room = self.spare.pop()
        except IndexError:
            room = centred.new_empty(max(size, self.block) * width)
        values = torch.addmm(
            self.half, centred, self.rows.T, beta=-1, out=room[: size * width].view(size, width)
        )
        grouped = values.view(size, GROUP, -1)
        leading = grouped.amax(dim=1).topk(self.count, dim=1, sorted=False).indices  # (b, count)
        members = leading[:, None, :] + torch.arange(GROUP, device=leading.device)[:, None] * grouped.shape[2]
        members = members.flatten(1)  # (b, GROUP * count)
        near, order = values.gather(1, members).topk(self.count, dim=1)
        self.spare.append(room)
        return near, members.gather(1, order)

    def _error(self, lengths: Tensor) -> Tensor:
        """How far a float32 number can be off: rounded D times at most, of |q||c| + |c|^2/2 (Higham, sec. 3.1)."""
        steps = self.rows.shape[1] + 8
        return 2.0**-24 * steps * 1.1 * self.furthest * (lengths + self.furthest / 2)

    def _error64(self, lengths: Tensor) -> Tensor:
        """The same of cosines of unit rows in float64, in whatever order they are summed."""
        return torch.full_like(lengths, 2.0**-53 * 1.1 * (self.rows.shape[1] + 8))
