"""Work that threads share: each has its own share of the BLAS's threads, and results come back in the order of the work.

Products of small matrices gain more so than from threads within each product, and lose less where other processes compute;
and no sum depends on which thread was faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import TypeVar

import torch

AHEAD = 3  # items of each thread that are begun or wait, or whose results wait for those before them
SMALL = 1 << 25  # multiplications of a product: ten milliseconds of one thread

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Sequence[Item], device: torch.device) -> Iterator[Result]:
    """work(item) of every item, by whichever thread is free; on a GPU, and where torch has one thread, one after the other."""
    count = torch.get_num_threads()
    if device.type != "cpu" or count == 1 or len(items) == 1:
        yield from map(work, items)
        return
    pool = _pool(count, 1)
    try:
        yield from _results([partial(_submitted, pool, work)] * count, items)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(count)  # which a thread of its own may have changed for the BLAS of all


def in_turn(items: Iterable[Item], workers: Sequence[Callable[[Item], None]], threads: int) -> None:
    """Item k goes to worker k modulo their number, in the order of k; each has a thread, and its share of `threads`.

    Items are read here, ahead of those that are computed with. What a worker gathers has the same bits in every run, for which
    items it has follows from their numbers. What a worker raises is raised here, and the others end.
    """
    each = max(threads // len(workers), 1)
    with ExitStack() as stack:
        stack.enter_context(threads_each(each))
        pools = [_pool(1, each) for _ in workers]
        for pool in pools:
            stack.callback(pool.shutdown, cancel_futures=True)
        submit = [partial(_submitted, pool, worker) for pool, worker in zip(pools, workers, strict=True)]
        for _ in _results(submit, items):
            pass


def _pool(count: int, threads: int) -> ThreadPoolExecutor:
    """So many threads, of which each has so many threads of the BLAS."""
    return ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(threads,))


def _submitted(pool: ThreadPoolExecutor, work: Callable[[Item], Result], item: Item) -> Future[Result]:
    return pool.submit(work, item)


def _results(submit: Sequence[Callable[[Item], Future[Result]]], items: Iterable[Item]) -> Iterator[Result]:
    """Of all items, submitted by turns, in their order; no more wait than AHEAD for each."""
    waiting: deque[Future[Result]] = deque()
    for number, item in enumerate(items):
        waiting.append(submit[number % len(submit)](item))
        if len(waiting) == AHEAD * len(submit):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def threads_each(count: int) -> Iterator[None]:
    """Within it, and in threads that are started there, torch and the BLAS of numpy and scipy use so many threads each."""
    from threadpoolctl import threadpool_limits  # what scikit-learn itself needs

    before = torch.get_num_threads()
    torch.set_num_threads(count)  # what reads asks no other thread to help, and waits for none
    try:
        with threadpool_limits(count, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def threads_for(products: int) -> AbstractContextManager[None]:
    """Within it products of so many multiplications use one thread, if they are small.

    L-BFGS asks for hundreds; to wake another thread for each, and to wait for it, takes longer where cores are shared.
    """
    return nullcontext() if products > SMALL else threads_each(1)
