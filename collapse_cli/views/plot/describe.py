"""What an SVG file shows, in words, for whoever hears it read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from collapse_cli.views.charts.chart import Chart, Sentence

END = "</title>"  # of the figure, which matplotlib writes first


def described(svg: str, charts: Sequence[Chart]) -> str:
    """The file with a description after its title: the title of every chart, and every sentence."""
    texts = [chart.text if isinstance(chart, Sentence) else f"{chart.title}." for chart in charts]
    return svg.replace(END, f"{END}\n <desc>{escape(' '.join(texts))}</desc>", 1)
