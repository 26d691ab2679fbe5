"""Rows: bars from 0 or dots with their intervals and nulls, and the checks of a gate about their bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

import collapse_cli.views.page.svg as svg
from collapse_cli.figures import written
from collapse_cli.views.charts.chart import Bar, Bars, Checks
from collapse_cli.views.page.digits import four, interval
from collapse_cli.views.page.figure import Figure, Key, Plot, colour, sentence, swatch
from collapse_cli.views.page.svg import WIDTH, Box, tag
from collapse_cli.views.page.tables import Cell, Table, plain
from collapse_cli.views.words import shortened

NAME = 22  # letters of a row's name
THICK, APART = 12.5, 8.0  # of a bar, and from one row to the next
VALUE = 54.0  # room of a value beside its bar
MARKS = {"pass": "s2", "warn": "s4", "fail": "s1", "inconclusive": "null"}


def bars(chart: Bars) -> Figure:
    """Bars where results are few, else a dot for each."""
    names = [shortened(row, NAME) for row in chart.rows]
    many = chart.dots
    step = 20.0 if many else THICK * len(chart.bars) + APART
    left = 12 + svg.width_of(names)
    box = Box(left, 20.0, WIDTH - left - (16 if many else VALUE), step * len(names))
    parts = [svg.x_ticks(box, chart.x, chart.x.scale), *_frame(chart, box)]
    for n, name in enumerate(names):
        parts.append(svg.text(name, box.left - 8, box.top + (n + 0.5) * step + 4, class_="row end"))
    for k, bar in enumerate(chart.bars):
        drawn = [
            _dot(chart, box, bar, n, step) if many else _bar(chart, box, k, n, step)
            for n in range(len(names))
        ]
        parts.append(svg.group(filter(None, drawn), class_="series", data_series=k))
    parts += _nulls(chart, box, step)
    if chart.gap:
        y = box.top + chart.gap * step
        parts.append(tag("path", d=f"M0 {y:.1f}H{box.right:.1f}", class_="line gap"))
    parts += [_hit(box, n, step, _row_lines(chart, n)) for n in range(len(names))]
    label = sentence(
        [": ".join((chart.rows[n], ", ".join(_row_lines(chart, n)[1:]))) for n in range(len(names))],
        chart.title,
    )
    plot = Plot(svg.drawing(parts, label, height=box.bottom + 34), {"kind": "marks"})
    keys = tuple(
        Key(k, bar.label, swatch(colour("result", bar.place), bar.place, line=False))
        for k, bar in enumerate(chart.bars)
    )
    note = f"{chart.more} more stand in the table of this section." if chart.more else ""
    return Figure(chart.title, (plot,), chart.help, keys if len(keys) > 1 else (), _table(chart), note)


def _frame(chart: Bars, box: Box) -> list[str]:
    """Lines at the ticks, a stronger one at 0, and the name of the axis."""
    scale = chart.x.scale
    lines = [
        tag("path", d=f"M{box.x(scale, value):.1f} {box.top:.1f}V{box.bottom:.1f}", class_="grid")
        for value, _ in svg.ticks(chart.x, scale)
    ]
    zero = box.x(scale, max(min(0.0, scale.high), scale.low))
    lines.append(tag("path", d=f"M{zero:.1f} {box.top:.1f}V{box.bottom:.1f}", class_="axis"))
    return [*lines, svg.text(chart.x.label, box.right, box.bottom + 31, class_="side end")]


def _bar(chart: Bars, box: Box, k: int, n: int, step: float) -> Markup | None:
    bar, scale = chart.bars[k], chart.x.scale
    value = bar.values[n]
    top = box.top + n * step + APART / 2 + k * THICK
    if value is None:
        return svg.text("–", box.left + 4, top + 9, class_="value")
    zero, x = box.x(scale, max(min(0.0, scale.high), scale.low)), box.x(scale, value)
    kind = colour("result", bar.place)
    parts: list[str] = [
        tag(
            "rect",
            x=min(zero, x),
            y=top,
            width=max(abs(x - zero), 0.8),
            height=THICK - 1.5,
            class_=f"bar {kind}",
        )
    ]
    if len(chart.bars) > 1 and abs(x - zero) > 12:
        stamp = zero + (6 if x > zero else -6)
        parts.append(svg.marker(bar.place, stamp, top + THICK / 2 - 0.75, class_="stamp"))
    end = max(x, zero)
    if bar.intervals and (ends := bar.intervals[n]):
        parts.append(
            _whisker(box.x(scale, ends[0]), box.x(scale, ends[1]), top + THICK / 2 - 0.75, "whisker")
        )
        end = max(end, box.x(scale, ends[1]))
    parts.append(svg.text(written(value), end + 4, top + THICK - 2.5, class_="value"))
    return svg.group(parts)


def _dot(chart: Bars, box: Box, bar: Bar, n: int, step: float) -> Markup | None:
    value, middle, kind = bar.values[n], box.top + (n + 0.5) * step, colour("result", bar.place)
    if value is None:
        return None
    parts: list[str] = []
    if bar.intervals and (ends := bar.intervals[n]):
        low, high = (box.x(chart.x.scale, end) for end in ends)
        parts.append(_whisker(low, high, middle, f"line {kind}"))
    parts.append(svg.marker(bar.place, box.x(chart.x.scale, value), middle, class_=f"mark {kind}"))
    return svg.group(parts)


def _whisker(low: float, high: float, y: float, kind: str) -> Markup:
    d = f"M{low:.1f} {y - 3:.1f}v6M{low:.1f} {y:.1f}H{high:.1f}M{high:.1f} {y - 3:.1f}v6"
    return tag("path", d=d, class_=kind)


def _nulls(chart: Bars, box: Box, step: float) -> list[str]:
    """A dashed stroke across each row that has a null; its name stands at the first."""
    at = [(n, box.x(chart.x.scale, null)) for n, null in enumerate(chart.nulls) if null is not None]
    strokes: list[str] = [
        tag("path", d=f"M{x:.1f} {box.top + n * step + 1:.1f}v{step - 2:.1f}", class_="line null")
        for n, x in at
    ]
    if not at:
        return strokes
    n, x = at[0]
    side = "end" if x > box.left + 0.6 * box.width else ""
    above = box.top - 5 if n == 0 else box.top + n * step - 1
    return [*strokes, svg.text(chart.null_is or "null", x, above, class_=f"name {side}")]


def _hit(box: Box, n: int, step: float, lines: Sequence[str]) -> Markup:
    """The part of the drawing that tells of a row."""
    return tag("rect", x=0.0, y=box.top + n * step, width=WIDTH, height=step, class_="hit",
               data_tip="\n".join(lines))  # fmt: skip


def _row_lines(chart: Bars, n: int) -> list[str]:
    """The row's name, then the value of each result with its interval, and the null."""
    lines = [chart.rows[n]]
    for bar in chart.bars:
        value = interval(bar.values[n], bar.intervals[n] if bar.intervals else None)
        lines.append(f"{bar.label}: {value}" if bar.label else value)
    if chart.nulls and chart.nulls[n] is not None:
        lines.append(f"{chart.null_is or 'null'}: {four(chart.nulls[n])}")
    return lines


