"""A plugin of pytest that tells coverage which test is running, and how long each takes: who could see a change of a line.

    coverage run --rcfile pyproject.toml -m pytest -p tests.benchmarks.contexts --contexts contexts.json

A fixture that several tests share has a context of its own, since it runs in the first of them alone and all depend on it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import coverage
import pytest

SHARED = "fixture "


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--contexts", type=Path, help="where to write the tests with their times and shared fixtures"
    )


def pytest_configure(config: pytest.Config) -> None:
    if where := config.getoption("--contexts"):
        config.pluginmanager.register(Contexts(where))


class Contexts:
    """Switches the context of coverage as tests and shared fixtures come and go."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.current = ""
        self.tests: dict[str, tuple[float, list[str]]] = {}
        self.fixtures: dict[str, float] = {}

    def switch(self, context: str) -> str:
        """The context before."""
        before, self.current = self.current, context
        if measuring := coverage.Coverage.current():
            measuring.switch_context(context)
        return before

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        start, before = time.perf_counter(), self.switch(item.nodeid)
        try:
            return (yield)
        finally:
            self.switch(before)
            self.tests[item.nodeid] = (time.perf_counter() - start, shared(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        if fixturedef.scope == "function":
            return (yield)
        start, before = time.perf_counter(), self.switch(key(fixturedef))
        try:
            return (yield)
        finally:
            self.switch(before)
            self.fixtures[key(fixturedef)] = time.perf_counter() - start

    def pytest_sessionfinish(self) -> None:
        self.where.write_text(json.dumps({"tests": self.tests, "fixtures": self.fixtures}))


def key(fixturedef: pytest.FixtureDef[Any]) -> str:
    return f"{SHARED}{fixturedef.baseid}::{fixturedef.argname}"


def shared(item: pytest.Item) -> list[str]:
    """The fixtures that this test shares with others."""
    info = getattr(item, "_fixtureinfo", None)
    every = [fixture for each in info.name2fixturedefs.values() for fixture in each] if info else []
    return [key(fixture) for fixture in every if fixture.scope != "function"]
