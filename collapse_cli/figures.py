"""How a number is written: one rule for tables, sentences, plots and pages.

1. A count is whole, with separators: `2,048`.
2. A value with an interval has the digits that its interval carries: half its width has two significant digits, and the value
   and both ends have as many decimals as that: `0.421 ± 0.030`, `0.872 [0.850, 0.880]`.
3. A value without an interval has three significant digits: `62.5`. Its whole part is never cut (`1,234`), and a value below 1 is
   never rounded to 1 (`0.9996`) but by six decimals.
4. A null is no finer than the value beside it: it has no more decimals, and no more significant digits or three.
5. Numbers from a million on that are no counts, and such as need more than six decimals, are powers of ten: `7.42e-4`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

DIGITS = 3  # significant, of a value without an interval
LARGE = 1e6  # from which on a number that is no count is a power of ten
SMALL = 1e-3  # below which a number without an interval is one
DECIMALS = 6  # more are not read
EXACT = 1e-6  # of the value: an interval of less is of rounding alone
NONE = "–"  # what is not a number

Interval = Sequence[float | None]


def written(value: float | None, decimals: int | None = None) -> str:
    """One number, with so many decimals; without them by the rule for a value that has no interval. A dash for None and nan."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    if isinstance(value, int) or (decimals is None and size < LARGE and value == round(value)):
        return f"{round(value):,}"
    if decimals is None:
        decimals = DECIMALS + 1 if size < SMALL else _decimals(value)
        return _power(value, DIGITS - 1) if decimals > DECIMALS or size >= LARGE else _fixed(value, decimals)
    if decimals > DECIMALS or size >= LARGE:
        return _power(value, max(decimals + _exponent(value), 0))
    return _fixed(value, decimals)


def quantity(value: float | None, interval: Interval | None) -> str:
    """A value with its interval: `0.421 ± 0.030` where it is symmetric, to a tenth, else `0.872 [0.850, 0.880]`."""
    if value is None or interval is None:
        return written(value)
    low, high = interval
    if low is None or high is None:
        return written(value)
    below, above, half = value - low, high - value, (high - low) / 2
    even = abs(above - below) <= 0.1 * max(abs(above), abs(below))
    if isinstance(value, int):
        return f"{value:,} ± {half:,.0f}" if even else f"{value:,} [{low:,.0f}, {high:,.0f}]"
    decimals = places(value, interval)
    if decimals is None:
        return f"{written(value)} ± {_power(half, 0) if half > 0 else 0}"
    ends = f"{written(low, decimals)}, {written(high, decimals)}"
    plain = decimals <= DECIMALS and abs(value) < LARGE
    error = _fixed(half, decimals) if plain else _power(half, 1)
    return f"{written(value, decimals)} ± {error}" if even else f"{written(value, decimals)} [{ends}]"


def bracketed(value: float, interval: tuple[float, float]) -> str:
    """A value with both ends, also where the interval is symmetric, as a sentence has it: `28.3 [27.0, 29.6]`."""
    decimals = places(value, interval)
    return f"{written(value, decimals)} [{written(interval[0], decimals)}, {written(interval[1], decimals)}]"


def beside(null: float | None, value: float | None, interval: Interval | None = None) -> str:
    """The null of a value: no finer than the value is written."""
    decimals = None if isinstance(value, int) or value is None else places(value, interval)
    if null is None or value is None or decimals is None or null == round(null):
        return written(null)
    digits = max(decimals + _exponent(value) + 1, DIGITS)
    return written(null, min(decimals, _decimals(null, digits)))


def places(value: float, interval: Interval | None = None) -> int | None:
    """Decimals of a value beside its interval, below 0 where tens are uncertain; None where it has no interval that says more
    than rounding, and is whole or tiny."""
    low, high = interval or (None, None)
    half = 0.0 if low is None or high is None else (high - low) / 2
    if half > EXACT * abs(value):
        return 1 - _exponent(half, 2)
    return None if value == round(value) or abs(value) < SMALL else _decimals(value)


def alike(values: Sequence[float | None]) -> list[str]:
    """Values of one quantity, in one table: with the decimals of the middle one by size, if those show something of all."""
    sizes = sorted(
        abs(value) for value in values if value is not None and math.isfinite(value) and value != 0
    )
    if all(size == round(size) for size in sizes) or sizes[-1] >= LARGE:
        return [written(value) for value in values]
    decimals = _decimals(sizes[(len(sizes) - 1) // 2])
    return [written(value, decimals if sizes[0] >= 10.0**-decimals else None) for value in values]


def _decimals(value: float, digits: int = DIGITS) -> int:
    """Decimals that show so many significant digits; more where a size below 1 would be rounded to it."""
    decimals = max(digits - 1 - _exponent(value, digits), 0)
    while decimals < DECIMALS and abs(value) < 1 <= round(abs(value), decimals):
        decimals += 1
    return decimals


def _exponent(value: float, digits: int = 15) -> int:
    """Of ten, once the value is rounded to so many significant digits; 0 for 0."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def _fixed(value: float, decimals: int) -> str:
    shown = max(decimals, 0)
    return f"{round(value, shown) + 0.0:,.{shown}f}"  # + 0: no -0.00


def _power(value: float, decimals: int) -> str:
    """`1.23e-5`, without the zeros that C puts into the exponent."""
    mantissa, _, exponent = f"{value:.{decimals}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def percent(share: float, decimals: int = 0) -> str:
    """A share as `21 %`; one between 0 and 1 is never written as 0 % or 100 %, but with as many decimals as that takes."""
    while (
        decimals < DECIMALS
        and 0 < share < 1
        and f"{100 * share:.{decimals}f}"
        in (
            f"{0:.{decimals}f}",
            f"{100:.{decimals}f}",
        )
    ):
        decimals += 1
    return f"{100 * share:.{decimals}f} %"
