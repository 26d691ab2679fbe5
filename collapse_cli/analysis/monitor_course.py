"""The course of a training as a monitor sees it: looks, an alarm that they go to, and the embeddings of the last of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from collapse_cli.analysis.monitor_inputs import Given, Loss, number
from collapse_cli.analysis.monitor_pending import PendingLook
from collapse_cli.analysis.monitor_reports import Reports
from collapse_cli.analysis.monitor_rows import KeptBatch, KeptRows, joined
from collapse_cli.analysis.monitor_seen import Seen
from collapse_cli.analysis.monitor_words import at_start, too_short
from collapse_cli.distributed import processes
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.alarm import Alarm, Warned
from collapse_cli.metrics.alarm_early import earliest, near_one_point, still_at_start
from collapse_cli.metrics.alarm_kinds import Kind
from collapse_cli.metrics.chance_levels import chance_levels, level_of
from collapse_cli.metrics.looks import Look, looked, origin_of

VERSION = 1  # of a state
NO_STATE, GIVE_STATE = "this is no state of a CollapseMonitor", "give what state_dict() returned"


class Course:
    """step: how many were counted; last: the last look that was read, level: the chance level that its loss is at."""

    def __init__(
        self,
        reports: Reports,
        every: int,
        window: int,
        seed: int,
        gathers: bool,
        sizes: Mapping[str, int] | None,
    ) -> None:
        """sizes: queue and prototypes, for the chance levels, None for a loss without any; gathers: whether
        processes put their rows together."""
        self.reports, self.every, self.window, self.seed, self.gathers = reports, every, window, seed, gathers
        self.sizes = sizes
        self.late = False  # numbers are read at the next step, by which the loss may be known
        self.step = 0
        self.origin: Tensor | None = None
        self.first: KeptBatch | None = None
        self.alarm, self.rows = Alarm(), KeptRows(window, seed)
        self.pending: PendingLook | None = None
        self.last: Look | None = None
        self.level: tuple[str, float] | None = None
        self.warned: list[Warned] = []

    @property
    def due(self) -> bool:
        """Whether the next step is looked at: the first, and every `every`-th."""
        return self.step == 0 or (self.step + 1) % self.every == 0

    def count(self, due: bool, ask: Callable[[], Given]) -> None:
        """One more step. ask: what it was given, asked for where it is looked at."""
        self.step += 1
        if self.pending is not None and self.pending.ready:
            self.read()
        if due:
            self.look(ask())

    def look(self, given: Given) -> None:
        """At the embeddings of this step; their numbers are read at once where nobody waits for them."""
        self._refuse_other_widths(given)
        batch, device = len(given), given.spaces["z"].device
        whole = given.gathered(self.rows.room) if self.gathers else given
        self.read()
        with torch.no_grad(), _in_float32(device):
            origin = self._begun(whole, batch).to(device)
            self.origin = origin
            spaces = whole.spaces
            unread = looked(spaces["z"], origin, spaces.get("z2"), spaces.get("h"), whole.loss)
            self.rows.add(self.step, spaces, whole.labels, whole.thinned)
        self.pending = PendingLook.of(self.step, batch, unread)
        if self.pending.ready and not self.late:
            self.read()

    def _refuse_other_widths(self, given: Given) -> None:
        """Embeddings of another width are of another network or layer, and have no start in common with those before."""
        before = {
            name: rows.shape[1] for batch in self.rows.batches[-1:] for name, rows in batch.spaces.items()
        }
        before |= {"z": len(self.origin)} if self.origin is not None else {}
        for name, rows in given.spaces.items():
            if name in before and rows.shape[1] != before[name]:
                raise CollapseError(
                    f"{name} has {rows.shape[1]:,} dimensions at step {self.step:,}, and had {before[name]:,} before",
                    "watch each network and each layer with a monitor of its own, or reset() where another training begins",
                )

    def note(self, loss: Loss) -> None:
        """The loss of the step that was looked at, before its numbers are read."""
        if self.pending is not None and self.pending.step == self.step:
            self.pending = self.pending.with_loss(number(loss))

    def _begun(self, whole: Given, batch: int) -> Tensor:
        """The mean at the first look of all, which is where the training starts from."""
        self.reports.begin(self.step - 1, self.every, processes(), self._chance(batch))
        if self.origin is not None:
            return self.origin
        views = {name: rows for name, rows in whole.spaces.items() if name != "h"}
        self.first = KeptBatch.of(self.step, views, None, self.rows.room, self.seed)
        return origin_of(whole.spaces["z"]).nan_to_num()

    def _chance(self, batch: int) -> dict[str, float]:
        return {} if self.sizes is None else chance_levels(batch, processes(), **self.sizes)

    def read(self) -> None:
        """The numbers of the look before go to the file, to the sink and to the alarm, which may warn."""
        pending, self.pending = self.pending, None
        if pending is None:
            return
        look = self.last = pending.read()
        levels = self._chance(pending.batch)
        name = None if look.loss is None else level_of(look.loss, levels)
        self.level = None if name is None else (name, levels[name])
        warned = self.alarm.update(look)
        self.reports.look(look, name, warned)
        if warned is not None:
            self.warned.append(warned)
            self.reports.warn(warned)

    def close(self) -> None:
        """A training that ends before a collapse at its start can be warned of is told of one that may be."""
        early = () if self.reports.ended else self._early()
        if early:
            self.reports.remark(early[0])

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the alarm cannot judge so far, a sentence each."""
        first, last = earliest(self.alarm), self.alarm.state.last
        short = self.alarm.state.first == 1 and last < first and not self.warned
        told = self._early() or ((too_short(last, first),) if short else ())
        return (*told, *self.alarm.unjudged())

    def _early(self) -> tuple[str, ...]:
        still = None if self.last is None else still_at_start(self.alarm, self.last)
        return () if still is None else (at_start(self.step, *still),)

    @property
    def seen(self) -> Seen:
        """What a verdict rests on."""
        self.read()
        loss = None if self.last is None else self.last.loss
        rows, first = self.rows.batches, self.first
        broken = self.last is not None and not self.last.finite
        diverged: tuple[Kind, ...] = ("not finite",) if broken else ()
        standing = (*diverged, *self.alarm.standing)
        near = None if self.last is None else near_one_point(self.alarm, self.last)
        return Seen(
            rows, first, self.origin, self.window, self.seed, self.step, loss, self.level, self.warned, standing, near,
            self.every,
        )  # fmt: skip

    def merge(self, other: Course) -> None:
        """With the embeddings of another, and with its start where it began at the same step. The alarm stays as it is."""
        self.read()
        other.read()
        if self.origin is not None and other.origin is not None and len(self.origin) != len(other.origin):
            widths = f"{len(self.origin):,} and of {len(other.origin):,}"
            raise CollapseError(
                f"the monitors have seen embeddings of {widths} dimensions", "merge those of one network"
            )
        self.rows.merge(other.rows.batches)
        first, theirs = self.first, other.first
        if first is None or theirs is None or first.step != theirs.step:
            return
        assert self.origin is not None
        assert other.origin is not None
        share = first.seen / (first.seen + theirs.seen)
        self.origin = share * self.origin.cpu() + (1 - share) * other.origin.cpu()
        self.first = joined([first, theirs], self.rows.room, self.seed)

    def state(self, rows: bool) -> dict[str, Any]:
        """rows: with the embeddings."""
        self.read()
        return {
            "version": VERSION,
            "step": self.step,
            "alarm": self.alarm.state_dict(),
            "origin": None if self.origin is None else self.origin.cpu(),
            "first": None if self.first is None or not rows else self.first.state(),
            "rows": [batch.state() for batch in self.rows.batches] if rows else [],
            "warned": [[warned.kind, warned.step, dict(warned.evidence)] for warned in self.warned],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Of a course that has seen nothing yet. Raises CollapseError for what `state` has not given."""
        if not isinstance(state, Mapping) or state.get("version") != VERSION:
            raise CollapseError(NO_STATE, GIVE_STATE)
        try:
            self._load(state)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CollapseError(f"{NO_STATE}, or it is damaged: {error!r}", GIVE_STATE) from None

    def _load(self, state: Mapping[str, Any]) -> None:
        self.step, self.origin = state["step"], state["origin"]
        self.alarm.load_state_dict(state["alarm"])
        self.first = None if state["first"] is None else KeptBatch.of_state(state["first"])
        self.rows.batches = [KeptBatch.of_state(each) for each in state["rows"]]
        self.warned = [Warned(*each) for each in state["warned"]]


def _in_float32(device: torch.device) -> AbstractContextManager[Any]:
    """Without the training's autocast, in whose products a look would lose its digits."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()
