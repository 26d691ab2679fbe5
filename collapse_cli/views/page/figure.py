"""What a page shows of a chart: the drawings with their data for the script, the names of its series, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from collapse_cli.printable import json_text
from collapse_cli.views.charts import looks
from collapse_cli.views.page.svg import marker, tag
from collapse_cli.views.page.tables import Table


@dataclass(frozen=True)
class Plot:
    """One drawing. title: where a figure has several; data: what the script must know of it."""

    svg: Markup
    data: dict[str, Any]
    title: str = ""

    @property
    def json(self) -> str:
        return json_text(self.data, indent=None)


@dataclass(frozen=True)
class Key:
    """A series in the legend, with a line or a mark as it is drawn."""

    series: int
    label: str
    swatch: Markup


@dataclass(frozen=True)
class Figure:
    """A figure of the page. note: what the drawing leaves out; scales: the axes that can be linear and logarithmic."""

    title: str
    plots: tuple[Plot, ...] = ()
    help: str = ""
    legend: tuple[Key, ...] = ()
    table: Table | None = None
    note: str = ""
    scales: tuple[str, ...] = ()
    text: str = ""


def colour(role: str, place: int) -> str:
    """The classes of a line or mark: the colour of its result, or the null's."""
    if role == "null":
        return role
    kind = "ink" if place < 0 else f"s{looks.colour(place)}"
    return f"{kind}{' initial' if role == 'initial' else ''}"


def swatch(classes: str, place: int, line: bool = True, marked: bool = True) -> Markup:
    """A piece of the line, with the marker at its middle."""
    parts: list[str] = [tag("path", d="M0 6h26", class_=f"line {classes}")] if line else []
    parts += [marker(place, 13, 6, class_=f"mark {classes}")] if marked else []
    return tag("svg", *parts, viewBox="0 0 26 12", class_="swatch", aria_hidden="true")


def sentence(parts: Sequence[str], title: str) -> str:
    """What a chart says to whoever hears it."""
    return f"{title}. {'; '.join(parts)}." if parts else f"{title}."
