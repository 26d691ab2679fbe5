"""The alarm: from the looks at a training, one after another, whether its embeddings have collapsed.

Healthy training passes through what looks like collapse. So no single look alarms, but one that is not finite: a sign has to
hold for some steps without recovering, and some signs count only once the embeddings have spread. Time counts in steps, not in
looks. Nothing that is remembered grows with the number of looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from collapse_cli.metrics.alarm_kinds import GRAVITY, KIND_OF, Kind
from collapse_cli.metrics.looks import Look
from collapse_cli.metrics.recent_peak import RecentPeak

Evidence = dict[str, float]


@dataclass(frozen=True)
class Constants:
    """Every number of the rule. They were chosen on trainings that its test does not use: tests/benchmarks/ALARM.md.

    Medians are of the last `looks` looks, and a peak is the largest median of the second half of the steps so far: what falls
    more slowly than that is drawn, and not warned of. That of tr S is of the last `scale_steps` steps at least.
    Collapse of scale: tr S at most `scale` of its peak, held `scale_held` steps.
    Complete collapse: variance below `fallen`, held `fallen_held`, once armed; before, below `start`, held `start_held`. The
    start of a healthy training recovers: the time begins again while variance is above `rise` times its lowest value, and
    before the alarm is armed it is at least the second half of the steps so far.
    One direction: top share and line cosine at least `top_share` and `line_cosine`, held `line_held`; before, as above.
    Armed: variance above `spread` in so many steps as `spread_steps` since the network has left the start, that is since the
    effective rank was at most `left` of its first value or variance was not above `spread`; or in `plateau` steps before.
    Late loss of rank: once armed, the effective rank's median, without looks of `span` steps before, below `rank` of its peak
    from step `rank_from` on (before, learning lowers it), held `rank_held`. `views_apart` decides no warning: see `unjudged`.
    """

    looks: int = 5
    span: int = 25
    scale: float = 0.01
    scale_held: int = 20
    scale_steps: int = 200
    rise: float = 2.5
    top_share: float = 0.95
    line_cosine: float = 0.99
    line_held: int = 100
    spread: float = 0.3
    spread_steps: int = 50
    left: float = 0.75
    plateau: int = 200
    fallen: float = 0.12
    fallen_held: int = 80
    start: float = 0.1
    start_held: int = 150
    rank: float = 0.5
    rank_held: int = 60
    rank_from: int = 150
    views_apart: float = 0.85


@dataclass(frozen=True)
class Warned:
    """kind of collapse, the step of the look that decided it, and the numbers that it rests on, by name."""

    kind: Kind
    step: int
    evidence: Evidence


@dataclass(frozen=True)
class Sign:
    """What one look shows of a kind: whether, and for how many steps it has to hold; no more than `rise` times its lowest."""

    name: str
    shown: bool
    steps: int
    evidence: Evidence
    value: float = 0.0

    @property
    def kind(self) -> Kind:
        return KIND_OF[self.name]


@dataclass
class _State:
    """What the alarm remembers. since: a sign -> the step from which it has held; lowest: its lowest value meanwhile."""

    first: int | None = None
    last: int = 0
    scales: list[float] = field(default_factory=list)  # of the last looks
    ranks: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)  # of these ranks
    scale_peak: list[list[float]] = field(default_factory=list)
    rank_peak: list[list[float]] = field(default_factory=list)
    first_rank: float | None = None  # the first
    left: bool = False  # the start
    view_shares: list[float] = field(default_factory=list)  # of the distance of two images, that of two views
    spread: int = 0  # steps with variance above Constants.spread since then
    plateau: int = 0  # and before
    since: dict[str, int] = field(default_factory=dict)
    lowest: dict[str, float] = field(default_factory=dict)
    warned: list[Kind] = field(default_factory=list)


class Alarm:
    """Looks in, in the order of their steps; a warning out where a sign has held for long enough, none twice: see GRAVITY."""

    def __init__(self, constants: Constants | None = None) -> None:
        self.constants = constants or Constants()
        self.state = _State()

    @property
    def armed(self) -> bool:
        """The embeddings have spread, so that small variance is no longer that of the start."""
        state, constants = self.state, self.constants
        return state.spread >= constants.spread_steps or state.plateau >= constants.plateau

    @property
    def standing(self) -> tuple[Kind, ...]:
        """What was warned of and the last look still shows."""
        shown = {KIND_OF[name] for name in self.state.since}
        return tuple(kind for kind in self.state.warned if kind in shown)

    def update(self, look: Look) -> Warned | None:
        """The look's step is larger than that of the look before. At most one warning: the gravest."""
        state = self.state
        passed = look.step - state.last if state.first is not None else 1
        state.first = look.step if state.first is None else state.first
        state.last = look.step
        if not look.finite:
            return self._once("not finite", look.step, {})
        self._remember(look, passed)
        held = [sign for sign in self._signs(look) if self._held(sign, look.step)]
        gravest = min(held, key=lambda sign: GRAVITY.index(sign.kind), default=None)
        return None if gravest is None else self._once(gravest.kind, look.step, gravest.evidence)

    def _remember(self, look: Look, passed: int) -> None:
        state, constants = self.state, self.constants
        for values, peak, value, least, begins in (
            (state.scales, state.scale_peak, look.scale, constants.scale_steps, 0),
            (state.ranks, state.rank_peak, look.effective_rank, 0, constants.rank_from),
        ):
            if math.isfinite(value):
                values.append(value)
                del values[: -constants.looks]
            if len(values) == constants.looks and look.step >= begins:
                RecentPeak(peak, least).add(look.step, median(values))
        if look.alignment is not None and look.variance > 0:
            state.view_shares = [*state.view_shares, look.alignment / (2 * look.variance)][-constants.looks :]
        state.steps = (
            [*state.steps, look.step][-len(state.ranks) :]
            if math.isfinite(look.effective_rank)
            else state.steps
        )
        if state.first_rank is None and state.ranks:
            state.first_rank = self._rank_at(look.step)
        elif state.first_rank is not None and self._rank_at(look.step) <= constants.left * state.first_rank:
            state.left = True
        spread = look.variance > constants.spread
        state.left |= look.variance <= constants.spread
        state.spread += passed * (spread and state.left)
        state.plateau += passed * (spread and not state.left)

    def _rank_at(self, step: int) -> float:
        """The median effective rank of the last looks, as far as they are not long ago; nan where there is none."""
        state = self.state
        recent = [
            rank for rank, at in zip(state.ranks, state.steps, strict=True) if at > step - self.constants.span
        ]
        return median(recent) if recent else math.nan

    def _signs(self, look: Look) -> Iterator[Sign]:
        """The signs of each kind. A number that is nan shows nothing."""
        state, constants = self.state, self.constants
        low, variance = {"variance": look.variance}, look.variance
        scale, rank = RecentPeak(state.scale_peak).value, RecentPeak(state.rank_peak).value
        now = self._rank_at(look.step)
        on_line = look.top_share >= constants.top_share and look.line_cosine >= constants.line_cosine
        line = {"top_share": look.top_share, "line_cosine": look.line_cosine}
        scales = {"scale": look.scale, "largest_scale": scale}
        yield Sign("scale", look.scale <= constants.scale * scale, constants.scale_held, scales)
        half = 0 if self.armed else (look.step - (state.first or 0)) // 2
        first, later = (
            not self.armed and variance < constants.start,
            self.armed and variance < constants.fallen,
        )
        yield Sign("low", first, max(constants.start_held, half), low, variance)
        yield Sign("fallen", later, constants.fallen_held, low, variance)
        line_held = constants.line_held if self.armed else max(constants.start_held, half)
        yield Sign("line", on_line, line_held, line, variance)
        ranks = {"effective_rank": now, "largest_effective_rank": rank}
        yield Sign("rank", self.armed and now < constants.rank * rank, constants.rank_held, ranks)

    def _held(self, sign: Sign, step: int) -> bool:
        """Whether every look of so many steps, this one included, has shown a sign, and no recovery from it."""
        since, lowest = self.state.since, self.state.lowest
        if not sign.shown:
            since.pop(sign.name, None)
            lowest.pop(sign.name, None)
            return False
        lowest[sign.name] = min(lowest.get(sign.name, sign.value), sign.value)
        if sign.value > self.constants.rise * lowest[sign.name]:
            since.pop(sign.name, None)
            return False
        return step - since.setdefault(sign.name, step) >= sign.steps

    def _once(self, kind: Kind, step: int, evidence: Evidence) -> Warned | None:
        graver = GRAVITY[: GRAVITY.index(kind)] if kind in GRAVITY else ()
        if not {kind, *graver}.isdisjoint(self.state.warned):
            return None
        self.state.warned.append(kind)
        return Warned(kind, step, evidence)

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, which JSON takes."""
        return asdict(self.state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The state of `state_dict`; the next looks are judged as if this alarm had seen those before."""
        self.state = _State(**asdict(_State(**state)))  # a copy

    def unjudged(self) -> tuple[str, ...]:
        """What the alarm cannot judge so far, a sentence each."""
        state, sentences = self.state, []
        unknown = "whether the embeddings had collapsed before, and how far scale and rank have fallen, is not known."
        if state.first is not None and state.first > 1:
            sentences.append(f"The monitor began at step {state.first:,} without a saved state: {unknown}")
        elif not state.left and state.last > self.constants.spread_steps:
            sentences.append(
                "The embeddings have hardly changed since the first look: the network learns slowly, or had been trained before "
                f"the monitor began; then {unknown}"
            )
        if (
            sentences
            and state.view_shares
            and (share := median(state.view_shares)) >= self.constants.views_apart
        ):
            sentences.append(
                f"Two views of one image are nearly as far from each other as two images (squared distances: {share:.2f} to 1), "
                "as in a network that has collapsed or has learned nothing."
            )
        if not self.armed:
            sentences.append(
                "The embeddings have not spread since the start: a small variance may still be that of the start, and a fall of "
                "the rank is not judged."
            )
        return tuple(sentences)
