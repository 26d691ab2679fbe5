"""Panels of matrices: a heat map, with names and values where they can be read."""

from __future__ import annotations

from typing import Any

import numpy
from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.document import Metric
from collapse_cli.views.panel import Panel, plain
from collapse_cli.views.words import figures, titled

WRITTEN = 10  # rows and columns of a matrix in whose cells numbers can be read
LUMA = (0.299, 0.587, 0.114)  # how light red, green and blue look (ITU-R BT.601)


def matrix(metric: Metric, name: str) -> Panel:
    """A heat map; of two colours where there are values below zero."""
    values = numpy.array(metric["values"], dtype=float)

    def fill(axes: Axes) -> None:
        most = numpy.nanmax(abs(values), initial=0)
        look = (
            {"cmap": style.DIVERGING, "vmin": -most, "vmax": most}
            if (values < 0).any()
            else {"cmap": style.HEAT}
        )
        image = axes.imshow(values, aspect="auto", interpolation="nearest", **look)
        axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02).outline.set_visible(False)
        axes.grid(visible=False)
        axes.set(xlabel=titled(metric["columns"]), ylabel=titled(metric["rows"]))
        axes.locator_params(integer=True)
        if "row_names" in metric and "column_names" in metric:
            _name_cells(axes, values, metric, image.to_rgba)

    return Panel(plain(" · ".join([titled(metric["label"]), *([name] if name else [])]), 60), fill)


def _name_cells(axes: Axes, values: Any, metric: Metric, colour: Any) -> None:
    """Rows and columns by name, and where all of it can be read, each value in its cell, light on a dark one."""
    axes.set_yticks(range(values.shape[0]), [plain(name, 12) for name in metric["row_names"]])
    axes.set_xticks(range(values.shape[1]), [plain(name, 12) for name in metric["column_names"]])
    for (row, column), value in numpy.ndenumerate(values) if max(values.shape) <= WRITTEN else ():
        text = figures(None if numpy.isnan(value) else float(value))
        dark = numpy.dot(colour(value)[:3], LUMA) < 0.5
        axes.text(column, row, text, ha="center", va="center", color=style.PAPER if dark else style.INK)
