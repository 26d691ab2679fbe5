"""Small products use one thread, and predict the same."""

from __future__ import annotations

import numpy
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from collapse_cli.metrics import product_threads
from collapse_cli.metrics.probe import linear
from collapse_cli.metrics.product_threads import SMALL, threads_for


def threads() -> set[int]:
    assert numpy.ones((2, 2)) @ numpy.ones(2) is not None
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.mark.parametrize(("products", "one"), [(1000, True), (SMALL, True), (SMALL + 1, False)])
def test_small_products_use_one_thread(products: int, one: bool) -> None:
    with threadpool_limits(2):
        before = threads()
        with threads_for(products):
            assert threads() == ({1} if one else before)
        assert threads() == before


def test_the_probe_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, labels = torch.randn(300, 16, generator=generator), torch.arange(300) % 4
    rows += 0.5 * torch.randn(4, 16, generator=generator)[labels]
    one = linear(rows, labels, rows)
    monkeypatch.setattr(product_threads, "SMALL", 0)
    assert torch.equal(linear(rows, labels, rows), one)
