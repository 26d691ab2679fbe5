"""The allocator is asked once, on glibc, and unless the user has decided."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from collapse_cli import allocator
from collapse_cli.allocator import STATED, keep_freed_memory

GLIBC = platform.libc_ver()[0] == "glibc"


@pytest.mark.parametrize("name", STATED)
def test_what_the_user_says_stands(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "131072")
    assert keep_freed_memory.__wrapped__() is False


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    assert keep_freed_memory.__wrapped__() is False


@pytest.mark.skipif(not GLIBC, reason="of glibc alone")
def test_memory_that_was_freed_is_not_zeroed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB are 16,384 pages; given back, they would fault 20 times that. At first the heap grows, as alignment leaves gaps."""
    for name in STATED:
        monkeypatch.delenv(name, raising=False)
    assert keep_freed_memory.__wrapped__()

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(1 << 24)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    counts = [faults() for _ in range(40)]
    assert sum(counts[20:]) < 2 * (1 << 14)
