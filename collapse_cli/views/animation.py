"""Frames of a document as a moving image, the results side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import collapse_cli.views.plot.clouds as clouds
from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.printable import for_others
from collapse_cli.views import style
from collapse_cli.views.document import Document, Metric, groups, names
from collapse_cli.views.plot.compose import empty
from collapse_cli.views.plot.text import plain

SIDE, DPI = 2.9, 90  # inches of each result, and their dots
LASTS, HELD = 180, 2500  # milliseconds of a frame, and of the last one
Moving = tuple[str, Any, Metric]  # name, colour, frames


def draw(document: Document, path: Path) -> None:
    """Write all frames of all results as a GIF that repeats. Raises CollapseError where no result has any."""
    animated = moving(document)
    if not animated:
        raise CollapseError("this answer contains no frames to animate", "leave out --animation")
    with matplotlib.rc_context(style.STYLE):
        first, *others = _images(animated)
    lasting = [LASTS] * len(others) + [HELD]
    with whole(path) as part:
        first.save(part, format="GIF", save_all=True, append_images=others, duration=lasting, loop=0)


def moving(document: Document) -> list[Moving]:
    """Every result with frames."""
    document = for_others(document)
    places = {name: place for place, name in enumerate(dict.fromkeys(names(document)))}
    return [
        (name, style.marker(places[name])["color"], metric)
        for group in groups(document)
        for key in group.declared("frames")
        for name, metric in group.measured(key)
    ]


def _images(animated: list[Moving]) -> list[Image.Image]:
    """One image for each frame; a result with fewer frames stays at its last."""
    figure = empty(SIDE * len(animated), SIDE + 0.3)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    every = figure.subplots(1, len(animated), squeeze=False)[0]
    images = []
    for frame in range(max(len(metric["values"]) for _, _, metric in animated)):
        for axes, (name, colour, metric) in zip(every, animated, strict=True):
            shown = min(frame, len(metric["values"]) - 1)
            axes.clear()
            clouds.draw(axes, metric, shown, colour)
            axes.set_title(plain(f"{name} · {clouds.caption(metric, shown)}"), fontsize=10)
        canvas.draw()
        images.append(Image.fromarray(numpy.asarray(canvas.buffer_rgba())).convert("RGB"))
    return images
