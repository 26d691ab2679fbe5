"""Shards read as the rows below one another; what is no shard is named."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.passes import gather
from collapse_cli.runs import folders, shards
from collapse_cli.runs.source import Source

ROWS = numpy.arange(39, dtype="float64").reshape(13, 3) ** 1.5


def opened(path: Path) -> shards.Shards:
    """The rows of a file, or of the only set of a folder."""
    found = Source(path).content
    assert isinstance(found, shards.Shards)
    return found


def folder(place: Path, sizes: tuple[int, ...], dtype: str = "float64", order: str = "C") -> Path:
    """ROWS as files of these sizes: rows_1.npy, rows_2.npy … rows_11.npy."""
    start = 0
    for number, size in enumerate(sizes, start=1):
        part = numpy.array(ROWS[start : start + size], dtype=dtype, order=order)  # type: ignore[call-overload]
        numpy.save(place / f"rows_{number}.npy", part)
        start += size
    return place


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
@pytest.mark.parametrize("sizes", [(13,), (5, 1, 7), (0, 5, 0, 8, 0), (1,) * 13])
def test_every_slice_is_that_of_the_whole(
    sizes: tuple[int, ...], dtype: str, order: str, tmp_path: Path
) -> None:
    """All 105 slices start <= stop of 13 rows, within a file, to its end, one beyond it, and across empty ones."""
    rows, whole = (
        opened(folder(tmp_path, sizes, dtype, order)),
        torch.from_numpy(ROWS.astype(dtype[1:])),
    )
    assert (rows.shape, len(rows)) == ((13, 3), 13)
    for start in range(14):
        for stop in range(start, 14):
            assert torch.equal(rows[start:stop], whole[start:stop])
    assert rows[0:1].dtype == whole.dtype
    assert torch.equal(rows[10:99], whole[10:])


def test_an_index_in_any_order_and_twice(tmp_path: Path, generator: torch.Generator) -> None:
    rows, whole = opened(folder(tmp_path, (5, 1, 0, 7))), torch.from_numpy(ROWS)
    for chosen in (
        torch.randperm(13, generator=generator),
        torch.tensor([12, 0, 5, 4, 6, 5, 5]),
        torch.tensor([]).long(),
    ):
        assert torch.equal(rows[chosen], whole[chosen])


def test_names_are_counted(tmp_path: Path) -> None:
    """rows_2 stands before rows_10, whose letters come first."""
    rows = opened(folder(tmp_path, (1,) * 13))
    assert [file.name for file in rows.files] == [f"rows_{number}.npy" for number in range(1, 14)]
    assert rows.files[1] < rows.files[0] or rows.files[9] < rows.files[1], (
        "letters alone would order otherwise"
    )


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64"])
def test_whole_numbers_become_floats(dtype: str, tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.array([[1, 2], [3, 100]], dtype))
    rows = opened(tmp_path / "e.npy")[0:2]
    assert (rows.dtype, rows.tolist()) == (torch.float32, [[1, 2], [3, 100]])


def test_one_column_is_enough_and_none_is_not(tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", ROWS[:, :1])
    assert opened(tmp_path / "e.npy")[3:5].tolist() == ROWS[3:5, :1].tolist()
    numpy.save(tmp_path / "e.npy", ROWS[:, :0])
    assert "is float64 of shape (13, 0)" in refused(tmp_path / "e.npy").message


def test_streamed_moments_are_those_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two rows across files of five, one, none and seven, added in the same order: bit by bit the same."""
    monkeypatch.setattr("collapse_cli.metrics.moments.BLOCK", 6)
    streamed, held = gather(opened(folder(tmp_path, (5, 1, 0, 7)))), gather(torch.from_numpy(ROWS))
    assert torch.equal(streamed.raw.scatter, held.raw.scatter)
    assert torch.equal(streamed.on_sphere.scatter, held.on_sphere.scatter)
    assert streamed.raw.mean.tolist() == held.raw.mean.tolist()


def test_halves_are_doubles_to_rounding(tmp_path: Path) -> None:
    """float16 has 11 bits: an entry is off by 2^-11 of itself at most, a mean by no more, a sum of squares by twice that."""
    halves = gather(opened(folder(tmp_path, (6, 7), "float16")))
    doubles = gather(torch.from_numpy(ROWS))
    assert torch.allclose(halves.raw.mean, doubles.raw.mean, rtol=2**-11, atol=0)
    squares = [float(found.raw.second_moment.trace()) for found in (halves, doubles)]
    assert squares[0] == pytest.approx(squares[1], rel=2**-10 + 2**-22)


def test_the_rows_are_copies(tmp_path: Path) -> None:
    """Nothing of a mapping outlives the reading: rows can be written to, and the file stays as it was."""
    rows = opened(folder(tmp_path, (13,)))
    rows[0:13].zero_()
    assert torch.equal(rows[0:13], torch.from_numpy(ROWS))


def refused(path: Path) -> CollapseError:
    with pytest.raises(CollapseError) as caught:
        opened(path)
    assert caught.value.hint
    return caught.value


def test_empty_shards_may_be_of_any_width(tmp_path: Path) -> None:
    """A pipeline that saved an empty list wrote an array (0,)."""
    numpy.save(folder(tmp_path, (13,)) / "rows_0.npy", numpy.zeros(0))
    assert opened(tmp_path).shape == (13, 3)
    for file in (tmp_path / "rows_1.npy", tmp_path / "rows_0.npy"):
        numpy.save(file, numpy.zeros((0, 3)))
    assert (refused(tmp_path).code, refused(tmp_path / "rows_0.npy").code) == (3, 3)


def test_a_torn_shard(tmp_path: Path) -> None:
    """A byte short of its last number."""
    torn = folder(tmp_path, (5, 8)) / "rows_2.npy"
    torn.write_bytes(torn.read_bytes()[:-1])
    assert f"{torn} cannot be read" in refused(tmp_path).message
    torn.write_bytes(torn.read_bytes()[:20])
    assert f"{torn} cannot be read" in refused(tmp_path).message


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.array([[{}]], dtype=object), allow_pickle=True)
    assert "cannot be read" in refused(tmp_path / "e.npy").message


def test_a_folder_of_nothing(tmp_path: Path) -> None:
    assert folders.files_in(tmp_path) == []
    assert "contains no embeddings" in refused(tmp_path).message
