"""The alarm: from the looks at a training, one after another, whether its embeddings have collapsed.

Healthy training passes through what looks like collapse. So no single look alarms, but one that is not finite: a sign has to
hold for some steps, and some signs count only once the embeddings have spread. Time counts in steps, not in looks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from collapse_cli.metrics.looks import Look

Kind = Literal["not finite", "collapse of scale", "complete collapse", "one direction", "late loss of rank"]
Evidence = dict[str, float]


@dataclass(frozen=True)
class Constants:
    """Every number of the rule. They were chosen on trainings that its test does not use: tests/benchmarks/ALARM.md.

    Collapse of scale: tr S at most `scale` of its maximum, held `scale_held` steps.
    Complete collapse: variance below `variance` held `variance_held`; or, once armed, below `fallen` held `fallen_held`.
    One direction: top share and line cosine at least `top_share` and `line_cosine`, held `line_held`.
    Armed: variance above `spread` in `spread_looks` looks. Before, small variance may be that of the start.
    Late loss of rank: once armed, after step `rank_after`, the median of `rank_looks` effective ranks below `rank` of its
    maximum, held `rank_held`.
    """

    scale: float = 0.01
    scale_held: int = 20
    variance: float = 0.02
    variance_held: int = 125
    top_share: float = 0.95
    line_cosine: float = 0.99
    line_held: int = 100
    spread: float = 0.4
    spread_looks: int = 5
    fallen: float = 0.2
    fallen_held: int = 60
    rank: float = 0.5
    rank_looks: int = 5
    rank_after: int = 200
    rank_held: int = 60


@dataclass(frozen=True)
class Warned:
    """kind of collapse, the step of the look that decided it, and the numbers that it rests on, by name."""

    kind: Kind
    step: int
    evidence: Evidence


@dataclass
class _State:
    """What the alarm remembers of all looks so far; nothing of it grows with their number."""

    first: int | None = None
    last: int = 0
    scale: float = 0.0  # the largest
    rank: float = 0.0  # the largest median
    spread: int = 0  # looks with variance above Constants.spread
    ranks: list[float] = field(default_factory=list)  # of the last looks
    since: dict[str, int] = field(
        default_factory=dict
    )  # a sign -> the step of the first look that it has held from
    warned: list[Kind] = field(default_factory=list)


class Alarm:
    """Looks in, in the order of their steps; a warning out where a sign has held for long enough, once for each kind."""

    def __init__(self, constants: Constants | None = None) -> None:
        self.constants = constants or Constants()
        self.state = _State()

    @property
    def armed(self) -> bool:
        """The embeddings have spread, so that small variance is no longer that of the start."""
        return self.state.spread >= self.constants.spread_looks

    def update(self, look: Look) -> Warned | None:
        """The look's step is larger than that of the look before. At most one warning: the gravest."""
        state = self.state
        state.first = look.step if state.first is None else state.first
        state.last = look.step
        if not look.finite:
            return self._once("not finite", look.step, {})
        self._remember(look)
        for kind, signs in self._signs(look).items():
            for name, (seen, steps, evidence) in signs.items():
                if self._held(name, seen, look.step, steps) and (
                    warned := self._once(kind, look.step, evidence)
                ):
                    return warned
        return None

    def _remember(self, look: Look) -> None:
        state, constants = self.state, self.constants
        state.scale = max(state.scale, 0.0 if math.isnan(look.scale) else look.scale)
        state.spread += look.variance > constants.spread
        if math.isfinite(look.effective_rank):
            state.ranks = [*state.ranks, look.effective_rank][-constants.rank_looks :]
        if len(state.ranks) == constants.rank_looks:
            state.rank = max(state.rank, median(state.ranks))

    def _signs(self, look: Look) -> dict[Kind, dict[str, tuple[bool, int, Evidence]]]:
        """kind -> name of a sign -> whether this look shows it, for how many steps it has to hold, and its evidence.

        A number that is nan shows nothing.
        """
        state, constants = self.state, self.constants
        rank = median(state.ranks) if len(state.ranks) == constants.rank_looks else math.nan
        variance = {"variance": look.variance}
        on_line = look.top_share >= constants.top_share and look.line_cosine >= constants.line_cosine
        rank_fell = self.armed and look.step > constants.rank_after and rank < constants.rank * state.rank
        return {
            "collapse of scale": {
                "scale": (
                    look.scale <= constants.scale * state.scale,
                    constants.scale_held,
                    {"scale": look.scale, "largest_scale": state.scale},
                )
            },
            "complete collapse": {
                "variance": (look.variance < constants.variance, constants.variance_held, variance),
                "fallen": (
                    self.armed and look.variance < constants.fallen,
                    constants.fallen_held,
                    variance,
                ),
            },
            "one direction": {
                "line": (
                    on_line,
                    constants.line_held,
                    {"top_share": look.top_share, "line_cosine": look.line_cosine},
                )
            },
            "late loss of rank": {
                "rank": (
                    rank_fell,
                    constants.rank_held,
                    {"effective_rank": rank, "largest_effective_rank": state.rank},
                )
            },
        }

    def _held(self, name: str, seen: bool, step: int, steps: int) -> bool:
        """Whether a sign has been seen in every look of so many steps, this one included."""
        if not seen:
            self.state.since.pop(name, None)
            return False
        return step - self.state.since.setdefault(name, step) >= steps

    def _once(self, kind: Kind, step: int, evidence: Evidence) -> Warned | None:
        if kind in self.state.warned:
            return None
        self.state.warned.append(kind)
        return Warned(kind, step, evidence)

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, which JSON takes."""
        state = self.state
        return {**vars(state), "ranks": [*state.ranks], "since": {**state.since}, "warned": [*state.warned]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The state of `state_dict`; the next looks are judged as if this alarm had seen those before."""
        self.state = _State(
            **{
                **state,
                "ranks": [*state["ranks"]],
                "since": {**state["since"]},
                "warned": [*state["warned"]],
            }
        )

    def unjudged(self) -> tuple[str, ...]:
        """What the alarm cannot judge so far, a sentence each."""
        state, sentences = self.state, []
        if state.first is not None and state.first > 1:
            sentences.append(
                f"The monitor began at step {state.first:,} without a saved state: how far the scale and the rank have fallen "
                "since the start is not known."
            )
        if not self.armed:
            sentences.append(
                "The embeddings have not spread since the start: a small variance may still be that of the start, and a fall of "
                "the rank is not judged."
            )
        return tuple(sentences)