def _table(chart: Bars) -> Table:
    columns = [bar.label for bar in chart.bars] + ([chart.null_is or "null"] if chart.null_is else [])
    rows = [(row, list(_cells(chart, n))) for n, row in enumerate(chart.rows)]
    return plain(chart.title, "", columns, rows)


def _cells(chart: Bars, n: int) -> Iterator[Cell]:
    for bar in chart.bars:
        yield Cell(interval(bar.values[n], bar.intervals[n] if bar.intervals else None), order=bar.values[n])
    if chart.null_is:
        null = chart.nulls[n] if chart.nulls else None
        yield Cell(four(null), order=null)


def _arrow(x: float, y: float, beyond: int, kind: str) -> Markup:
    """That a margin lies farther than the axis reaches."""
    return tag("path", d=f"M{x:.1f} {y - 4.5:.1f}l{5.5 * beyond} 4.5l{-5.5 * beyond} 4.5z", class_=kind)


def checks(chart: Checks) -> Figure:
    """The margin of each check from its bound, right of it where it is met."""
    names = [shortened(check.label, NAME) for check in chart.rows]
    axis, step = chart.x, 22.0
    left, right = 12 + svg.width_of(names), 12 + svg.width_of(check.text for check in chart.rows)
    box = Box(left, 20.0, max(WIDTH - left - right, 90.0), step * len(names))
    zero = box.x(axis.scale, 0.0)
    parts = [svg.x_ticks(box, axis, axis.scale), tag("path", d=f"M{zero:.1f} {box.top:.1f}V{box.bottom:.1f}", class_="line null"),
             svg.text("bound", zero, box.top - 5, class_="name middle"),
             svg.text(axis.label, box.right, box.bottom + 31, class_="side end")]  # fmt: skip
    for n, check in enumerate(chart.rows):
        middle = box.top + (n + 0.5) * step
        parts.append(svg.text(names[n], box.left - 8, middle + 4, class_="row end"))
        parts.append(svg.text(check.text, box.right + 8, middle + 4, class_="value"))
        if check.shown_interval:
            low, high = (box.x(axis.scale, end) for end in check.shown_interval)
            parts.append(_whisker(low, high, middle, "whisker"))
        if check.shown is not None:
            x, kind = box.x(axis.scale, check.shown), f"mark {MARKS[check.result]}"
            parts.append(
                _arrow(x, middle, check.beyond, kind)
                if check.beyond
                else svg.marker(0, x, middle, class_=kind)
            )
        margin = f"margin {interval(check.margin, check.interval)}"
        parts.append(_hit(box, n, step, [check.label, check.text, margin]))
    width = max(WIDTH, box.right + right)
    label = sentence([f"{check.label}: {check.text}" for check in chart.rows[:6]], chart.title)
    plot = Plot(svg.drawing(parts, label, width, box.bottom + 34), {"kind": "marks"})
    rows = [(check.label, [Cell(check.text), Cell(interval(check.margin, check.interval), order=check.margin)])
            for check in chart.rows]  # fmt: skip
    return Figure(chart.title, (plot,), table=plain(chart.title, "check", ["result", "margin"], rows))
