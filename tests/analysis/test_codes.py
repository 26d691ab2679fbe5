"""Codes from files and from memory: every kind gives the same numbers, and what are no codes is refused with a remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from pyarrow import parquet
from safetensors.numpy import save_file

import collapse_cli as collapse
from collapse_cli.analysis import code_arrays
from collapse_cli.errors import CollapseError

CODES = numpy.random.default_rng(0).integers(0, 50, 600)
ROWS = CODES.reshape(100, 6)


def text(lines: Any, between: str = " ") -> str:
    return "\n".join(between.join(map(str, line)) for line in lines) + "\n"


FILES: dict[str, Callable[[Path], Any]] = {
    "a.npy": lambda path: numpy.save(path, CODES.astype("uint16")),
    "column.npy": lambda path: numpy.save(path, CODES[:, None].astype("float32")),
    "a.npz": lambda path: numpy.savez(path, codes=CODES, z=numpy.ones((600, 3))),
    "a.pt": lambda path: torch.save({"indices": torch.from_numpy(CODES)}, path),
    "bare.pt": lambda path: torch.save(torch.from_numpy(CODES), path),
    "a.safetensors": lambda path: save_file({"units": CODES}, path),
    "a.csv": lambda path: path.write_text("name,code\n" + text(zip(["x"] * 600, CODES, strict=True), ",")),
    "bare.csv": lambda path: path.write_text(text(CODES[:, None])),
    "a.jsonl": lambda path: path.write_text("".join(f'{{"n": "x", "code": {code}}}\n' for code in CODES)),
    "a.parquet": lambda path: parquet.write_table(pyarrow.table({"code": CODES}), path),
    "a.txt": lambda path: path.write_text(text(CODES[:, None])),
}
TOKENS: dict[str, Callable[[Path], Any]] = {
    "t.npy": lambda path: numpy.save(path, ROWS.reshape(100, 2, 3)),
    "t.km": lambda path: path.write_text(text(ROWS)),
    "t.csv": lambda path: path.write_text(text(ROWS, ",")),
    "cells.csv": lambda path: path.write_text('units\n"' + '"\n"'.join(str(list(map(int, row))) for row in ROWS) + '"\n'),
    "t.jsonl": lambda path: path.write_text(text([[json.dumps({"tokens": row.tolist()})] for row in ROWS])),
    "bare.jsonl": lambda path: path.write_text(text([[json.dumps(row.tolist())] for row in ROWS])),
    "t.parquet": lambda path: parquet.write_table(pyarrow.table({"tokens": ROWS.tolist()}), path),
    "t.pt": lambda path: torch.save([torch.from_numpy(row) for row in ROWS], path),
}  # fmt: skip


def numbers(result: Any) -> dict[str, Any]:
    metrics: dict[str, Any] = result.to_dict()["results"][0]["metrics"]
    return metrics


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_holds_the_same_codes(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    assert numbers(collapse.codes(tmp_path / name, size=64)) == numbers(collapse.codes(CODES, size=64))


@pytest.mark.parametrize("name", TOKENS)
def test_every_kind_of_file_holds_the_same_tokens(name: str, tmp_path: Path) -> None:
    TOKENS[name](tmp_path / name)
    expected = collapse.codes(torch.from_numpy(ROWS), size=64, tokens=True)
    assert numbers(collapse.codes(tmp_path / name, size=64, tokens=True)) == numbers(expected)
    assert expected.rows == 100


def test_a_block_at_a_time_is_the_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    numpy.save(tmp_path / "t.npy", ROWS)
    whole = [collapse.codes(CODES, size=64), collapse.codes(tmp_path / "t.npy", size=64, tokens=True)]
    monkeypatch.setattr(code_arrays, "AT_ONCE", 40)
    parts = [collapse.codes(CODES, size=64), collapse.codes(tmp_path / "t.npy", size=64, tokens=True)]
    for one, other in zip(whole, parts, strict=True):
        assert float(one.perplexity) == pytest.approx(float(other.perplexity), rel=1e-12)
        assert one.perplexity.interval == pytest.approx(other.perplexity.interval, rel=1e-9)


def test_levels_are_judged_each() -> None:
    """The first level is uniform over 16 codes, the second over 2 of 64: the collapse is named by its level."""
    generator = numpy.random.default_rng(0)
    rows = numpy.stack([generator.integers(0, 16, 3000), generator.integers(0, 2, 3000)], axis=1)
    result = collapse.codes(rows, size=(16, 64), levels=True)
    assert [entry.space for entry in result] == ["level 1", "level 2"]
    assert (result["level 1"].status, result["level 2"].status) == ("healthy", "codebook collapse")
    assert result.status == "codebook collapse"
    assert "Codebook collapse of level 2" in str(result)
    assert "Level 2: 62 of 64 codes are dead." in str(result)
    both = collapse.codes(numpy.stack([rows, rows[::-1]], axis=1), size=64, levels=True, tokens=True)
    assert (len(both), both["level 2"].draws, both["level 2"].rows) == (2, 6000, 3000)


def test_padding_is_left_out() -> None:
    """Rows of unequal lengths, as lists, and as an array that is filled up with -100 and -1, are the same."""
    rows = [CODES[start : start + 1 + start % 7].tolist() for start in range(0, 590, 5)]
    filled = numpy.full((len(rows) + 1, 8), -100)
    for place, row in enumerate(rows):
        filled[place, : len(row)] = row
    filled[-1] = -1
    padded = collapse.codes(filled, size=64, tokens=True, ignore=(-100, -1))
    assert numbers(padded) == numbers(collapse.codes(rows, size=64, tokens=True))
    one = collapse.codes(numpy.append(CODES, -1), size=64, ignore=(-1, 10**30))
    assert numbers(one) == numbers(collapse.codes(CODES, size=64))


def test_arrays_of_every_kind() -> None:
    """Tensors of bf16 and numpy's own numbers as sizes are what they stand for; equal rows of four levels are not one-hot."""
    small = torch.from_numpy(CODES)
    assert numbers(collapse.codes(small.bfloat16(), size=numpy.int64(64))) == numbers(
        collapse.codes(CODES, size=64)
    )
    levels = collapse.codes(numpy.tile([0, 1, 0, 0], (300, 1)), size=8, levels=True)
    assert [entry.status for entry in levels] == ["codebook collapse"] * 4


