"""Maps and galleries on a page: each image once, by its text, and marked in words."""

from __future__ import annotations

import base64

import pytest

from collapse_cli.exhibits import Exhibits, Map
from collapse_cli.views import page
from collapse_cli.views.page.exhibits import OTHERS
from collapse_cli.views.page.exhibits import shown as showing


def test_each_thumbnail_is_in_the_page_once(one, shown):
    html = page.page([one], "Report", shown)
    for thumbnail in shown.thumbnails.values():
        assert html.count(base64.b64encode(thumbnail.png).decode()) == 1
    assert html.count('<use href="#image-1"/>') == 2  # b stands in both rows


def test_an_image_has_its_text(one, shown):
    html = page.page([one], "Report", shown)
    assert html.count('aria-label="image 1 of digits/train"') == 2


def test_a_marked_image_is_framed_and_named(one, shown):
    html = page.page([one], "Report", shown)
    assert html.count('class="image marked"') == 1
    assert "cosine 0.91 <b>false negative</b>" in html


def test_a_map_has_a_mark_and_a_key_for_each_class(shown):
    (figure,) = showing(shown).maps
    assert [key.label for key in figure.legend] == ["x", "y", "z"]
    data = figure.plots[0].data
    assert (data["series"], data["classes"], data["names"]) == ([0, 1, 0, 2], [0, 1, 0, 2], ["x", "y", "z"])
    left, top, width, height = data["box"]
    near, far = left + (width - height) / 2, left + (width + height) / 2
    corners = [[near, top + height], [far, top + height], [near, top], [far, top]]
    assert data["at"] == corners, "a square stays one: both axes have one scale"
    assert data["images"] == ["image-0", "image-1", "image-2", "image-3"]


def test_of_many_classes_the_largest_are_told_apart():
    """Class k has k + 1 points of 78: 0 and 1 share a mark."""
    classes = tuple(f"{k:02}" for k in range(12) for _ in range(k + 1))
    points = tuple((float(n), 0.0) for n in range(len(classes)))
    (figure,) = showing(Exhibits((Map("m", "x", "y", points, classes),))).maps
    assert [key.label for key in figure.legend] == [*(f"{k:02}" for k in range(2, 12)), OTHERS]
    assert figure.plots[0].data["series"][:4] == [10, 10, 10, 0]


def test_points_that_lie_close_together_are_seen_to():
    """Of a frame that reaches 1 to every side, four points within 0.01 of each other take a hundredth of the half."""
    points = ((0.0, 0.0), (0.01, 0.0), (0.0, 0.01), (0.01, 0.01))
    (figure,) = showing(Exhibits((Map("m", "x", "y", points, reach=1.0),))).maps
    data = figure.plots[0].data
    (x, _y), (right, _), *_ = data["at"]
    _, _, _, height = data["box"]
    assert right - x == pytest.approx(height / 200, abs=0.11)


def test_no_more_points_than_fit():
    points = tuple((float(n), float(n)) for n in range(1500))
    (figure,) = showing(Exhibits((Map("m", "x", "y", points),))).maps
    assert len(figure.plots[0].data["at"]) == 1000
