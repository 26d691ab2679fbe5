"""One reader and several workers: blocks are read ahead, in turn, while those before are computed with.

Each worker has a state of its own and its share of the BLAS threads. Which worker has a block follows from its number, so that
two runs add the same numbers in the same order, whatever else the machine does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

import torch

AHEAD = 2  # blocks that wait for a worker

Item = TypeVar("Item")


def work(items: Iterator[Item], workers: Sequence[Callable[[Item], None]], threads: int) -> None:
    """Item k goes to worker k modulo their number, in the order of k; `threads` is what they share.

    What a worker raises is raised here, and the others end.
    """
    each, failures, stopped = max(threads // len(workers), 1), list[BaseException](), Event()
    queues = [Queue[Item | None](maxsize=AHEAD) for _ in workers]

    def run(worker: Callable[[Item], None], queue: Queue[Item | None]) -> None:
        torch.set_num_threads(each)  # of this thread alone
        try:
            while (item := _next(queue, stopped)) is not None:
                worker(item)
        except BaseException as failure:
            failures.append(failure)
            stopped.set()

    running = [Thread(target=run, args=pair, daemon=True) for pair in zip(workers, queues, strict=True)]
    with threads_each(each):
        for thread in running:
            thread.start()
        try:
            for number, item in enumerate(items):
                _put(queues[number % len(workers)], item, stopped)
            for queue in queues:
                _put(queue, None, stopped)
        except BaseException:
            stopped.set()
            raise
        finally:
            for thread in running:
                thread.join()
    if failures:
        raise failures[0]


def _next(queue: Queue[Item | None], stopped: Event) -> Item | None:
    """None also where all is stopped."""
    while not stopped.is_set():
        try:
            return queue.get(timeout=0.2)
        except Empty:
            pass
    return None


def _put(queue: Queue[Item | None], item: Item | None, stopped: Event) -> None:
    while not stopped.is_set():
        try:
            queue.put(item, timeout=0.2)
        except Full:
            continue
        return


@contextmanager
def threads_each(count: int) -> Iterator[None]:
    """Within it, and in threads that are started there, torch and numpy's BLAS use so many threads each."""
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)  # what reads asks no other thread to help, and waits for none
    try:
        with threadpool_limits(count, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
