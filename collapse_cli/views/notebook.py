"""A document as a fragment of HTML for a notebook: its verdicts, its tables and its figure, in the notebook's own style."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from html import escape

from collapse_cli.printable import for_others
from collapse_cli.views import grid, plot, words
from collapse_cli.views.cells import Cell
from collapse_cli.views.charts.choose import charts
from collapse_cli.views.document import Document, groups, verdicts
from collapse_cli.views.grid import Grid, Label


def fragment(document: Document) -> str:
    """Verdicts, a table for each kind of result, and the figure as a PNG inside; of many results, the headline numbers."""
    document = for_others(document)
    return "\n".join([*_verdicts(document), *_tables(document), *_figure(document)])


def _verdicts(document: Document) -> Iterator[str]:
    for name, judged in verdicts(document):
        mark, status, sentence = words.verdict(judged)
        head = f"{name}: {status}" if name else status
        yield f"<p>{escape(mark)} <b>{escape(head)}</b>{escape(f' — {sentence}' if sentence else '')}</p>"


def _tables(document: Document) -> Iterator[str]:
    for group in groups(document):
        many = grid.many(group)
        numbers = grid.numbers(group, headline=many)
        if numbers.rows:
            yield f"<p><b>{escape(group.title)}</b></p>{_table(numbers.turned() if many else numbers)}"
        notes = "<br>".join(map(escape, grid.footer(group, headline=many)))
        yield f"<p><small>{notes}</small></p>"


def _table(whole: Grid) -> str:
    head = "".join(f"<th>{_label(column)}</th>" for column in whole.columns)
    rows = (
        f"<tr><th style='text-align:left' title='{escape(label.help, quote=True)}'>{_label(label)}</th>"
        + "".join(f"<td>{_cell(cell)}</td>" for cell in cells)
        + "</tr>"
        for label, cells in zip(whole.rows, whole.cells, strict=True)
    )
    return f"<table><thead><tr><th>{escape(whole.corner)}</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _label(label: Label) -> str:
    return escape(label.text + label.note + label.dim)


def _cell(cell: Cell) -> str:
    null = f" <small>{escape(cell.null)}</small>" if cell.null else ""
    return escape(cell.value) + null


def _figure(document: Document) -> Iterator[str]:
    """Nothing where there is nothing to draw."""
    if not charts(document):
        return
    image = io.BytesIO()
    plot.figure(document).savefig(image, format="png", dpi=80)
    encoded = base64.b64encode(image.getvalue()).decode()
    yield f"<img alt='{escape(document['command'], quote=True)}' src='data:image/png;base64,{encoded}'>"
