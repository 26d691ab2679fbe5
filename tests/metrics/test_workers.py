"""Blocks are dealt out by their number, what a worker raises is raised to the caller, and threads are given back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import active_count

import pytest
import torch

from collapse_cli.metrics.workers import work


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_items_are_dealt_out_in_turn_and_kept_in_order(workers: int) -> None:
    taken: list[list[int]] = [[] for _ in range(workers)]
    work(iter(range(20)), [each.append for each in taken], workers)
    assert taken == [list(range(20))[k::workers] for k in range(workers)]


@pytest.mark.parametrize("at", [0, 3, 19])
def test_what_a_worker_raises_is_raised(at: int) -> None:
    def fail(item: int) -> None:
        if item == at:
            raise ValueError(f"item {item}")

    before = active_count()
    with pytest.raises(ValueError, match=f"item {at}"):
        work(iter(range(20)), [fail, fail], 2)
    assert active_count() == before


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_the_reader_raises_ends_the_workers(error: type[BaseException]) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise error("no more")

    before, taken = active_count(), list[int]()
    with pytest.raises(error, match="no more"):
        work(items(), [taken.append], 1)
    assert active_count() == before


def test_threads_are_shared_and_given_back() -> None:
    before, seen = torch.get_num_threads(), list[int]()

    def look(item: int, to: list[int]) -> None:
        to.append(torch.get_num_threads())

    work(iter(range(4)), [partial(look, to=seen), partial(look, to=seen)], 4)
    assert seen == [2] * 4
    assert torch.get_num_threads() == before
