"""What classes are called."""

from __future__ import annotations

from collapse_cli.metrics.class_names import class_names


def test_a_label_without_a_name_is_its_own() -> None:
    """Also a negative one, which must not count from the end."""
    assert class_names([1, 0, 2, -1], ("cat", "dog")) == ["dog", "cat", "2", "-1"]
    assert class_names([0, 7], ()) == ["0", "7"]
    assert class_names([], ("cat",)) == []
