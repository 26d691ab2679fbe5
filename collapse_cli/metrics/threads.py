"""Work in parts that threads share: each computes with one thread of the BLAS, and the parts come back in their order.

Products of small matrices gain more so than from threads within each product, and lose less where other processes compute;
and no sum depends on how many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")

AHEAD = 2  # results of each thread that may wait for those before them


def in_order(work: Callable[[Part], Result], parts: Sequence[Part], device: torch.device) -> Iterator[Result]:
    """work(part) of every part; on a GPU, and where torch has one thread, one after the other."""
    count = torch.get_num_threads()
    if device.type != "cpu" or count == 1 or len(parts) == 1:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(count, initializer=_alone) as threads:
        try:
            waiting = [threads.submit(work, part) for part in parts[: AHEAD * count]]
            for following in [*parts[len(waiting) :], *[None] * len(waiting)]:
                result = waiting.pop(0).result()
                if following is not None:
                    waiting.append(threads.submit(work, following))
                yield result
        finally:
            threads.shutdown(cancel_futures=True)
            torch.set_num_threads(count)  # which a thread of its own may have changed for the BLAS of all


def _alone() -> None:
    torch.set_num_threads(1)
