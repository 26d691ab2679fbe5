"""Nobody who is handed an answer can change it: two views of one result see the same numbers."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest

CHANGING = {"collapse_cli.analysis.image_inspection.Seen", "collapse_cli.metrics.alarm._State"}
"""They gather what they see, and no answer holds them."""


@pytest.mark.parametrize(
    "part", ["metrics", "analysis", "methods", "settings", "answers", "values", "shapes"]
)
def test_dataclasses_are_frozen(part: str) -> None:
    whole = importlib.import_module(f"collapse_cli.{part}")
    below = [
        name for _, name, _ in pkgutil.walk_packages(getattr(whole, "__path__", []), f"{whole.__name__}.")
    ]
    loose = {
        f"{module.__name__}.{name}"
        for module in (whole, *map(importlib.import_module, below))
        for name, value in vars(module).items()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
        if not value.__dataclass_params__.frozen
    }
    assert loose <= CHANGING, loose
