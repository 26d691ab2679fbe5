"""Frames: small multiples in a figure, and a GIF."""

from __future__ import annotations

from dataclasses import make_dataclass
from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from collapse_cli.errors import CollapseError
from collapse_cli.metric import metrics
from collapse_cli.results import frames
from collapse_cli.values import Frames
from collapse_cli.views import animation, plot, style
from collapse_cli.views.plot import clouds
from tests.documents import answer, entry

MARKS = [(-2.0, 0.0), (2.0, 0.0), (0.0, 2.0), (0.0, -2.0)]
Moving = make_dataclass(
    "Moving",
    [("cloud", Frames, frames("points", at="step", label="samples"))],
    namespace={"__doc__": "Moving."},
)


def moving(count: int = 8) -> Moving:
    """A point that walks from the middle towards a mark, and one that is not a number."""
    return Moving(
        Frames([[(k / 10, 0.0), (float("nan"), 1.0)] for k in range(count)], range(0, 10 * count, 10), MARKS)
    )


def document(*counts: int) -> dict:
    return answer(
        "x", [entry(f"run {k}", moving(count)) for k, count in enumerate(counts)], argv=[], version="0"
    )


def test_frames_are_plain() -> None:
    found = metrics(moving(2))["cloud"]
    assert found["values"] == [[[0.0, 0.0], [None, 1.0]], [[0.1, 0.0], [None, 1.0]]]
    assert (found["at"], found["x"], found["marks"][0]) == ([0.0, 10.0], "step", [-2.0, 0.0])


def test_a_figure_shows_six_of_them_on_equal_axes() -> None:
    """Of 11 frames the 0th, 2nd, 4th, 6th, 8th and 10th, about the marks with a third to spare."""
    (axes,) = plot.figure(document(11)).axes
    small = axes.child_axes
    assert [one.get_title() for one in small] == [f"step {k}" for k in (0, 20, 40, 60, 80, 100)]
    assert {(one.get_xlim(), one.get_ylim(), one.get_aspect()) for one in small} == {
        ((-2.7, 2.7), (-2.7, 2.7), 1.0)
    }
    marks, points = small[1].collections
    assert marks.get_offsets().tolist() == [list(mark) for mark in MARKS]
    assert points.get_offsets().tolist() == [[0.2, 0.0]], "what is not a number is left out"


def test_every_result_has_its_colour() -> None:
    panels = plot.figure(document(3, 3)).axes
    assert [one.get_title(loc="left") for one in panels] == ["Samples · run 0", "Samples · run 1"]
    drawn = [to_hex(one.child_axes[0].collections[1].get_facecolor()[0]) for one in panels]
    assert drawn == list(style.COLOURS[:2])


@pytest.mark.parametrize(("count", "chosen"), [(1, [0]), (6, list(range(6))), (7, [0, 1, 2, 4, 5, 6])])
def test_few_frames_are_all_shown(count: int, chosen: list[int]) -> None:
    """Of 7 the places 0, 1.2, 2.4, 3.6, 4.8, 6."""
    assert clouds.thinned(count, 6) == chosen


def test_a_gif_has_every_frame_and_rests_on_the_last(tmp_path: Path) -> None:
    """The shorter of two results stays at its end."""
    animation.draw(document(3, 5), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (5, 0)
        gif.seek(0)
        first = gif.info["duration"]
        gif.seek(4)
        assert gif.info["duration"] > 5 * first
        assert gif.width == pytest.approx(2 * animation.SIDE * animation.DPI, abs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_what_does_not_move_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="no frames to animate"):
        animation.draw(answer("x", [], argv=[], version="0"), tmp_path / "a.gif")
