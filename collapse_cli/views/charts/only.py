"""Some of the charts of a document, chosen by words of their titles."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.errors import CollapseError
from collapse_cli.views.charts.chart import Chart


def only_those(charts: Sequence[Chart], words: str) -> list[Chart]:
    """The charts whose title holds one of these parts (commas between them), whatever their case; all where there is none."""
    parts = [part.strip().lower() for part in words.split(",") if part.strip()]
    for part in parts:
        if not any(part in chart.title.lower() for chart in charts):
            titles = dict.fromkeys(chart.title for chart in charts if chart.title)
            raise CollapseError(
                f"no chart of this answer has '{part}' in its title",
                f"its charts: {'; '.join(titles) or 'none'}",
            )
    return [chart for chart in charts if not parts or any(part in chart.title.lower() for part in parts)]
