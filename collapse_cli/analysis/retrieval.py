"""What a search by cosine meets: shown with `alignment`, by the command and by Python alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.hubness import has_hubs, unmeasured
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry, joined


def with_neighbours(alignment: Answer, loaded: Sequence[Subject], exact: bool) -> Answer:
    """An answer about these subjects with their cosine about the mean, and their hubness; exact: all are queries.

    The short answer stays that of alignment, but for hubs where there are any, or where they were asked for.
    """
    shown = joined(alignment, _silent(measured(measurement("isotropy"), loaded, cosine_only=True)))
    if missing := tuple(filter(None, map(unmeasured, loaded))):
        return replace(shown, warnings=(*shown.warnings, *missing))
    hubness = measured(measurement("hubness"), loaded, exact=exact)
    return joined(shown, hubness if exact else _silent(hubness, lambda entry: has_hubs(entry.result)))


def _silent(answer: Answer, spoken: Callable[[Entry], bool] = lambda entry: False) -> Answer:
    """The same numbers; of what is not `spoken` no sentence and no table in the short answer."""
    entries = [
        replace(entry, answer=entry.answer if spoken(entry) else "", key_numbers=())
        for entry in answer.entries
    ]
    return replace(answer, entries=tuple(entries))
