"""Rows of plain facts: a table, or a JSON list."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from collapse_cli.printable import everywhere
from collapse_cli.streams import unaltered
from collapse_cli.views import as_json


def listing(rows: Sequence[Mapping[str, Any]], json: bool) -> None:
    """Print rows, which all have the same keys, on stdout."""
    if json:
        print(as_json(list(rows)), file=unaltered(sys.stdout))
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from collapse_cli.views.console import Console

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for key in rows[0]:
        number = all(isinstance(row[key], int) or row[key] == "any" for row in rows)
        table.add_column(key, justify="right" if number else "left", no_wrap=key == next(iter(rows[0])))
    for row in map(everywhere, rows):
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    Console().print(table)
