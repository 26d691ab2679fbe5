"""Work that threads share: dealt out by number, in order, an error comes out, and threads are given back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from threading import active_count

import numpy
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from collapse_cli.metrics import threads
from collapse_cli.metrics.probe import linear
from collapse_cli.metrics.threads import AHEAD, SMALL, in_order, in_turn, threads_each, threads_for

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def given_back() -> Iterator[None]:
    """No thread is left over, and torch has as many as before."""
    before, running = torch.get_num_threads(), active_count()
    yield
    assert active_count() == running
    torch.set_num_threads(before)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_items_are_dealt_out_in_turn_and_kept_in_order(workers: int) -> None:
    taken: list[list[int]] = [[] for _ in range(workers)]
    in_turn(iter(range(20)), [each.append for each in taken], workers)
    assert taken == [list(range(20))[k::workers] for k in range(workers)]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 2, 30])
def test_results_are_in_the_order_of_the_items(count: int, items: int) -> None:
    """Though every third takes longer than those behind it."""

    def square(item: int) -> int:
        time.sleep(0.002 * (item % 3 == 0))
        return item**2

    torch.set_num_threads(count)
    assert list(in_order(square, range(items), CPU)) == [item**2 for item in range(items)]
    assert torch.get_num_threads() == count


def test_no_more_results_wait_than_a_few_of_each_thread() -> None:
    done: list[int] = []
    torch.set_num_threads(2)
    results = in_order(done.append, range(50), CPU)
    next(results)
    time.sleep(0.05)
    assert len(done) <= 2 * AHEAD
    assert len(list(results)) == 49


def test_who_asks_for_no_more_ends_the_threads() -> None:
    torch.set_num_threads(2)
    results = in_order(abs, range(50), CPU)
    next(results)
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("at", [0, 3, 19])
def test_what_a_worker_raises_is_raised(at: int) -> None:
    def fail(item: int) -> None:
        if item == at:
            raise ValueError(f"item {item}")

    torch.set_num_threads(2)
    with pytest.raises(ValueError, match=f"item {at}"):
        in_turn(iter(range(20)), [fail, fail], 2)
    with pytest.raises(ValueError, match=f"item {at}"):
        list(in_order(fail, range(20), CPU))
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_the_reader_raises_ends_the_workers(error: type[BaseException]) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise error("no more")

    taken: list[int] = []
    with pytest.raises(error, match="no more"):
        in_turn(items(), [taken.append], 1)


def test_threads_are_shared_and_given_back() -> None:
    before, seen = torch.get_num_threads(), list[int]()

    def look(item: int, to: list[int]) -> None:
        to.append(torch.get_num_threads())

    in_turn(iter(range(4)), [partial(look, to=seen), partial(look, to=seen)], 4)
    assert seen == [2] * 4
    assert torch.get_num_threads() == before


def of_blas() -> set[int]:
    """How many threads the BLAS of numpy uses."""
    assert numpy.ones((2, 2)) @ numpy.ones(2) is not None
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_torch_and_blas_have_so_many_threads_within() -> None:
    torch.set_num_threads(2)
    with threadpool_limits(2):
        with threads_each(1):
            assert (of_blas(), torch.get_num_threads()) == ({1}, 1)
        assert (of_blas(), torch.get_num_threads()) == ({2}, 2)


@pytest.mark.parametrize(("products", "one"), [(1000, True), (SMALL, True), (SMALL + 1, False)])
def test_small_products_use_one_thread(products: int, one: bool) -> None:
    with threadpool_limits(2):
        before = of_blas()
        with threads_for(products):
            assert of_blas() == ({1} if one else before)
        assert of_blas() == before


def test_the_probe_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, labels = torch.randn(300, 16, generator=generator), torch.arange(300) % 4
    rows += 0.5 * torch.randn(4, 16, generator=generator)[labels]
    one = linear(rows, labels, rows)
    monkeypatch.setattr(threads, "SMALL", 0)
    assert torch.equal(linear(rows, labels, rows), one)
