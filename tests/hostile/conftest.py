"""One process for all cases of a session, and one sound file of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import files
from tests.hostile.harness import Worker


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    made = Worker(room=tmp_path_factory.getbasetemp())
    yield made
    made.close()


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, files.Sound]]:
    """Every kind of input, by its name: the folder that it lies in, and what is known of it."""
    return files.build_all(tmp_path_factory.mktemp("sound"))
