"""Several inputs in one table: what each came to, and the numbers that tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

import collapse_cli.views.page.lead as lead
from collapse_cli.figures import beside
from collapse_cli.views import words
from collapse_cli.views.document import Document, subject_of, subjects
from collapse_cli.views.page.lead import Result
from collapse_cli.views.page.tables import Cell, Table, plain


def side_by_side(document: Document) -> Table | None:
    """Several inputs: a row for each, with its verdict, and its key numbers in a space that all of them have."""
    inputs = lead.by_input(document)
    if len(inputs) < 2:
        return None
    columns, named = _columns(inputs), subjects(document)
    headings = ["verdict", *(_heading(inputs, *column) for column in columns)]
    rows = [
        (
            named[subject_of(results[0])],
            [_status(results[0]), *(_cell(_of_space(results, space), key) for space, key in columns)],
        )
        for results in inputs
    ]
    caption = (
        "Each input: verdict and key numbers, in brackets the null" if columns else "Verdict of each input"
    )
    return plain(caption, "input", headings, rows)


def _columns(inputs: Sequence[Sequence[Result]]) -> list[tuple[str, str]]:
    """(space, number): what makes an input a collapse, for all inputs, then the key numbers of a space that all of them have."""
    shared = [space for space in words.SPACES if all(any(r["space"] == space for r in rs) for rs in inputs)]
    space = shared[0] if shared else inputs[0][0]["space"]
    deciding = [(results[0]["space"], key) for results in inputs for key in lead.deciding(results[0])]
    keys = [
        (space, key)
        for results in inputs
        for result in results
        if result["space"] == space
        for key in result.get("key_numbers", ())
        if key in result["metrics"]
    ]
    return list(dict.fromkeys([*deciding, *keys]))[: lead.KEYS]


def _of_space(results: Sequence[Result], space: str) -> Result:
    """The result of this space; one without numbers where the input has none."""
    return next((result for result in results if result["space"] == space), {"metrics": {}})


def _heading(inputs: Sequence[Sequence[Result]], space: str, key: str) -> str:
    several = len({result["space"] for results in inputs for result in results}) > 1
    measured = [result for results in inputs for result in results if key in result["metrics"]]
    return f"{_label(measured, key)}{f' of {space}' if several and space else ''}"


def _label(results: Sequence[Result], key: str) -> str:
    return next(str(result["metrics"][key]["label"]) for result in results if key in result["metrics"])


def _status(result: Result) -> Cell:
    mark, status, _ = words.verdict(result["verdict"])
    collapsed = result["verdict"]["status"].endswith("collapse")
    of = f" of {result['space']}" if result["space"] not in ("", "h") and collapsed else ""
    return Cell(f"{mark} {status}{of}", strong=True)


def _cell(result: Result, key: str) -> Cell:
    metric = result["metrics"].get(key)
    if metric is None:
        return Cell("–")
    null = metric.get("null")
    text = "" if null is None else f"({beside(null, metric['value'], metric.get('interval'))})"
    return Cell(words.quantity(metric), text, metric["value"])
