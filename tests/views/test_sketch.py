"""Curves in letters."""

from collapse_cli.views.scale import Axis, axis
from collapse_cli.views.sketch import MARGIN, sketch, sparkline, thinned

BRAILLE = {chr(code) for code in range(0x2801, 0x2900)}


def curve(values, at=None, null=None, log=""):
    return {"values": values, "at": at, "null": null, "log": log, "x": "rank"}


def body(lines):
    """The drawing without labels and axis."""
    return [one[MARGIN + 1 :] for one in lines[:-2]]


def columns(row, letters=BRAILLE):
    return [place for place, letter in enumerate(row) if letter in letters]


def test_a_step_is_high_on_the_left_and_low_on_the_right():
    """10 ones, 10 zeros on 40 letters: the top row holds the first half, the bottom row the other, one column the fall."""
    top, *between, bottom = body(sketch(curve([1.0] * 10 + [0.0] * 10), width=40, height=6))
    assert columns(top) == list(range(20))
    assert columns(bottom) == list(range(20, 40))
    assert {place for row in between for place in columns(row)} <= {19, 20}
    assert all(columns(row) for row in between)


def test_a_rising_line_is_a_diagonal():
    """From the lower left to the upper right, each row further right than the one below it."""
    rows = [columns(row) for row in body(sketch(curve([0.0, 1.0]), width=32, height=8))]
    assert rows[-1][0] == 0
    assert rows[0][-1] == 31
    assert all(
        set(above) - set(below) and min(above) >= max(below)
        for above, below in zip(rows, rows[1:], strict=False)
    )


def test_log_y_draws_a_power_as_a_line():
    powers = sketch(curve([10.0**-k for k in range(9)], log="y"), width=30)
    assert body(powers) == body(sketch(curve([-float(k) for k in range(9)]), width=30))
    assert [one[: MARGIN - 1].strip() for one in powers if "┤" in one] == ["1", "3e-4", "1e-8"]


def test_log_x_draws_powers_evenly():
    powers = sketch(curve([4.0, 1.0, 3.0], at=[1.0, 10.0, 100.0], log="x"), width=30)
    assert body(powers) == body(sketch(curve([4.0, 1.0, 3.0]), width=30))
    assert powers[-1].split() == ["1", "rank", "100"]


def test_size():
    lines = sketch(curve([1.0, 2.0, 3.0]), width=33, height=5)
    assert len(lines) == 5 + 2
    assert max(map(len, lines)) == MARGIN + 1 + 33


def test_null_is_light_dots_behind_the_curve():
    """A null at the bottom, a curve from top to bottom: dots all along the last row but where the curve ends."""
    top, *_, bottom = body(sketch(curve([1.0, 0.5, 0.0], null=[0.0] * 3), width=20))
    assert columns(top, {"·"}) == []
    assert sorted(columns(bottom, {"·"}) + columns(bottom)) == list(range(20))
    assert columns(bottom)[-1] == 19


def test_what_is_not_a_number_is_a_gap():
    """Five points on 40 dots stand at 0, 10, 20, 29, 39, so in the letters 0, 5, 10, 14, 19; nothing at or beside 10."""
    row = body(sketch(curve([1.0, 1.0, None, 1.0, 1.0]), width=20, height=1))[0]
    assert columns(row) == [0, 1, 2, 3, 4, 5, 14, 15, 16, 17, 18, 19]


def test_a_collapsed_tail_lies_on_a_floor_that_is_said():
    lines = sketch(curve([1.0, 1e-3, 0.0, 0.0], log="y"), width=30)
    assert lines[7].startswith("  ≤1e-4 ┤")
    assert columns(body(lines)[-1])[-1] == 29


def test_curves_can_share_axes():
    low, high = curve([0.0, 1.0]), curve([0.0, 10.0])
    shared = sketch(low, width=20, height=8, along=[high])
    assert shared[0].split("┤")[0].strip() == "10"
    assert [bool(columns(row)) for row in body(shared)] == [False] * 7 + [True]


def test_constant_and_empty_curves_are_drawn():
    assert columns(body(sketch(curve([5.0, 5.0]), width=10, height=3))[1]) == list(range(10))
    assert not any(columns(row) for row in body(sketch(curve([]), width=10)))


def test_sparkline():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1.0, None, 0.0]) == "█ ▁"
    assert sparkline([1e-7, 1e-3, 1.0], log=True) == "▁▅█"
    assert sparkline([0.0, 1.0], along=[[7.0]]) == "▁▂"


def test_thinned_keeps_both_ends():
    assert thinned(list(range(100)), 4) == [0, 33, 66, 99]
    assert thinned([1, 2], 4) == [1, 2]


def test_axis():
    assert axis([1.0, 3.0, None], log=False) == Axis(1.0, 3.0)
    assert axis([1.0, 1e-3, 0.0], log=True) == Axis(1e-4, 1.0, True, True)
    assert axis([1.0, 1e-30], log=True) == Axis(1e-12, 1.0, True, True)
    assert axis([1.0, 1e-3], log=True) == Axis(1e-3, 1.0, True, False)
    assert axis([0.0, 0.0], log=True) == Axis(-0.5, 0.5)
    assert Axis(1e-4, 1.0, True).at(0.0) == 0
    assert Axis(1e-4, 1.0, True).at(1e-2) == 0.5
