"""The largest value of the second half of a course so far, in bounded memory."""

from __future__ import annotations

MOST = 64  # steps with values that may be kept; there are about half as many
RECENT = 0.5  # of the steps so far: older values are no longer compared with


class RecentPeak:
    """Over `kept`, a list of [step, value] that it changes: falling values, each the largest from its step on.

    Steps nearer to each other than a 64th of the last are left out, which can only make the peak smaller: never too large.
    least: values of so many last steps are compared with in any case.
    """

    def __init__(self, kept: list[list[float]], least: int = 0) -> None:
        self.kept, self.least = kept, least

    def add(self, step: int, value: float) -> None:
        while self.kept and self.kept[-1][1] <= value:
            self.kept.pop()
        if len(self.kept) > 1 and self.kept[-1][0] - self.kept[-2][0] < step / MOST:
            self.kept.pop()
        self.kept.append([step, value])
        while self.kept[0][0] < min(RECENT * step, step - self.least):
            self.kept.pop(0)

    @property
    def value(self) -> float:
        """0 before the first."""
        return self.kept[0][1] if self.kept else 0.0
