"""How many threads BLAS uses, for many small products one after the other."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

SMALL = 1 << 25  # multiplications of a product: ten milliseconds of one thread


def threads_for(products: int) -> AbstractContextManager[object]:
    """Within it products of so many multiplications use one thread, if they are small: numpy's and scipy's.

    L-BFGS asks for hundreds; to wake another thread for each, and to wait for it, takes longer where cores are shared.
    """
    if products > SMALL:
        return nullcontext()
    from threadpoolctl import threadpool_limits  # what scikit-learn itself needs

    limited: AbstractContextManager[object] = threadpool_limits(1)
    return limited
