"""One rule for the digits of a number."""

import math

import pytest

from collapse_cli.figures import alike, beside, quantity, written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (math.nan, "–"), (math.inf, "–"), (True, "yes"), (False, "no"),
        (2048, "2,048"), (11_166_912, "11,166,912"), (46.0, "46"), (0.0, "0"), (-0.0, "0"), (2048.0, "2,048"),
        (46.93, "46.9"), (126.94, "127"), (9.997, "10.0"), (1.2345, "1.23"), (1234.5, "1,234"), (999.95, "1,000"),
        (0.2, "0.200"), (0.01234, "0.0123"), (-0.31239, "-0.312"), (0.001, "0.00100"),
        (0.99961, "0.9996"), (-0.99961, "-0.9996"), (0.9994, "0.999"), (1 - 4e-7, "1.000000"), (1 - 1e-15, "1.000000"),
        (0.000742, "7.42e-4"), (2.5e7, "2.50e7"), (11_166_912.0, "1.12e7"),
    ],
)  # fmt: skip
def test_without_an_interval_three_digits(value, text):
    """Counts whole; the whole part never cut; below 1 never rounded to 1; powers of ten below 1e-3 and from 1e6 on."""
    assert written(value) == text


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (0.4213, (0.3913, 0.4513), "0.421 ± 0.030"),
        (46.93, (44.93, 48.93), "46.9 ± 2.0"),
        (46.93, (46.9, 46.96), "46.930 ± 0.030"),
        (0.8721, (0.85, 0.88), "0.872 [0.850, 0.880]"),  # half the width is 0.015
        (0.8721, (0.7, 0.9), "0.87 [0.70, 0.90]"),  # 0.10
        (1.0, (0.9004, 1.0996), "1.00 ± 0.10"),  # 0.0996 is 0.10
        (0.52927, (0.52833, 0.53021), "0.52927 ± 0.00094"),
        (0.0994063, (0.0993868, 0.0994258), "0.099406 ± 0.000019"),
        (0.998617, (0.998589, 0.998645), "0.998617 ± 0.000028"),
        (12345.6, (12000.0, 12700.0), "12,346 ± 350"),
        (0.0, (-0.01, 0.01), "0.000 ± 0.010"),
        (-0.001, (-0.5, 0.5), "0.00 ± 0.50"),
        (1.38e-8, (1.36e-8, 1.4e-8), "1.380e-8 ± 2.0e-10"),
        (1.23e7, (1.2e7, 1.26e7), "1.230e7 ± 3.0e5"),
        (0.5, None, "0.500"), (0.5, (None, None), "0.500"), (None, (0.1, 0.2), "–"), (3.5, (3.5, 3.5), "3.50 ± 0.00"),
        (1.0, (1 - 1e-12, 1 + 1e-12), "1 ± 1e-12"),
    ],
)  # fmt: skip
def test_the_interval_decides(value, interval, text):
    """Half its width has two significant digits; value and ends stop at the same decimal."""
    assert quantity(value, interval) == text


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (27, (26.0, 28.0), "27 ± 1"), (95, (93.0, 96.0), "95 [93, 96]"), (3, (3, 3), "3 ± 0"),
        (20_000, (19_878.0, 20_122.0), "20,000 ± 122"), (2048, None, "2,048"),
    ],
)  # fmt: skip
def test_a_count_and_its_interval_are_whole(value, interval, text):
    assert quantity(value, interval) == text


@pytest.mark.parametrize(
    ("null", "value", "interval", "text"),
    [
        (126.94, 46.93, (44.93, 48.93), "127"),  # three digits, as many as the value has
        (126.94, 126.31, (126.26, 126.36), "126.940"),
        (0.6802, 0.5299, (0.5213, 0.5385), "0.6802"),
        (62.487, 1.958, (1.868, 2.048), "62.49"),  # four digits
        (3.09e-4, 0.9132, (0.9097, 0.9167), "0.0003"),  # four decimals
        (0.00789, 0.2454, None, "0.008"),
        (0.1, 0.8721, (0.85, 0.88), "0.100"),
        (128.0, 111, (110.0, 113.0), "128"), (9.87, 4, None, "9.87"), (0.0, 0.5, None, "0"), (0.5, 0.0, None, "0.500"),
        (0.7, None, None, "0.700"), (None, 0.5, None, "–"),
    ],
)  # fmt: skip
def test_a_null_is_no_finer_than_its_value(null, value, interval, text):
    """No more decimals, and no more significant digits, or three."""
    assert beside(null, value, interval) == text


def test_values_of_one_quantity_have_the_same_decimals():
    """Of the middle one by size, 0.62; where that would leave nothing of the least, each has its own."""
    assert alike([0.25, 1.0, None, 0.6189, 12.5]) == ["0.250", "1.000", "–", "0.619", "12.500"]
    assert alike([0.0002, 0.62, 0.7]) == ["2.00e-4", "0.620", "0.700"]
    assert alike([3.0, 1797.0, 0.0]) == ["3", "1,797", "0"]
    assert alike([]) == []
