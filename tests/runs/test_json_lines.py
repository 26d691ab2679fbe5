"""Lines of JSON to rows, and the line of whatever is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import json_lines, reader
from collapse_cli.runs.table import Table


def table(lines: list[Any], place: Path) -> Table:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    (place / "e.jsonl").write_text(text, encoding="utf-8")
    return json_lines.read(place / "e.jsonl")


def test_rows_and_what_lies_beside_them(tmp_path: Path) -> None:
    """Whole numbers among fractions, other keys of any shape and order, blank lines, labels of words."""
    found = table(
        [
            {"embedding": [1, 2], "label": "b", "text": "x", "meta": {"a": [1]}},
            {"label": "a", "embedding": [0.5, -1e-3], "meta": "none", "score": 3},
            "",
            {"text": 7, "embedding": [3, 1 + 2**-40], "label": "b"},
        ],
        tmp_path,
    )
    rows = found.rows["rows"]
    assert rows[:].dtype == torch.float64
    assert rows[:].tolist() == [[1, 2], [0.5, -1e-3], [3, 1 + 2**-40]]
    assert (found.classes, found.aside) == (("a", "b"), ("text", "meta", "score"))
    assert found.labels is not None
    assert found.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("labels", [[3, 4, 3], [True, False, True]])
def test_labels_that_are_no_words(labels: list[Any], tmp_path: Path) -> None:
    found = table([{"e": [0.5, n], "label": label} for n, label in enumerate(labels)], tmp_path)
    assert found.classes == tuple(sorted(map(str, set(labels))))


def test_nan_and_what_is_missing_in_a_list_are_nan(tmp_path: Path) -> None:
    """As Python writes it; the measurements refuse it."""
    rows = table(['{"e": [1.5, NaN]}', '{"e": [null, 2]}'], tmp_path).rows["rows"]
    assert rows[:].isnan().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"e": [1, 2]}, {"e": [1, 2, 3]}], "line 2: e contains 3 numbers, but that of the first line 2"),
        ([{"e": [1, 2]}, "", {"x": 1}], "line 3 has no list in e"),
        (
            [{"e": [1, 2]}, {"e": "abc"}],
            "line 2 holds \"'abc'\" and no list of numbers in e|line 2 contains 'abc'",
        ),
        ([{"e": [1, 2]}, '{"e": [1, 2'], r"line 2 is not JSON: '\{\"e\": \[1, 2'"),
        ([{"x0": 1.5, "x1": 2.5}, {"x0": "one", "x1": 2}], "line 2: x0 is 'one', not a number"),
        ([[1, 2], [3, 4]], "line 1 is not an object but a list"),
        ([{"e": [[1, 2], [3, 4]]}], "has no column of numbers; its columns are: e"),
        ([{"e": []}], "has no column of numbers; its columns are: e"),
        ([{"text": "a"}], "has no column of numbers; its columns are: text"),
        ([{"a": [0.5, 1], "b": [1.5, 2]}], "it is not clear which columns are the embeddings"),
        (['{"e": ' + "[" * 100_000], "line 1 is not JSON"),
        ([], "is empty"),
    ],
)
def test_what_is_wrong_and_where(lines: list[Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=said) as caught:
        table(lines, tmp_path)
    assert caught.value.hint


def test_a_line_longer_than_a_block(tmp_path: Path) -> None:
    """The second line is longer than what is read at once, and than any that was looked at."""
    row = [0.25] * 1_000_000
    assert table([{"e": row}, {"e": row}], tmp_path).rows["rows"].shape == (2, 1_000_000)


def test_packed_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "e.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"e": [0.5, 1]}\n' * 3))
    assert json_lines.read(path).rows["rows"].shape == (3, 2)
    path.write_bytes(gzip.compress(b'{"e": [0.5, 1]}\n' * 200_000))
    monkeypatch.setattr(reader, "budget", lambda: 1 << 20)
    with pytest.raises(CollapseError, match="files may take 1,048,576 bytes"):
        json_lines.read(path)


def test_no_text(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CollapseError, match="cannot be read as text"):
        json_lines.read(tmp_path / "e.jsonl")
