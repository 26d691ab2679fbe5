"""Matrices: a colour for each cell, its number where there is room, and the scale of the colours beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import collapse_cli.views.page.svg as svg
from collapse_cli.views.charts.chart import Heat, Side
from collapse_cli.views.page.digits import chosen, four, stored
from collapse_cli.views.page.figure import Figure, Plot, sentence
from collapse_cli.views.page.svg import WIDTH, Box, tag
from collapse_cli.views.page.tables import Cell, plain
from collapse_cli.views.words import figures

LEVELS = 13  # colours of a scale; of one about 0, the middle one is neutral
FEW = 24  # rows, each of which has its name beside it
LARGEST, NUMBERED = 100, 16  # rows and columns that are drawn, and such as have numbers in their cells
NAME = 14


def heat(chart: Heat) -> Figure:
    """The matrix; of a large one some rows and columns."""
    rows, columns = (
        chosen(len(chart.values), LARGEST),
        chosen(len(chart.values[0]) if chart.values else 0, LARGEST),
    )
    values = [[chart.values[r][c] for c in columns] for r in rows]
    row_names, column_names = _names(chart.rows, rows), _names(chart.columns, columns)
    left = 24 + svg.width_of(svg.cut(name, NAME) for name in row_names)
    room = WIDTH - left - 62
    cell = min(room / max(len(columns), 1), 34.0)
    tall = max(cell if cell < 20 else max(20.0, cell * 0.72), 14.0 if len(rows) <= FEW else 0.0)
    box = Box(left, 22.0, cell * len(columns), tall * len(rows))
    parts = [
        *_cells(chart, box, values, cell, tall),
        *_named(chart, box, row_names, column_names, cell, tall),
    ]
    parts += _scale(chart, box)
    slanted = _slanted(column_names, cell)
    height = (
        box.bottom + 36 + (0.6 * svg.width_of(svg.cut(name, NAME) for name in column_names) if slanted else 0)
    )
    data: dict[str, Any] = {
        "kind": "heat", "box": [box.left, box.top, box.width, box.height], "rows": row_names, "columns": column_names,
        "row": chart.rows.label, "column": chart.columns.label, "values": [[stored(v) for v in row] for row in values],
    }  # fmt: skip
    every = [value for row in chart.values for value in row if value is not None]
    told = [f"{len(chart.values)} by {len(chart.values[0]) if chart.values else 0} values"]
    told += [f"from {four(min(every))} to {four(max(every))}"] if every else []
    plot = Plot(svg.drawing(parts, sentence(told, chart.title), height=height), data)
    table = plain(chart.title, f"{chart.rows.label} \\ {chart.columns.label}", column_names, [
        (name, [Cell(four(value), order=value) for value in row]) for name, row in zip(row_names, values, strict=True)
    ])  # fmt: skip
    most = max(len(chart.values), len(chart.values[0]) if chart.values else 0)
    note = f"Of {most:,} rows or columns, {LARGEST} are drawn, evenly chosen." if most > LARGEST else ""
    return Figure(chart.title, (plot,), chart.help, (), table, note)


def _names(side: Side, places: list[int]) -> list[str]:
    return [side.names[n] if n < len(side.names) else str(n) for n in places]


def _slanted(names: list[str], cell: float) -> bool:
    """Whether names stand aslant: they are longer than a cell, and no mere numbers."""
    return svg.width_of(names) > cell and not all(name.isdigit() for name in names)


def level(chart: Heat, value: float) -> int:
    """Which of the colours a value has."""
    share = (value - chart.low) / ((chart.high - chart.low) or 1.0)
    return round(min(max(share, 0.0), 1.0) * (LEVELS - 1))


def _cells(
    chart: Heat, box: Box, values: list[list[float | None]], cell: float, tall: float
) -> Iterator[str]:
    """One path for all cells of a colour, then the numbers."""
    kind = "d" if chart.diverging else "q"
    by_level: dict[int, list[str]] = {}
    for r, row in enumerate(values):
        for c, value in enumerate(row):
            if value is not None:
                square = (
                    f"M{box.left + c * cell:.1f} {box.top + r * tall:.1f}h{cell:.1f}v{tall:.1f}h{-cell:.1f}z"
                )
                by_level.setdefault(level(chart, value), []).append(square)
    for n, squares in sorted(by_level.items()):
        yield tag("path", d="".join(squares), class_=f"cell {kind}{n}")
    if max(len(values), len(values[0]) if values else 0) > NUMBERED:
        return
    for r, row in enumerate(values):
        for c, value in enumerate(row):
            shade = "" if value is None else _shade(level(chart, value), chart.diverging)
            x, y = box.left + (c + 0.5) * cell, box.top + (r + 0.5) * tall + 3.5
            yield svg.text(_brief(value), x, y, class_=f"number middle {shade}")


def _brief(value: float | None) -> str:
    """A number that fits a cell: two decimals of a share, else three digits."""
    if value is None or value == round(value):
        return figures(None if value is None else int(value))
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3g}"


def _shade(step: int, diverging: bool) -> str:
    """How a number is written on this colour, with a contrast of 4.5:1 in light and in dark: as on a strong one, in black as on
    one between, or as on a weak one.
    """
    strong, between = ((0, 1, 10, 11, 12), (2,)) if diverging else (range(8, LEVELS), (7,))
    return "on" if step in strong else "between" if step in between else ""


def _named(
    chart: Heat, box: Box, rows: list[str], columns: list[str], cell: float, tall: float
) -> Iterator[str]:
    """The names of rows and columns, as many as are read, and what they are."""
    for n in chosen(len(rows), max(int(box.height / 11), 2)):
        y = box.top + (n + 0.5) * tall + 4
        yield svg.text(svg.cut(rows[n], NAME), box.left - 6, y, class_="tick end")
    slanted = _slanted(columns, cell)
    room = 11 if slanted else svg.width_of(columns) + 8
    for n in chosen(len(columns), max(int(box.width / room), 2)):
        x, y = box.left + (n + 0.5) * cell, box.bottom + 14
        if slanted:
            turned = f"rotate(-35 {x:.1f} {y:.1f})"
            yield svg.text(svg.cut(columns[n], NAME), x, y, class_="tick end", transform=turned)
        else:
            yield svg.text(columns[n], x, y, class_="tick middle")
    yield svg.text(f"{chart.rows.label} (rows), {chart.columns.label} (columns)", 4.0, 11.0, class_="side")


def _scale(chart: Heat, box: Box) -> Iterator[str]:
    """The colours from low to high."""
    kind, tall = "d" if chart.diverging else "q", min(box.height, 130.0) / LEVELS
    x = box.right + 12
    for n in range(LEVELS):
        y = box.top + (LEVELS - 1 - n) * tall
        yield tag("rect", x=x, y=y, width=10.0, height=tall + 0.3, class_=f"cell {kind}{n}")
    yield tag("rect", x=x, y=box.top, width=10.0, height=LEVELS * tall, class_="outline")
    ends = [(chart.high, box.top + 8), (chart.low, box.top + LEVELS * tall)]
    for value, y in ends:
        yield svg.text(figures(value), x + 14, y, class_="tick")
