"""What classes are called."""

from __future__ import annotations

from collapse_cli.metrics.class_names import LISTED, class_names, listed


def test_a_label_without_a_name_is_its_own() -> None:
    """Also a negative one, which must not count from the end."""
    assert class_names([1, 0, 2, -1], ("cat", "dog")) == ["dog", "cat", "2", "-1"]
    assert class_names([0, 7], ()) == ["0", "7"]
    assert class_names([], ("cat",)) == []


def test_of_more_classes_than_are_listed_those_at_one_end_are_kept() -> None:
    """A thousand are listed as they come; of one more the largest, or the smallest, is left out, and the others are in order."""
    names, values = (
        [str(c) for c in range(LISTED + 1)],
        [float(c * 5 % (LISTED + 1)) for c in range(LISTED + 1)],
    )
    assert list(listed(names[:LISTED], values[:LISTED]).items()) == list(
        zip(names[:LISTED], values[:LISTED], strict=True)
    )
    assert LISTED == len(listed(names, values)) == 1000
    assert list(listed(names, values).values()) == [float(k) for k in range(1000)]
    assert list(listed(names, values, highest=True).values()) == [float(1000 - k) for k in range(1000)]
    assert all(values[int(name)] == value for name, value in listed(names, values).items())
