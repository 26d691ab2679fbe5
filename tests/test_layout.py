"""Every table that a result declares is of its own numbers."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import pytest

import collapse_cli
from collapse_cli.layout import Table
from collapse_cli.metric import metrics
from collapse_cli.results import number

METRICS = Path(collapse_cli.__file__).parent / "metrics"


def declared() -> dict[str, type]:
    """Result types that declare a table, by the name of their module and their own."""
    modules = [
        importlib.import_module(f"collapse_cli.metrics.{path.stem}")
        for path in sorted(METRICS.glob("[a-z]*.py"))
    ]
    types = [each for module in modules for each in vars(module).values() if dataclasses.is_dataclass(each)]
    return {f"{each.__module__}.{each.__name__}": each for each in types if "TABLE" in vars(each)}


@pytest.mark.parametrize("name", sorted(declared()))
def test_a_table_names_numbers_of_its_result(name: str) -> None:
    """Each once; those that share a row have one convention and null; headlines, and what has a place, are shown."""
    result = declared()[name]
    kinds = {field.name: field.metadata for field in dataclasses.fields(result) if "kind" in field.metadata}
    table: Table = result.TABLE
    shared = [number for members in table.together.values() for number in members]
    for names in (list(table.order), shared, list(table.json_only)):
        assert len(set(names)) == len(names)
        assert {kinds[each]["kind"] for each in names} <= {"number"}
    for members in table.together.values():
        assert len({kinds[each]["null_is"] for each in members}) == 1
        assert len({kinds[each]["convention"] for each in members} - {""}) <= 1
    assert not set(table.json_only) & {*table.order, *shared}
    assert not [each for each in table.json_only if kinds[each].get("headline")]


@dataclasses.dataclass(frozen=True)
class Three:
    """Three numbers."""

    TABLE = Table(order=("last", "first"), together={"both": ("first", "last")}, json_only=("middle",))
    first: int = number("the first")
    middle: int = number("the second")
    last: int = number("the third")


def test_a_number_says_its_place() -> None:
    """In the order of the table, the others behind; what is neither joined nor hidden says nothing."""
    found = metrics(Three(1, 2, 3))
    assert list(found) == ["last", "first", "middle"]
    assert [(one.get("together"), one.get("json_only")) for one in found.values()] == [
        ("both", None),
        ("both", None),
        (None, True),
    ]
    assert Table().parts("first") == {}
