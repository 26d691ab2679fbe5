"""Text between spaces to rows: word2vec, GloVe, numpy.savetxt; words that hold spaces, and the line of whatever is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy
import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader, text_vectors
from collapse_cli.runs.table import Table

ROWS = numpy.random.default_rng(0).standard_normal((7, 5))


def table(text: str, place: Path, name: str = "v.txt") -> Table:
    (place / name).write_text(text, encoding="utf-8", newline="")
    return text_vectors.read(place / name)


def written(words: list[str], ending: str = "\n") -> str:
    return "".join(
        f"{word} {' '.join(map(repr, row.tolist()))}{ending}" for word, row in zip(words, ROWS, strict=True)
    )


@pytest.mark.parametrize("ending", ["\n", " \n", "\r\n"])
@pytest.mark.parametrize("counts", ["", "7 5\n"])
def test_words_and_their_numbers(counts: str, ending: str, tmp_path: Path) -> None:
    """With the line of counts and without; word2vec's own program ends each line with a space. A word may be a number."""
    words = ["the", ",", '"', "2013", "é", "0.5", "'"]
    found = table(counts + written(words, ending), tmp_path)
    assert torch.equal(found.rows["rows"][:], torch.from_numpy(ROWS))
    assert found.aside == ("the words",)


@pytest.mark.parametrize("odd", [[0], [3], [6], [1, 2, 5], [0, 6]])
@pytest.mark.parametrize("counts", ["", "7 5\n"])
def test_words_that_hold_spaces_stay_in_their_place(counts: str, odd: list[int], tmp_path: Path) -> None:
    """As in the GloVe of 840 billion tokens: `. . .` and `at name@domain.com`."""
    words = [". . ." if n in odd else f"w{n}" for n in range(7)]
    if not counts and 0 in odd:
        words[0] = "at home"
    found = table(counts + written(words), tmp_path)
    assert torch.equal(found.rows["rows"][:], torch.from_numpy(ROWS))


def test_numbers_alone(tmp_path: Path) -> None:
    """numpy.savetxt between spaces, commas and tabs; two whole numbers in the first line are no counts where no row is longer."""
    for delimiter in (" ", ",", "\t"):
        numpy.savetxt(tmp_path / "v.txt", ROWS, delimiter=delimiter, fmt="%.17g")
        found = text_vectors.read(tmp_path / "v.txt")
        assert torch.equal(found.rows["rows"][:], torch.from_numpy(ROWS))
        assert found.aside == ()
    assert table("7 2\n3 4\n5 6\n", tmp_path).rows["rows"][:].tolist() == [[7, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a 1 2\nb 3 x\n", "line 2: 'b 3 x' is not a row of 2 numbers"),
        ("a 1 2\nb 3\n", "line 2: 'b 3' is not a row of 2 numbers"),
        ("2 2\na 1 2\nb 3\n", "line 3: 'b 3' is not a row of 2 numbers"),
        ("1 2 3\n4 5 6\n6 7\n", "line 3: '6 7' is not a row of 3 numbers"),
        ("a 1 2\nb 3 4\nc 5 6 7\n", "line 3: 'c 5 6 7' is not a row of 2 numbers"),
        ("cat\ndog\n", "line 1: 'cat' is not a row of numbers"),
        ("two words here\n", "line 1: 'two words here' is not a row of numbers"),
        ("2 99999999999\na 1 2\n", "line 2: 'a 1 2' is not a row of 1 numbers"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_and_where(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=said) as caught:
        table(text, tmp_path)
    assert caught.value.hint


def test_words_of_any_encoding(tmp_path: Path) -> None:
    """The words of old files are no UTF-8, and are not read; nor are those that hold spaces."""
    (tmp_path / "v.vec").write_bytes(b"a 1 2\n\xff\xfe 3 4\n\n\xff \xfe 5 6\nb 7 8")
    assert text_vectors.read(tmp_path / "v.vec").rows["rows"][:].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    (tmp_path / "v.vec").write_bytes(b"a 1 2\n\xff \xfe 5 x\n")
    with pytest.raises(CollapseError, match="line 2"):
        text_vectors.read(tmp_path / "v.vec")


def test_packed_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.vec.gz"
    path.write_bytes(gzip.compress(b"2 2\na 1 2\nb 3 4\n"))
    assert text_vectors.read(path).rows["rows"][:].tolist() == [[1, 2], [3, 4]]
    path.write_bytes(gzip.compress(b"a 0 0\n" * (1 << 19)))
    monkeypatch.setattr(reader, "budget", lambda: 1 << 20)
    with pytest.raises(CollapseError, match="files may take 1,048,576 bytes"):
        text_vectors.read(path)


def test_there_are_no_columns_to_choose(tmp_path: Path) -> None:
    table("a 1 2\nb 3 4\n", tmp_path)
    with pytest.raises(CollapseError, match="has no heading, so it has no column 'x'"):
        text_vectors.read(tmp_path / "v.txt", "x")
