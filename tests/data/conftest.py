"""No test of the data rooms may reach the network."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def unplugged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every attempt to connect fails as without a network, and is listed."""
    tried: list[str] = []

    def refuse(host: str, *_: object, **__: object) -> NoReturn:
        tried.append(host)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried
