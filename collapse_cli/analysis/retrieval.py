"""What a search by cosine meets: shown with `alignment`, by the command and by Python alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from collapse_cli.analysis.catalogue import measurement
from collapse_cli.analysis.hubness import unmeasured
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, joined


def with_neighbours(alignment: Answer, loaded: Sequence[Subject], exact: bool) -> Answer:
    """An answer about these subjects with their cosine about the mean, and their hubness; exact: all are queries."""
    centred = measured(measurement("isotropy"), loaded, cosine_only=True)
    shown = joined(alignment, centred)
    if missing := tuple(filter(None, map(unmeasured, loaded))):
        return replace(shown, warnings=(*shown.warnings, *missing))
    return joined(shown, measured(measurement("hubness"), loaded, exact=exact))