LOGITS = numpy.random.default_rng(0).standard_normal((30, 64))
REFUSED: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "fractions": ([0.5, 1.0], {}, "contains 0.5", "argmax"),
    "logits": (LOGITS, {"tokens": True}, "and codes are whole numbers", "argmax"),
    "embeddings": ([[0.5, 1.0], [1.0, 2.0]], {}, "contains 0.5", "argmax"),
    "nan": ([1.0, numpy.nan], {}, "contains nan", ""),
    "truth values": ([True, False], {}, "truth values", "argmax"),
    "one-hot": (numpy.eye(8, dtype=int)[CODES % 8], {"levels": True}, "one-hot rows of 8 numbers", "argmax"),
    "words": (["a", "b"], {}, "values of type", "whole numbers"),
    "negative": ([0, -1], {}, "contains the code -1", "--ignore -1"),
    "too large": ([0, 64], {}, "contains the code 64, but a codebook of 64 codes", "--size 65"),
    "beyond int64": (numpy.array([2**63], dtype="uint64"), {}, "is no code", ""),
    "empty": ([], {}, "contains no codes", ""),
    "padding alone": ([-1, -1], {"ignore": -1}, "there are no codes", ""),
    "two axes": (ROWS, {}, "of shape (100, 6)", "--levels if each column"),
    "tokens of one code": (CODES, {"tokens": True}, "one code in each row", "leave it out"),
    "three axes": (ROWS.reshape(100, 2, 3), {"levels": True}, "--levels alone takes (N, Q)", "transpose"),
    "both of two axes": (ROWS, {"levels": True, "tokens": True}, "levels or tokens", ""),
    "ragged levels": ([[1, 2], [3]], {"levels": True}, "unequal lengths", "--tokens"),
    "ragged": ([[1, 2], [3]], {}, "several codes in a row", "--tokens"),
    "sizes": (ROWS, {"levels": True, "size": (64, 64)}, "2 sizes are given, but there are 6", ""),
    "no size": (CODES, {"size": ()}, "the largest code of array is 49, and dead codes beyond it", "at least 50"),
    "no whole size": (CODES, {"size": 6.5}, "size=6.5 is no whole number", ""),
    "no memory": (CODES, {"size": 10**12}, "takes more than the memory", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_are_no_codes_is_refused(name: str) -> None:
    values, options, message, hint = REFUSED[name]
    with pytest.raises(CollapseError) as error:
        collapse.codes(values, **{"size": 64, **options})
    assert message in error.value.message
    assert error.value.message.count("array") <= 1  # what is refused is named once
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("a.csv", "first,second\n1,2\n3,4\n", "it is not clear which of first, second"),
        ("a.txt", "1 2\n3 x\n", "line 2: 'x' is not a code"),
        ("a.jsonl", "{1\n", "line 1 is not JSON"),
        ("a.jsonl", '{"code": 1}\n{"code": null}\n', "an empty cell"),
        ("a.png", "", "not read from a file of this type"),
        ("a.csv", "", "contains no codes"),
        ("a.npy", "", "cannot be read as codes"),
    ],
)
def test_files_that_cannot_be_read(file: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(CollapseError) as error:
        collapse.codes(tmp_path / file, size=8)
    assert message in error.value.message


def test_columns_are_named(tmp_path: Path) -> None:
    """Two columns with a comma are levels; a name that is not there is corrected."""
    path = tmp_path / "a.csv"
    path.write_text("first,second\n" + text(ROWS[:, :2], ","))
    with pytest.raises(CollapseError) as error:
        collapse.codes(path, size=64, levels=True)
    assert error.value.hint.endswith("--column first,second --levels")  # type: ignore[union-attr]
    both = collapse.codes(path, size=64, levels=True, column="first,second")
    assert numbers(both["level 2"]) == numbers(collapse.codes(ROWS[:, 1], size=64))
    assert numbers(collapse.codes(path, size=64, column="first")) == numbers(
        collapse.codes(ROWS[:, 0], size=64)
    )
    with pytest.raises(CollapseError, match="has no 'third'"):
        collapse.codes(path, size=64, column="third")
